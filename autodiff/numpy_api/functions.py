"""NumPy's functions for Tensors: for each, our function of that meaning, called with NumPy's arguments and defaults.

Parameters are called what NumPy calls them. Its further ones (out, where, dtype, initial) are refused by name.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.dtypes import as_dtype
from autodiff.engine.values import wrap
from autodiff.errors import DtypeError, ShapeError
from autodiff.functions import (
    arithmetic,
    complex_names,
    diagonals,
    indexing,
    joining,
    reductions,
    scans,
    shaping,
    sorting,
    splitting,
    transcendental,
)
from autodiff.functions.axes import axes_of, length_of
from autodiff.kernels.arrays import as_array
from autodiff.numpy_api.arguments import Function, arrays_of, plain, reduce, tensors_of
from autodiff.numpy_api.counted import COUNTED, nan_product
from autodiff.numpy_api.curves import CURVES
from autodiff.numpy_api.fourier import TRANSFORMS
from autodiff.numpy_api.linalg import MATRICES
from autodiff.numpy_api.pieces import PIECES
from autodiff.numpy_api.promotion import floating, in_one_dtype
from autodiff.ops.shaping import pad

METHODS = ("linear", "lower", "higher", "midpoint")


def _over(function: Function) -> Function:
    """NumPy's call ``(a, axis, keepdims=)`` of a reduction by PyTorch's name."""
    return lambda a, axis=None, *, keepdims=False: reduce(function, a, axis, keepdims)


def _position(function: Function) -> Function:
    """The same of ``argmax`` and ``argmin``, which take one axis."""
    return lambda a, axis=None, *, keepdims=False: function(a, axis, keepdims)


def _deviation(function: Function) -> Function:
    """``_over`` of a variance, which divides by N unless ``ddof`` says otherwise."""

    def over(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
        return reduce(lambda x, dim, keepdim: function(x, dim, None, keepdim, correction=ddof), a, axis, keepdims)

    return over


def product(a: Any, dim: Any, keepdim: bool) -> Any:
    """``prod``, which takes one axis, over several or all."""
    if dim is None:
        result = reductions.prod(a)
        return shaping.reshape(result, (1,) * a.ndim) if keepdim else result
    for axis in sorted(axes_of(dim, a.ndim), reverse=True):
        a = reductions.prod(a, axis, keepdim)
    return a


def _along(function: Function, default: int | None = None) -> Function:
    """NumPy's call ``(a, axis)`` of a scan or an order, which flattens for None."""
    return lambda a, axis=default: function(shaping.ravel(a), 0) if axis is None else function(a, axis)


def _transpose(a: Any, axes: Any = None) -> Any:
    return shaping.permute(a, tuple(reversed(range(a.ndim))) if axes is None else tuple(axes))


def _reshape(a: Any, shape: Any, *, copy: bool | None = None) -> Any:
    result = shaping.reshape(a, shape)
    return shaping.clone(result) if copy else result


def _pad(array: Any, pad_width: Any, mode: str = "constant", constant_values: float = 0) -> Any:
    if mode != "constant" or not np.isscalar(constant_values):
        raise DtypeError(f"np.pad of a Tensor pads with one constant, not mode={mode!r}, {constant_values!r}")
    widths = np.broadcast_to(as_array(pad_width), (array.ndim, 2)).tolist()
    return pad(array, widths=tuple(map(tuple, widths)), value=constant_values)


def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    length = length_of(ary, axis)[1]
    if isinstance(indices_or_sections, (int, np.integer)) and length % indices_or_sections:
        raise ShapeError(f"np.split of {length} entries into {indices_or_sections} parts leaves a rest")
    return _array_split(ary, indices_or_sections, axis)


def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    return list(splitting.tensor_split(ary, indices_or_sections, axis))


def _squeeze(a: Any, axis: Any = None) -> Any:
    for axis_ in () if axis is None else axis if isinstance(axis, tuple) else (axis,):
        if length_of(a, axis_)[1] != 1:
            raise ShapeError(f"np.squeeze takes axes of length one away, which axis {axis_} of shape {a.shape} is not")
    return shaping.squeeze(a, axis)


def _expand_dims(a: Any, axis: Any) -> Any:
    for i in sorted(axes_of(axis, a.ndim + (len(axis) if isinstance(axis, tuple) else 1))):
        a = shaping.unsqueeze(a, i)
    return a


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return arithmetic.clamp(a, a_min if min is None else min, a_max if max is None else max)


def _concatenate(arrays: Any, axis: Any = 0) -> Any:
    parts = arrays_of(*arrays)
    return joining.cat([shaping.ravel(a) for a in parts]) if axis is None else joining.cat(parts, axis)


def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    def edge(x: Any) -> Any:
        if x is None or np.ndim(plain(x)):
            return x
        return np.full([1 if i == axis % a.ndim else length for i, length in enumerate(a.shape)], plain(x), a.dtype)

    return scans.diff(a, n, axis, edge(prepend), edge(append))


def _quantile(a: Any, q: Any, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Any:
    return _ranked(sorting.quantile, a, q, axis, method, keepdims)


def _nanquantile(a: Any, q: Any, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Any:
    return _ranked(sorting.nanquantile, a, q, axis, method, keepdims)


def _ranked(function: Any, a: Any, q: Any, axis: Any, method: str, keepdims: bool) -> Any:
    """An order statistic over one axis, all, or several, which are laid into one."""
    if method not in METHODS:
        raise DtypeError(f"np.quantile of a Tensor takes the methods {', '.join(METHODS)}")
    if not isinstance(axis, tuple) or not axis:
        return reduce(lambda x, dim, keepdim: function(x, q, dim, keepdim, interpolation=method), a, axis, keepdims)
    axes = axes_of(axis, a.ndim)
    behind = shaping.movedim(a, axes, tuple(range(-len(axes), 0)))
    lines = shaping.reshape(behind, (*behind.shape[: a.ndim - len(axes)], math.prod(a.shape[i] for i in axes)))
    found = function(lines, q, -1, False, interpolation=method)
    shape = tuple(1 if i in axes else n for i, n in enumerate(a.shape))
    return shaping.reshape(found, (*found.shape[: np.ndim(plain(q))], *shape)) if keepdims else found


def _percentile(a: Any, q: Any, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Any:
    return _quantile(a, as_array(plain(q)) / 100, axis, method=method, keepdims=keepdims)


def _nanpercentile(a: Any, q: Any, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Any:
    return _nanquantile(a, as_array(plain(q)) / 100, axis, method=method, keepdims=keepdims)


def _nanmedian(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return _nanquantile(a, 0.5, axis, keepdims=keepdims)


def _median(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return _quantile(a, 0.5, axis, keepdims=keepdims)  # PyTorch's median is the lower of the two in the middle


def _average(a: Any, axis: Any = None, weights: Any = None, *, keepdims: bool = False) -> Any:
    if weights is None:
        return reduce(reductions.mean, a, axis, keepdims)
    if np.shape(weights) != tuple(np.shape(a)):
        raise ShapeError(f"np.average of a Tensor of shape {np.shape(a)} takes weights of that shape")
    return reduce(reductions.sum, a * weights, axis, keepdims) / np.sum(weights, axis=axis, keepdims=keepdims)


def _ptp(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return reduce(reductions.amax, a, axis, keepdims) - reduce(reductions.amin, a, axis, keepdims)


def _take(a: Any, indices: Any, axis: Any = None) -> Any:
    picks = as_array(plain(indices))
    return shaping.ravel(a)[picks] if axis is None else a[(slice(None),) * (axis % a.ndim) + (picks,)]


def _round(a: Any, decimals: int = 0) -> Any:
    return arithmetic.round(a, decimals=decimals)


REDUCTIONS: dict[Any, Function] = {
    np.sum: _over(reductions.sum),
    np.mean: _over(reductions.mean),
    np.prod: _over(product),
    np.nansum: _over(reductions.nansum),
    np.nanmean: _over(reductions.nanmean),
    np.max: _over(reductions.amax),
    np.min: _over(reductions.amin),
    np.amax: _over(reductions.amax),
    np.amin: _over(reductions.amin),
    np.any: _over(reductions.any),
    np.all: _over(reductions.all),
    np.argmax: _position(reductions.argmax),
    np.argmin: _position(reductions.argmin),
    np.var: _deviation(reductions.var),
    np.std: _deviation(reductions.std),
    np.median: _median,
    np.quantile: _quantile,
    np.percentile: _percentile,
    np.nanmedian: _nanmedian,
    np.nanquantile: _nanquantile,
    np.nanpercentile: _nanpercentile,
    np.average: _average,
    np.ptp: _ptp,
    np.cumsum: _along(scans.cumsum),
    np.cumprod: _along(scans.cumprod),
    np.diff: _diff,
    np.trapezoid: lambda y, x=None, dx=1.0, axis=-1: scans.trapezoid(y, x, dx=dx, dim=axis),
    np.sort: _along(lambda a, dim: sorting.sort(a, dim).values, -1),
    np.argsort: _along(sorting.argsort, -1),
}

SHAPES: dict[Any, Function] = {
    np.reshape: _reshape,
    np.ravel: lambda a: shaping.ravel(a),
    np.real: lambda val: complex_names.real(val),
    np.imag: lambda val: complex_names.imag(val),
    np.angle: lambda z: complex_names.angle(z),
    np.transpose: _transpose,
    np.matrix_transpose: lambda x: shaping.transpose(x, -1, -2),
    np.swapaxes: lambda a, axis1, axis2: shaping.transpose(a, axis1, axis2),
    np.moveaxis: lambda a, source, destination: shaping.movedim(a, source, destination),
    np.expand_dims: _expand_dims,
    np.squeeze: _squeeze,
    np.broadcast_to: lambda array, shape: shaping.broadcast_to(array, shape),
    np.broadcast_arrays: lambda *args: shaping.broadcast_tensors(*arrays_of(*args)),
    np.atleast_1d: lambda *arys: shaping.atleast_1d(*arys),
    np.atleast_2d: lambda *arys: shaping.atleast_2d(*arys),
    np.concatenate: _concatenate,
    np.stack: lambda arrays, axis=0: joining.stack(arrays_of(*arrays), axis),
    np.hstack: lambda tup: joining.hstack(tensors_of(tup)),
    np.vstack: lambda tup: joining.vstack(tensors_of(tup)),
    np.dstack: lambda tup: joining.dstack(tensors_of(tup)),
    np.column_stack: lambda tup: joining.column_stack(tensors_of(tup)),
    np.append: lambda arr, values, axis=None: _concatenate([arr, values], axis),
    np.split: _split,
    np.array_split: _array_split,
    np.hsplit: lambda ary, indices_or_sections: _split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0),
    np.vsplit: lambda ary, indices_or_sections: _split(ary, indices_or_sections, 0),
    np.dsplit: lambda ary, indices_or_sections: _split(ary, indices_or_sections, 2),
    np.tile: lambda A, reps: joining.tile(A, *(reps if isinstance(reps, (tuple, list)) else (reps,))),
    np.repeat: lambda a, repeats, axis=None: joining.repeat_interleave(a, repeats, axis),
    np.roll: lambda a, shift, axis=None: shaping.clone(a) if axis == () else splitting.roll(a, shift, axis),
    np.flip: lambda m, axis=None: splitting.flip(m, tuple(range(m.ndim)) if axis is None else axis),
    np.fliplr: lambda m: splitting.fliplr(m),
    np.flipud: lambda m: splitting.flipud(m),
    np.rot90: lambda m, k=1, axes=(0, 1): splitting.rot90(m, k, axes),
    np.meshgrid: lambda *xi, indexing="xy": joining.meshgrid(*arrays_of(*xi), indexing=indexing),
    np.pad: _pad,
    np.diagonal: lambda a, offset=0, axis1=0, axis2=1: diagonals.diagonal(a, offset, axis1, axis2),
    np.diag: lambda v, k=0: diagonals.diag(v, k),
    np.diagflat: lambda v, k=0: diagonals.diagflat(v, k),
    np.tril: lambda m, k=0: diagonals.tril(m, k),
    np.triu: lambda m, k=0: diagonals.triu(m, k),
    np.take: _take,
    np.take_along_axis: lambda arr, indices, axis=-1: indexing.take_along_dim(arr, as_array(plain(indices)), axis),
    np.copy: lambda a: shaping.clone(a),
    np.where: lambda condition, x, y: arithmetic.where(condition, x, y),
    np.clip: _clip,
    np.round: _round,
    np.around: _round,
    np.fix: lambda x: arithmetic.trunc(x),
    np.sinc: lambda x: transcendental.sinc(x),
    np.nan_to_num: lambda x, *, nan=0.0, posinf=None, neginf=None: arithmetic.nan_to_num(x, nan, posinf, neginf),
}


def _on_numbers(function: Function) -> Function:
    """A function of NumPy that has no derivative, on the numbers of what it is given."""
    return lambda *args, **kwargs: function(*map(plain, args), **{name: plain(x) for name, x in kwargs.items()})


_ON_NUMBERS = (
    np.isclose, np.allclose, np.array_equal, np.count_nonzero, np.nonzero, np.flatnonzero, np.argwhere, np.unique,
    np.searchsorted, np.isin, np.bincount, np.result_type, np.can_cast, np.linalg.matrix_rank, np.linalg.cond,
    np.array_repr, np.array_str, np.array2string, np.isposinf, np.isneginf, np.iscomplexobj, np.isrealobj,
)

def _like(make: Any) -> Function:
    """A tensor of ``make(shape, dtype)``: what is written into it later is recorded, which an array could not."""

    def like(a: Any, dtype: Any = None, *, shape: Any = None) -> Any:
        return wrap(make(tuple(a.shape) if shape is None else shape, a.dtype if dtype is None else as_dtype(dtype)))

    return like


QUESTIONS: dict[Any, Function] = {
    np.shape: lambda a: tuple(a.shape),
    np.ndim: lambda a: a.ndim,
    np.size: lambda a, axis=None: a.numel() if axis is None else a.shape[axis],
    np.zeros_like: _like(np.zeros),
    np.ones_like: _like(np.ones),
    np.empty_like: lambda prototype, dtype=None, *, shape=None: _like(np.empty)(prototype, dtype, shape=shape),
    np.full_like: lambda a, fill_value, dtype=None, *, shape=None:
        _like(lambda shape, dtype: np.full(shape, plain(fill_value), dtype))(a, dtype, shape=shape),
    **{function: _on_numbers(function) for function in _ON_NUMBERS},
}

FUNCTIONS: dict[Any, Function] = {
    **REDUCTIONS, **COUNTED, np.nanprod: nan_product(product), **SHAPES, **MATRICES, **CURVES, **PIECES, **TRANSFORMS,
    **QUESTIONS,
}  # fmt: skip

# The operands that meet in one dtype, by NumPy's names of them, and those that are made floats.
_MEET = {
    "arrays": (np.concatenate, np.stack, np.linalg.multi_dot, np.block),
    "tup": (np.hstack, np.vstack, np.dstack, np.column_stack),
    "arr values": (np.append,),
    "a b": (np.dot, np.inner, np.outer, np.vdot, np.tensordot, np.kron, np.cross),
    "x1 x2": (np.linalg.outer, np.linalg.tensordot, np.linalg.cross),
    "operands": (np.einsum,),
    "x y": (np.where,),
    "choicelist default": (np.select,),
    "choices": (np.choose,),
    "a v": (np.convolve, np.correlate),
    "p x": (np.polyval,),
    "a a_min a_max min max": (np.clip,),
    "a prepend append": (np.diff,),
}
_FLOAT = {
    "a": (
        np.mean, np.nanmean, np.var, np.std, np.nanvar, np.nanstd, np.median, np.quantile, np.percentile, np.nanmedian,
        np.nanquantile, np.nanpercentile, np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.cholesky,
        np.linalg.eig, np.linalg.eigvals, np.linalg.eigh, np.linalg.eigvalsh, np.linalg.svd, np.linalg.qr,
        np.linalg.pinv,
    ),
    "a b": (np.linalg.solve,),
    "a weights": (np.average,),
    "x": (np.linalg.norm, np.linalg.vector_norm, np.linalg.matrix_norm, np.linalg.svdvals, np.sinc),
    "y x": (np.trapezoid,),
    "f": (np.gradient,),
}  # fmt: skip
_FLOAT["a"] += tuple(f for f in TRANSFORMS if not f.__name__.endswith("shift"))
for _promoting, _functions in ((in_one_dtype, _MEET), (floating, _FLOAT)):
    for _names, _those in _functions.items():
        FUNCTIONS.update({function: _promoting(FUNCTIONS[function], _names) for function in _those})

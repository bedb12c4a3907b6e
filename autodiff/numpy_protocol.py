"""What NumPy's ufuncs and functions mean for Tensors: NumPy's spelling of the same rows, with NumPy's defaults."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.errors import DtypeError, ShapeError
from autodiff.functions import arithmetic, reductions, shaping
from autodiff.functions.axes import length_of
from autodiff.ops import linear_algebra
from autodiff.ops.shaping import pad
from autodiff.primitive import Primitive, primitives

__all__ = ["array_function", "array_ufunc"]

_UFUNCS: dict[np.ufunc, Primitive] = {
    row.forward: row for row in primitives.values() if isinstance(row.forward, np.ufunc)
}
_REDUCE: dict[np.ufunc, Callable[..., Any]] = {
    np.add: reductions.sum,
    np.maximum: reductions.amax,
    np.minimum: reductions.amin,
}


def _transpose(a: Any, axes: Any = None) -> Any:
    return shaping.permute(a, tuple(reversed(range(a.ndim))) if axes is None else tuple(axes))


def _pad(array: Any, pad_width: Any, mode: str = "constant", constant_values: float = 0) -> Any:
    if mode != "constant" or not np.isscalar(constant_values):
        raise DtypeError(f"np.pad of a Tensor pads with one constant, not mode={mode!r}, {constant_values!r}")
    widths = np.broadcast_to(np.asarray(pad_width), (array.ndim, 2)).tolist()
    return pad(array, widths=tuple(map(tuple, widths)), value=constant_values)


def _arrays(given: Any) -> list[Any]:
    """The parts to be joined, those that are lists or numbers as arrays."""
    return [a if hasattr(a, "ndim") else np.asarray(a) for a in given]


def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    axis, length = length_of(ary, axis)
    if isinstance(indices_or_sections, (int, np.integer)):
        if length % indices_or_sections:
            raise ShapeError(f"np.split of {length} entries into {indices_or_sections} parts leaves a rest")
        return list(shaping.chunk(ary, int(indices_or_sections), axis))
    ends = [min(max(end + length if end < 0 else end, 0), length) for end in (*indices_or_sections, length)]
    return list(shaping.split(ary, [end - start for start, end in zip([0, *ends], ends, strict=False)], axis))


def _squeeze(a: Any, axis: Any = None) -> Any:
    for axis_ in () if axis is None else axis if isinstance(axis, tuple) else (axis,):
        if length_of(a, axis_)[1] != 1:
            raise ShapeError(f"np.squeeze takes axes of length one away, which axis {axis_} of shape {a.shape} is not")
    return shaping.squeeze(a, axis)


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return arithmetic.clamp(a, a_min if min is None else min, a_max if max is None else max)


def _dot(a: Any, b: Any) -> Any:
    if a.ndim == 0 or b.ndim == 0:
        return arithmetic.multiply(a, b)
    if b.ndim > 2:
        raise DtypeError(f"np.dot of shapes {a.shape} and {b.shape} has no derivative here; np.matmul has")
    return linear_algebra.matmul(a, b)


def _over(function: Callable[..., Any], empty_axis: Any = None) -> Callable[..., Any]:
    """NumPy's call ``(a, axis, keepdims=)`` of a reduction by PyTorch's name; more than that is refused."""
    return lambda a, axis=empty_axis, *, keepdims=False: function(a, axis, bool(keepdims))


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: _over(reductions.sum),
    np.mean: _over(reductions.mean),
    np.max: _over(reductions.amax),
    np.amax: _over(reductions.amax),
    np.min: _over(reductions.amin),
    np.amin: _over(reductions.amin),
    np.any: _over(reductions.any),
    np.all: _over(reductions.all),
    np.argmax: lambda a, axis=None, *, keepdims=False: reductions.argmax(a, axis, bool(keepdims)),
    np.argmin: lambda a, axis=None, *, keepdims=False: reductions.argmin(a, axis, bool(keepdims)),
    np.var: lambda a, axis=None, *, ddof=0, keepdims=False: reductions.var(a, axis, bool(keepdims), correction=ddof),
    np.std: lambda a, axis=None, *, ddof=0, keepdims=False: reductions.std(a, axis, bool(keepdims), correction=ddof),
    np.reshape: lambda a, shape: shaping.reshape(a, shape),
    np.ravel: shaping.ravel,
    np.transpose: _transpose,
    np.matrix_transpose: lambda x: shaping.transpose(x, -1, -2),
    np.swapaxes: shaping.transpose,
    np.moveaxis: shaping.movedim,
    np.expand_dims: lambda a, axis: shaping.unsqueeze(a, axis),
    np.squeeze: _squeeze,
    np.broadcast_to: shaping.broadcast_to,
    np.concatenate: lambda arrays, axis=0: (
        shaping.cat([shaping.ravel(a) for a in _arrays(arrays)]) if axis is None else shaping.cat(_arrays(arrays), axis)
    ),
    np.stack: lambda arrays, axis=0: shaping.stack(_arrays(arrays), axis),
    np.split: _split,
    np.flip: lambda m, axis=None: shaping.flip(m, tuple(range(m.ndim)) if axis is None else axis),
    np.pad: _pad,
    np.where: lambda condition, x, y: arithmetic.where(condition, x, y),
    np.clip: _clip,
    np.dot: _dot,
    np.copy: shaping.clone,
    np.shape: lambda a: tuple(a.shape),
    np.ndim: lambda a: a.ndim,
    np.size: lambda a: a.numel(),
    np.zeros_like: lambda a: np.zeros(a.shape, a.dtype),
    np.ones_like: lambda a: np.ones(a.shape, a.dtype),
    np.isclose: lambda a, b, *args, **kwargs: np.isclose(_plain(a), _plain(b), *args, **kwargs),
    np.allclose: lambda a, b, *args, **kwargs: np.allclose(_plain(a), _plain(b), *args, **kwargs),
    np.array_equal: lambda a1, a2: np.array_equal(_plain(a1), _plain(a2)),
}


def _plain(x: Any) -> np.ndarray[Any, Any]:
    """The numbers of a Tensor, for questions that have no derivative."""
    return x.detach().numpy() if hasattr(x, "__primitive__") else np.asarray(x)


def array_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Apply the row whose forward is ``ufunc``.

    Raises DtypeError where there is none, or where NumPy would write into an array (``out``), unrecorded.
    """
    if kwargs.get("out") is not None:
        raise DtypeError(f"np.{ufunc.__name__} with out= cannot be recorded; write out = np.{ufunc.__name__}(...)")
    if method == "__call__" and ufunc in _UFUNCS:
        _refuse(ufunc.__name__, {k: v for k, v in kwargs.items() if k != "out"})
        return _UFUNCS[ufunc](*inputs)
    if method == "reduce" and ufunc in _REDUCE:
        axis, keepdims = kwargs.pop("axis", 0), kwargs.pop("keepdims", False)
        _refuse(f"{ufunc.__name__}.reduce", kwargs)
        return _REDUCE[ufunc](*inputs, axis, keepdims)
    known = [row.__name__ for row in _UFUNCS] if method == "__call__" else [f"{u.__name__}.reduce" for u in _REDUCE]
    raise _unknown(ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}", known)


def array_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call our spelling of NumPy's ``function``; raises DtypeError where there is none, or where it takes less."""
    ours = _FUNCTIONS.get(function)
    if ours is None:
        raise _unknown(function.__name__, [f.__name__ for f in _FUNCTIONS])
    try:
        inspect.signature(ours).bind(*args, **kwargs)
    except TypeError as error:
        raise DtypeError(f"np.{function.__name__} on a Tensor: {error}") from None
    return ours(*args, **kwargs)


def _refuse(name: str, kwargs: dict[str, Any]) -> None:
    if kwargs:
        raise DtypeError(f"np.{name} on a Tensor does not take {', '.join(kwargs)}")


def _unknown(name: str, known: list[str]) -> DtypeError:
    import difflib

    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"the nearest that has is np.{near[0]}; " if near else ""
    return DtypeError(
        f"np.{name} has no derivative here, so it does not work on a Tensor; {hint}"
        "t.detach().numpy() gives the numbers without their history"
    )

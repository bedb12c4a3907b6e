"""Reductions by PyTorch's names and, where it differs from NumPy's, PyTorch's meaning."""

from __future__ import annotations

import math
from typing import Any, overload

from autodiff import return_types
from autodiff.dtypes import DIFFERENTIABLE, as_dtype, get_default_dtype, int64
from autodiff.engine.values import Value
from autodiff.errors import ShapeError
from autodiff.functions.arithmetic import where
from autodiff.functions.axes import axes_of, axis_of, numpy_names, reduced_axes
from autodiff.functions.complex_names import imag, is_complex, real
from autodiff.kernels.arrays import as_array
from autodiff.ops import comparison, fused, reductions, scans
from autodiff.ops.arithmetic import maximum, minimum
from autodiff.ops.complex_numbers import view_as_real
from autodiff.ops.indexing import index, take_along_axis
from autodiff.ops.shaping import cast, copy, in_single, reshape

__all__ = [
    "all", "amax", "amin", "aminmax", "any", "argmax", "argmin", "count_nonzero", "log_softmax", "logsumexp", "max",
    "mean", "min", "nanmean", "nansum", "prod", "softmax", "std", "std_mean", "sum", "var", "var_mean",
]


@numpy_names
def sum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Value:
    """The sum over ``dim`` (one axis, several, or all).

    >>> import autodiff
    >>> autodiff.sum(autodiff.ones(2, 3), 1)
    tensor([3., 3.])
    """
    if dtype is not None:
        return in_dtype(sum, input, dtype, dim, keepdim)
    x = with_dtype(input, None, whole="u")
    return reductions.sum_(x, axis=reduced_axes(dim, x.ndim), keepdims=keepdim)


def over_parts(reduction: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """``reduction``, a norm, of ``x``; of a complex ``x`` over the real and imaginary parts as well."""
    if x.dtype.kind != "c":
        return reduction(x, axis=axis, keepdims=keepdims)
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    out = reduction(view_as_real(x), axis=(*(a % x.ndim for a in axes), x.ndim), keepdims=keepdims)
    return index(out, key=(..., 0)) if keepdims else out


def beside(out: Any, *inputs: Any) -> Any:
    """``out``, to which all ``inputs`` are connected: without another path their gradient is 0, not None."""
    for x in inputs:
        if getattr(x, "requires_grad", False):
            nothing = index(reshape(x, shape=(-1,)), key=slice(0))
            out = out + cast(reductions.sum_(nothing, axis=None, keepdims=False), out.dtype)
    return out


@numpy_names
def mean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Value:
    """The mean over ``dim`` (one axis, several, or all)."""
    x = with_dtype(input, dtype)
    return reductions.mean(x, axis=reduced_axes(dim, x.ndim), keepdims=keepdim)


@numpy_names
def prod(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Value:
    """The product over ``dim`` (one axis, or all); its gradient is exact where entries are 0."""
    if dtype is not None:
        return in_dtype(prod, input, dtype, dim, keepdim)
    x = with_dtype(input, None, whole="bu")
    if dim is None:
        return scans.prod(reshape(x, shape=(-1,)), axis=0)
    axis, shape = axis_of(dim, x.ndim), tuple(x.shape)
    result = scans.prod(x if shape else reshape(x, shape=(1,)), axis=axis)
    return reshape(result, shape=shape[:axis] + (1,) + shape[axis + 1 :]) if keepdim and shape else result


@numpy_names
def nansum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Value:
    """The sum over ``dim`` of the entries that are not NaN."""
    return sum(where(input != input, 0, input), dim, keepdim, dtype=dtype)


@numpy_names
@in_single
def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Value:
    """The mean over ``dim`` of the entries that are not NaN."""
    x = with_dtype(input, dtype)
    return nansum(x, dim, keepdim) / sum(x == x, dim, keepdim)


@numpy_names
def count_nonzero(input: Any, dim: Any = None) -> Value:
    """How many entries along ``dim`` are not 0."""
    return sum(input != 0, dim)


@numpy_names
def aminmax(input: Any, *, dim: Any = None, keepdim: bool = False) -> return_types.aminmax:
    """The minimum and the maximum over one axis, or all; raises ShapeError where there are no entries."""
    axis = None if dim is None else axis_of(dim, input.ndim)
    _refuse_empty(input, axis if input.ndim else None)
    return return_types.aminmax(amin(input, axis, keepdim), amax(input, axis, keepdim))


@numpy_names
@in_single
def var(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> Value:
    """The variance over ``dim``: squared deviations over N - ``correction`` (1, Bessel's, by default; or ``unbiased``).

    >>> import autodiff
    >>> autodiff.var(autodiff.tensor([1.0, 3.0]))
    tensor(2.)
    """
    if is_complex(input):
        return var(real(input), dim, unbiased, keepdim, correction=correction) + var(
            imag(input), dim, unbiased, keepdim, correction=correction
        )
    axis, deviation, freedom = _deviation(input, dim, unbiased, correction)
    return reductions.sum_(deviation * deviation, axis=axis, keepdims=keepdim) / freedom


@numpy_names
@in_single
def std(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> Value:
    """The standard deviation over ``dim``, the root of ``var``; the gradient of a constant is 0."""
    axis, deviation, freedom = _deviation(input, dim, unbiased, correction)
    # One entry never deviates: its deviation is a constant 0, and has no kink.
    length = reductions.sum_ if freedom <= 1 and reductions.count(input, axis) == 1 else reductions.norm
    return over_parts(length, deviation, axis, keepdim) / freedom**0.5


@numpy_names
def var_mean(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, **more: Any
) -> tuple[Value, Value]:
    """``var`` and ``mean`` over ``dim``."""
    axes = None if isinstance(dim, bool) else dim
    return var(input, dim, unbiased, keepdim, **more), mean(input, axes, keepdim)


@numpy_names
def std_mean(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, **more: Any
) -> tuple[Value, Value]:
    """``std`` and ``mean`` over ``dim``."""
    axes = None if isinstance(dim, bool) else dim
    return std(input, dim, unbiased, keepdim, **more), mean(input, axes, keepdim)


def _deviation(input: Any, dim: Any, unbiased: bool | None, correction: float | None) -> tuple[Any, Any, float]:
    """The axes, the deviations from the mean, and by how much their squares are divided."""
    if isinstance(dim, bool):  # PyTorch's older spelling, x.var(False)
        dim, unbiased = None, dim
    axis = reduced_axes(dim, input.ndim)
    less = float(unbiased if unbiased is not None else 1 if correction is None else correction)
    freedom = reductions.count(input, axis) - less
    return axis, input - reductions.mean(input, axis=axis, keepdims=True), freedom if freedom > 0 else math.nan


@overload
def max(input: Any) -> Value: ...
@overload
def max(input: Any, dim: int, keepdim: bool = False) -> return_types.max: ...
@overload
def max(input: Any, other: Value, /) -> Value: ...
@overload
def max(input: Any, *, other: Value) -> Value: ...
@numpy_names
def max(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The maximum: of all entries, over ``dim`` (with its position), or of two tensors.

    Winners that are equal share the gradient of ``max(input)`` evenly; with ``dim`` it goes to the index returned.

    Raises ShapeError where there are no entries.

    >>> import autodiff
    >>> autodiff.max(autodiff.tensor([[1.0, 5.0], [7.0, 2.0]]), 1).indices
    tensor([1, 0])
    """
    return _extreme(return_types.max, input, dim, keepdim, reductions.amax, comparison.argmax, maximum, other)


@overload
def min(input: Any) -> Value: ...
@overload
def min(input: Any, dim: int, keepdim: bool = False) -> return_types.min: ...
@overload
def min(input: Any, other: Value, /) -> Value: ...
@overload
def min(input: Any, *, other: Value) -> Value: ...
@numpy_names
def min(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The minimum: of all entries, over ``dim`` (with its position), or of two tensors.

    Raises ShapeError where there are no entries.
    """
    return _extreme(return_types.min, input, dim, keepdim, reductions.amin, comparison.argmin, minimum, other)


def _extreme(
    both: Any, input: Any, dim: Any, keepdim: bool, over_all: Any, position: Any, of_two: Any, other: Any
) -> Any:
    if other is not None or hasattr(dim, "shape"):
        return of_two(input, dim if other is None else other)
    if dim is None:
        _refuse_empty(input, None)
        return over_all(input, axis=None, keepdims=False)
    axis = axis_of(dim, input.ndim)
    if input.ndim == 0:
        return both(copy(input), position(input, axis=None, keepdims=False))
    _refuse_empty(input, axis)
    indices = position(input, axis=axis, keepdims=True)
    values = take_along_axis(input, indices=as_array(indices), axis=axis)
    if keepdim:
        return both(values, indices)
    shape = input.shape[:axis] + input.shape[axis + 1 :]
    return both(reshape(values, shape=shape), reshape(indices, shape=shape))


def _refuse_empty(input: Any, axis: int | None) -> None:
    if reductions.count(input, axis) == 0:
        raise ShapeError(f"an extreme of no entries has no value: shape {tuple(input.shape)}, dim {axis}")


@numpy_names
def amax(input: Any, dim: Any = None, keepdim: bool = False) -> Value:
    """The maximum over ``dim`` (one axis, several, or all); equal winners share the gradient evenly."""
    return reductions.amax(input, axis=reduced_axes(dim, input.ndim), keepdims=keepdim)


@numpy_names
def amin(input: Any, dim: Any = None, keepdim: bool = False) -> Value:
    """The minimum over ``dim`` (one axis, several, or all); equal winners share the gradient evenly."""
    return reductions.amin(input, axis=reduced_axes(dim, input.ndim), keepdims=keepdim)


@numpy_names
def argmax(input: Any, dim: int | None = None, keepdim: bool = False) -> Value:
    """The position of the maximum along ``dim``, or in the flattened tensor; the first of equals.

    Raises ShapeError where there are no entries.
    """
    return _positioned(comparison.argmax, input, dim, keepdim)


@numpy_names
def argmin(input: Any, dim: int | None = None, keepdim: bool = False) -> Value:
    """The position of the minimum along ``dim``, or in the flattened tensor; the first of equals.

    Raises ShapeError where there are no entries.
    """
    return _positioned(comparison.argmin, input, dim, keepdim)


def _positioned(position: Any, input: Any, dim: int | None, keepdim: bool) -> Value:
    axis = None if dim is None else axis_of(dim, input.ndim)
    axis = axis if input.ndim else None
    _refuse_empty(input, axis)
    return position(input, axis=axis, keepdims=keepdim)


@numpy_names
def any(input: Any, dim: Any = None, keepdim: bool = False) -> Value:
    """Whether some entry over ``dim`` (one axis, several, or all) is true; () reduces nothing, as in PyTorch."""
    axes = None if dim is None else axes_of(dim, input.ndim)
    return comparison.any_(input, axis=axes, keepdims=keepdim)


@numpy_names
def all(input: Any, dim: Any = None, keepdim: bool = False) -> Value:
    """Whether every entry over ``dim`` (one axis, several, or all) is true; () reduces nothing, as in PyTorch."""
    axes = None if dim is None else axes_of(dim, input.ndim)
    return comparison.all_(input, axis=axes, keepdims=keepdim)


@numpy_names
def logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Value:
    """log of the sum of exp over ``dim``, shifted by the maximum so that nothing overflows.

    >>> import autodiff
    >>> autodiff.logsumexp(autodiff.tensor([100.0, 100.0]), 0)
    tensor(100.6931)
    """
    x = input if input.dtype.kind in DIFFERENTIABLE else cast(input, get_default_dtype())
    return reductions.logsumexp(x, axis=reduced_axes(dim, x.ndim), keepdims=keepdim)


@numpy_names
def softmax(input: Any, dim: int, dtype: Any = None) -> Value:
    """exp of ``input`` over its sum along ``dim`` (Bridle 1990), shifted by the maximum so that nothing overflows."""
    return fused.softmax(with_dtype(input, dtype), axis=axis_of(dim, input.ndim))


@numpy_names
def log_softmax(input: Any, dim: int, dtype: Any = None) -> Value:
    """log of ``softmax``, with all its digits where the softmax itself is 0 or 1."""
    return fused.log_softmax(with_dtype(input, dtype), axis=axis_of(dim, input.ndim))


def in_dtype(function: Any, input: Any, dtype: Any, *args: Any) -> Any:
    """``function`` of ``input`` in ``dtype``, to the end: NumPy adds small integers and booleans in a longer one."""
    kind = as_dtype(dtype)
    out = function(cast(input, kind), *args)
    return out if out.dtype == kind else cast(out, kind)


def with_dtype(input: Any, dtype: Any, whole: str = "") -> Any:
    """``input`` in ``dtype``; without one, in int64 where its kind is among those of ``whole``, or else as it is."""
    if dtype is None and input.dtype.kind not in whole:
        return input
    return cast(input, int64 if dtype is None else as_dtype(dtype))

"""Cumulative functions by PyTorch's names, differences, and areas under a curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff import return_types
from autodiff.dtypes import bool_, int64
from autodiff.engine.values import Value
from autodiff.errors import DtypeError, ShapeError
from autodiff.functions.arithmetic import subtract
from autodiff.functions.arrays import array_of, constant, real_only
from autodiff.functions.axes import axis_of, length_of, numpy_names
from autodiff.functions.comparison import ne
from autodiff.functions.joining import cat
from autodiff.functions.reductions import in_dtype, with_dtype
from autodiff.functions.reductions import sum as sum_
from autodiff.functions.shaping import clone
from autodiff.functions.splitting import narrow
from autodiff.kernels.layout import row_major
from autodiff.kinds import refusing
from autodiff.ops import scans
from autodiff.ops.indexing import take_along_axis
from autodiff.ops.shaping import cast

__all__ = [
    "cummax", "cummin", "cumprod", "cumsum", "cumulative_trapezoid", "diff", "logcumsumexp", "trapezoid", "trapz",
]


@numpy_names
def cumsum(input: Any, dim: int, *, dtype: Any = None) -> Value:
    """The sums of the entries up to each one along ``dim``.

    >>> import autodiff
    >>> autodiff.cumsum(autodiff.tensor([1, 2, 3]), 0)
    tensor([1, 3, 6])
    """
    if dtype is not None:
        return in_dtype(cumsum, input, dtype, dim)
    return scans.cumsum(with_dtype(input, None, whole="biu"), axis=axis_of(dim, input.ndim), reverse=False)


@numpy_names
def cumprod(input: Any, dim: int, *, dtype: Any = None) -> Value:
    """The products of the entries up to each one along ``dim``; the gradient is exact where entries are 0."""
    if dtype is not None:
        return in_dtype(cumprod, input, dtype, dim)
    return scans.cumprod(with_dtype(input, None, whole="biu"), axis=axis_of(dim, input.ndim), reverse=False)


@numpy_names
def logcumsumexp(input: Any, dim: int) -> Value:
    """log of the sums of exp of the entries up to each one along ``dim``; nothing overflows."""
    return scans.logcumsumexp(input, axis=axis_of(dim, input.ndim), reverse=False)


@numpy_names
@real_only
def cummax(input: Any, dim: int) -> return_types.cummax:
    """The maximum up to each entry along ``dim``, and its position: the last of equals."""
    return _running(return_types.cummax, input, dim, np.maximum.accumulate)


@numpy_names
@real_only
def cummin(input: Any, dim: int) -> return_types.cummin:
    """The minimum up to each entry along ``dim``, and its position: the last of equals."""
    return _running(return_types.cummin, input, dim, np.minimum.accumulate)


def _running(both: Any, input: Any, dim: int, accumulate: Any) -> Any:
    x, axis = array_of(input), axis_of(dim, input.ndim)
    if not x.ndim:
        return both(clone(input), constant(np.zeros((), int64), input))
    steps = np.arange(x.shape[axis]).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    best = row_major(accumulate(x, axis=axis))
    indices = row_major(np.maximum.accumulate(np.where((x == best) | np.isnan(x), steps, 0), axis=axis))
    return both(take_along_axis(input, indices=indices, axis=axis), constant(indices, input))


@numpy_names
@refusing
def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Value:
    """The differences of neighbours along ``dim``, taken ``n`` times, of ``input`` between the two joined to it.

    Where ``n`` is 0 nothing is joined to it.
    """
    length_of(input, dim)
    if not n:
        return clone(input)
    parts = [part for part in (prepend, input, append) if part is not None]
    x = cat(parts, dim) if len(parts) > 1 else input
    for _ in range(n):
        length = x.shape[dim]
        if not length:
            break
        pair = narrow(x, dim, 1, length - 1), narrow(x, dim, 0, length - 1)
        x = ne(*pair) if x.dtype == np.bool_ else subtract(*pair)
    return clone(x) if x is input else x


def _areas(y: Any, x: Any, dx: float, dim: int) -> Any:
    """The areas of the trapezoids between neighbours along ``dim``."""
    length = length_of(y, dim)[1]
    if bool_ in (y.dtype, getattr(x, "dtype", None)):
        raise DtypeError("trapezoid takes numbers, not booleans; convert them with .float()")
    if x is not None and x.ndim == 1 and x.shape[0] != length:
        raise ShapeError(f"trapezoid: {x.shape[0]} positions for {length} heights along dim {dim}")
    if x is not None and x.ndim > y.ndim:
        raise ShapeError(f"trapezoid: positions {tuple(x.shape)} have more axes than heights {tuple(y.shape)}")
    if not length:
        return y if y.dtype.kind == "f" else y * 1.0
    heights = narrow(y, dim, 1, length - 1) + narrow(y, dim, 0, length - 1)
    if x is None:
        return heights * (0.5 * dx)
    if x.ndim == 1:
        axis = axis_of(dim, y.ndim)
        x = x.reshape(tuple(-1 if i == axis else 1 for i in range(y.ndim)))
    return heights * diff(x, dim=dim) * 0.5


@numpy_names
def trapezoid(y: Any, x: Any = None, *, dx: float = 1, dim: int = -1) -> Value:
    """The area under the heights ``y`` along ``dim``, at the positions ``x`` or ``dx`` apart.

    Raises:
        ShapeError: positions do not fit the heights.
        DtypeError: they are booleans.
    """
    if not length_of(y, dim)[1]:  # PyTorch keeps the dtype then, and only then
        return cast(sum_(y, dim), y.dtype)
    return sum_(_areas(y, x, dx, dim), dim)


trapz = trapezoid


@numpy_names
def cumulative_trapezoid(y: Any, x: Any = None, *, dx: float = 1, dim: int = -1) -> Value:
    """The areas under the heights ``y`` up to each but the first along ``dim``.

    Raises:
        ShapeError: positions do not fit the heights.
        DtypeError: they are booleans.
    """
    return cumsum(_areas(y, x, dx, dim), dim)

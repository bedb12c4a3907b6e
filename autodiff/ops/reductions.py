"""Primitives that take axes away: sum and mean, whose adjoint is a broadcast, the extremes, and logsumexp."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from autodiff.engine.broadcasting import broadcasts_to
from autodiff.engine.primitive import Primitive
from autodiff.kernels.arrays import as_array
from autodiff.kernels.layout import row_major
from autodiff.kernels.sums import LONG, accumulate
from autodiff.ops.arithmetic import gate
from autodiff.ops.arrays import detached
from autodiff.ops.fused import softmax
from autodiff.ops.lengths import limit_at_origin, per_length, without_derivative
from autodiff.ops.shaping import in_single


def restore_axes(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """A reduced ``g`` with the axes it lost, each of length one, so that it broadcasts against ``x``."""
    if keepdims or axis is None:
        return g
    lost = {a % len(x.shape) for a in ((axis,) if isinstance(axis, int) else axis)}
    return g.reshape(tuple(1 if i in lost else n for i, n in enumerate(x.shape)))


def count(x: Any, axis: Any) -> int:
    """How many entries of ``x`` go into one entry of its reduction."""
    if axis is None:
        return math.prod(x.shape)
    return math.prod([x.shape[a] for a in ((axis,) if isinstance(axis, int) else axis)])


def _mean(x: Any, axis: Any, keepdims: bool) -> Any:
    if x.dtype == np.float16:  # the sum may be beyond what half precision holds, though the mean is not
        return _mean(x.astype(np.float32), axis, keepdims).astype(np.float16)
    return accumulate(x, axis, keepdims) / (count(x, axis) or math.nan)


def _shared(g: Any, n: int) -> Any:
    """``g / n``; n itself may be beyond what half precision holds."""
    return g * (1 / n) if n > 65504 else g / n


@in_single
def _logsumexp(x: Any, axis: Any, keepdims: bool) -> Any:
    top = np.maximum.reduce(x.real, axis=axis, keepdims=True, initial=-math.inf)
    top = np.where(np.isfinite(top), top, 0)  # inf - inf has no value; exp(inf - 0) has
    with np.errstate(divide="ignore"):  # of nothing, or of -inf alone, it is -inf
        total = np.log(accumulate(np.exp(x - top), axis, True)) + top
    return total if keepdims else total.reshape(accumulate(x, axis).shape)


@in_single
def _logsumexp_x(g: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    g = restore_axes(g, x, axis, keepdims)
    if x.dtype.kind == "c":
        return g * np.exp(x - logsumexp(x, axis=axis, keepdims=True))
    return g * softmax(x, axis=axis)  # exp(x - out) rounds


@in_single
def _to_winners(g: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Share ``g`` evenly among the entries of ``x`` that equal the extreme ``out``, NaN too."""
    won = as_array(x == restore_axes(out, x, axis, keepdims))
    if np.isnan(out).any():
        won = won | as_array(np.isnan(x))
    winners = np.add.reduce(won, axis=axis, keepdims=True, dtype=np.int64)
    winners = np.maximum(winners, 1).astype(g.dtype)
    return gate(restore_axes(g, x, axis, keepdims) / winners, mask=won)


def _median(x: Any) -> Any:
    """The lower of the two in the middle, or NaN where there is one, or nothing."""
    if not x.size:
        return np.full((), math.nan, x.dtype)
    ordered = np.sort(x, axis=None)
    return ordered[-1] if np.isnan(ordered[-1]) else ordered[(x.size - 1) // 2]


@lru_cache(maxsize=1024)
def _stretched(shape: tuple[int, ...], strides: tuple[int, ...], target: tuple[int, ...]) -> tuple[int, ...] | None:
    """The strides of an array that is stretched from ``shape`` to ``target``; None where it does not stretch."""
    if not broadcasts_to(shape, target):
        return None
    return (0,) * (len(target) - len(shape)) + tuple(0 if n == 1 else s for n, s in zip(shape, strides, strict=True))


def _broadcast_to(x: Any, shape: tuple[int, ...]) -> Any:
    """``np.broadcast_to``, in a third of its time for what lies row by row, as the gradient of a sum does."""
    strides: tuple[int, ...] | None = (0,) * len(shape)
    if isinstance(x, np.ndarray):  # and no number of NumPy's; an array of ``compile`` is another class
        strides = _stretched(x.shape, x.strides, shape) if type(x) is np.ndarray and x.flags.c_contiguous else None
    if strides is None:
        return np.broadcast_to(x, shape)
    view = np.ndarray(shape, x.dtype, x, 0, strides)
    view.flags.writeable = False
    return view


def _length(x: Any, axis: Any, keepdims: bool) -> Any:
    return np.sqrt(accumulate(x * x, axis, keepdims))


@in_single
def _norm(x: Any, axis: Any, keepdims: bool) -> Any:
    """The root of the sum of squares. In single precision no square may overflow, or vanish, where the root does not.

    A few numbers are squared in double precision, which costs nothing; of many a NumPy error tells.
    """
    if x.dtype.char != "f":
        return _length(x, axis, keepdims)
    if x.size < LONG and axis in (None, -1, x.ndim - 1, (x.ndim - 1,)):
        wide = x.astype(np.float64)
        if axis is None:
            flat = wide.reshape(-1)
            out = np.float32(math.sqrt(flat.dot(flat)))
            return out.reshape((1,) * x.ndim) if keepdims else out
        out = row_major(np.sqrt(np.vecdot(wide, wide))).astype(np.float32)
        return out[..., None] if keepdims else out
    try:
        with np.errstate(over="raise", under="raise"):
            out = _length(x, axis, keepdims)
        if np.maximum.reduce(out, axis=None, initial=0.0) < math.inf:  # neither einsum nor BLAS raises
            return out
    except FloatingPointError:
        pass
    return _length(x.astype(np.float64), axis, keepdims).astype(np.float32)


@in_single
def _norm_x(g: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    limit = limit_at_origin(g, out, out)
    g, out = restore_axes(g, x, axis, keepdims), restore_axes(out, x, axis, keepdims)
    return per_length(g, x, out) if limit is None else per_length(g, x, out, restore_axes(limit, x, axis, keepdims))


@in_single
def _pnorm(x: Any, p: float, axis: Any, keepdims: bool) -> Any:
    size = np.abs(x)
    top = np.maximum.reduce(size, axis=axis, keepdims=True, initial=0)
    top = np.where((top > 0) & (top < math.inf), top, 1)  # of its size the powers neither overflow nor vanish
    out = top * accumulate((size / top) ** p, axis, True) ** (1 / p)
    return out if keepdims else out.reshape(accumulate(x, axis).shape)


@in_single
def _pnorm_x(g: Any, out: Any, x: Any, p: float, axis: Any, keepdims: bool) -> Any:
    """sign(x) (|x| / out)^(p - 1); 0 at 0, where a power below 0 has a pole."""
    limit = limit_at_origin(g, out, out)
    size, whole = np.abs(x), restore_axes(np.where(out == 0, 1, out), x, axis, keepdims)
    g = restore_axes(g, x, axis, keepdims)
    if p < 2:  # the slope has a pole at 0
        slope = per_length(g / whole, x, (size / whole) ** (2 - p))
    else:
        slope = g * np.sign(x) * np.where(size == 0, 1, size / whole) ** (p - 1)
    if limit is None:
        return slope
    # A limit is a derivative only if it is 0: the norm is not of one size in all directions.
    kinks = restore_axes(as_array(detached(limit) != 0), x, axis, keepdims)
    return slope + without_derivative(sum_(x, axis=axis, keepdims=True), kinks)


broadcast_to = Primitive("broadcast_to", _broadcast_to,
                         lambda g, out, x, shape: g, view=True)

sum_ = Primitive("sum", accumulate,
                 lambda g, out, x, axis, keepdims: broadcast_to(restore_axes(g, x, axis, keepdims), shape=x.shape))

mean = Primitive("mean", _mean,
                 lambda g, out, x, axis, keepdims:
                     broadcast_to(restore_axes(_shared(g, count(x, axis)), x, axis, keepdims), shape=x.shape),
                 floating=True)

amax = Primitive("amax", lambda x, axis, keepdims: row_major(np.maximum.reduce(x, axis=axis, keepdims=keepdims)),
                 _to_winners, keeps="out x", selects=True, real=True)

amin = Primitive("amin", lambda x, axis, keepdims: row_major(np.minimum.reduce(x, axis=axis, keepdims=keepdims)),
                 _to_winners, keeps="out x", selects=True, real=True)

logsumexp = Primitive("logsumexp", _logsumexp, _logsumexp_x, keeps="x", floating=True)

norm = Primitive("norm", _norm, _norm_x, keeps="out x", floating=True, real=True)

pnorm = Primitive("pnorm", _pnorm, _pnorm_x, keeps="out x", floating=True, real=True)

# PyTorch records it, and gives its input no gradient.
zero_norm = Primitive("zero_norm", in_single(lambda x, axis, keepdims:
                                   accumulate((x != 0).astype(x.dtype), axis, keepdims)),
                      each=lambda i, g, out, x, axis, keepdims: None, floating=True)

median = Primitive("median", _median, lambda g, out, x: _to_winners(g, out, x, None, False), keeps="out x",
                   selects=True, real=True)

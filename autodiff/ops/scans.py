"""Primitives that run along an axis: cumulative sums and products. Each is differentiated by others of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.engine.primitive import Primitive
from autodiff.kernels.arrays import as_array
from autodiff.kernels.layout import row_major
from autodiff.ops.indexing import index
from autodiff.ops.shaping import in_single, pad
from autodiff.ops.transcendental import logaddexp_


def _turned(x: Any, axis: int, reverse: bool) -> Any:
    return index(x, key=(slice(None),) * axis + (slice(None, None, -1),)) if reverse else x


def _scan(running: Any) -> Any:
    """``running`` along an axis, from its end where ``reverse`` is asked for."""

    @in_single
    def forward(x: Any, axis: int, reverse: bool) -> Any:
        if not x.ndim:
            return x.copy()
        return row_major(_turned(running(_turned(x, axis, reverse), axis=axis), axis, reverse))

    return forward


def _moved(x: Any, by: int, axis: int, fill: float) -> Any:
    """``x`` moved towards higher positions along ``axis``, lower for a negative ``by``, with ``fill`` behind it."""
    n = x.shape[axis]
    kept = slice(0, max(n - by, 0)) if by > 0 else slice(min(-by, n), n)
    room = min(abs(by), n)
    widths = [(0, 0)] * len(x.shape)
    widths[axis] = (room, 0) if by > 0 else (0, room)
    return pad(index(x, key=(slice(None),) * axis + (kept,)), widths=tuple(widths), value=fill)


@in_single
def _cumprod_x(g: Any, out: Any, x: Any, axis: int, reverse: bool) -> Any:
    """Each product over x where no entry is 0. Else, exactly: back through log n steps of products of pairs.

    The steps are those of Hillis & Steele 1986, "Data parallel algorithms": after step k every entry is the product of
    the 2**k entries up to it.
    """
    if not x.shape or x.shape[axis] < 2:
        return g
    if not as_array(x == 0).any():
        return cumsum(g * out, axis=axis, reverse=not reverse) / x
    sign, steps, distance = -1 if reverse else 1, [x], 1
    while 2 * distance < x.shape[axis]:
        steps.append(steps[-1] * _moved(steps[-1], sign * distance, axis, 1.0))
        distance *= 2
    while steps:
        y = steps.pop()
        g = g * _moved(y, sign * distance, axis, 1.0) + _moved(g * y, -sign * distance, axis, 0.0)
        distance //= 2
    return g


@in_single
def _logcumsumexp_again(g: Any, x: Any, axis: int, reverse: bool) -> Any:
    return _logcumsumexp_x(g, logcumsumexp(x, axis=axis, reverse=reverse), x, axis, reverse)


def _logcumsumexp_x(g: Any, out: Any, x: Any, axis: int, reverse: bool) -> Any:
    """exp(x - out) s with s_k = g_k + exp(out_k - out_k+1) s_k+1, no exponent of which is above 0.

    The recurrence is solved in log n steps, each of which doubles the reach of every entry.
    """
    if not x.shape or x.shape[axis] < 2:
        return g
    if x.dtype.char == "e":  # exp(x - out) of a rounded ``out`` has few digits
        return _logcumsumexp_again(g, x, axis, reverse)
    back, distance = 1 if reverse else -1, 1
    decay = np.exp(out - _moved(out, back, axis, math.inf))
    while distance < x.shape[axis]:
        g = g + decay * _moved(g, back * distance, axis, 0.0)
        decay = decay * _moved(decay, back * distance, axis, 0.0)
        distance *= 2
    return g * np.exp(x - out)


@in_single
def _prod_x(g: Any, out: Any, x: Any, axis: int) -> Any:
    """The product of the others: of those before each entry and of those behind it, so that zeros do no harm."""
    before = _moved(cumprod(x, axis=axis, reverse=False), 1, axis, 1.0)
    behind = _moved(cumprod(x, axis=axis, reverse=True), -1, axis, 1.0)
    return g.reshape(g.shape[:axis] + (1,) + g.shape[axis:]) * (before * behind)


def _running_logaddexp(x: Any, axis: int) -> Any:
    """log of the running sums of exp; of complex numbers one after another, since NumPy has no ufunc for them."""
    if x.dtype.kind != "c":
        return np.logaddexp.accumulate(x, axis=axis)
    out = np.moveaxis(x.copy(), axis, 0)
    for k in range(1, len(out)):
        out[k] = logaddexp_(out[k - 1], out[k])
    return np.moveaxis(out, 0, axis)


cumsum = Primitive("cumsum", _scan(np.cumsum),
                   lambda g, out, x, axis, reverse: cumsum(g, axis=axis, reverse=not reverse) if x.shape else g)

cumprod = Primitive("cumprod", _scan(np.cumprod), _cumprod_x, keeps="out x")

logcumsumexp = Primitive("logcumsumexp", _scan(_running_logaddexp), _logcumsumexp_x, keeps="out x", floating=True)

prod = Primitive("prod", in_single(lambda x, axis: row_major(np.prod(x, axis=axis))), _prod_x, keeps="x")

"""Weighted sums of a few entries along one axis, and the adjoint, which hands entries back with the same weights."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]


class Taps(NamedTuple):
    """Where the result comes from: out[i] = sum over k of weights[k, i] * x[positions[k, i]]; no weights are ones.

    Shapes: positions (taps, length of the result), weights the same.
    """

    positions: Array
    weights: Array | None = None


def resample(x: Array, axis: int, taps: Taps) -> Array:
    """Sum the taps along ``axis``.

    Law: <resample(x), g> = <x, resample_adjoint(g)>.

    >>> resample(np.array([1.0, 3.0]), 0, Taps(np.array([[0, 1], [1, 1]]), np.array([[0.5, 1.0], [0.5, 0.0]])))
    array([2., 3.])
    """
    out: Array | None = None
    for k, positions in enumerate(taps.positions):
        part = x.take(positions, axis)
        if taps.weights is not None:
            part *= _along(taps.weights[k], axis, x)
        out = part if out is None else np.add(out, part, out=out)
    return np.zeros((*x.shape[:axis], taps.positions.shape[1], *x.shape[axis + 1 :]), x.dtype) if out is None else out


def resample_adjoint(g: Array, axis: int, taps: Taps, size: int) -> Array:
    """Add every entry of g, weighted, to where it came from, on an axis of length ``size``."""
    total = np.zeros((*g.shape[:axis], size, *g.shape[axis + 1 :]), np.float32 if g.dtype == np.float16 else g.dtype)
    before = (slice(None),) * axis
    for k, positions in enumerate(taps.positions):
        part = g if taps.weights is None else g * _along(taps.weights[k], axis, g)
        if (positions[1:] < positions[:-1]).any():
            order = positions.argsort(kind="stable")
            part, positions = part.take(order, axis), positions[order]
        if positions.size:
            starts = np.flatnonzero(np.diff(positions, prepend=-1))  # one run for each entry that was taken
            total[(*before, positions[starts])] += np.add.reduceat(part, starts, axis, total.dtype)
    return total.astype(g.dtype, copy=False)


def _along(weights: Array, axis: int, x: Array) -> Array:
    return weights.astype(x.dtype).reshape(-1, *(1,) * (x.ndim - axis - 1))

"""Declarations of diagonals, sliding windows and extremes of what is scattered."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from autodiff.ops.shaping import diagonal, transpose
from autodiff.testing.domain import distinct, real
from declared.base import declare, one_of

MAIN = {"offset": 0, "axis1": 0, "axis2": 1}
MATRICES = [((3, 2),), ((2, 3),), ((2, 2, 3),), ((0, 2),)]

declare("diagonal", real, ref=np.diagonal, shapes=MATRICES,
        kwargs=lambda x: st.sampled_from([{"offset": o, "axis1": 0, "axis2": len(x) - 1} for o in (0, 1, -1)]))
declare("on_diagonal", real, shapes=[((2,),), ((3, 2),), ((0,),)], ref=lambda *x, **p: _embedded(*x, **p),
        kwargs=lambda y: one_of(*[
            {"offset": o, "axis1": i, "axis2": i + 1, "shape": (*y[:i], y[-1] + abs(o), y[-1] + abs(o), *y[i:-1])}
            for o in (0, 1, -1) for i in range(len(y))
        ]))  # fmt: skip
declare("slide", real, shapes=[((4,),), ((3, 2),), ((2, 5),)],
        ref=lambda x, axis, size, step: np.moveaxis(
            np.stack([np.take(x, range(i, i + size), axis) for i in range(0, x.shape[axis] - size + 1, step)], axis),
            axis + 1, -1),
        kwargs=lambda x: one_of(*[{"axis": a, "size": n, "step": s}
                                  for a in range(len(x)) for n in (1, 2) for s in (1, 2, 3)]))  # fmt: skip
declare("overlap_add", real, shapes=[((3, 2),), ((2, 3),), ((2, 1),)], ref=lambda *x, **p: _overlapped(*x, **p),
        kwargs=lambda y: one_of(*[{"axis": 0, "step": s, "shape": ((y[0] - 1) * s + y[1] + 1,)} for s in (1, 2, 3)]))
declare("scatter_extreme", distinct, distinct, shapes=[((3,), (4,)), ((3, 2), (4, 2)), ((2,), (0,))],
        ref=lambda *x, **p: _extreme(*x, **p),
        kwargs=lambda x, y: one_of(*[{"key": np.array([0, 1, 1, 0])[: y[0]], "largest": b} for b in (True, False)]))
declare("overwrite", real, real, shapes=[((3, 2), (2,)), ((2, 3), (1,)), ((2, 4), (2,))],
        ref=lambda x, y, view: np.where(np.eye(*x.shape) == 1, y[np.minimum(np.arange(len(x)), len(y) - 1), None], x),
        kwargs=lambda x, y: st.just({"view": lambda z: diagonal(transpose(z, axes=(1, 0)), **MAIN)}))


def _embedded(y: Any, offset: int, axis1: int, axis2: int, shape: Any) -> Any:
    side = y.shape[-1] + abs(offset)
    selector = np.zeros((y.shape[-1], side, side))
    for i in range(y.shape[-1]):
        selector[i, i + max(-offset, 0), i + max(offset, 0)] = 1
    return np.moveaxis(np.tensordot(y, selector, 1), (-2, -1), (axis1, axis2)).reshape(shape)


def _overlapped(y: Any, axis: int, step: int, shape: Any) -> Any:
    total = np.zeros(shape)
    for i, window in enumerate(y):
        for j, entry in enumerate(window):
            total[i * step + j] += entry
    return total


def _extreme(x: Any, y: Any, key: Any, largest: bool) -> Any:
    best = max if largest else min
    out = np.array(x)
    for k, row in zip(key, y, strict=True):
        out[k] = np.reshape([best(a, b) for a, b in zip(np.ravel(out[k]), np.ravel(row), strict=True)], out[k].shape)
    return out

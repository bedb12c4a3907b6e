"""Declarations of reductions, shapes and indexing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from autodiff.ops.shaping import Steps
from autodiff.testing import strategies
from autodiff.testing.domain import distinct, nonzero, real
from declared.base import declare, one_of, plain, reduction

# --- reductions

declare("sum", real, kwargs=reduction, ref=np.sum)
declare("mean", real, kwargs=reduction, ref=np.mean)
declare("amax", real, kwargs=reduction, ref=np.max)
declare("zero_norm", nonzero, kwargs=reduction,
        ref=lambda x, axis, keepdims: np.sum(x * 0 + 1, axis, keepdims=keepdims))
declare("amin", distinct, kwargs=reduction, ref=np.min)
declare("logsumexp", real, kwargs=reduction,
        ref=lambda x, axis, keepdims: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims)))
declare("norm", nonzero, kwargs=reduction,
        ref=lambda x, axis, keepdims: np.sum(x**2, axis=axis, keepdims=keepdims) ** 0.5)
declare("broadcast_to", real, ref=np.broadcast_to,
        kwargs=lambda x: st.sampled_from([{"shape": s} for s in ((2, *x), (3, *[2 if n == 1 else n for n in x]), x)]))

# --- shaping

declare("reshape", real, ref=np.reshape,
        kwargs=lambda x: st.sampled_from([{"shape": (math.prod(x),)}, {"shape": (*x, 1)}, {"shape": x[::-1]}]))
declare("transpose", real, ref=np.transpose,
        kwargs=lambda x: st.sampled_from([{"axes": tuple(np.roll(range(len(x)), k).tolist())} for k in (1, 0, 2)]))
declare("concatenate", real, real, real, ref=lambda *xs, axis, ends: np.concatenate(xs, axis),
        shapes=strategies.named_shapes("n a, n b, n c"),
        kwargs=lambda *s: st.just({"axis": 1, "ends": tuple(np.cumsum([x[1] for x in s]).tolist())}))
declare("pad", real, ref=lambda x, widths, value: np.pad(x, widths, constant_values=value) if x.ndim else x,
        kwargs=lambda x: st.just({"widths": tuple((i % 2, 2 - i % 3) for i in range(len(x))), "value": 0.5}))
declare("as_strided", real, shapes=[((2, 3),), ((4,),)], ref=lambda x, steps: _strided(x, steps),
        kwargs=lambda x: one_of(*[{"steps": Steps(*view, x, (3, 1)[-len(x):])} for view in STRIDED]))
declare("copy", real, ref=lambda x: x + 0)
declare("astype", real, ref=lambda x, dtype: x, kwargs={"dtype": np.dtype(np.float64)}, dtypes=())
plain("to_whole", lambda x, dtype: np.trunc(x), dtype=np.dtype(np.int64))

# --- indexing

declare("index", real, ref=lambda x, key: np.array(x)[key],
        kwargs=lambda x: strategies.index_for(x).map(lambda k: {"key": k}))
declare("put", real, real, shapes=[((n, m), (m,)) for n in (1, 3) for m in (1, 2)],
        kwargs=lambda x, y: one_of(*[{"key": k} for k in (0, slice(None, None, 2), np.arange(x[0]) > 0, (-1,))]),
        ref=lambda x, y, key: _overwritten(x, y, key))
declare("scatter_add", real, shapes=[((3,),), ((3, 2),), ((1,),), ((0,),)], ref=lambda *xs, **p: _scattered(*xs, **p),
        kwargs=lambda x: one_of(*[{"key": k, "shape": (4, *x[1:])} for k in (REPEATED[: x[0]], slice(0, x[0]))]))
declare("take_along_axis", real, shapes=[((2, 3),), ((3, 1),), ((3,),)], ref=np.take_along_axis,
        kwargs=lambda x: st.sampled_from([{"axis": a, "indices": _positions(x, a)} for a in range(len(x))]))


REPEATED = np.array([1, 3, 1])
STRIDED = (((2, 2), (1, 1), 1), ((3,), (0,), 2), ((), (), 0), ((0,), (1,), 0))


def _strided(x: Any, steps: Any) -> Any:
    flat = np.array(x).reshape(-1)
    places = [steps.start + np.dot(steps.stride, place) for place in np.ndindex(*steps.size)]
    return flat[np.array(places, int)].reshape(steps.size)


def _overwritten(x: Any, y: Any, key: Any) -> Any:
    chosen = np.arange(len(x))[key]
    return np.array([y if i in np.ravel(chosen) else row for i, row in enumerate(x)])


def _scattered(x: Any, key: Any, shape: Any) -> Any:
    total = np.zeros(shape)
    for i, k in enumerate(np.arange(shape[0])[key]):
        total[k] += x[i]
    return total


def _positions(shape: Sequence[int], axis: int) -> Any:
    """An index into ``axis``, one longer than that axis, with repeats."""
    longer = tuple(n + (i == axis) for i, n in enumerate(shape))
    return np.arange(math.prod(longer)).reshape(longer) * 7 % shape[axis]

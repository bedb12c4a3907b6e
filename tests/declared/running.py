"""Declarations of cumulative primitives, products over an axis, medians and norms of any order."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from autodiff.testing.domain import away_from, distinct, nonzero, real
from declared.base import declare, one_of, reduction, some

steps = lambda x: one_of(*[{"axis": a, "reverse": r} for a in range(len(x)) for r in (False, True)])


def _running(f: Any, x: Any, axis: int, reverse: bool) -> Any:
    """``f`` of the entries up to each one, or from each one on."""
    lines = np.moveaxis(x, axis, 0)
    parts = [f(lines[i:] if reverse else lines[: i + 1]) for i in range(len(lines))]
    return np.moveaxis(np.array(parts).reshape(lines.shape), 0, axis)


declare("cumsum", real, shapes=some, kwargs=steps, ref=lambda x, **p: _running(lambda part: part.sum(0), x, **p))
declare("cumprod", nonzero, shapes=some, kwargs=steps, ref=lambda x, **p: _running(lambda part: part.prod(0), x, **p))
declare("logcumsumexp", real, shapes=some, kwargs=steps,
        ref=lambda x, **p: _running(lambda part: np.log(np.exp(part).sum(0)), x, **p))
declare("prod", real, shapes=some, kwargs=lambda x: one_of(*[{"axis": a} for a in range(len(x))]),
        ref=lambda x, axis: np.apply_along_axis(math.prod, axis, x) if x.size else np.prod(x, axis))
declare("median", distinct, shapes=[((1,),), ((4,),), ((3, 3),)],
        ref=lambda x: sorted(x.ravel().tolist())[(x.size - 1) // 2])
declare("pnorm", away_from(0.0, margin=0.2), shapes=[((3,),), ((2, 3),), ((1,),)],
        kwargs=lambda x: reduction(x).flatmap(lambda k: one_of(*[{"p": p, **k} for p in (1.5, 3.0)])),
        ref=lambda x, p, axis, keepdims: np.exp(np.log(np.sum(np.abs(x) ** p, axis=axis, keepdims=keepdims)) / p))


def _contracted(x: Any, y: Any, left: Any, right: Any, result: Any) -> Any:
    """The defining sum, index by index."""
    size = dict(zip(left, x.shape, strict=True)) | dict(zip(right, y.shape, strict=True))
    total = np.zeros([size[a] for a in result])
    for values in itertools.product(*(range(n) for n in size.values())):
        at = dict(zip(size, values, strict=True))
        total[tuple(at[a] for a in result)] += x[tuple(at[a] for a in left)] * y[tuple(at[a] for a in right)]
    return total


CONTRACTIONS = [
    ("ij", "jk", "ik"), ("ij", "jk", "ki"), ("bij", "bjk", "kbi"), ("i", "i", ""), ("i", "j", "ji"), ("bi", "bi", "ib"),
]
LENGTHS = {"i": 2, "j": 3, "k": 1, "b": 2}
KWARGS = {
    tuple(tuple(LENGTHS[a] for a in part) for part in (x, y)): {"left": tuple(x), "right": tuple(y), "result": tuple(z)}
    for x, y, z in CONTRACTIONS
}
declare("contract", real, real, shapes=list(KWARGS), ref=_contracted,
        kwargs=lambda x, y: one_of(KWARGS[tuple(x), tuple(y)]))

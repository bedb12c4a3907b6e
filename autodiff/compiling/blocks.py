"""Stretches of elementwise calls on long arrays, block by block: each block stays in the cache for all of its calls."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import numpy as np

from autodiff.compiling.fusion import Array, Pair, stretches
from autodiff.compiling.traced import Ref

BLOCK, MOST = 1 << 14, 64  # entries, and calls of a stretch


def by_blocks(pairs: list[Pair], uses: Counter[Ref]) -> list[Pair]:
    """The calls, of which such stretches are cut; ``uses`` counts how often the program names each array.

    The bits are those of whole calls. An array that one stretch alone uses has memory for one block there.
    """
    cut = stretches(pairs, lambda run, pair: _goes_on([], run[0][1]) and _goes_on(run, pair[1]))
    return [pair for stretch in cut for pair in (_cut(stretch, uses) if len(stretch) > 1 else stretch)]


def _long(made: Any) -> list[Array]:
    """The arrays of a call that are no single number, however stretched."""
    return [x for x in (*made.args, *made.keywords.values()) if x.size > 1 and any(x.strides)]


def _goes_on(stretch: list[Pair], made: Any) -> bool:
    """Whether a call can be cut, and be one of the stretch."""
    if not (isinstance(made, partial) and isinstance(made.func, np.ufunc) and made.func.signature is None):
        return False
    whole = (*made.args, *made.keywords.values())
    if made.keywords.keys() - {"out"} or not all(isinstance(x, np.ndarray) for x in whole) or len(stretch) == MOST:
        return False
    arrays, others = _long(made), [x for _, other in stretch for x in _long(other)]
    if not arrays or arrays[-1].size < 2 * BLOCK or any(x.shape != arrays[-1].shape for x in (*arrays, *others[-1:])):
        return False
    if (made.args[-1] if not made.keywords else made.keywords["out"]).shape != arrays[-1].shape:
        return False
    at = {x.__array_interface__["data"][0]: x for x in (*arrays, *others)}
    apart = all(x is y or not np.may_share_memory(x, y) for x in at.values() for y in at.values())
    return apart and all(x.flags.c_contiguous for x in arrays)


def _cut(stretch: list[Pair], uses: Counter[Ref]) -> list[Pair]:
    inside = Counter(ref.root for call, _ in stretch for ref in call.refs())
    size = _long(stretch[0][1])[-1].size
    blocks: dict[Any, Array] = {}

    def part(x: Array, ref: Any, start: int) -> Array:
        if x.size == 1 or not any(x.strides):
            return x[(0,) * x.ndim + (...,)]
        if isinstance(ref, Ref) and ref.kind == "temporary" and inside[ref.root] == uses[ref.root]:
            place = x.__array_interface__["data"][0], x.dtype
            return blocks.setdefault(place, np.empty(BLOCK, x.dtype))[: size - start]
        return x.reshape(-1)[start : start + BLOCK]

    made: list[Pair] = []
    for start in range(0, size, BLOCK):
        for call, whole in stretch:
            args, out = [*whole.args, *whole.keywords.values()], len(whole.args) - (not whole.keywords)  # type: ignore[attr-defined]
            refs = [*call.args, *call.outs]
            cut = [part(x, ref, start) for x, ref in zip(args, refs, strict=True)]
            made.append((call, partial(whole.func, *cut[:out], out=cut[out])))  # type: ignore[attr-defined]
    return made

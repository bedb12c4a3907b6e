"""Stretches of elementwise calls on long arrays: as one kernel, or block by block, each of which stays in the cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from autodiff.compiling.calls import Call
from autodiff.compiling.fusion import Array, Pair, stretches
from autodiff.compiling.numbers import Changed
from autodiff.compiling.traced import Ref
from autodiff.kernels.lanes import routes, settled

BLOCK, MOST = 1 << 14, 64  # entries, and calls of a stretch


def by_blocks(pairs: list[Pair], uses: Counter[Ref]) -> list[Pair]:
    """The calls, of which such stretches are cut; ``uses`` counts how often the program names each array.

    The bits are those of whole calls. An array that one stretch alone uses has memory for one block there.
    """
    cut = stretches(pairs, lambda run, pair: _goes_on([], run[0][1]) and _goes_on(run, pair[1]))
    return [pair for stretch in cut for pair in (_cut(stretch, uses) if len(stretch) > 1 else stretch)]


def in_one_pass(pairs: list[Pair], uses: Counter[Ref]) -> list[Pair]:
    """The calls, with such stretches as kernels, which read and write what one of them leaves behind once."""
    if "stretch" not in routes():
        return pairs
    cut = stretches(pairs, lambda run, pair: _joins([], run[0]) and _joins(run, pair))
    return [pair for stretch in cut for pair in (_passed(stretch, uses) if len(stretch) > 1 else stretch)]


def _elementwise(made: Any, with_routes: bool = False) -> tuple[Any, tuple[Any, ...]] | None:
    """What an elementwise call calls, a ufunc or the name of a route, and what it takes, with its result at the end."""
    if not isinstance(made, partial):
        return None
    if isinstance(made.func, np.ufunc):
        whole = (*made.args, *made.keywords.values())
        fits = made.func.signature is None and not made.keywords.keys() - {"out"}
        return (made.func, whole) if fits and all(isinstance(x, np.ndarray) for x in whole) else None
    inner, *rest = made.args or (None,)
    route = getattr(getattr(inner, "func", None), "route", "")
    if not (with_routes and route and isinstance(inner, partial) and len(rest) == 2):
        return None
    return route, (*(x for x in inner.args if x is not None), *rest[0])


def _long(arrays: tuple[Any, ...]) -> list[Array]:
    """Those that are no single number, however stretched."""
    return [x for x in arrays if x.size > 1 and any(x.strides)]


def _goes_on(stretch: list[Pair], made: Any, with_routes: bool = False) -> bool:
    """Whether a call can be cut, and be one of the stretch."""
    found = _elementwise(made, with_routes)
    if found is None or len(stretch) == MOST:
        return False
    arrays = _long(found[1])
    others = [x for _, other in stretch for x in _long((_elementwise(other, with_routes) or ((), ()))[1])]
    if not arrays or arrays[-1].size < 2 * BLOCK or any(x.shape != arrays[-1].shape for x in (*arrays, *others[-1:])):
        return False
    if found[1][-1].shape != arrays[-1].shape:
        return False
    at = {_place(x): x for x in (*arrays, *others)}
    apart = all(x is y or not np.may_share_memory(x, y) for x in at.values() for y in at.values())
    return apart and all(x.flags.c_contiguous for x in arrays)


def _place(x: Array) -> int:
    place: int = x.__array_interface__["data"][0]
    return place


def _joins(stretch: list[Pair], pair: Pair) -> bool:
    """Whether a call can be part of a kernel, and go on with those of the stretch.

    What outlives the step is written when all is known that may go another way (see ``Program``).
    """
    if not _goes_on(stretch, pair[1], with_routes=True):
        return False
    found: Any = _elementwise(pair[1], with_routes=True)
    calls = [call for call, _ in (*stretch, pair)]
    lasts = any(ref.root.kind == "lasting" for call in calls for ref in call.written())
    is_early = lasts and any(call.part.endswith("backward") for call in calls)
    return not is_early and all(x.dtype == np.float32 for x in found[1])


def _passed(stretch: list[Pair], uses: Counter[Ref]) -> list[Pair]:
    """The calls as one kernel; as they are where there is none."""
    inside = Counter(ref.root for call, _ in stretch for ref in call.refs())
    taken: list[Any] = [_elementwise(made, with_routes=True) for _, made in stretch]
    last = {_place(whole[-1]): (i, call.written()[0].root) for i, ((call, _), (_, whole)) in
            enumerate(zip(stretch, taken, strict=True))}  # fmt: skip
    left = {at: i for at, (i, root) in last.items() if root.kind != "temporary" or inside[root] != uses[root]}
    given: dict[Any, Array] = {}  # by place: the arrays, and numbers, that the kernel takes
    now: dict[Any, Any] = {}  # by place: what the kernel has there, if it is no array that it was given
    steps: list[Any] = []
    for i, (function, (*args, out)) in enumerate(taken):
        read = [x if _long((x,)) else x[(0,) * x.ndim + (...,)] for x in args]
        for x in read:
            if _place(x) not in now:
                given.setdefault((_place(x), x.ndim > 0), x)
        used = [now.get(_place(x), (_place(x), x.ndim > 0)) for x in read]
        at = _place(out)
        if left.get(at) == i:
            given.setdefault((at, True), out)
        now[at] = (at, True) if left.get(at) == i else i
        steps.append((function, used, now[at]))
    index = {key: i for i, key in enumerate([*given, *range(len(steps))])}
    numbered = tuple((function, tuple(index[key] for key in used), index[to]) for function, used, to in steps)
    with settled():
        made = routes()["stretch"](taken[0][1][-1], numbered, tuple(given.values()))
    return stretch if made is None else [(_together([call for call, _ in stretch]), Pass(made))]


class Pass:
    """A stretch as one kernel."""

    def __init__(self, kernel: Callable[[], Any]) -> None:
        self._kernel = kernel

    def __call__(self) -> None:
        """Make the calls."""
        self._kernel()

    def checked(self) -> None:
        """Make the calls, or raise Changed where they made NaN of numbers, which NumPy calls invalid."""
        if self._kernel()[1].any():
            raise Changed


def _together(calls: list[Call]) -> Call:
    """One call in place of several."""
    outs, writes = [out for call in calls for out in call.outs], [ref for call in calls for ref in call.writes]
    part = next((call.part for call in calls if call.part.endswith("backward")), calls[0].part)
    return Call(calls[0].function, (), {}, outs, writes, False, part, calls[0].place)


def _cut(stretch: list[Pair], uses: Counter[Ref]) -> list[Pair]:
    inside = Counter(ref.root for call, _ in stretch for ref in call.refs())
    first: Any = stretch[0][1]
    size = [*first.args, *first.keywords.values()][-1].size
    blocks: dict[Any, Array] = {}

    def part(x: Array, ref: Any, start: int) -> Array:
        if not _long((x,)):
            return x[(0,) * x.ndim + (...,)]
        if isinstance(ref, Ref) and ref.kind == "temporary" and inside[ref.root] == uses[ref.root]:
            return blocks.setdefault((_place(x), x.dtype), np.empty(BLOCK, x.dtype))[: size - start]
        return x.reshape(-1)[start : start + BLOCK]

    made: list[Pair] = []
    for start in range(0, size, BLOCK):
        for call, whole in stretch:
            args, out = [*whole.args, *whole.keywords.values()], len(whole.args) - (not whole.keywords)  # type: ignore[attr-defined]
            refs = [*call.args, *call.outs]
            cut = [part(x, ref, start) for x, ref in zip(args, refs, strict=True)]
            made.append((call, partial(whole.func, *cut[:out], out=cut[out])))  # type: ignore[attr-defined]
    return made

"""Stretches of elementwise calls on long arrays: as one kernel, or block by block, each of which stays in the cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from autodiff.compiling.calls import make
from autodiff.compiling.fusion import Array, Pair, address, elementwise, into, merged, stretches
from autodiff.compiling.numbers import Changed
from autodiff.compiling.traced import Ref
from autodiff.kernels.blocks import lone
from autodiff.kernels.lanes import routed, routes, settled

BLOCK, MOST = 1 << 14, 64  # entries, and calls of a stretch


def by_blocks(pairs: list[Pair], uses: Counter[Ref]) -> list[Pair]:
    """The calls, with each such stretch as one; ``uses`` counts how often the program names each array.

    The bits are those of whole calls. What a stretch alone uses is not written to memory. One call of a kernel's is a
    stretch, too, which writes where its result belongs.
    """
    cut = stretches(pairs, lambda run, pair: _goes_on([], run[0]) and _goes_on(run, pair))
    return [pair for run in cut for pair in (_as_one(run, uses) if len(run) > 1 or _is_kernel(run[0]) else run)]


def _is_kernel(pair: Pair) -> bool:
    return type(_taken(pair)[0]) is str and _goes_on([], pair)


def _taken(pair: Pair) -> tuple[Any, tuple[Array, ...]]:
    """What a call calls, a ufunc or the name of a kernel's route; and its arrays, the result at the end."""
    inner: Any
    inner, *rest = getattr(pair[1], "args", ()) or (None,)
    route = getattr(getattr(inner, "func", None), "route", "")
    if route and len(rest) == 2 and "stretch" in routes():
        return route, (*(x for x in inner.args if x is not None), *rest[0])
    return elementwise(pair[1])


def _is_long(x: Array) -> bool:
    """Whether an array is more than one number, however stretched."""
    return x.size > 1 and any(x.strides)


def _place(x: Array) -> Any:
    """What tells arrays of a stretch apart: of views with another dtype of what it writes, one ends it."""
    return address(x), x.dtype, _is_long(x)


def _goes_on(stretch: list[Pair], pair: Pair) -> bool:
    """Whether a call can be one of a stretch, and go on with what those before it do.

    What outlives the step is written when all is known that may go another way (see ``Program``).
    """
    calls, taken = zip(*((each[0], _taken(each)) for each in (*stretch, pair)), strict=True)
    function, arrays = taken[-1]
    if not arrays or arrays[-1].size < 2 * BLOCK or len(calls) > MOST:
        return False
    are_single = {all(x.dtype == np.float32 for x in each) for _, each in taken}  # which kernels take
    if "stretch" in routes() and (len(are_single) > 1 or (type(function) is str and False in are_single)):
        return False
    lasts = any(ref.root.kind == "lasting" for call in calls for ref in call.written())
    if lasts and any(call.part.endswith("backward") for call in calls):
        return False
    places = {_place(x): x for _, each in taken for x in each}
    forms = {x.shape if x.flags.c_contiguous else None for x in places.values() if _is_long(x)}
    return forms == {arrays[-1].shape} and all(
        places[_place(x)] is y or not np.may_share_memory(x, y) for x in arrays for y in places.values()
    )


def _as_one(stretch: list[Pair], uses: Counter[Ref]) -> list[Pair]:
    """A stretch as one call, of a kernel or of NumPy's functions block by block; as it is where neither is possible."""
    call, (steps, given, between) = merged(stretch), _numbered(stretch, uses)
    if "stretch" in routes():
        with settled():
            kernel = routed("stretch", None, given[steps[-1][2]], steps, tuple(given))
        if kernel is not None:
            return [(call, partial(passed, kernel))]
    if any(type(function) is str for function, *_ in steps):
        return stretch
    cut: list[Any] = []
    for start in range(0, given[steps[-1][2]].size, BLOCK):
        parts = [x.reshape(-1)[start : start + BLOCK] if x.ndim else x for x in given]
        parts += [x[: parts[steps[-1][2]].size] for x in between]
        cut += [into(function, [parts[i] for i in takes], parts[to]) for function, takes, to in steps]
    return [(call, partial(make, cut))]


def _numbered(stretch: list[Pair], uses: Counter[Ref]) -> tuple[tuple[Any, ...], list[Array], list[Array]]:
    """Of each call the function, what it takes and where its result goes, as indices; and what these are of.

    The first are arrays and numbers of the program, the others blocks of what nothing else uses.
    """
    taken, inside = [_taken(pair) for pair in stretch], Counter(ref.root for call, _ in stretch for ref in call.refs())
    last = {address(arrays[-1]): i for i, (_, arrays) in enumerate(taken)}
    left = {
        i for i in last.values() for ref in stretch[i][0].written()
        if ref.root.kind != "temporary" or inside[ref.root] != uses[ref.root]
    }  # fmt: skip
    given: dict[Any, Array] = {}  # by place
    between: dict[Any, Array] = {}
    now: dict[Any, Any] = {}  # where that is which was written to a place
    steps: list[Any] = []
    for i, (function, (*args, out)) in enumerate(taken):
        places = [_place(x) for x in args]
        given |= {p: lone(x) for p, x in zip(places, args, strict=True) if p not in now and p not in given}
        takes, to = [now.get(place, place) for place in places], _place(out) if i in left else (address(out), out.dtype)
        if i in left:
            given[to] = out
        elif to not in between:
            between[to] = np.empty(BLOCK, out.dtype)
        now[_place(out)] = to
        steps.append((function, takes, to))
    index = {place: i for i, place in enumerate((*given, *between))}
    numbered = ((function, tuple(index[place] for place in takes), index[to]) for function, takes, to in steps)
    return tuple(numbered), list(given.values()), list(between.values())


def passed(kernel: Callable[[], Any]) -> None:
    """Run a stretch's kernel, or raise Changed where NaN is made of numbers and NumPy would raise."""
    if kernel()[1].any() and np.geterr()["invalid"] == "raise":
        raise Changed

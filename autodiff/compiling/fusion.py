"""Small calls that do the same to several arrays: where these lie side by side in memory, one call does it to all."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np

from autodiff.compiling.calls import Call
from autodiff.compiling.traced import Ref
from autodiff.engine.values import TensorBase

Array = np.ndarray[Any, Any]
Pair = tuple[Call, Callable[[], Any]]  # a call, and the function without arguments that makes it
EXACT = {  # whose bits do not depend on where an entry lies
    np.absolute, np.add, np.divide, np.maximum, np.minimum, np.multiply, np.negative, np.sign, np.sqrt, np.square,
    np.subtract,
}  # fmt: skip
SMALL, TOGETHER = 1 << 12, 1 << 14  # entries of one array, and of those side by side
TERMS = 4  # of a sum that is worth it


def side_by_side(arrays: list[Array]) -> list[Array]:
    """New arrays like these, one directly behind the other; each counts as the owner of its memory."""
    raw = bytearray(sum(x.nbytes for x in arrays) + 64)
    starts, made = [-np.frombuffer(raw, np.uint8).__array_interface__["data"][0] % 64], []
    for x in arrays:
        made.append(np.ndarray(x.shape, x.dtype, raw, starts[-1]))
        starts.append(starts[-1] + x.nbytes)
    return made


def gather(optimizer: Any) -> None:
    """Give parameters, and what an optimizer keeps of them, memory side by side, where nobody else refers to it."""
    for group in optimizer.param_groups:
        states = [optimizer.state.get(p, {}) for p in group["params"]]
        for tensors in (group["params"], *([state.get(name) for state in states] for name in states[0])):
            found = [x for x in tensors if isinstance(x, TensorBase) and _is_small(x._array) and x._array.base is None]
            found = [x for x in found if sys.getrefcount(x._array) == 2 and x._array.dtype == found[0]._array.dtype]
            for x, array in zip(found, side_by_side([x._array for x in found]), strict=True):
                np.copyto(array, x._array)
                x._array = array


def _is_small(array: Any) -> bool:
    return bool(array.dtype.kind == "f" and 0 < array.size <= SMALL and array.flags.c_contiguous)


def _is_simple(call: Call) -> bool:
    return call.function in EXACT and not call.kwargs and len(call.outs) == 1 and _is_small(call.outs[0].array)  # type: ignore[union-attr]


def arranged(calls: list[Call], results: list[Ref]) -> tuple[list[Call], list[list[Ref]]]:
    """The calls in an order in which those that do the same follow each other; and what should lie side by side."""
    made: list[Call] = []
    rows: list[Any] = []
    for simple, several in groupby(_sums_last(calls, results, rows), _is_simple):
        if not simple:
            made += several
        for group in _groups(list(several)):
            for row in zip(*group, strict=True):
                made += row
                rows.append(row)
    beside = (zip(*((*call.args, *call.outs) for call in row), strict=True) for row in rows if len(row) > 1)
    return made, [list(refs) for several in beside for refs in several]


def _groups(calls: list[Call]) -> list[list[list[Call]]]:
    """Groups of lanes that do the same, where a lane is what depends on each other in a stretch of calls."""
    top: dict[Ref, Ref] = {}

    def find(ref: Ref) -> Ref:
        while ref in top:
            ref = top[ref]
        return ref

    written = {ref.root for call in calls for ref in call.written()}
    for call in calls:
        first, *others = {find(ref.root) for ref in call.refs() if ref.root in written}
        top.update((other, first) for other in others)
    lanes: dict[Ref, list[Call]] = {}
    for call in calls:
        lanes.setdefault(find(call.written()[0].root), []).append(call)
    groups: list[list[list[Call]]] = []
    size = 0
    for lane in lanes.values():
        size += lane[0].written()[0].array.size
        if groups and size <= TOGETHER and [c.function for c in lane] == [c.function for c in groups[-1][0]]:
            groups[-1].append(lane)
        else:
            groups.append([lane])
            size = 0
    return groups


def _sums_last(calls: list[Call], results: list[Ref], rows: list[Any]) -> Iterator[Call]:
    """The calls, with sums of many small terms where they end, the terms right before them; ``rows`` gets the terms."""
    uses = Counter([ref.root for call in calls for ref in call.refs()] + [ref.root for ref in results])
    writes = Counter(ref.root for call in calls for ref in call.written())
    by = {ref.root: call for call in calls for ref in call.written()}
    sums: dict[Ref, list[Call]] = {}

    def is_term(call: Call | None) -> bool:
        return call is not None and _is_simple(call) and uses[call.outs[0]] == 2 and all(  # type: ignore[index]
            writes[ref.root] == (ref.root.kind == "temporary") for ref in call.args if isinstance(ref, Ref)
        )  # fmt: skip

    for call in calls:
        if call.function is np.add and _is_simple(call) and not call.writes:
            so_far = sums.pop(call.args[0], []) if uses[call.args[0]] == 2 else []
            sums[call.outs[0]] = [*so_far, call]  # type: ignore[index]
    moved: dict[Call, list[Call]] = {}
    for adds in sums.values():
        terms = [by.get(ref) for ref in (adds[0].args[0], *(call.args[1] for call in adds))]
        entries = len(terms) * adds[0].outs[0].array.size  # type: ignore[union-attr]
        if len(terms) >= TERMS and entries <= TOGETHER and all(map(is_term, terms)):
            moved |= {call: [] for call in adds} | {call: [] for call in terms if call}
            moved[adds[-1]] = [*terms, *adds]  # type: ignore[list-item]
            rows.append(terms)
    for call in calls:
        yield from moved.get(call, [call])


def together(pairs: list[Pair]) -> list[Pair]:
    """The calls, with those that do the same to arrays side by side as one, and sums of such arrays as one."""
    at_once = [pair for run in stretches(pairs, _does_the_same) for pair in _at_once(run)]
    return [pair for run in stretches(at_once, _adds_on) for pair in _sum(run)]


def stretches(pairs: list[Pair], goes_on: Callable[[list[Pair], Pair], bool]) -> Iterator[list[Pair]]:
    """The calls, cut where one does not go on with what those before it do."""
    stretch: list[Pair] = []
    for pair in pairs:
        if stretch and not goes_on(stretch, pair):
            yield stretch
            stretch = []
        stretch.append(pair)
    yield stretch


def into(function: Any, args: Any, out: Array) -> Any:
    """A call of a ufunc whose result goes into ``out``."""
    if function in (np.minimum, np.maximum):  # of which NumPy warns if ``out`` has no name
        return partial(function, *args, out=out)
    return partial(function, *args, out)


def _arrays(pair: Pair) -> tuple[Array, ...]:
    """What a simple call takes and gives; empty for others."""
    made: Any = pair[1]
    if not isinstance(made, partial) or made.func not in EXACT:
        return ()
    return (*made.args, *made.keywords.values())


def _address(x: Array) -> int:
    address: int = x.__array_interface__["data"][0]
    return address


def _follows(x: Any, y: Any) -> bool:
    """Whether an array lies directly behind another."""
    is_beside = type(x.base) is bytearray and x.base is y.base and x.dtype == y.dtype
    return is_beside and _address(y) == _address(x) + x.nbytes


def _does_the_same(run: list[Pair], pair: Pair) -> bool:
    some, others = _arrays(run[-1]), _arrays(pair)
    if not some or len(some) != len(others) or run[-1][1].func is not pair[1].func:  # type: ignore[attr-defined]
        return False
    same = all(_follows(x, y) or (x is y and x.size == 1) for x, y in zip(some, others, strict=True))
    return same and some[-1] is not others[-1]


def _whole(arrays: Any) -> Array:
    """Arrays side by side as one."""
    first: Any = arrays[0]
    if first is arrays[-1]:
        return first
    start = _address(first) - _address(np.frombuffer(first.base, np.uint8))
    return np.frombuffer(first.base, first.dtype, sum(x.size for x in arrays), start)


def _at_once(run: list[Pair]) -> list[Pair]:
    """One call in place of several that do the same."""
    if len(run) < 2:
        return run
    *given, out = (_whole(arrays) for arrays in zip(*map(_arrays, run), strict=True))
    if any(_address(x) != _address(out) and np.may_share_memory(x, out) for x in given):
        return run  # one of them reads what another has written
    calls = [call for call, _ in run]
    outs, writes = [out for call in calls for out in call.outs], [ref for call in calls for ref in call.writes]
    call = Call(calls[0].function, (), {}, outs, writes, False, calls[0].part, calls[0].place)
    return [(call, into(call.function, given, out))]


def _adds_on(run: list[Pair], pair: Pair) -> bool:
    some, others = _arrays(run[-1]), _arrays(pair)
    if not some or not others or run[-1][1].func is not np.add or pair[1].func is not np.add:  # type: ignore[attr-defined]
        return False
    return others[0] is some[2] is others[2] and _follows(some[1], others[1]) and others[1].shape == others[2].shape


def _sum(run: list[Pair]) -> list[Pair]:
    """One call in place of a sum: along the first axis NumPy adds one after another, if that is not the last."""
    terms = [_arrays(run[0])[0], *(_arrays(pair)[1] for pair in run)] if len(run) >= TERMS - 1 else []
    if not terms or terms[0].size < 2 or not _follows(terms[0], terms[1]):
        return run
    rows = _whole(terms).reshape(len(terms), -1)
    out = _arrays(run[0])[2]
    return [(run[-1][0], partial(np.add.reduce, rows, 0, None, out.reshape(-1)))]

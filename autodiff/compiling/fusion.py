"""Small calls that do the same to several arrays: where these lie side by side in memory, one call does it to all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

import numpy as np

from autodiff.compiling.calls import Call
from autodiff.compiling.capture import layout
from autodiff.compiling.traced import Ref

Array = np.ndarray[Any, Any]
Pair = tuple[Call, Callable[[], Any]]  # a call, and the function without arguments that makes it
EXACT = {  # whose bits do not depend on where an entry lies
    np.absolute, np.add, np.divide, np.maximum, np.minimum, np.multiply, np.negative, np.sign, np.sqrt, np.square,
    np.subtract,
}  # fmt: skip
SMALL, TOGETHER = 1 << 12, 1 << 14  # entries of one array, and of the terms of a sum
TERMS = 4  # of a sum that is worth it


def _is_small(array: Any) -> bool:
    return bool(array.dtype.kind == "f" and 0 < array.size <= SMALL and array.flags.c_contiguous)


def _is_simple(call: Call) -> bool:
    return call.function in EXACT and not call.kwargs and len(call.outs) == 1 and _is_small(call.outs[0].array)  # type: ignore[union-attr]


def arranged(calls: list[Call], results: list[Ref]) -> tuple[list[Call], list[list[Any]]]:
    """The calls in an order in which those that do the same follow each other; and what should lie side by side."""
    rows: list[list[Call]] = []
    for is_simple, found in groupby(_summed(calls, results), _is_simple):
        several = list(found)
        rows += _in_turns(several) if is_simple else [[call] for call in several]
    beside: list[Any] = [call.args for row in rows for call in row if call.function is add_up]
    for row in rows:
        beside += zip(*((*call.args, *call.outs) for call in row), strict=True) if len(row) > 1 else ()
    return list(chain(*rows)), [list(refs) for refs in beside]


def _in_turns(calls: list[Call]) -> list[list[Call]]:
    """Rows of calls that do the same, each as late as what reads its result, or writes over what it takes, allows."""
    written = {ref.root for call in calls for ref in call.written()}
    read_in, written_in = Counter[Ref](), Counter[Ref]()
    rows: dict[Any, list[Call]] = {}
    for call in reversed(calls):
        takes, changes = {ref.root for ref in call.refs()} & written, {ref.root for ref in call.written()}
        turn = 1 + max([written_in[root] for root in takes] + [read_in[root] for root in changes])
        read_in |= Counter(dict.fromkeys(takes, turn))
        written_in |= Counter(dict.fromkeys(changes, turn))
        numbers = [None if isinstance(x, Ref) and x.array.ndim else x for x in call.args]
        rows.setdefault((turn, call.function, *numbers), []).append(call)
    return [rows[key][::-1] for key in sorted(rows, key=itemgetter(0), reverse=True)]


def _summed(calls: list[Call], results: list[Ref]) -> list[Call]:
    """The calls, with sums of many small terms, which are made for that alone, as one call where they end."""
    uses = Counter([ref.root for call in calls for ref in call.refs()] + [ref.root for ref in results])
    simple: list[Any] = [call for call in calls if _is_simple(call) and not call.writes]
    once = {call.outs[0] for call in simple if uses[call.outs[0]] == 2}  # made, and read
    sums: dict[Any, list[Call]] = {}
    for call in simple:
        if call.function is np.add:
            so_far = sums.pop(call.args[0], []) if call.args[0] in once else []
            sums[call.outs[0]] = [*so_far, call]
    after = {call: [call] for call in calls}
    for out, adds in sums.items():
        terms = [adds[0].args[0], *(call.args[1] for call in adds)]
        is_worth_it = TERMS <= len(terms) <= TOGETHER // out.array.size and once.issuperset(terms)
        if is_worth_it and all(layout(ref.array) == layout(out.array) for ref in terms):
            after.update({call: [] for call in adds})
            after[adds[-1]] = [Call(add_up, terms, {}, [out], (), False, adds[0].part, adds[0].place)]
    return [*chain(*after.values())]


def add_up(terms: tuple[Array, ...], out: Array) -> None:
    """Write the sum of arrays of one shape to ``out``, added one after another."""
    np.add(terms[0], terms[1], out)
    for x in terms[2:]:
        np.add(out, x, out)


def total(terms: tuple[Array, ...], out: Array) -> Callable[[], Any]:
    """``add_up`` as a function without arguments: along the first axis NumPy adds so, too, if that is not the last."""
    if out.size == 1 or not all(map(_follows, terms, terms[1:])):
        return partial(add_up, terms, out)
    return partial(np.add.reduce, _whole(terms).reshape(len(terms), -1), 0, None, out.reshape(-1))


def together(pairs: list[Pair]) -> list[Pair]:
    """The calls, with those that do the same to arrays side by side as one."""
    return [pair for run in stretches(pairs, _does_the_same) for pair in _at_once(run)]


def stretches(pairs: list[Pair], goes_on: Callable[[list[Pair], Pair], bool]) -> Iterator[list[Pair]]:
    """The calls, cut where one does not go on with what those before it do."""
    stretch: list[Pair] = []
    for pair in pairs:
        if stretch and not goes_on(stretch, pair):
            yield stretch
            stretch = []
        stretch.append(pair)
    yield stretch


def merged(run: list[Pair]) -> Call:
    """One call in place of several."""
    calls = [call for call, _ in run]
    outs, writes = [out for call in calls for out in call.outs], [ref for call in calls for ref in call.writes]
    part = next((call.part for call in calls if call.part.endswith("backward")), calls[0].part)
    return Call(calls[0].function, (), {}, outs, writes, False, part, calls[0].place)


def into(function: Any, args: Any, out: Array) -> Any:
    """A call of a ufunc whose result goes into ``out``."""
    if function in (np.minimum, np.maximum):  # of which NumPy warns if ``out`` has no name
        return partial(function, *args, out=out)
    return partial(function, *args, out)


def elementwise(made: Any) -> tuple[Any, tuple[Array, ...]]:
    """The ufunc that an elementwise call calls, and what it takes, its result at the end; None for other calls."""
    function = getattr(made, "func", None)
    if isinstance(function, np.ufunc) and function.signature is None and not made.keywords.keys() - {"out"}:
        arrays = (*made.args, *made.keywords.values())
        if all(isinstance(x, np.ndarray) for x in arrays):
            return function, arrays
    return None, ()


def address(x: Array) -> int:
    """Where an array begins."""
    found: int = x.__array_interface__["data"][0]
    return found


def _follows(x: Any, y: Any) -> bool:
    """Whether an array lies directly behind another."""
    is_beside = type(x.base) is bytearray and x.base is y.base and x.dtype == y.dtype
    return is_beside and address(y) == address(x) + x.nbytes


def _does_the_same(run: list[Pair], pair: Pair) -> bool:
    (function, some), (other, others) = elementwise(run[-1][1]), elementwise(pair[1])
    if function is not other or function not in EXACT or some[-1] is others[-1]:
        return False
    return all(_follows(x, y) or (x is y and x.size == 1) for x, y in zip(some, others, strict=True))


def _whole(arrays: Any) -> Array:
    """Arrays side by side as one."""
    first: Any = arrays[0]
    if first is arrays[-1]:
        return first
    start = address(first) - address(np.frombuffer(first.base, np.uint8))
    return np.frombuffer(first.base, first.dtype, sum(x.size for x in arrays), start)


def _at_once(run: list[Pair]) -> list[Pair]:
    """One call in place of several that do the same."""
    if len(run) < 2:
        return run
    *given, out = (_whole(arrays) for arrays in zip(*(elementwise(made)[1] for _, made in run), strict=True))
    if any(address(x) != address(out) and np.may_share_memory(x, out) for x in given):
        return run  # one of them reads what another has written
    call = merged(run)
    return [(call, into(call.function, given, out))]

"""Formulas as kernels: a function runs on symbols, and its calls become one pass over memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial, reduce
from typing import Any, NamedTuple

import numpy as np

from autodiff.kernels.geometry import Array
from autodiff.kernels.llvm import library
from autodiff.kernels.llvm.builder import Argument, Code, Int, Machine, Value
from autodiff.kernels.llvm.elementwise import BODIES, Symbol
from autodiff.kernels.llvm.library import SINGLE, Job, Kernel, single
from autodiff.kernels.llvm.trial import leaves, mapped

LONG = 1 << 12  # numbers from which on a kernel pays
BLOCK = 1 << 15  # numbers that a thread takes at a time
ARRAY, NUMBER = "an array", "a number"  # what is known when the kernel runs


class Stretch(NamedTuple):
    """Calls of a program, one after another, as a function of the arrays that they take and leave behind.

    Args:
        steps: of each call the function, or the name of its route; what it takes, and where its result goes: which of
            the arrays, or of places behind them.
    """

    steps: tuple[tuple[Any, tuple[int, ...], int], ...]

    def __call__(self, *arrays: Symbol) -> None:
        """Make the calls."""
        values = dict(enumerate(arrays))
        for function, taken, to in self.steps:
            made = BODIES.get(function, function)(*(values[i] for i in taken))
            values[to] = values[to].become(made.value) if to < len(arrays) else made


Key = tuple[Callable[..., Any], Any]  # the function, and its arguments without what is known when the kernel runs


def _form(arrays: list[Any], numbers: list[Any], x: Any) -> Any:
    """An argument; what is known when the kernel runs goes into the lists instead."""
    if isinstance(x, np.ndarray) and x.ndim:
        arrays.append(x)
        return ARRAY
    if (isinstance(x, np.ndarray) and x.dtype == SINGLE) or (type(x) is float and not x.is_integer()):
        numbers.append(x)
        return NUMBER
    return x


def _compared(k: Code, how: str, x: Value) -> Value:
    """Whether the size of numbers compares with infinity."""
    size = k.call(x.type, f"llvm.fabs.v{k.lanes}f32", x) or x
    return k.op(f"<{k.lanes} x i1>", f"fcmp {how} {size}, {k.constant(math.inf).name}")


def _step(k: Code, key: Key, numbers: Sequence[Symbol], at: Int, last: Int, is_new: Value) -> Value:
    """Build the formula for a vector, of which so many numbers count: which are NaN and were not, or were so before.

    Raises:
        TypeError: for a function that gives an array which it was given, or a number.
    """
    places = [k.at(x, (at, 4)) for x in k.arrays[:-2]]
    arrays = [Symbol(k, k.load(x, last=last)) for x in places[:-1]]
    given, known = iter(arrays), iter(numbers)
    made = key[0](*mapped(lambda x: next(given) if x is ARRAY else next(known) if x is NUMBER else x, key[1]))
    if made is not None and (made.is_number or any(made is x for x in arrays)):
        raise TypeError("a formula gives a new array, or none")
    ends = [*(x if x.changed else None for x in arrays), made]
    results = [(x.vector(x), place) for x, place in zip(ends, places, strict=True) if x is not None]
    for x, place in results:
        k.store(x, place, last=last)
    inside = [mask] if (mask := k.mask(0, last)) else []
    sizes = [Argument(int(x is not None or i < len(arrays)), written=x is not None) for i, x in enumerate(ends)]
    k.arguments = (*sizes, *k.arguments[-2:])
    for bad, fine in (("uno", "ord"), *[("oge", "olt")] * (made is not None)):
        was_fine = [_compared(k, fine, x.taken) for x in arrays if x.is_read]
        is_bad = reduce(partial(k.binary, "or"), [_compared(k, bad, x) for x, _ in results])
        is_new = k.binary("or", is_new, reduce(partial(k.binary, "and"), [is_bad, *was_fine, *inside]))
    return is_new


@lru_cache(maxsize=256)
def build(machine: Machine, key: Key) -> Code | None:
    """The kernel of a formula: of its arrays, the one it gives, its numbers, and whether it made NaN of numbers.

    If it gives one: or anything infinite of what is finite. None for what is no such formula.
    """
    form, lanes = leaves(key[1]), machine.lanes
    count, known = form.count(ARRAY), form.count(NUMBER)
    k = Code(machine, [*[Argument(1)] * (count + 1), Argument(0, known), Argument(0, lanes, written=True, sums=True)])
    numbers = [Symbol(k, k.splat(k.arrays[-2], 4 * i), True) for i in range(known)]
    # Of a part the vectors that begin in it; that at the end of all is not a whole one.
    begin, edge = (k.mul(k.divide(x, lanes)[0], lanes) for x in (k.add(k.start, lanes - 1), k.whole))
    none = Value(f"<{lanes} x i1>", "zeroinitializer")
    try:
        with k.loop(begin, k.least(k.stop, edge), lanes, [none]) as turn:
            turn.next = [_step(k, key, numbers, turn.index, lanes, *turn.values)]
        with k.loop(k.most(begin, edge), k.stop, lanes, turn.out) as rest:
            left = k.add(k.whole, k.mul(rest.index, -1))
            rest.next = [_step(k, key, numbers, rest.index, left, *rest.values)]
    except Exception:  # whatever it does instead, NumPy will do
        return None
    k.store(k.select(rest.out[0], k.constant(1), k.zero), k.arrays[-1])
    return k


def _fit(arrays: Sequence[Any]) -> bool:
    """Whether there are arrays, all of one shape, which a kernel takes, and long."""
    alike = single(*arrays) and len({x.shape for x in arrays}) == 1 and arrays[0].size >= LONG
    return alike and all(x.flags.c_contiguous and x.flags.aligned for x in arrays)


def apply(arrays: Sequence[Array], numbers: Sequence[Any], kernel: Kernel) -> tuple[Any, Array]:
    """What a kernel makes of arrays of one shape, in a new one, or True; and ones where ``build`` says."""
    size, gives = arrays[0].size, kernel.arguments[len(arrays)].written
    out, known = np.empty(arrays[0].shape if gives else 0, np.float32), np.array(numbers, np.float32)
    parts = size // BLOCK or 1
    found = np.empty(parts * kernel.machine.lanes, np.float32)
    kernel(*arrays, out, known, found, stop=size, parts=parts)
    return out if gives else True, found


def _told(arrays: Sequence[Array], numbers: Sequence[Any], kernel: Kernel) -> Any:
    """What a kernel gives, or True; None for what has a NaN or an infinity of which NumPy has to tell somebody."""
    made, found = apply(arrays, numbers, kernel)
    is_told = made is not True and found.any() and set(np.geterr().values()) != {"ignore"}
    return None if is_told else made


def formula(first: Any, function: Any, arguments: Any, name: str = "", run: Any = _told) -> Job | None:
    """The route of ``function(*arguments)``, elementwise: what it gives, or True."""
    arrays, numbers = [], []  # type: list[Any], list[Any]
    key = function, mapped(partial(_form, arrays, numbers), arguments)
    code = build(library.host(), key) if _fit(arrays) else None
    if code is None:
        return None
    for x, argument in zip(arrays, code.arguments, strict=False):
        others = (y for y in arrays if y is not x)
        if argument.written and not (x.flags.writeable and not any(np.may_share_memory(x, y) for y in others)):
            return None
    return name or f"the formula {function.__name__}", key, build, partial(run, arrays, numbers)


def of(name: str) -> Callable[..., Job | None]:
    """The route of a function of one array or several."""
    return lambda *arrays: formula(arrays[0], BODIES[name], arrays, name)


def stretch(first: Any, steps: Any, arguments: tuple[Any, ...]) -> Job | None:
    """The route of calls of a program that are made again and again (see ``Stretch``): gives a call without arguments.

    ``compile`` compares its bits with the step's.
    """
    return formula(first, Stretch(steps), arguments, "a stretch of calls", partial(partial, apply))


def once(first: Any, steps: Any, arguments: tuple[Any, ...], *_: Any) -> Job | None:
    """The route of such calls that are made now: gives True, or None if they made NaN of numbers."""
    run: Callable[..., bool | None] = lambda *given: not apply(*given)[1].any() or None
    return formula(first, Stretch(steps), arguments, "cotangents in one pass", run)

"""Formulas as kernels: a function runs once on symbols, and its calls become one pass over memory.

A kernel goes over whole vectors; the numbers that are left over go through it in a vector of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial, reduce
from typing import Any, NamedTuple

import numpy as np

from autodiff.kernels.geometry import Array
from autodiff.kernels.llvm.builder import Argument, Code, Machine, Value
from autodiff.kernels.llvm.elementwise import BODIES, Symbol
from autodiff.kernels.llvm.library import SINGLE, Kernel, host, ready

LONG = 1 << 12  # numbers from which on a kernel pays
BLOCK = 1 << 15  # numbers that a thread takes at a time
ARRAY, NUMBER = "an array", "a number"  # what is known when the kernel runs
NOTHING = np.empty(0, np.float32)


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


Key = tuple[Callable[..., Any], Any]  # the function, and the form of its arguments


class Plan(NamedTuple):
    """How many numbers a formula reads, which of its arrays it changes, and whether it gives a new one."""

    numbers: int
    written: tuple[bool, ...]
    gives: bool


def _form(x: Any, arrays: list[Any], numbers: list[Any]) -> Any:
    """An argument without what is known when the kernel runs, which goes into the lists."""
    if isinstance(x, tuple):
        return type(x), *(_form(each, arrays, numbers) for each in x)
    if isinstance(x, np.ndarray) and x.ndim:
        arrays.append(x)
        return ARRAY
    if (isinstance(x, np.ndarray) and x.dtype == SINGLE) or (type(x) is float and not x.is_integer()):
        numbers.append(x)
        return NUMBER
    return x


def _filled(form: Any, arrays: Any, numbers: Any) -> Any:
    """The argument of such a form."""
    if isinstance(form, tuple):
        kind, *parts = form
        made = (_filled(part, arrays, numbers) for part in parts)
        return tuple(made) if kind is tuple else kind(*made)
    return next(arrays) if form is ARRAY else next(numbers) if form is NUMBER else form


def _run(k: Code, key: Key, addresses: Any, offset: Any, numbers: list[Value]) -> tuple[list[Symbol], Any]:
    """The function's calls as code: the symbols of the arrays, and what it gives."""
    arrays = [Symbol(k, k.load(x, offset)) for x in addresses]
    made = key[0](*_filled(key[1], iter(arrays), iter([Symbol(k, number, True) for number in numbers])))
    return arrays, made


def _count(form: Any, what: str) -> int:
    return sum(_count(part, what) for part in form) if isinstance(form, tuple) else int(form is what)


@lru_cache(maxsize=1024)
def plan_of(key: Key) -> Plan | None:
    """The plan; None for what is no such formula."""
    count, numbers = _count(key[1], ARRAY), _count(key[1], NUMBER)
    try:
        k = Code(host(), [Argument(0)] * count)
        arrays, made = _run(k, key, k.arrays, 0, [k.zero] * numbers)
        written = tuple(x.changed for x in arrays)
        gives = made is not None and all(made is not x for x in arrays)
        if made is not None and (not gives or made.is_number or made.vector(made) is None):
            return None
    except Exception:  # whatever it does instead, NumPy will do
        return None
    return Plan(numbers, written, gives) if gives or any(written) else None


def _compared(k: Code, how: str, x: Value) -> Value:
    """Whether the size of numbers compares with infinity."""
    size = k.call(x.type, f"llvm.fabs.v{k.lanes}f32", x) or x
    return k.op(f"<{k.lanes} x i1>", f"fcmp {how} {size}, {k.constant([math.inf] * k.lanes).name}")


def build(machine: Machine, key: Key) -> Code:
    """The kernel of a formula: of its arrays, the one it gives, its numbers, and whether it made NaN of numbers.

    If it gives one: or anything infinite of what is finite.
    """
    plan = plan_of(key) or Plan(0, (), False)
    written = [*plan.written, *[True] * plan.gives]
    k = Code(machine, [*(Argument(machine.lanes, written=each) for each in written), Argument(0, plan.numbers),
                       Argument(0, machine.lanes, written=True, sums=True)])  # fmt: skip
    *places, known, found = k.arrays
    numbers, flags = [k.splat(known, 4 * i) for i in range(plan.numbers)], f"<{k.lanes} x i1>"
    with k.loop(k.start, k.stop, carried=[Value(flags, "zeroinitializer")]) as turn:
        offset = k.mul(turn.index, 4 * k.lanes)
        arrays, made = _run(k, key, places[: len(plan.written)], offset, numbers)
        results = [(x.value, place) for x, place in zip([*arrays, *[made] * plan.gives], places, strict=True)
                   if x.changed or x is made]  # fmt: skip
        for x, place in results:
            k.store(x, place, offset)
        given, is_new = [x.taken for x in arrays if x.is_read], turn.values[0]
        for bad, fine in (("uno", "ord"), *[("oge", "olt")] * plan.gives):
            was_fine = [_compared(k, fine, x) for x in given]
            is_bad = reduce(partial(k.binary, "or"), [_compared(k, bad, x) for x, _ in results])
            is_new = k.binary("or", is_new, reduce(partial(k.binary, "and"), [is_bad, *was_fine]))
        turn.next = [is_new]
    k.store(k.select(turn.out[0], k.constant([1] * k.lanes), k.zero), found)
    return k


def _fit(arrays: Sequence[Any]) -> bool:
    """Whether there are arrays, all of one shape, which a kernel takes, and long."""
    shape = arrays[0].shape if arrays else ()
    for x in arrays:
        if type(x) is not np.ndarray or x.dtype != SINGLE or x.shape != shape or x.size < LONG:
            return False
        if not (x.flags.c_contiguous and x.flags.aligned):
            return False
    return bool(arrays)


def key_of(name: str) -> Key:
    """The key of a function of arrays alone."""
    return BODIES[name], (tuple, *[ARRAY] * BODIES[name].__code__.co_argcount)


def of(name: str) -> Callable[..., Array | None]:
    """The route of a function of one array or several."""

    def route(*arrays: Any) -> Array | None:
        made = prepared(BODIES[name], arrays, name)
        return None if made is None else _unless_new(*made())

    return route


def formula(first: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """The route of ``function(*arguments)``, of which the ``first`` is an array: what it gives, or True."""
    made = prepared(function, arguments)
    return None if made is None else _unless_new(*made())


def _unless_new(made: Any, found: Array) -> Any:
    """What a kernel gives, or True; None for what has a NaN or an infinity of which NumPy has to tell somebody."""
    is_told = made is not True and found.any() and set(np.geterr().values()) != {"ignore"}
    return None if is_told else made


def stretch(first: Any, steps: Any, arguments: tuple[Any, ...]) -> Callable[[], Any] | None:
    """The route of calls of a program that are made again and again (see ``Stretch``): one call without arguments."""
    return prepared(Stretch(steps), arguments)


def prepared(function: Any, arguments: tuple[Any, ...], name: str = "") -> Callable[[], Any] | None:
    """``function(*arguments)`` as a call without arguments, which gives what ``apply`` gives; None for no formula."""
    arrays: list[Any] = []
    numbers: list[Any] = []
    key = function, _form(arguments, arrays, numbers)
    plan = plan_of(key) if _fit(arrays) else None
    if plan is None:
        return None
    for x, written in zip(arrays, plan.written, strict=True):
        if written and not (x.flags.writeable and not any(y is not x and np.may_share_memory(x, y) for y in arrays)):
            return None
    is_stretch = type(function) is Stretch  # whose bits ``compile`` compares with the step's
    kind = name or ("a stretch of calls" if is_stretch else f"the formula {function.__name__}")
    kernel = ready(kind, key, build, is_stretch)
    return None if kernel is None else partial(apply, kernel, plan, arrays, numbers)


def apply(kernel: Kernel, plan: Plan, arrays: Sequence[Array], numbers: Sequence[Any] = ()) -> tuple[Any, Array]:
    """What a kernel makes of arrays of one shape, in a new one or in place; and ones where ``build`` says."""
    lanes, size = kernel.machine.lanes, arrays[0].size
    made = [np.empty(arrays[0].shape, np.float32)] if plan.gives else []
    flat, whole, parts = [x.reshape(-1) for x in (*arrays, *made)], size // lanes, size // BLOCK or 1
    known, rest = np.array(numbers, np.float32) if numbers else NOTHING, size % lanes
    found = np.empty((parts + (rest > 0)) * lanes, np.float32)
    kernel(*flat, known, found, stop=whole, parts=parts)
    if rest:
        ends = np.empty((len(flat), lanes), np.float32)
        for x, end in zip(flat, ends, strict=True):
            end[:rest], end[rest:] = x[-rest:], x[-1]
        kernel(*ends, known, found[-lanes:], stop=1)
        for x, end, written in zip(flat, ends, (*plan.written, True), strict=False):
            if written:
                x[-rest:] = end[:rest]
    return made[0] if made else True, found

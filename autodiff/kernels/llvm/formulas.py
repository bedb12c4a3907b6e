"""Formulas as kernels: a function runs once on symbols, and its calls of NumPy become one pass over memory.

Taken are calls that round once, as NumPy does, so that the bits are NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from autodiff.kernels.geometry import Array
from autodiff.kernels.llvm.builder import Argument, Code, Machine, Value
from autodiff.kernels.llvm.elementwise import Maths
from autodiff.kernels.llvm.library import SINGLE, Kernel, host, ready

LONG = 1 << 14  # numbers from which on a kernel pays
BLOCK = 1 << 15  # numbers that a thread takes at a time
ARRAY, NUMBER = "an array", "a number"  # what is known when the kernel runs

CALLS: dict[Any, Callable[..., Value]] = {
    np.add: Maths.add,
    np.subtract: Maths.minus,
    np.multiply: Maths.times,
    np.divide: lambda m, x, y: m.k.binary("fdiv", x, y),
    np.negative: lambda m, x: m.k.op(x.type, f"fneg {x}"),
    np.square: lambda m, x: m.times(x, x),
    np.absolute: Maths.size,
    np.sqrt: lambda m, x: m.k.call(x.type, f"llvm.sqrt.v{m.k.lanes}f32", x) or x,
}


class Symbol(np.lib.mixins.NDArrayOperatorsMixin):
    """What stands for an array, or for a number that is known when the kernel runs."""

    def __init__(self, maths: Maths, value: Value, is_number: bool = False) -> None:
        self.maths, self.value, self.is_number, self.changed = maths, value, is_number, False

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        known = all(isinstance(x, Symbol) or type(x) in (int, float) for x in inputs)
        of_numbers = all(x.is_number for x in inputs if isinstance(x, Symbol))  # which Python computes in double
        if method != "__call__" or ufunc not in CALLS or options or of_numbers or not known:
            return NotImplemented
        values = [x.value if isinstance(x, Symbol) else self.maths.number(x) for x in inputs]
        value = CALLS[ufunc](self.maths, *values)
        if out is None:
            return Symbol(self.maths, value)
        out[0].value, out[0].changed = value, True
        return out[0]


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
    maths = Maths(k)
    arrays = [Symbol(maths, k.load(x, offset)) for x in addresses]
    made = key[0](*_filled(key[1], iter(arrays), iter([Symbol(maths, number, True) for number in numbers])))
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
    except Exception:  # whatever it does instead, NumPy will do
        return None
    written = tuple(x.changed for x in arrays)
    gives = isinstance(made, Symbol) and not made.is_number and all(made is not x for x in arrays)
    return Plan(numbers, written, gives) if gives or (made is None and any(written)) else None


def build(machine: Machine, key: Key) -> Code:
    """The kernel of a formula: of its arrays, the one it gives, and its numbers."""
    plan = plan_of(key) or Plan(0, (), False)
    written = [*plan.written, *[True] * plan.gives]
    k = Code(machine, [*(Argument(machine.lanes, written=each) for each in written), Argument(0, plan.numbers)])
    numbers = [k.splat(k.arrays[-1], 4 * i) for i in range(plan.numbers)]
    with k.loop(k.start, k.stop) as turn:
        offset = k.mul(turn.index, 4 * k.lanes)
        arrays, made = _run(k, key, k.arrays[: len(plan.written)], offset, numbers)
        for x, place in zip([*arrays, *[made] * plan.gives], k.arrays, strict=False):
            if x.changed or x is made:
                k.store(x.value, place, offset)
    return k


def formula(first: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """The route of ``function(*arguments)``, of arrays like the ``first``: what it gives, or True."""
    arrays: list[Any] = []
    numbers: list[Any] = []
    if first.size < LONG:
        return None
    key = function, _form(arguments, arrays, numbers)
    plan = plan_of(key)
    if plan is None:
        return None
    for x, written in zip(arrays, plan.written, strict=True):
        flags = x.flags
        fits = type(x) is np.ndarray and x.dtype == SINGLE and x.shape == first.shape and flags.c_contiguous
        if not (fits and flags.aligned and (flags.writeable or not written)):
            return None
        if written and any(np.may_share_memory(x, other) for other in arrays if other is not x):
            return None
    kernel = ready(f"the formula {function.__qualname__}", key, build)
    return None if kernel is None else apply(kernel, plan, arrays, numbers)


def apply(kernel: Kernel, plan: Plan, arrays: list[Array], numbers: list[Any]) -> Any:
    """What a kernel makes of arrays of one shape, in a new one or in place."""
    lanes, size = kernel.machine.lanes, arrays[0].size
    made = [np.empty(arrays[0].shape, np.float32)] * plan.gives
    flat, known, whole = [x.reshape(-1) for x in (*arrays, *made)], np.array(numbers, np.float32), size // lanes
    kernel(*flat, known, stop=whole, parts=max(1, size // BLOCK))
    if rest := size - whole * lanes:
        ends = np.zeros((len(flat), lanes), np.float32)
        for x, end in zip(flat, ends, strict=True):
            end[:rest] = x[-rest:]
        kernel(*ends, known, stop=1)
        for x, end, written in zip(flat, ends, (*plan.written, True), strict=False):
            if written:
                x[-rest:] = end[:rest]
    return made[0] if made else True

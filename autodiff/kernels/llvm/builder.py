"""A kernel as LLVM IR: loops with carried values, vectors of float32, and edges that are masked.

A kernel is a function of the address of the words it is given, of a thread's number, for memory of its own, and of the
number of a part of all the work: of a range, and for sums that are added up later. Sizes are constants in its code. An
integer that is known while the kernel is built is an ``int``, any other value a ``Value``. Addresses are sums of bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, reduce
from typing import NamedTuple

LINE = 16  # numbers in a line of the cache


class Machine(NamedTuple):
    """The processor a kernel is made for.

    Args:
        triple, cpu, features: as LLVM names them.
        lanes: of a vector of float32.
        registers: vectors that it holds.
    """

    triple: str
    cpu: str
    features: str
    lanes: int
    registers: int


class Argument(NamedTuple):
    """An array that a kernel takes: of at least ``each * stop + fixed`` numbers.

    One of ``sums`` has ``fixed`` numbers for each part of the work.
    """

    each: int
    fixed: int = 0
    written: bool = False
    sums: bool = False


class Value(NamedTuple):
    """What an instruction gave: its type and its name."""

    type: str
    name: str

    def __str__(self) -> str:
        return f"{self.type} {self.name}"


Int = int | Value


class Loop:
    """A loop under construction.

    Attributes:
        index: which turn it is.
        values: the carried values at the beginning of a turn.
        next: set this to what they are at its end.
        out: what they are after the loop.
    """

    def __init__(self, index: Value, values: list[Value]) -> None:
        self.index, self.values, self.next = index, values, values
        self.out: list[Value] = []


class Code:
    """The text of a kernel, which grows by one instruction after another.

    Args:
        machine: what it is made for.
        arguments: the arrays whose addresses are the words that it is called with.
        turns: in how many turns it comes to the end of each thing that ``stop`` counts.

    Attributes:
        arrays: their addresses; of sums, where those of this part are.
        start, stop, whole: the range of this part, in turns, and where that of the last one stops.
        own: numbers of its own memory.
        lanes: of a vector.
        zero: the vector of zeros.
    """

    def __init__(self, machine: Machine, arguments: Sequence[Argument], turns: int = 1) -> None:
        self.machine, self.lanes, self.arguments = machine, machine.lanes, tuple(arguments)
        self.turns, self.own = turns, 0
        self.vector = f"<{self.lanes} x float>"
        self.zero = Value(self.vector, "zeroinitializer")
        self._all = Value(f"<{self.lanes} x i1>", "splat (i1 true)")
        self._lines: list[str] = []
        self._names, self._block = 0, "%entry"
        self._declared: dict[str, str] = {}
        self._given, who, part = self._parameters = [Value("i64", f"%a{k}") for k in range(3)]
        size, own, each, self.whole = (self.given(k - 4) for k in range(4))
        self._memory = self.add(own, self.binary("mul", who, size))
        self.start = self.binary("mul", part, each)
        self.stop = self.least(self.add(self.start, each), self.whole)
        self.arrays: list[Int] = [
            self.at(self.given(k), (part, 4 * argument.fixed)) if argument.sums else self.given(k)
            for k, argument in enumerate(arguments)
        ]

    def given(self, k: int) -> Value:
        """One of the words that it is called with; four come before them."""
        return self.integer(self._given, 32 + 8 * k)

    def room(self, numbers: int) -> Int:
        """The address of so many numbers more of the kernel's own memory, where a line of the cache begins."""
        at, self.own = self.own, self.own + -(-numbers // LINE) * LINE
        # LLVM may not see what two of them have in common: from one base it would make addresses of two registers,
        # which take the processor two steps.
        return self.op("i64", f'call i64 asm "", "=r,0"({self.add(self._memory, at * 4)})')

    def text(self) -> str:
        """The whole module."""
        parameters = ", ".join(map(str, self._parameters))
        head = [*self._declared.values(), f"define void @kernel({parameters}) nounwind {{", "entry:"]
        return "\n".join([*head, *self._lines, "ret void", "}"])

    def op(self, type: str, text: str) -> Value:
        """Add an instruction that gives a value."""
        self._names += 1
        self._lines.append(f"%v{self._names} = {text}")
        return Value(type, f"%v{self._names}")

    def call(self, type: str, name: str, *values: Value) -> Value | None:
        """Call one of LLVM's own functions."""
        self._declared[name] = f"declare {type} @{name}({', '.join(v.type for v in values)})"
        text = f"call {type} @{name}({', '.join(map(str, values))})"
        if type != "void":
            return self.op(type, text)
        self._lines.append(text)
        return None

    def binary(self, name: str, x: Value, y: Value) -> Value:
        """An instruction of two values of one type: ``fadd``, ``fmul``, ``and``, ..."""
        return self.op(x.type, f"{name} {x}, {y.name}")

    def compare(self, how: str, x: Int, y: Int) -> Value:
        """Compare integers: ``slt``, ``ult``, ``eq``, ..."""
        return self.op("i1", f"icmp {how} i64 {_name(x)}, {_name(y)}")

    def select(self, condition: Value, x: Int, y: Int) -> Value:
        """``x`` where the condition holds, else ``y``."""
        x, y = word(x), word(y)
        return self.op(x.type, f"select {condition}, {x}, {y}")

    def add(self, *terms: Int) -> Int:
        """The sum of integers, those that are known added up beforehand."""
        values, known = [t for t in terms if isinstance(t, Value)], sum(t for t in terms if isinstance(t, int))
        return reduce(partial(self.binary, "add"), values + [word(known)] * bool(known)) if values else known

    def mul(self, x: Int, factor: Int) -> Int:
        """The product of integers."""
        if isinstance(x, int) and isinstance(factor, int):
            return x * factor
        return self.binary("mul", word(x), word(factor))

    def at(self, base: Int, *steps: tuple[Int, Int]) -> Int:
        """An address: ``index * apart`` bytes beyond ``base``, for each (index, apart) of ``steps``."""
        return self.add(base, *(self.mul(index, apart) for index, apart in steps))

    def divide(self, x: Int, divisor: Int) -> tuple[Int, Int]:
        """Quotient and remainder of integers that are not negative."""
        if isinstance(x, int) and isinstance(divisor, int):
            return divmod(x, divisor)
        x, divisor = word(x), word(divisor)
        return (x, 0) if divisor.name == "1" else (self.binary("udiv", x, divisor), self.binary("urem", x, divisor))

    def least(self, x: Int, y: Int) -> Int:
        """The smaller of two integers."""
        known = isinstance(x, int) and isinstance(y, int)
        return min(x, y) if known else self.select(self.compare("slt", x, y), x, y)

    def most(self, x: Int, y: Int) -> Int:
        """The larger of two integers."""
        known = isinstance(x, int) and isinstance(y, int)
        return max(x, y) if known else self.select(self.compare("slt", x, y), y, x)

    def _go(self, label: str) -> None:
        self._lines.append(f"{label[1:]}:")
        self._block = label

    def _labels(self, count: int) -> list[str]:
        self._names += 1
        return [f"%b{self._names}.{k}" for k in range(count)]

    @contextmanager
    def loop(self, start: Int, stop: Int, step: Int = 1, carried: Sequence[Value] = ()) -> Iterator[Loop]:
        """Build the body of a loop over ``range(start, stop, step)`` that hands values from turn to turn."""
        body, after = self._labels(2)
        before, known = self._block, isinstance(start, int) and isinstance(stop, int) and start < stop
        some = "true" if known else self.compare("slt", start, stop).name
        self._lines.append(f"br i1 {some}, label {body}, label {after}")
        self._go(body)
        index, *values = (self.op(type, "") for type in ["i64", *(v.type for v in carried)])
        place, loop = len(self._lines) - 1 - len(values), Loop(index, values)
        yield loop
        turn = self.add(index, step)
        ends = [(index, start, turn), *zip(values, carried, loop.next, strict=True)]
        for k, (phi, first, later) in enumerate(ends):
            text = f"phi {phi.type} [{_name(first)}, {before}], [{_name(later)}, {self._block}]"
            self._lines[place + k] = f"{phi.name} = {text}"
        more, end = self.compare("slt", turn, stop), self._block
        self._lines.append(f"br {more}, label {body}, label {after}")
        self._go(after)
        loop.out = [
            self.op(x.type, f"phi {x.type} [{x.name}, {before}], [{y.name}, {end}]")
            for x, y in zip(carried, loop.next, strict=True)
        ]

    def constant(self, number: float) -> Value:
        """A vector of one number, in float32."""
        # LLVM reads a float in hexadecimal as the double of the same value.
        word = struct.pack(">d", *struct.unpack("f", struct.pack("f", number))).hex()
        return Value(self.vector, f"splat (float 0x{word})")

    def fma(self, x: Value, y: Value, z: Value) -> Value:
        """``x * y + z`` of vectors, rounded once."""
        return self.call(self.vector, f"llvm.fma.v{self.lanes}f32", x, y, z) or z

    def _pointer(self, address: Iterable[Int]) -> Value:
        return self.op("ptr", f"inttoptr i64 {_name(self.add(*address))} to ptr")

    def integer(self, *address: Int) -> Value:
        """An integer from memory."""
        return self.op("i64", f"load i64, {self._pointer(address)}, align 4")

    def load(self, *address: Int, first: int = 0, last: Int | None = None) -> Value:
        """A vector from memory; lanes outside of ``range(first, last)`` are 0, and their memory is not touched."""
        pointer, mask = self._pointer(address), self.mask(first, last)
        if mask is None:
            return self.op(self.vector, f"load {self.vector}, {pointer}, align 4")
        return self._masked(self.vector, "load", pointer, Value("i32", "4"), mask, self.zero)

    def take(self, apart: int, *address: Int, first: int = 0, last: Int | None = None) -> Value:
        """A vector of numbers that lie ``apart`` numbers from each other in memory; ``first`` and ``last`` as above."""
        if apart == 1:
            return self.load(*address, first=first, last=last)
        pointers, mask = self._pointers(self.spread(0, apart), address), self.mask(first, last) or self._all
        return self._masked(self.vector, "gather", pointers, Value("i32", "4"), mask, self.zero)

    def spread(self, first: Int, apart: int = 0) -> Value:
        """The vector of the whole numbers ``first``, ``first + apart``, ..."""
        kind, known = f"<{self.lanes} x i64>", first if isinstance(first, int) else 0
        steps = Value(kind, f"<{', '.join(f'i64 {known + apart * lane}' for lane in range(self.lanes))}>")
        return self.binary("add", self._everywhere(first, kind), steps) if isinstance(first, Value) else steps

    def _everywhere(self, x: Value, kind: str) -> Value:
        one = self.op(kind, f"insertelement {kind} poison, {x}, i32 0")
        return self.op(kind, f"shufflevector {one}, {one}, <{self.lanes} x i32> zeroinitializer")

    def _pointers(self, places: Value, address: Iterable[Int]) -> Value:
        return self.op(f"<{self.lanes} x ptr>", f"getelementptr float, {self._pointer(address)}, {places}")

    def store(self, x: Value, *address: Int, last: Int | None = None) -> None:
        """Write a vector, or those of its lanes that come before ``last``."""
        pointer, mask = self._pointer(address), self.mask(0, last)
        if mask is None:
            self._lines.append(f"store {x}, {pointer}, align 4")
        else:
            self._masked("void", "store", x, pointer, Value("i32", "4"), mask)

    def _masked(self, type: str, what: str, *values: Value) -> Value:
        pointers = "p0" if what in ("load", "store") else f"v{self.lanes}p0"
        return self.call(type, f"llvm.masked.{what}.v{self.lanes}f32.{pointers}", *values) or self.zero

    def mask(self, first: int, last: Int | None) -> Value | None:
        """The lanes in ``range(first, last)``; None where that are all. It may stand for ``last``, too."""
        last, i1s = self.lanes if last is None else last, self._all.type
        if isinstance(last, Value):
            return last if last.type == i1s else self.op(i1s, f"icmp slt {self.spread(0, 1)}, {self.spread(last).name}")
        if first <= 0 and last >= self.lanes:
            return None
        return Value(i1s, f"<{', '.join(f'i1 {int(first <= lane < last)}' for lane in range(self.lanes))}>")

    def splat(self, *address: Int) -> Value:
        """The number at an address, in all lanes."""
        number = self.op("float", f"load float, {self._pointer(address)}, align 4")
        return self._everywhere(number, self.vector)

    def turned(self, rows: list[Value]) -> list[Value]:
        """The columns of a square of numbers, whose last rows are 0 where they are missing."""
        rows, apart = rows + [self.zero] * (self.lanes - len(rows)), self.lanes // 2
        while apart:
            for i in (i for i in range(self.lanes) if not i & apart):
                one, other = rows[i], rows[i + apart]
                low = [lane if not lane & apart else self.lanes + lane - apart for lane in range(self.lanes)]
                rows[i] = self.shuffle(one, other, low)
                rows[i + apart] = self.shuffle(one, other, [lane + apart for lane in low])
            apart //= 2
        return rows

    def total(self, x: Value) -> Value:
        """The sum of a vector's lanes, in all lanes."""
        apart = self.lanes // 2
        while apart:
            x = self.binary("fadd", x, self.shuffle(x, x, [lane ^ apart for lane in range(self.lanes)]))
            apart //= 2
        return x

    def shuffle(self, x: Value, y: Value, lanes: Sequence[int]) -> Value:
        """The vector of these lanes of x, which come first, and y."""
        chosen = ", ".join(f"i32 {lane}" for lane in lanes)
        return self.op(self.vector, f"shufflevector {x}, {y}, <{len(lanes)} x i32> <{chosen}>")


def _name(x: Int) -> str:
    return x.name if isinstance(x, Value) else f"{x}"


def word(x: Int) -> Value:
    """An integer as a value."""
    return x if isinstance(x, Value) else Value("i64", f"{x}")

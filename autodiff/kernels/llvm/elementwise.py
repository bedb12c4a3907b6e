"""Elementwise functions as kernels: one pass over memory, with all in between in registers.

A kernel goes over whole vectors; the numbers that are left over go through it in a vector of their own.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from autodiff.kernels.geometry import Array
from autodiff.kernels.llvm.builder import Argument, Code, Machine, Value
from autodiff.kernels.llvm.library import SINGLE, Kernel, ready

LONG = 1 << 12  # numbers from which on a kernel pays
BLOCK = 1 << 16  # numbers that a thread takes at a time
WORTH_THREADS = 1 << 17  # numbers from which on a second thread pays

# Of least relative error, by weighted least squares in double precision: exp(r) = 1 + r + r^2 EXP(r) for |r| up to half
# of log 2, and exp(z^2) erfc(z) = t TAIL(t) for t = 1 / (1 + 0.35 z).
EXP = (0.50000001, 0.16666513, 0.04166619, 0.0083696, 0.00139517)
TAIL = (
    0.19748924981243746, 0.19703978917956433, 0.18866615397606337, 0.14784203220536207, 0.15517217841600695,
    0.07087722281550494, -0.009195382021032823, 0.16816262991641065, -0.1534876568260745, 0.03743378901055294,
)  # fmt: skip
ROUND = 1.5 * 2.0**23  # added to a number it leaves the nearest whole number in the last bits
LOG2_HIGH = 355 / 512  # with few digits, so that its multiples are exact


class Maths:
    """Functions of vectors."""

    def __init__(self, code: Code) -> None:
        self.k, self.whole = code, f"<{code.lanes} x i32>"

    def number(self, x: float) -> Value:
        """``x`` in all lanes."""
        return self.k.constant([x] * self.k.lanes)

    def add(self, x: Value, y: Value) -> Value:
        """x + y."""
        return self.k.binary("fadd", x, y)

    def minus(self, x: Value, y: Value) -> Value:
        """x - y."""
        return self.k.binary("fsub", x, y)

    def times(self, x: Value, *others: Value | float) -> Value:
        """The product of all."""
        for y in others:
            x = self.k.binary("fmul", x, y if isinstance(y, Value) else self.number(y))
        return x

    def where(self, how: str, x: Value, y: Value | float) -> Value:
        """Where x compares with y: ``olt``, ``ogt``; NaN does not."""
        y = y if isinstance(y, Value) else self.number(y)
        return self.k.op(f"<{self.k.lanes} x i1>", f"fcmp {how} {x}, {y.name}")

    def least(self, x: Value, y: float) -> Value:
        """The smaller of both; NaN stays."""
        return self.k.select(self.where("ogt", x, y), self.number(y), x)

    def size(self, x: Value) -> Value:
        """abs(x)."""
        return self.k.call(x.type, f"llvm.fabs.v{self.k.lanes}f32", x) or x

    def polynomial(self, coefficients: Sequence[float], x: Value) -> Value:
        """Horner's rule, the constant term first."""
        total = self.number(coefficients[-1])
        for c in coefficients[-2::-1]:
            total = self.k.fma(total, x, self.number(c))
        return total

    def _integers(self, what: str, x: Value, y: int) -> Value:
        return self.k.binary(what, x, Value(self.whole, f"<{', '.join([f'i32 {y}'] * self.k.lanes)}>"))

    def exp(self, x: Value) -> Value:
        """The exponential function, as 2^n times that of x - n log 2 (Cody & Waite 1980).

        The power comes in two factors, for what is nearly 0 or infinite. What is 0 is made without a number on the way
        that is so small that processors are slow with it.
        """
        k, vanishes = self.k, self.where("olt", x, -104)
        power, value = self._reduced(k.select(vanishes, k.zero, self.least(x, 89)))
        value, half = self.add(value, self.number(1)), self._integers("ashr", power, 1)
        for part in (half, k.binary("sub", power, half)):
            value = self.times(value, self._raised(part))
        return k.select(vanishes, k.zero, value)

    def _reduced(self, x: Value) -> tuple[Value, Value]:
        """n, and exp(x - n log 2) - 1, for the n that makes it small."""
        k, shifted = self.k, self.k.fma(x, self.number(1 / math.log(2)), self.number(ROUND))
        n = self.minus(shifted, self.number(ROUND))
        r = k.fma(n, self.number(LOG2_HIGH - math.log(2)), k.fma(n, self.number(-LOG2_HIGH), x))
        bits = k.op(self.whole, f"bitcast {shifted} to {self.whole}")
        power = self._integers("sub", bits, struct.unpack("i", struct.pack("f", ROUND))[0])
        return power, k.fma(self.polynomial(EXP, r), self.times(r, r), r)

    def _raised(self, n: Value) -> Value:
        """2^n."""
        raised = self._integers("shl", self._integers("add", n, 127), 23)
        return self.k.op(self.k.vector, f"bitcast {raised} to {self.k.vector}")

    def tanh(self, x: Value) -> Value:
        """-e / (2 + e) for e = exp(-2 abs(x)) - 1, with the sign of x: right to the last digits also near 0."""
        k = self.k
        power, rest = self._reduced(self.times(self.least(self.size(x), 20), -2.0))
        scale = self._raised(power)
        e = k.fma(scale, rest, self.minus(scale, self.number(1)))
        value = k.binary("fdiv", e, self.minus(self.number(-2), e))
        return k.call(x.type, f"llvm.copysign.v{k.lanes}f32", value, x) or value

    def sigmoid(self, x: Value) -> Value:
        """exp(min(x, 0)) / (1 + exp(-abs(x))), which keeps its digits far below 0."""
        e, one = self.exp(self.times(self.size(x), -1.0)), self.number(1)
        return self.k.binary("fdiv", self.k.select(self.where("olt", x, 0), e, one), self.add(e, one))

    def normal(self, x: Value) -> tuple[Value, Value]:
        """exp(-x^2 / 2), and the probability that a normal variable is below x; far below 0 with all its digits."""
        k, y = self.k, self.least(self.size(x), 20)
        square = self.times(y, y)
        rest = k.fma(y, y, self.times(square, -1.0))
        e = self.exp(self.times(square, -0.5))
        e = k.fma(self.times(e, rest), self.number(-0.5), e)
        t = k.binary("fdiv", self.number(1), k.fma(y, self.number(0.35 * math.sqrt(0.5)), self.number(1)))
        tail = self.times(e, self.polynomial(TAIL, t), t, 0.5)
        return e, k.select(self.where("olt", x, 0), tail, self.minus(self.number(1), tail))


def _gelu_back(m: Maths, g: Value, x: Value) -> Value:
    e, below = m.normal(x)
    return m.times(m.add(m.times(e, x, 1 / math.sqrt(2 * math.pi)), below), g)


BODIES: dict[str, Callable[..., Value]] = {
    "sigmoid": Maths.sigmoid,
    "gelu": lambda m, x: m.times(m.normal(x)[1], x),
    "gelu_back": _gelu_back,
    "sigmoid_back": lambda m, g, out: m.times(g, m.times(out, m.minus(m.number(1), out))),
    "tanh_back": lambda m, g, out: m.times(g, m.minus(m.number(1), m.times(out, out))),
    "relu": lambda m, x: m.k.select(m.where("ole", x, 0), m.k.zero, x),
    "relu_back": lambda m, g, out: m.k.select(m.where("oeq", out, 0), m.k.zero, g),
}


def build(machine: Machine, key: tuple[str, int]) -> Code:
    """The kernel of a function of so many arrays."""
    name, count = key
    k = Code(machine, [Argument(machine.lanes, written=i == count) for i in range(count + 1)])
    with k.loop(k.start, k.stop) as turn:
        offset = k.mul(turn.index, 4 * k.lanes)
        *inputs, out = k.arrays
        k.store(BODIES[name](Maths(k), *(k.load(x, offset) for x in inputs)), out, offset)
    return k


def of(name: str) -> Callable[..., Array | None]:
    """The route of a function of one array or several."""
    return partial(_route, name)


def _route(name: str, *arrays: Any) -> Array | None:
    first = arrays[0]
    for x in arrays:
        if type(x) is not np.ndarray or x.dtype != SINGLE or x.shape != first.shape or first.size < LONG:
            return None
        if not (x.flags.c_contiguous and x.flags.aligned):
            return None
    kernel = ready(name, (name, len(arrays)), build)
    return None if kernel is None else apply(kernel, *arrays)


def apply(kernel: Kernel, *arrays: Array) -> Array:
    """What a kernel makes of arrays of one shape."""
    lanes, size = kernel.machine.lanes, arrays[0].size
    out: Array = np.empty(arrays[0].shape, np.float32)
    flat, whole = [x.reshape(-1) for x in (*arrays, out)], size // lanes
    kernel(*flat, stop=whole, parts=-(-size // BLOCK) if size >= WORTH_THREADS else 1)
    if rest := size - whole * lanes:
        ends = np.zeros((len(flat), lanes), np.float32)
        for x, end in zip(flat, ends[:-1], strict=False):
            end[:rest] = x[-rest:]
        kernel(*ends, stop=1)
        flat[-1][-rest:] = ends[-1, :rest]
    return out

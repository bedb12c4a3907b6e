"""Elementwise functions of symbols: what NumPy's calls, and a few functions more, are as code.

Calls round once, as NumPy's do, so that their bits are NumPy's.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autodiff.kernels.llvm.builder import Code, Value

# Of least relative error, by weighted least squares in double precision: exp(r) = 1 + r + r^2 EXP(r) for |r| up to half
# of log 2, and exp(z^2) erfc(z) = t TAIL(t) for t = 1 / (1 + 0.35 z).
EXP = (0.50000001, 0.16666513, 0.04166619, 0.0083696, 0.00139517)
TAIL = (
    0.19748924981243746, 0.19703978917956433, 0.18866615397606337, 0.14784203220536207, 0.15517217841600695,
    0.07087722281550494, -0.009195382021032823, 0.16816262991641065, -0.1534876568260745, 0.03743378901055294,
)  # fmt: skip
ROUND = 1.5 * 2.0**23  # added to a number it leaves the nearest whole number in the last bits
LOG2_HIGH = 355 / 512  # with few digits, so that its multiples are exact


def _named(name: str) -> Callable[..., Any]:
    """A function of LLVM's own, of vectors."""
    return lambda k, x, *others: k.call(x.type, f"llvm.{name}.v{k.lanes}f32", x, *others)


def _compared(how: str) -> Callable[..., Value]:
    return lambda k, x, y: k.op(f"<{k.lanes} x i1>", f"fcmp {how} {x}, {y.name}")


CALLS: dict[Any, Callable[..., Value]] = {
    np.add: lambda k, x, y: k.binary("fadd", x, y),
    np.subtract: lambda k, x, y: k.binary("fsub", x, y),
    np.multiply: lambda k, x, y: k.binary("fmul", x, y),
    np.divide: lambda k, x, y: k.binary("fdiv", x, y),
    np.square: lambda k, x: k.binary("fmul", x, x),
    np.negative: lambda k, x: k.op(x.type, f"fneg {x}"),
    np.absolute: _named("fabs"),
    np.sqrt: _named("sqrt"),
    np.copysign: _named("copysign"),
    np.less: _compared("olt"),
    np.less_equal: _compared("ole"),
    np.greater: _compared("ogt"),
    np.equal: _compared("oeq"),
}


class Symbol(np.lib.mixins.NDArrayOperatorsMixin):
    """What stands for an array, or for a number that is known when the kernel runs.

    Attributes:
        value, taken: the numbers, now and at the beginning.
        is_read, changed: whether those of the beginning are read, and whether there may be others now.
    """

    def __init__(self, code: Code, value: Value, is_number: bool = False) -> None:
        self.code, self.value, self.taken, self.is_number = code, value, value, is_number
        self.is_read = self.changed = False

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        of_numbers = all(x.is_number for x in inputs if isinstance(x, Symbol))  # which Python computes in double
        if method != "__call__" or ufunc not in CALLS or options or of_numbers:
            return NotImplemented
        value = CALLS[ufunc](self.code, *(self.vector(x) for x in inputs))
        if out is None:
            return Symbol(self.code, value)
        return out[0].become(value)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is not np.where or kwargs:
            return NotImplemented
        where, x, y = args
        return Symbol(self.code, self.code.select(where.value, self.vector(x), self.vector(y)))

    def __bool__(self) -> bool:
        raise TypeError("no branch is taken by what the kernel computes")

    def become(self, value: Value) -> Symbol:
        """Stand for an array with other numbers."""
        self.value, self.changed = value, True
        return self

    def vector(self, x: Any) -> Value:
        """A vector of float32: of another symbol, or of a number; raises TypeError for anything else."""
        value: Value | None = None
        if isinstance(x, Symbol):
            value, x.is_read = x.value, x.is_read or not x.changed
        elif type(x) in (int, float):
            value = self.code.constant(x)
        if value is None or value.type != self.code.vector:
            raise TypeError(f"a kernel computes with vectors, not {x!r}")
        return value


def _fma(x: Any, y: Any, z: Any) -> Symbol:
    return Symbol(x.code, x.code.fma(x.value, x.vector(y), x.vector(z)))


def _polynomial(coefficients: Sequence[float], x: Any) -> Symbol:
    """Horner's rule, the constant term first."""
    total = _fma(x, coefficients[-1], coefficients[-2])
    for c in coefficients[-3::-1]:
        total = _fma(total, x, c)
    return total


def _least(x: Any, y: float) -> Any:
    """The smaller of both; NaN stays."""
    return np.where(x > y, y, x)


def _integers(k: Code, what: str, x: Value, y: int) -> Value:
    return k.binary(what, x, Value(x.type, f"splat (i32 {y})"))


def _raised(k: Code, n: Value) -> Symbol:
    """2^n."""
    return Symbol(k, k.op(k.vector, f"bitcast {_integers(k, 'shl', _integers(k, 'add', n, 127), 23)} to {k.vector}"))


def _reduced(x: Any) -> tuple[Value, Symbol]:
    """n, and exp(x - n log 2) - 1, for the n that makes it small."""
    k, shifted = x.code, _fma(x, 1 / math.log(2), ROUND)
    n = shifted - ROUND
    r = _fma(n, LOG2_HIGH - math.log(2), _fma(n, -LOG2_HIGH, x))
    bits = k.op(f"<{k.lanes} x i32>", f"bitcast {shifted.value} to <{k.lanes} x i32>")
    power = _integers(k, "sub", bits, struct.unpack("i", struct.pack("f", ROUND))[0])
    return power, _fma(_polynomial(EXP, r), r * r, r)


def exp(x: Any) -> Any:
    """The exponential function, as 2^n times that of x - n log 2 (Cody & Waite 1980).

    The power comes in two factors, for what is nearly 0 or infinite. What is 0 is made without a number on the way
    that is so small that processors are slow with it.
    """
    k, vanishes = x.code, x < -104
    power, rest = _reduced(np.where(vanishes, 0, _least(x, 89)))
    half = _integers(k, "ashr", power, 1)
    return np.where(vanishes, 0, (rest + 1) * _raised(k, half) * _raised(k, k.binary("sub", power, half)))


def tanh(x: Any) -> Any:
    """-e / (2 + e) for e = exp(-2 abs(x)) - 1, with the sign of x: right to the last digits also near 0."""
    power, rest = _reduced(_least(np.absolute(x), 20) * -2)
    scale = _raised(x.code, power)
    e = _fma(scale, rest, scale - 1)
    return np.copysign(e / (-2 - e), x)


def sigmoid(x: Any) -> Any:
    """exp(min(x, 0)) / (1 + exp(-abs(x))), which keeps its digits far below 0."""
    e = exp(-np.absolute(x))
    return np.where(x < 0, e, 1) / (e + 1)


def _normal(x: Any) -> tuple[Any, Any]:
    """exp(-x^2 / 2), and the probability that a normal variable is below x; far below 0 with all its digits."""
    y = _least(np.absolute(x), 20)
    square = y * y
    e = exp(square * -0.5)
    e = _fma(e * _fma(y, y, -square), -0.5, e)
    t = 1 / _fma(y, 0.35 * math.sqrt(0.5), 1)
    tail = e * _polynomial(TAIL, t) * t * 0.5
    return e, np.where(x < 0, tail, 1 - tail)


def _gelu_back(g: Any, x: Any) -> Any:
    e, below = _normal(x)
    return (e * x * (1 / math.sqrt(2 * math.pi)) + below) * g


BODIES: dict[str, Callable[..., Any]] = {
    "exp": exp,
    "tanh": tanh,
    "sigmoid": sigmoid,
    "gelu": lambda x: _normal(x)[1] * x,
    "gelu_back": _gelu_back,
    "sigmoid_back": lambda g, out: g * (out * (1 - out)),
    "tanh_back": lambda g, out: g * (1 - out * out),
    "relu": lambda x: np.where(x <= 0, 0, x),
    "relu_back": lambda g, out: np.where(out == 0, 0, g),
}

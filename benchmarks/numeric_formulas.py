"""What elementwise functions are, in mpmath: one line for each, with the points where it is tried."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp

from benchmarks.numeric_errors import NEAR_ZERO, Formula, formula
from benchmarks.numeric_points import grid

__all__ = ["FORMULAS"]

EVERY = grid()
POSITIVE = grid(lambda x: x > 0, beside=(1.0,))
UNIT = grid(lambda x: abs(x) < 1, beside=(1.0, -1.0))


def _logistic(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def softplus(x: Any) -> Any:
    return mp.log1p(mp.exp(x)) if x < 0 else x + mp.log1p(mp.exp(-x))


def _normal(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def _density(x: Any) -> Any:
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def _elu(alpha: float = 1, scale: float = 1, width: float = 1) -> Any:
    return lambda x: scale * (x if x > 0 else alpha * mp.expm1(x / width))


def _power(x: Any, y: Any) -> Any:
    return mp.mpf(1) if y == 0 else x**y if x > 0 or y == mp.floor(y) else None


def _sinc(x: Any) -> Any:
    return mp.sin(mp.pi * x) / (mp.pi * x) if x else mp.mpf(1)


F = "nn.functional."
ALPHA, SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946

SATURATED = (
    "the slope 1 - y^2 comes from the rounded value y, the one array that is kept; above 9 no digit of it is right, as "
    "PyTorch's"
)
LOGISTIC = "the slope y (1 - y) comes from the rounded value y, as PyTorch's, and its own slope has the factor 1 - 2 y"
BESIDE_ONE = "the slope has the factor (1 - x) (1 + x), which is right near 1 and costs a rounding or two elsewhere"

FORMULAS: list[Formula] = [
    formula("exp", mp.exp, EVERY),
    formula("exp2", lambda x: mp.mpf(2) ** x, EVERY),
    formula("expm1", mp.expm1, EVERY),
    formula("log", mp.log, POSITIVE),
    formula("log2", lambda x: mp.log(x) / mp.log(2), POSITIVE),
    formula("log10", lambda x: mp.log(x) / mp.log(10), POSITIVE),
    formula("log1p", mp.log1p, grid(lambda x: x > -1, beside=(-1.0,))),
    formula("sqrt", mp.sqrt, POSITIVE),
    formula("rsqrt", lambda x: 1 / mp.sqrt(x), POSITIVE),
    formula("square", lambda x: x * x, EVERY),
    formula("reciprocal", lambda x: 1 / x, grid(lambda x: x != 0)),
    formula("sin", mp.sin, grid(beside=(math.pi, math.pi / 2, 2 * math.pi, 1000 * math.pi))),
    formula("cos", mp.cos, grid(beside=(math.pi, math.pi / 2, 2 * math.pi, 1000 * math.pi))),
    formula("tan", mp.tan, grid(beside=(math.pi, math.pi / 2))),
    formula("asin", mp.asin, UNIT, why=BESIDE_ONE),
    formula("acos", mp.acos, UNIT, why=BESIDE_ONE),
    formula("atan", mp.atan, EVERY),
    formula("sinh", mp.sinh, EVERY),
    formula("cosh", mp.cosh, EVERY),
    formula("tanh", mp.tanh, EVERY, why=SATURATED),
    formula("asinh", mp.asinh, EVERY),
    formula("acosh", mp.acosh, grid(lambda x: x > 1, beside=(1.0,))),
    formula("atanh", mp.atanh, UNIT),
    formula("sinc", _sinc, grid(beside=(1.0, 2.0, 0.5, -3.0)),
            why="the sine of a rounded pi x is not 0 at whole numbers, as PyTorch's and NumPy's"),
    formula("sigmoid", _logistic, EVERY, why=LOGISTIC),
    formula("logit", lambda x: mp.log(x) - mp.log1p(-x), grid(lambda x: 0 < x < 1, beside=(0.5, 1.0)),
            why=NEAR_ZERO.format("the second slope")),
    formula("logit:eps", lambda x: mp.log(x) - mp.log1p(-x), grid(lambda x: 0.01 < x < 0.99, beside=(0.5,)),
            lambda t, x: t.logit(x, 0.001), why=NEAR_ZERO.format("the second slope")),
    formula(F + "logsigmoid", lambda x: -softplus(-x), EVERY),
    formula(F + "softplus", softplus, grid(lambda x: x < 20)),
    formula(F + "softplus:beta", lambda x: softplus(x / 4) * 4, EVERY,
            lambda t, x: t.nn.functional.softplus(x, 0.25, math.inf)),
    formula(F + "softplus:threshold", lambda x: softplus(3 * x) / 3 if 3 * x <= 5 else x, EVERY,
            lambda t, x: t.nn.functional.softplus(x, 3.0, 5.0)),
    formula(F + "silu", lambda x: x * _logistic(x), EVERY, why=NEAR_ZERO.format("the second slope")),
    formula(F + "mish", lambda x: x * mp.tanh(softplus(x)), EVERY,
            why=NEAR_ZERO.format("each slope")),
    formula(F + "gelu", (lambda x: x * _normal(x), lambda x: _normal(x) + x * _density(x),
                         lambda x: (2 - x * x) * _density(x)), EVERY,
            why="erf is rounded near -1, and 1 + erf has few digits there, as PyTorch's"),
    formula(F + "gelu:tanh", lambda x: x * _logistic(2 * mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3)), EVERY,
            lambda t, x: t.nn.functional.gelu(x, approximate="tanh"),
            why="tanh is rounded near -1 and 1, and its slope 1 - y^2 has few digits there, as PyTorch's"),
    formula(F + "elu", _elu(), EVERY, smooth=lambda x: x != 0),
    formula(F + "elu:alpha", _elu(0.75), EVERY, lambda t, x: t.nn.functional.elu(x, 0.75), smooth=lambda x: x != 0),
    formula(F + "celu:alpha", _elu(2, 1, 2), EVERY, lambda t, x: t.nn.functional.celu(x, 2.0), smooth=lambda x: x != 0),
    formula(F + "selu", lambda x: _elu(mp.mpf("1.6732632423543772848170429916717"),
                                       mp.mpf("1.0507009873554804934193349852946"))(x), EVERY,
            smooth=lambda x: x != 0),
    formula(F + "softsign", lambda x: x / (1 + abs(x)), EVERY, smooth=lambda x: x != 0),
    formula(F + "tanhshrink", lambda x: x - mp.tanh(x), EVERY, why=SATURATED),
    formula(F + "hardswish", lambda x: x * min(max(x / 6 + 0.5, 0), 1), EVERY, smooth=lambda x: abs(x) != 3),
    formula(F + "softshrink", lambda x: mp.sign(x) * max(abs(x) - 0.5, 0), EVERY, orders=1,
            smooth=lambda x: abs(x) != 0.5),
    formula(F + "hardsigmoid", lambda x: min(max(x / 6 + mp.mpf(0.5), 0), 1), EVERY, orders=1,
            smooth=lambda x: abs(x) != 3),
    formula("erf", (mp.erf, lambda x: 2 * mp.exp(-x * x) / mp.sqrt(mp.pi),
                    lambda x: -4 * x * mp.exp(-x * x) / mp.sqrt(mp.pi)), EVERY),
    formula("erfc", (mp.erfc, lambda x: -2 * mp.exp(-x * x) / mp.sqrt(mp.pi),
                     lambda x: 4 * x * mp.exp(-x * x) / mp.sqrt(mp.pi)), EVERY),
    formula("special.ndtr", (_normal, _density, lambda x: -x * _density(x)), EVERY),
]

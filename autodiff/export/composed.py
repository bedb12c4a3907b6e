"""ONNX operators for what has none of its own, but a short formula of several."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from autodiff.export.elementwise import number
from autodiff.export.graph import Name
from autodiff.export.steps import Step


def _minus(s: Step, x: Name) -> Name:
    return s.g.node("Neg", x)


def _where_zero(s: Step, x: Name, value: Name, otherwise: Name) -> Name:
    """``value`` where x is 0."""
    return s.g.node("Where", s.g.node("Equal", x, number(s, 0)), value, otherwise)


def _times_log(offset: float) -> Callable[[Step], Name]:
    """x log(y + offset), 0 where x is 0."""

    def emit(s: Step) -> Name:
        x, y, g = s.x(0, s.dtype), s.x(1, s.dtype), s.g
        log = g.node("Log", g.node("Add", y, number(s, offset)) if offset else y)
        missing = g.node("IsNaN", y)
        return g.node("Where", missing, g.node("Mul", x, y), _where_zero(s, x, number(s, 0), g.node("Mul", x, log)))

    return emit


def _atan2(s: Step) -> Name:
    """The angle of (x, y); of 0 and -0 it takes 0 as positive."""
    g, y, x = s.g, s.x(0, s.dtype), s.x(1, s.dtype)
    zero, half = number(s, 0), number(s, math.pi / 2)
    angle = g.node("Atan", g.node("Div", y, x))
    turn = g.node("Where", g.node("Less", y, zero), number(s, -math.pi), number(s, math.pi))
    angle = g.node("Where", g.node("Less", x, zero), g.node("Add", angle, turn), angle)
    return _where_zero(s, x, g.node("Mul", g.node("Sign", y), half), angle)


def _copysign(s: Step) -> Name:
    g, y = s.g, s.x(1, s.dtype)
    size = g.node("Abs", s.x(0, s.dtype))
    below = g.node("Less", g.node("Where", g.node("Equal", y, number(s, 0)), g.node("Reciprocal", y), y), number(s, 0))
    return g.node("Where", below, _minus(s, size), size)


def _log_add(base: float) -> Callable[[Step], Name]:
    """log(base^x + base^y), of which the larger is taken out."""

    def emit(s: Step) -> Name:
        g, x, y = s.g, s.x(0, s.dtype), s.x(1, s.dtype)
        apart = g.node("Mul", g.node("Abs", g.node("Sub", x, y)), number(s, -math.log(base)))
        more = g.node("Log", g.node("Add", number(s, 1), g.node("Exp", apart)))
        found = g.node("Add", g.node("Max", x, y), g.node("Mul", more, number(s, 1 / math.log(base))))
        return g.node("Where", g.node("Equal", x, y), g.node("Add", x, number(s, math.log(2, base))), found)

    return emit


def _sinc(s: Step) -> Name:
    g, x = s.g, s.g.node("Mul", s.x(0, s.dtype), number(s, math.pi))
    return _where_zero(s, x, number(s, 1), g.node("Div", g.node("Sin", x), x))


def _of_angle(operator: str) -> Callable[[Step], Name]:
    """sin or cos of pi x, of which whole turns are taken off first."""

    def emit(s: Step) -> Name:
        g, x = s.g, s.x(0, s.dtype)
        turns = g.node("Mul", number(s, 2), g.node("Round", g.node("Mul", x, number(s, 0.5))))
        return g.node(operator, g.node("Mul", g.node("Sub", x, turns), number(s, math.pi)))

    return emit


def _logit(s: Step) -> Name:
    g, x = s.g, s.x(0, s.dtype)
    return g.node("Sub", g.node("Log", x), g.node("Log", g.node("Sub", number(s, 1), x)))


def _truncated(s: Step) -> Name:
    quotient = s.g.node("Div", s.x(0, s.dtype), s.x(1, s.dtype))
    if s.dtype.kind != "f":
        return quotient  # ONNX divides whole numbers towards 0
    return s.g.node("Mul", s.g.node("Sign", quotient), s.g.node("Floor", s.g.node("Abs", quotient)))


def _entr(s: Step) -> Name:
    g, x = s.g, s.x(0, s.dtype)
    below = g.node("Where", g.node("Less", x, number(s, 0)), number(s, -math.inf),
                   _minus(s, g.node("Mul", x, g.node("Log", x))))  # fmt: skip
    return _where_zero(s, x, number(s, 0), below)


def _ndtr(s: Step) -> Name:
    g = s.g
    erf = g.node("Erf", g.node("Mul", s.x(0, s.dtype), number(s, math.sqrt(0.5))))
    return g.node("Mul", g.node("Add", erf, number(s, 1)), number(s, 0.5))


def _finite(s: Step) -> Name:
    x, g = s.x(), s.g
    if s.dtype_of(0).kind != "f":
        return g.node("Equal", x, x)
    return g.node("Not", g.node("Or", g.node("IsNaN", x), g.node("IsInf", x)))


# --- norms and losses -------------------------------------------------------------------------------------------------


def _axes(s: Step) -> tuple[int, ...]:
    axis = s.param("axis")
    return tuple(range(s.ndim)) if axis is None else (axis,) if isinstance(axis, int) else axis


def _pnorm(s: Step) -> Name:
    p, g, x = s.param("p"), s.g, s.g.node("Abs", s.x(0, s.dtype))
    total = g.reduce("ReduceSum", g.node("Pow", x, number(s, p)), _axes(s), s.param("keepdims", False))
    return g.node("Pow", total, number(s, 1 / p))


def _zero_norm(s: Step) -> Name:
    differs = s.g.node("Not", s.g.node("Equal", s.x(0, s.dtype), number(s, 0)))
    return s.g.reduce("ReduceSum", s.g.cast(differs, s.dtype), _axes(s), s.param("keepdims", False))


def _mse(s: Step) -> Name:
    difference = s.g.node("Sub", s.x(0, s.dtype), s.x(1, s.dtype))
    return s.g.node("ReduceMean", s.g.node("Mul", difference, difference), keepdims=0)


def _binary(s: Step) -> Name:
    """-(y log x + (1 - y) log(1 - x)), no logarithm below -100."""
    g, x, y, one = s.g, s.x(0, s.dtype), s.x(1, s.dtype), number(s, 1)
    logs = [g.node("Max", g.node("Log", each), number(s, -100)) for each in (x, g.node("Sub", one, x))]
    parts = [g.node("Mul", weight, log) for weight, log in zip((y, g.node("Sub", one, y)), logs, strict=True)]
    return _minus(s, g.node("Add", *parts))


def _binary_of_logits(s: Step) -> Name:
    g, x, y, zero, one = s.g, s.x(0, s.dtype), s.x(1, s.dtype), number(s, 0), number(s, 1)
    above = g.node("Mul", g.node("Max", x, zero), g.node("Sub", one, y))
    below = g.node("Mul", g.node("Min", x, zero), y)
    rest = g.node("Log", g.node("Add", one, g.node("Exp", _minus(s, g.node("Abs", x)))))
    return g.node("Add", g.node("Sub", above, below), rest)


def _cross_entropy(s: Step) -> Name:
    g, first = s.g, s.g.numbers(1)
    log, target = g.node("LogSoftmax", s.x(0, s.dtype), axis=1), s.array("target", np.int64)
    picked = g.node("GatherElements", log, g.node("Unsqueeze", target, first), axis=1)
    cost = _minus(s, g.node("Squeeze", picked, first))
    return g.node("Mul", cost, s.array("weight", s.dtype)) if s.has("weight") else cost


def _running(operator: str) -> Callable[[Step], Name]:
    """A product of all entries up to each, one after the other along an axis of a fixed length."""

    def emit(s: Step) -> Name:
        if not s.ndim:
            return s.g.node("Identity", s.x(0, s.dtype))
        axis, g, x = s.param("axis") % s.ndim, s.g, s.x(0, s.dtype)
        length = s.fixed(s.shape(0)[axis], "the axis")
        if length < 2:
            return g.node("Identity", x)
        parts = g.several("Split", [x], length, {"axis": axis, "num_outputs": length})
        if s.param("reverse", False):
            parts = parts[::-1]
        totals = [parts[0]]
        for part in parts[1:]:
            totals.append(g.node(operator, totals[-1], part))
        return g.node("Concat", *(totals[::-1] if s.param("reverse", False) else totals), axis=axis)

    return emit


COMPOSED: dict[str, Callable[[Step], Name]] = {
    "xlogy": _times_log(0), "xlog1py": _times_log(1), "atan2": _atan2, "copysign": _copysign,
    "logaddexp": _log_add(math.e), "logaddexp2": _log_add(2), "sinc": _sinc, "sin_pi": _of_angle("Sin"),
    "cos_pi": _of_angle("Cos"), "logit": _logit, "trunc_divide": _truncated, "entr": _entr, "ndtr": _ndtr,
    "isfinite": _finite, "pnorm": _pnorm, "zero_norm": _zero_norm, "mse": _mse, "binary_cross_entropy": _binary,
    "binary_cross_entropy_with_logits": _binary_of_logits, "cross_entropy": _cross_entropy,
    "cumprod": _running("Mul"), "det": lambda s: s.g.node("Det", s.x(0, s.dtype)),
}  # fmt: skip

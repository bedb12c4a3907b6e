"""ONNX operators for what is computed number by number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.export.graph import Name
from autodiff.export.steps import Step


def _unary(operator: str, **attributes: Any) -> Callable[[Step], Name]:
    return lambda s: s.g.node(operator, s.x(0, s.dtype), **attributes)


def _binary(operator: str) -> Callable[[Step], Name]:
    return lambda s: s.g.node(operator, s.x(0, s.dtype), s.x(1, s.dtype))


def _compared(operator: str, inverted: bool = False) -> Callable[[Step], Name]:
    """A comparison: of the dtype in which both meet."""

    def emit(s: Step) -> Name:
        kinds = [kind for kind in (s.dtype_of(0), s.dtype_of(1)) if kind is not None]
        dtype = np.result_type(*kinds)
        if dtype.kind == "b" and operator not in ("And", "Or", "Xor", "Equal"):
            dtype = np.dtype(np.int32)
        found = s.g.node(operator, s.x(0, dtype), s.x(1, dtype))
        return s.g.node("Not", found) if inverted else found

    return emit


def _bitwise(logical: str, bits: str) -> Callable[[Step], Name]:
    return lambda s: s.g.node(logical if s.dtype.kind == "b" else bits, s.x(0, s.dtype), s.x(1, s.dtype))


def _logical(operator: str) -> Callable[[Step], Name]:
    return lambda s: s.g.node(operator, s.x(0, np.bool_), s.x(1, np.bool_))


def number(s: Step, value: float) -> Name:
    """A number in the dtype of the result."""
    return s.g.constant(value, s.dtype)


def _clip(s: Step, low: Any, high: Any) -> Name:
    bounds = ["" if bound is None else number(s, bound) for bound in (low, high)]
    while bounds and not bounds[-1]:
        bounds.pop()
    return s.g.node("Clip", s.x(0, s.dtype), *bounds)


def _gelu(s: Step) -> Name:
    x, g = s.x(), s.g
    if s.param("approximate"):
        cube = g.node("Mul", g.node("Mul", x, x), x)
        inner = g.node("Add", x, g.node("Mul", cube, number(s, 0.044715)))
        slope = g.node("Tanh", g.node("Mul", inner, number(s, math.sqrt(2 / math.pi))))
    else:
        slope = g.node("Erf", g.node("Mul", x, number(s, math.sqrt(0.5))))
    return g.node("Mul", g.node("Mul", x, number(s, 0.5)), g.node("Add", slope, number(s, 1)))


def _times(operator: str, factor: float) -> Callable[[Step], Name]:
    return lambda s: s.g.node("Mul", s.g.node(operator, s.x(0, s.dtype)), number(s, factor))


def _plus(operator: str, offset: float) -> Callable[[Step], Name]:
    return lambda s: s.g.node("Add", s.g.node(operator, s.x(0, s.dtype)), number(s, offset))


def _floor_divide(s: Step) -> Name:
    x, y = s.x(0, s.dtype), s.x(1, s.dtype)
    if s.dtype.kind != "f":  # which ONNX divides towards 0; Mod has the sign of y
        return s.g.node("Div", s.g.node("Sub", x, s.g.node("Mod", x, y)), y)
    return s.g.node("Floor", s.g.node("Div", x, y))


def _remainder(s: Step) -> Name:
    x, y = s.x(0, s.dtype), s.x(1, s.dtype)
    if s.dtype.kind != "f":
        return s.g.node("Mod", x, y)
    return s.g.node("Sub", x, s.g.node("Mul", s.g.node("Floor", s.g.node("Div", x, y)), y))


def _round(s: Step) -> Name:
    scale = 10.0 ** s.param("decimals", 0)
    if scale == 1:
        return s.g.node("Round", s.x())
    return s.g.node("Div", s.g.node("Round", s.g.node("Mul", s.x(), number(s, scale))), number(s, scale))


def _cast(s: Step) -> Name:
    return s.g.cast(s.x(), s.dtype)


def _hypot(s: Step) -> Name:
    squares = [s.g.node("Mul", x, x) for x in (s.x(0, s.dtype), s.x(1, s.dtype))]
    return s.g.node("Sqrt", s.g.node("Add", *squares))


def _where(s: Step) -> Name:
    """Readers know it for few dtypes; others go through one that holds all their numbers."""
    dtype = s.dtype if s.dtype.name in CHOSEN else np.dtype(np.float32 if s.dtype.kind == "f" else np.int64)
    found = s.g.node("Where", s.array("condition", np.bool_), s.x(0, dtype), s.x(1, dtype))
    return found if dtype == s.dtype else s.g.cast(found, s.dtype)


CHOSEN = ("float32", "float64", "int32", "int64", "uint8", "bool")
ELEMENTWISE: dict[str, Callable[[Step], Name]] = {
    **{name: _unary(operator) for name, operator in {
        "absolute": "Abs", "acos": "Acos", "acosh": "Acosh", "asin": "Asin", "asinh": "Asinh", "atan": "Atan",
        "atanh": "Atanh", "ceil": "Ceil", "cos": "Cos", "cosh": "Cosh", "erf": "Erf", "exp": "Exp", "floor": "Floor",
        "log": "Log", "negative": "Neg", "relu": "Relu", "sigmoid": "Sigmoid", "logistic": "Sigmoid", "sign": "Sign",
        "sin": "Sin", "sinh": "Sinh", "sqrt": "Sqrt", "tan": "Tan", "tanh": "Tanh", "softplus": "Softplus",
        "softsign": "Softsign", "hardswish": "HardSwish", "copy": "Identity",
    }.items()},
    **{name: _binary(operator) for name, operator in {
        "add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "power": "Pow", "maximum": "Max",
        "minimum": "Min",
    }.items()},
    **{name: _compared(operator) for name, operator in {
        "equal": "Equal", "greater": "Greater", "greater_equal": "GreaterOrEqual", "less": "Less",
        "less_equal": "LessOrEqual",
    }.items()},
    "not_equal": _compared("Equal", inverted=True),
    "logical_and": _logical("And"), "logical_or": _logical("Or"), "logical_xor": _logical("Xor"),
    "logical_not": lambda s: s.g.node("Not", s.x(0, np.bool_)),
    "bitwise_and": _bitwise("And", "BitwiseAnd"), "bitwise_or": _bitwise("Or", "BitwiseOr"),
    "bitwise_xor": _bitwise("Xor", "BitwiseXor"),
    "bitwise_not": lambda s: s.g.node("Not" if s.dtype.kind == "b" else "BitwiseNot", s.x()),
    "isnan": lambda s: s.g.node("IsNaN", s.x()),
    "isinf": lambda s: s.g.node("IsInf", s.x()),
    "reciprocal": lambda s: s.g.node("Reciprocal", s.x(0, s.dtype)),
    "square": lambda s: s.g.node("Mul", s.x(0, s.dtype), s.x(0, s.dtype)),
    "rsqrt": lambda s: s.g.node("Reciprocal", s.g.node("Sqrt", s.x(0, s.dtype))),
    "expm1": _plus("Exp", -1), "log1p": lambda s: s.g.node("Log", s.g.node("Add", s.x(0, s.dtype), number(s, 1))),
    "exp2": lambda s: s.g.node("Pow", number(s, 2), s.x(0, s.dtype)),
    "log2": _times("Log", 1 / math.log(2)), "log10": _times("Log", 1 / math.log(10)),
    "erfc": lambda s: s.g.node("Sub", number(s, 1), s.g.node("Erf", s.x(0, s.dtype))),
    "trunc": lambda s: s.g.node("Mul", s.g.node("Sign", s.x()), s.g.node("Floor", s.g.node("Abs", s.x()))),
    "floor_divide": _floor_divide, "remainder": _remainder, "round": _round, "hypot": _hypot,
    "fmod": lambda s: s.g.node("Mod", s.x(0, s.dtype), s.x(1, s.dtype), fmod=1),
    "clip": lambda s: _clip(s, s.param("low"), s.param("high")),
    "hardtanh": lambda s: _clip(s, s.param("low"), s.param("high")),
    "hardshrink": lambda s: s.g.node("Shrink", s.x(), lambd=float(s.param("width")), bias=0.0),
    "softshrink": lambda s: s.g.node("Shrink", s.x(), lambd=float(s.param("width")), bias=float(s.param("width"))),
    "gelu": _gelu,
    "where": _where,
    "gate": lambda s: s.g.node("Where", s.array("mask", np.bool_), s.x(0, s.dtype), number(s, 0)),
    "astype": _cast, "to_whole": _cast,
}  # fmt: skip

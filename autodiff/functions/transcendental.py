"""Exponentials, logarithms, circular and hyperbolic functions by PyTorch's names: nearly all are primitives."""

from __future__ import annotations

from typing import Any

from autodiff.engine.values import Value
from autodiff.functions.arithmetic import clamp
from autodiff.ops import transcendental

# The primitives that are public as they are: a paragraph instead of a name a line.
from autodiff.ops.transcendental import (  # isort: skip
    acos, acosh, asin, asinh, atan, atan2, atanh, cos, cosh, exp, exp2, expm1, log, log1p, log2, log10, logaddexp,
    logaddexp2, relu, rsqrt, sigmoid, sin, sinc, sinh, sqrt, tan, tanh, xlogy,
)

__all__ = [
    "acos", "acosh", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "asin", "asinh", "atan",
    "atan2", "atanh", "cos", "cosh", "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "logaddexp", "logaddexp2",
    "logit", "relu", "rsqrt", "sigmoid", "sin", "sinc", "sinh", "sqrt", "tan", "tanh", "xlogy",
]

arccos, arcsin, arctan, arctan2 = acos, asin, atan, atan2
arccosh, arcsinh, arctanh = acosh, asinh, atanh


def logit(input: Any, eps: float | None = None) -> Value:
    """log(x / (1 - x)), the inverse of ``sigmoid``, of ``input`` held between ``eps`` and 1 - ``eps`` where given.

    >>> import autodiff
    >>> autodiff.logit(autodiff.tensor([0.5, 1.0]), eps=0.25)
    tensor([0.0000, 1.0986])
    """
    return transcendental.logit(input if eps is None else clamp(input, eps, 1 - eps))

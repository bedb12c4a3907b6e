"""Exponentials, logarithms, circular and hyperbolic functions by PyTorch's names: nearly all are rows."""

from __future__ import annotations

from typing import Any

from autodiff.engine.values import Value
from autodiff.functions.arithmetic import clamp
from autodiff.functions.arrays import lent
from autodiff.functions.public import as_function, of_one, of_two
from autodiff.ops import transcendental

__all__ = [
    "acos", "acosh", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "asin", "asinh", "atan",
    "atan2", "atanh", "cos", "cosh", "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "logaddexp", "logaddexp2",
    "logit", "relu", "rsqrt", "sigmoid", "sin", "sinc", "sinh", "sqrt", "tan", "tanh", "xlogy",
]

exp = as_function(transcendental.exp, of_one, "e to the power of each entry.")
exp2 = as_function(transcendental.exp2, of_one, "2 to the power of each entry.")
expm1 = as_function(transcendental.expm1, of_one, "``exp(input) - 1``, exact near 0 too.")
log = as_function(transcendental.log, of_one, "The natural logarithm: -inf at 0, NaN below.")
log1p = as_function(transcendental.log1p, of_one, "``log(1 + input)``, exact near 0 too.")
log2 = as_function(transcendental.log2, of_one, "The logarithm to base 2: -inf at 0, NaN below.")
log10 = as_function(transcendental.log10, of_one, "The logarithm to base 10: -inf at 0, NaN below.")
logaddexp = as_function(
    transcendental.logaddexp, of_two, "``log(exp(input) + exp(other))``, broadcast, without overflow.")
logaddexp2 = as_function(
    transcendental.logaddexp2, of_two, "``log2(2**input + 2**other)``, broadcast, without overflow.")
xlogy = as_function(transcendental.xlogy, of_two, "``input * log(other)``, broadcast, and 0 where ``input`` is 0.")
sqrt = as_function(transcendental.sqrt, of_one, "The square root: NaN below 0; the gradient at 0 is inf.")
rsqrt = as_function(transcendental.rsqrt, of_one, "``1 / sqrt(input)``: inf at 0, NaN below.")
sin = as_function(transcendental.sin, of_one, "The sine of angles in radians.")
cos = as_function(transcendental.cos, of_one, "The cosine of angles in radians.")
tan = as_function(transcendental.tan, of_one, "The tangent of angles in radians.")
asin = arcsin = as_function(
    transcendental.asin, of_one, "The angle from -pi/2 to pi/2 whose sine is the entry; NaN outside -1 to 1.")
acos = arccos = as_function(
    transcendental.acos, of_one, "The angle from 0 to pi whose cosine is the entry; NaN outside -1 to 1.")
atan = arctan = as_function(transcendental.atan, of_one, "The angle from -pi/2 to pi/2 whose tangent is the entry.")
atan2 = arctan2 = as_function(
    transcendental.atan2, of_two, "The angle from -pi to pi of the point (x, y) = (``other``, ``input``), broadcast.")
sinh = as_function(transcendental.sinh, of_one, "The hyperbolic sine, ``(exp(x) - exp(-x)) / 2``.")
cosh = as_function(transcendental.cosh, of_one, "The hyperbolic cosine, ``(exp(x) + exp(-x)) / 2``.")
tanh = as_function(transcendental.tanh, of_one, "The hyperbolic tangent, ``sinh(x) / cosh(x)``, from -1 to 1.")
asinh = arcsinh = as_function(transcendental.asinh, of_one, "The inverse of ``sinh``.")
acosh = arccosh = as_function(transcendental.acosh, of_one, "The inverse of ``cosh``, 0 or more; NaN below 1.")
atanh = arctanh = as_function(
    transcendental.atanh, of_one, "The inverse of ``tanh``: infinite at -1 and 1, NaN outside.")
sinc = as_function(transcendental.sinc, of_one, "``sin(pi * x) / (pi * x)``, and 1 at 0.")
sigmoid = as_function(transcendental.sigmoid, of_one, "The logistic function ``1 / (1 + exp(-x))``, from 0 to 1.")
relu = as_function(transcendental.relu, of_one, "The entries above 0, and 0 for the others; the gradient at 0 is 0.")


def logit(input: Any, eps: float | None = None) -> Value:
    """log(x / (1 - x)), the inverse of ``sigmoid``, of ``input`` held between ``eps`` and 1 - ``eps`` where given.

    >>> import autodiff
    >>> autodiff.logit(autodiff.tensor([0.5, 1.0]), eps=0.25)
    tensor([0.0000, 1.0986])
    """
    return transcendental.logit(input if eps is None else clamp(lent(input), eps, 1 - eps))

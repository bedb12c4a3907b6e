"""Arithmetic and elementwise functions by PyTorch's names; an operation without arguments of its own is its row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from autodiff.dtypes import get_default_dtype, result_dtype
from autodiff.errors import DtypeError
from autodiff.ops.arithmetic import absolute, divide, maximum, minimum, multiply, negative, power, sign, square
from autodiff.ops.arithmetic import add as add_row
from autodiff.ops.arithmetic import clip as clip_row
from autodiff.ops.arithmetic import subtract as subtract_row
from autodiff.ops.arithmetic import where as where_row
from autodiff.ops.shaping import astype
from autodiff.ops.transcendental import cos, exp, expm1, log, log1p, relu, sigmoid, sin, sqrt, tanh

if TYPE_CHECKING:
    from autodiff.tensor import Tensor

__all__ = [
    "abs",
    "absolute",
    "add",
    "clamp",
    "clip",
    "cos",
    "div",
    "divide",
    "exp",
    "expm1",
    "log",
    "log1p",
    "maximum",
    "minimum",
    "mul",
    "multiply",
    "neg",
    "negative",
    "pow",
    "relu",
    "sigmoid",
    "sign",
    "sin",
    "sqrt",
    "square",
    "sub",
    "subtract",
    "tanh",
    "true_divide",
    "where",
]

Number = (int, float, np.generic)

abs = absolute
div = true_divide = divide
mul = multiply
neg = negative
pow = power


def add(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """``input + alpha * other``, broadcast.

    >>> import autodiff
    >>> autodiff.add(autodiff.tensor([1.0, 2.0]), 1, alpha=10)
    tensor([11., 12.])
    """
    return add_row(input, other if alpha == 1 else other * alpha)


def sub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """``input - alpha * other``, broadcast."""
    return subtract_row(input, other if alpha == 1 else other * alpha)


subtract = sub


def clamp(input: Any, min: Any = None, max: Any = None) -> Tensor:
    """``input`` held between ``min`` and ``max``, either of which may be missing.

    With numbers the gradient is 1 inside and at a bound, 0 outside; a bound that is a tensor gets the rest.

    >>> import autodiff
    >>> autodiff.clamp(autodiff.tensor([-2.0, 0.5, 2.0]), -1, 1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min is None and max is None:
        raise DtypeError("clamp needs min, max or both")
    min, max = (bound.item() if isinstance(bound, np.generic) else bound for bound in (min, max))
    if isinstance(min, (int, float, type(None))) and isinstance(max, (int, float, type(None))):
        if input.dtype.kind != "f" and (isinstance(min, float) or isinstance(max, float)):
            input = astype(input, dtype=get_default_dtype())
        return clip_row(input, low=min, high=max)
    if min is not None:
        input = where(input < min, min, input)
    return input if max is None else where(input > max, max, input)


clip = clamp


def where(condition: Any, input: Any, other: Any) -> Tensor:
    """``input`` where ``condition`` holds and ``other`` elsewhere, broadcast; the side not taken gets no gradient.

    >>> import autodiff
    >>> x = autodiff.tensor([0.0, 4.0], requires_grad=True)
    >>> autodiff.where(x > 0, x.sqrt(), 0.0).sum().backward()
    >>> x.grad
    tensor([0.0000, 0.2500])
    """
    mask = np.asarray(condition)
    if mask.dtype != np.bool_:
        raise DtypeError(f"where needs a condition of booleans, not of {mask.dtype}; compare first, as in x > 0")
    if isinstance(input, Number) and isinstance(other, Number):
        input = np.asarray(input, result_dtype(input, other))
    record = getattr(condition, "__primitive__", None)  # a tensor chooses between arrays and numbers too
    if record is not None:
        return record(where_row, (input, other), {"condition": mask})
    return where_row(input, other, condition=mask)

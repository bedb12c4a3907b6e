"""Elementwise arithmetic and matrix products as methods."""

from __future__ import annotations

from autodiff.functions import arithmetic
from autodiff.methods.rows import method
from autodiff.ops.linear_algebra import matmul

__all__ = ["ArithmeticMethods"]


class ArithmeticMethods:
    """``x.exp()``, ``x.clamp(0, 1)``, ``x.matmul(y)``."""

    __slots__ = ()

    add = arithmetic.add
    sub = subtract = arithmetic.sub
    mul = multiply = method(arithmetic.multiply)
    div = divide = true_divide = method(arithmetic.divide)
    pow = method(arithmetic.pow)
    neg = negative = method(arithmetic.negative)
    abs = absolute = method(arithmetic.absolute)
    sign = method(arithmetic.sign)
    square = method(arithmetic.square)
    maximum = method(arithmetic.maximum)
    minimum = method(arithmetic.minimum)
    clamp = clip = arithmetic.clamp
    exp = method(arithmetic.exp)
    expm1 = method(arithmetic.expm1)
    log = method(arithmetic.log)
    log1p = method(arithmetic.log1p)
    sqrt = method(arithmetic.sqrt)
    sin = method(arithmetic.sin)
    cos = method(arithmetic.cos)
    tanh = method(arithmetic.tanh)
    sigmoid = method(arithmetic.sigmoid)
    relu = method(arithmetic.relu)
    matmul = mm = method(matmul)

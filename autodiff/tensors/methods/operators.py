"""Python's operators: each applies its primitive."""

from __future__ import annotations

import operator
from typing import Self

import numpy as np

from autodiff.engine.apply import NUMBERS, apply
from autodiff.engine.values import Operand, TensorBase, Value
from autodiff.functions.arrays import lent
from autodiff.ops import arithmetic, comparison
from autodiff.ops.arithmetic import add, divide, floor_divide, multiply, negative, power, remainder, subtract
from autodiff.ops.lengths import absolute
from autodiff.ops.linear_algebra import matmul
from autodiff.tensors.methods.wrappers import in_place

COMPARABLE = (TensorBase, np.ndarray, np.generic, int, float, complex)


class Operators(TensorBase):
    """``x + y``, ``x @ y``, ``x < y``, ``x += y``."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __add__(self, other: Operand) -> Value:
        return apply(add, (self, other))

    def __sub__(self, other: Operand) -> Value:
        return apply(subtract, (self, other))

    def __mul__(self, other: Operand) -> Value:
        return apply(multiply, (self, other))

    def __truediv__(self, other: Operand) -> Value:
        return apply(divide, (self, other))

    def __floordiv__(self, other: Operand) -> Value:
        return apply(floor_divide, (self, other))

    def __mod__(self, other: Operand) -> Value:
        return apply(remainder, (self, other))

    def __pow__(self, other: Operand) -> Value:
        return apply(power, (self, other))

    def __matmul__(self, other: Operand) -> Value:
        return apply(matmul, (self, other))

    def __radd__(self, other: Operand) -> Value:
        return apply(add, (other, self))

    def __rsub__(self, other: Operand) -> Value:
        return apply(subtract, (other, self))

    def __rmul__(self, other: Operand) -> Value:
        return apply(multiply, (other, self))

    def __rtruediv__(self, other: Operand) -> Value:
        if type(other) in NUMBERS and other == 1:  # its gradient reads the result, as PyTorch's does
            return apply(arithmetic.reciprocal, (self,))
        return apply(divide, (other, lent(self)))

    def __rfloordiv__(self, other: Operand) -> Value:
        return apply(floor_divide, (other, self))

    def __rmod__(self, other: Operand) -> Value:
        return apply(remainder, (other, self))

    def __rpow__(self, other: Operand) -> Value:
        return apply(power, (other, self))

    def __rmatmul__(self, other: Operand) -> Value:
        return apply(matmul, (other, self))

    def __neg__(self) -> Value:
        return apply(negative, (self,))

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> Value:
        return apply(absolute, (self,))

    __iadd__ = in_place(operator.add)
    __isub__ = in_place(operator.sub)
    __imul__ = in_place(operator.mul)
    __itruediv__ = in_place(operator.truediv)
    __ifloordiv__ = in_place(operator.floordiv)
    __imod__ = in_place(operator.mod)
    __ipow__ = in_place(operator.pow)
    __iand__ = in_place(operator.and_)
    __ior__ = in_place(operator.or_)
    __ixor__ = in_place(operator.xor)
    __ilshift__ = in_place(operator.lshift)
    __irshift__ = in_place(operator.rshift)

    def __eq__(self, other: object) -> Value:  # type: ignore[override]  # entry by entry
        return apply(comparison.eq, (self, other)) if isinstance(other, COMPARABLE) else NotImplemented

    def __ne__(self, other: object) -> Value:  # type: ignore[override]
        return apply(comparison.ne, (self, other)) if isinstance(other, COMPARABLE) else NotImplemented

    def __lt__(self, other: Operand) -> Value:
        return apply(comparison.lt, (self, other))

    def __le__(self, other: Operand) -> Value:
        return apply(comparison.le, (self, other))

    def __gt__(self, other: Operand) -> Value:
        return apply(comparison.gt, (self, other))

    def __ge__(self, other: Operand) -> Value:
        return apply(comparison.ge, (self, other))

    def __and__(self, other: Operand) -> Value:
        return apply(comparison.bitwise_and, (self, other))

    def __or__(self, other: Operand) -> Value:
        return apply(comparison.bitwise_or, (self, other))

    def __xor__(self, other: Operand) -> Value:
        return apply(comparison.bitwise_xor, (self, other))

    def __lshift__(self, other: Operand) -> Value:
        return apply(comparison.bitwise_left_shift, (self, other))

    def __rshift__(self, other: Operand) -> Value:
        return apply(comparison.bitwise_right_shift, (self, other))

    def __rlshift__(self, other: Operand) -> Value:
        return apply(comparison.bitwise_left_shift, (other, self))

    def __rrshift__(self, other: Operand) -> Value:
        return apply(comparison.bitwise_right_shift, (other, self))

    def __invert__(self) -> Value:
        return apply(comparison.bitwise_not, (self,))

    __div__, __rdiv__ = __truediv__, __rtruediv__  # by Python 2's names, which PyTorch keeps
    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

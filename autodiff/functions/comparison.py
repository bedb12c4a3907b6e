"""Comparisons and tests by PyTorch's names; none has a derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.engine.values import Value
from autodiff.functions.arrays import on_arrays, tensors_only
from autodiff.functions.public import as_function, of_one, of_two
from autodiff.ops import comparison

__all__ = [
    "allclose", "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor",
    "eq", "equal", "gcd", "ge", "greater", "greater_equal", "gt", "is_nonzero", "is_same_size", "is_signed", "isclose",
    "isfinite", "isinf", "isnan", "isneginf", "isposinf", "lcm", "le", "less", "less_equal", "logical_and",
    "logical_not", "logical_or", "logical_xor", "lt", "ne", "not_equal", "numel",
]

eq = as_function(comparison.eq, of_two, "Whether ``input == other``, entry by entry, broadcast.", "eq")
ne = not_equal = as_function(comparison.ne, of_two, "Whether ``input != other``, entry by entry, broadcast.", "ne")
lt = less = as_function(comparison.lt, of_two, "Whether ``input < other``, entry by entry, broadcast.", "lt")
le = less_equal = as_function(
    comparison.le, of_two, "Whether ``input <= other``, entry by entry, broadcast.", "le")
gt = greater = as_function(comparison.gt, of_two, "Whether ``input > other``, entry by entry, broadcast.", "gt")
ge = greater_equal = as_function(
    comparison.ge, of_two, "Whether ``input >= other``, entry by entry, broadcast.", "ge")
isnan = as_function(comparison.isnan, of_one, "Which entries are NaN.")
isinf = as_function(comparison.isinf, of_one, "Which entries are infinite, of either sign.")
isfinite = as_function(comparison.isfinite, of_one, "Which entries are neither infinite nor NaN.")
logical_and = as_function(comparison.logical_and, of_two, "Where both are not 0, broadcast; NaN is not 0.")
logical_or = as_function(comparison.logical_or, of_two, "Where one or both are not 0, broadcast; NaN is not 0.")
logical_xor = as_function(comparison.logical_xor, of_two, "Where exactly one is not 0, broadcast; NaN is not 0.")
logical_not = as_function(comparison.logical_not, of_one, "Where an entry is 0.")
bitwise_and = as_function(
    comparison.bitwise_and, of_two, "The bits that integers or booleans both have set, broadcast.")
bitwise_or = as_function(
    comparison.bitwise_or, of_two, "The bits that one or both of integers or booleans have set, broadcast.")
bitwise_xor = as_function(
    comparison.bitwise_xor, of_two, "The bits that exactly one of integers or booleans has set, broadcast.")
bitwise_not = as_function(comparison.bitwise_not, of_one, "Every bit of integers, or every boolean, turned over.")
bitwise_left_shift = as_function(
    comparison.bitwise_left_shift, of_two, "Integers with their bits moved up by ``other`` places, broadcast.")
bitwise_right_shift = as_function(
    comparison.bitwise_right_shift, of_two, "Integers with their bits moved down by ``other`` places, broadcast.")
gcd = as_function(comparison.gcd, of_two, "The greatest common divisor of integers, broadcast; 0 of two zeros.")
lcm = as_function(comparison.lcm, of_two, "The least common multiple of integers, broadcast; 0 beside a zero.")


def allclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether ``|input - other| <= atol + rtol * |other|`` everywhere."""
    return bool(np.allclose(input, other, rtol, atol, equal_nan))


@on_arrays
def isclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Value:
    """Whether ``|input - other| <= atol + rtol * |other|``, entry by entry."""
    return np.isclose(input, other, rtol, atol, equal_nan)


@on_arrays
def isposinf(input: Any) -> Value:
    """Which entries are positive infinity.

    >>> import autodiff
    >>> autodiff.isposinf(autodiff.tensor([1.0, autodiff.inf, -autodiff.inf]))
    tensor([False,  True, False])
    """
    return np.isposinf(input)


@on_arrays
def isneginf(input: Any) -> Value:
    """Which entries are negative infinity.

    >>> import autodiff
    >>> autodiff.isneginf(autodiff.tensor([1.0, autodiff.inf, -autodiff.inf]))
    tensor([False, False,  True])
    """
    return np.isneginf(input)


def equal(input: Any, other: Any) -> bool:
    """Whether two tensors have the same shape and entries."""
    return bool(np.array_equal(input, other))


def numel(input: Any) -> int:
    """The number of entries."""
    return int(input.numel())


def is_nonzero(input: Any) -> bool:
    """Whether the one entry is not 0; raises ShapeError where there is not one entry.

    >>> import autodiff
    >>> autodiff.is_nonzero(autodiff.tensor([2.0]))
    True
    """
    return bool(input.item())


def is_same_size(input: Any, other: Any) -> bool:
    """Whether two tensors have the same shape.

    >>> import autodiff
    >>> autodiff.is_same_size(autodiff.ones(2), autodiff.ones(2, 1))
    False
    """
    tensors_only("is_same_size", input, other)
    return tuple(input.shape) == tuple(other.shape)


def is_signed(input: Any) -> bool:
    """Whether the dtype has numbers below 0.

    >>> import autodiff
    >>> autodiff.is_signed(autodiff.ones(2)), autodiff.is_signed(autodiff.ones(2) > 0)
    (True, False)
    """
    return input.dtype.kind in "ifc"

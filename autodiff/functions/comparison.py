"""Comparisons and tests by PyTorch's names; none has a derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.functions.arrays import on_arrays

# The primitives that are public as they are: a paragraph instead of a name a line.
from autodiff.ops.comparison import (  # isort: skip
    bitwise_and, bitwise_not, bitwise_or, bitwise_xor, eq, ge, gt, isfinite, isinf, isnan, le, logical_and, logical_not,
    logical_or, logical_xor, lt, ne,
)

__all__ = [
    "allclose", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "eq", "equal", "ge", "greater",
    "greater_equal", "gt", "isclose", "isfinite", "isinf", "isnan", "le", "less", "less_equal", "logical_and",
    "logical_not", "logical_or", "logical_xor", "lt", "ne", "not_equal", "numel",
]

greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne


def allclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether ``|input - other| <= atol + rtol * |other|`` everywhere."""
    return bool(np.allclose(input, other, rtol, atol, equal_nan))


@on_arrays
def isclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    """Whether ``|input - other| <= atol + rtol * |other|``, entry by entry."""
    return np.isclose(input, other, rtol, atol, equal_nan)


def equal(input: Any, other: Any) -> bool:
    """Whether two tensors have the same shape and entries."""
    return bool(np.array_equal(input, other))


def numel(input: Any) -> int:
    """The number of entries."""
    return int(input.numel())

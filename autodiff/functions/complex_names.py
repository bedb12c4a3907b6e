"""PyTorch's functions of complex numbers, for real ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.dtypes import get_default_dtype
from autodiff.engine.values import Value
from autodiff.functions.arithmetic import where
from autodiff.functions.arrays import array_of
from autodiff.ops.arithmetic import gate
from autodiff.ops.shaping import cast

__all__ = ["angle", "conj", "conj_physical", "is_complex", "is_floating_point", "real", "resolve_conj", "resolve_neg"]


def real(input: Any) -> Value:
    """The tensor itself: its entries are real, and equal to their conjugates."""
    return input


conj = conj_physical = resolve_conj = resolve_neg = real


def angle(input: Any) -> Value:
    """pi where an entry is negative, 0 where it is not, NaN where it is NaN; the gradient is 0."""
    x = input if input.dtype.kind == "f" else cast(input, get_default_dtype())
    missing = np.isnan(array_of(x))
    return where(x < 0, math.pi, gate(x, mask=missing))


def is_complex(input: Any) -> bool:
    """False: no tensor here is complex."""
    return False


def is_floating_point(input: Any) -> bool:
    """Whether the entries are floats."""
    return bool(input.dtype.kind == "f")

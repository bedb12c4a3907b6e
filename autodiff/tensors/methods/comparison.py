"""Comparisons as methods, without gradients."""

from __future__ import annotations

from autodiff.functions import comparison as functions
from autodiff.ops import comparison
from autodiff.tensors.methods.rows import method


class ComparisonMethods:
    """``x.eq(y)``, ``x.isnan()``."""

    __slots__ = ()

    eq = method(comparison.eq)
    ne = method(comparison.ne)
    lt = method(comparison.lt)
    le = method(comparison.le)
    gt = method(comparison.gt)
    ge = method(comparison.ge)
    isnan = method(comparison.isnan)
    isinf = method(comparison.isinf)
    isfinite = method(comparison.isfinite)
    logical_and = method(comparison.logical_and)
    logical_or = method(comparison.logical_or)
    logical_not = method(comparison.logical_not)
    logical_xor = method(comparison.logical_xor)
    bitwise_and = method(comparison.bitwise_and)
    bitwise_or = method(comparison.bitwise_or)
    bitwise_xor = method(comparison.bitwise_xor)
    bitwise_not = method(comparison.bitwise_not)
    isclose = functions.isclose
    allclose = functions.allclose
    equal = functions.equal

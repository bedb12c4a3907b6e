"""Functions that are polynomials, or fractions of them, in pieces, on whole arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.kernels.arrays import as_array
from autodiff.kernels.blocks import by_blocks
from autodiff.kernels.layout import copied

Array = np.ndarray[Any, Any]


def polynomial(coefficients: tuple[float, ...], x: Array) -> Any:
    """Horner's rule, in the memory of one array."""
    total = coefficients[0] * x
    for c in coefficients[1:-1]:
        total += c
        total *= x
    total += coefficients[-1]
    return total


def rational(pair: Any, x: Array) -> Any:
    """The fraction of two polynomials."""
    top = polynomial(pair[0], x)
    top /= polynomial(pair[1], x)
    return top


def in_pieces(x: Array, *pieces: tuple[Any, Any]) -> Any:
    """For each (where, function) the function of the entries there, computed for them alone."""
    out = np.empty_like(x)
    for where, function in pieces:
        if where.all():
            return function(x)
        if where.any():
            out[where] = function(x[where])
    return out


def of_floats(function: Any) -> Any:
    """``function`` of float64 arrays with axes, for arrays of any dtype and shape; floats keep theirs."""

    def call(x: Any) -> Any:
        x = as_array(x)
        return in_dtype(function, x, np.dtype(np.float64))

    return call


def in_dtype(function: Any, x: Array, dtype: np.dtype[Any]) -> Any:
    """``function`` of ``x``, computed in ``dtype``; floats keep theirs."""
    kept = x.dtype if x.dtype.kind == "f" else dtype
    x = x if x.flags.c_contiguous else copied(x)

    def call(block: Array) -> Any:
        with np.errstate(all="ignore"):
            return function(np.atleast_1d(block).astype(dtype)).astype(kept, copy=False)

    return by_blocks(call, x if x.dtype == kept else x.astype(kept)).reshape(x.shape)

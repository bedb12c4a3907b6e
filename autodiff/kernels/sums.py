"""Sums in the dtype of what is summed, by whatever adds up fastest."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from autodiff.kernels.blas import alone
from autodiff.kernels.layout import row_major

ndarray = np.ndarray
LONG = 1 << 12  # numbers from which on it pays to choose how a sum is made
FEW = 64  # rows from which on BLAS sums columns faster than NumPy
MANY = 1 << 18  # numbers from which on BLAS gains little, and loses much where it has to wait for a thread
WOKEN = 1 << 13  # numbers from which on OpenBLAS wakes its threads
ROW = 1 << 10  # numbers that are summed one after another, so few that rounding does not add up


def accumulate(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """Sum over ``axis`` in the dtype of ``x``; half precision adds up in single, where 2048 + 1 is not yet 2048."""
    if isinstance(x, np.ndarray):  # a Tensor comes back here through its primitive
        if x.dtype.char == "e":
            return row_major(np.add.reduce(x, axis=axis, keepdims=keepdims, dtype=np.float32)).astype(np.float16)
        if x.size >= LONG and x.dtype.char in "fd" and x.flags.c_contiguous:
            return _of_many(x, axis, keepdims)
        if x.ndim > 2:
            return row_major(np.add.reduce(x, axis=axis, keepdims=keepdims))
    return np.add.reduce(x, axis=axis, keepdims=keepdims)


def _of_many(x: Any, axis: Any, keepdims: Any) -> Any:
    """A sum over the last axes, by einsum, or over neighbouring other axes, by BLAS: faster than NumPy's own."""
    axes = range(x.ndim) if axis is None else sorted(a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,)))
    kept = [i for i in range(x.ndim) if i not in axes]
    last = kept[-1] + 1 if kept else 0
    length, after = math.prod(x.shape[last:]), x.shape[axes[-1] + 1 :] if axes else ()
    row = math.gcd(length, ROW) if length > ROW else length
    if last < x.ndim and row >= 16:
        sums = np.einsum("ij->i", x.reshape(-1, row)).reshape(*x.shape[:last], -1)
        total = np.add.reduce(sums, axis=(*(a for a in axes if a < last), last))
    elif after and axes[-1] - axes[0] == len(axes) - 1 and FEW * math.prod(after) <= x.size <= MANY:
        before, among = x.shape[: axes[0]], x.shape[axes[0] : axes[-1] + 1]
        stack = x.reshape(math.prod(before), math.prod(among), math.prod(after))
        total = _times(ones(stack.shape[1], x.dtype.char), stack).reshape(before + after)
    else:
        return np.add.reduce(x, axis=axis, keepdims=keepdims)
    return total.reshape([n if i in kept else 1 for i, n in enumerate(x.shape)]) if keepdims else total


def sum_of_rows(rows: Any) -> Any:
    """The sum of the rows of a matrix, by BLAS."""
    row = ones(len(rows), rows.dtype.char)
    return row.dot(rows) if type(rows) is ndarray and rows.size < WOKEN else _times(row, rows)


def _times(ones: Any, x: Any) -> Any:
    """Ones times a matrix or several, by one thread: two would take longer to wake, and round otherwise."""
    if x.size >= WOKEN:
        return alone(np.matmul, ones, x)
    return np.dot(ones, x) if x.ndim == 2 else np.matmul(ones, x)


@lru_cache(maxsize=8)
def ones(count: int, dtype: str) -> Any:
    """A row of ones, which nobody changes."""
    return np.ones(count, dtype)

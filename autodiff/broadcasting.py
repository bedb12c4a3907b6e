"""Sums, and undoing a broadcast: the one place where a cotangent is summed back to the shape of its input."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

__all__ = ["accumulate", "unbroadcast"]


def accumulate(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """Sum over ``axis`` in the dtype of ``x``; half precision adds up in single, where 2048 + 1 is not yet 2048."""
    if x.dtype.char == "e" and isinstance(x, np.ndarray):  # a Tensor comes back here through its row
        return np.add.reduce(x, axis=axis, keepdims=keepdims, dtype=np.float32).astype(np.float16)
    return np.add.reduce(x, axis=axis, keepdims=keepdims)


def unbroadcast(cotangent: Any, shape: tuple[int, ...]) -> Any:
    """Sum ``cotangent`` over the axes along which an input of ``shape`` was stretched: the adjoint of broadcasting.

    >>> unbroadcast(np.ones((2, 3)), (3,))
    array([2., 2., 2.])
    >>> unbroadcast(np.ones((2, 3)), (2, 1))
    array([[3.],
           [3.]])
    """
    stretched = cotangent.shape
    lead = len(stretched) - len(shape)
    if stretched[lead:] == shape:  # a bias, the commonest case
        if stretched[:lead] == (1,):  # of a single sample
            return cotangent.reshape(shape)
        if type(cotangent) is np.ndarray and len(shape) == 1 and cotangent.dtype.char in "fd":
            rows = cotangent if lead == 1 else cotangent.reshape(-1, *shape)
            return _ones(len(rows), rows.dtype).dot(rows)  # half the time of a sum, a third on few rows
        return accumulate(cotangent, tuple(range(lead)))
    axes = tuple(i for i, n in enumerate(stretched) if i < lead or n != shape[i - lead])
    return accumulate(cotangent, axes).reshape(shape)


@lru_cache(maxsize=8)
def _ones(count: int, dtype: Any) -> Any:
    return np.ones(count, dtype)

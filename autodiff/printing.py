"""How a tensor is written: PyTorch's layout, so that what people know how to read stays readable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["array_text"]

_PLAIN = {np.dtype(np.int64), np.dtype(np.bool_)}  # dtypes that go without saying


def array_text(array: np.ndarray[Any, Any], default: np.dtype[Any], notes: str = "") -> str:
    """``tensor(...)`` with the entries of ``array``, its dtype where it is not the usual one, and ``notes``.

    >>> array_text(np.array([1.5, -2.0]), np.dtype(np.float64))
    'tensor([ 1.5000, -2.0000])'
    """
    text = np.array2string(
        array, separator=", ", prefix="tensor(", threshold=1000, edgeitems=3, max_line_width=100,
        formatter={"all": _entry_format(array)},
    )  # fmt: skip
    if array.size == 0 and array.ndim != 1:
        notes = f", size={array.shape}{notes}"
    if array.dtype != default and array.dtype not in _PLAIN:
        notes = f", dtype={array.dtype}{notes}"
    return f"tensor({text}{notes})"


def _entry_format(array: np.ndarray[Any, Any]) -> Callable[[Any], str]:
    """A function that writes an entry as wide as the widest that is shown."""
    if array.dtype.kind != "f":
        shown, write = array, str
    else:
        shown, write = array, _float_format(array)
    flat = shown.reshape(-1)
    sample = flat if flat.size <= 1000 else np.concatenate([flat[:500], flat[-500:]])
    width = max((len(write(v)) for v in sample), default=0) if array.ndim else 0
    return lambda v: write(v).rjust(width)


def _float_format(array: np.ndarray[Any, Any]) -> Callable[[Any], str]:
    finite = np.abs(array[np.isfinite(array)].astype(np.float64))
    if (finite == np.floor(finite)).all() and (finite < 1e8).all():
        return lambda v: f"{v:.0f}." if np.isfinite(v) else str(float(v))
    nonzero = finite[finite > 0]
    if nonzero.size and (nonzero.max() / nonzero.min() > 1000 or nonzero.max() > 1e8 or nonzero.min() < 1e-4):
        return lambda v: f"{v:.4e}" if np.isfinite(v) else str(float(v))
    return lambda v: f"{v:.4f}" if np.isfinite(v) else str(float(v))

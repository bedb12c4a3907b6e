"""The same numbers in other layouts in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def _every_other(x: Array) -> Array:
    spaced = np.zeros(tuple(2 * n for n in x.shape), x.dtype)
    every: tuple[Any, ...] = (..., *(slice(None, None, 2),) * x.ndim)
    spaced[every] = x
    return np.asarray(spaced[every])


# For each layout its name, the least number of axes for which it is a layout of its own, and a copy laid out so.
LAYOUTS: tuple[tuple[str, int, Callable[[Array], Array]], ...] = (
    ("Fortran-ordered", 2, lambda x: np.array(x, order="F")),
    ("negatively strided", 1, lambda x: np.asarray(np.flip(np.flip(x).copy()))),
    ("strided", 1, _every_other),
)

"""Elementwise functions of long arrays, block by block: what they make on the way is small, and threads share it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.kernels.threads import share, tiles

__all__ = ["by_blocks"]

BLOCK = 1 << 17  # numbers; on shorter ones the calls cost more than a second thread saves


def by_blocks(function: Callable[..., Any], *arrays: Any) -> Any:
    """``function(*arrays)``, elementwise; of long arrays of one shape and dtype by blocks, of all else at once.

    On two free cores gelu of 262,144 numbers takes 0.25 ms instead of 0.39, its gradient 0.34 instead of 0.58, and
    sigmoid of a million 0.48 instead of 0.76. What goes over its input once gains little.
    """
    first = arrays[0]
    if not isinstance(first, np.ndarray) or first.size < 2 * BLOCK:
        return function(*arrays)
    for x in arrays:
        if type(x) is not np.ndarray or x.shape != first.shape or not x.flags.c_contiguous:
            return function(*arrays)
    out, flat = np.empty(first.size, first.dtype), [x.reshape(-1) for x in arrays]

    def task(start: int, stop: int) -> None:
        for block in tiles(start, stop, BLOCK):
            out[block] = function(*(x[block] for x in flat))

    share(task, first.size, parallel=True)
    return out.reshape(first.shape)

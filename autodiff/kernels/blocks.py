"""Elementwise functions of long arrays, in parts: what they make on the way is small, and threads share it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import numpy as np

from autodiff.kernels.threads import WorkQueue, workers

BLOCK = 1 << 17  # numbers; on shorter ones the calls cost more than a second thread saves
LONG = 2 * BLOCK  # numbers from which on a second thread pays


def by_blocks(function: Callable[..., Any], *arrays: Any) -> Any:
    """``function(*arrays)``, elementwise; of long arrays of one shape and dtype by blocks, of all else at once."""
    first = arrays[0]
    if not isinstance(first, np.ndarray) or first.size < LONG:
        return function(*arrays)
    if hasattr(first, "__once__") and workers() > 1:  # an array of ``compile``: the threads share each replay, too
        return first.__once__(partial(by_blocks, function), arrays, {})
    for x in arrays:
        if type(x) is not np.ndarray or x.shape != first.shape or not x.flags.c_contiguous:
            return function(*arrays)

    def fill(out: Any, *blocks: Any) -> None:
        out[...] = function(*blocks)

    return _filled(fill, *arrays)


def shared(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """``function(x)``, elementwise, with an ``out`` like that of NumPy's; threads share long arrays."""

    @wraps(function)
    def of(x: Any) -> Any:
        if x.nbytes < LONG:
            return function(x)
        if type(x) is not np.ndarray or x.size < LONG:
            is_shared = hasattr(x, "__once__") and x.size >= LONG and workers() > 1
            return x.__once__(of, (x,), {}) if is_shared else function(x)
        if x.dtype.kind != "f" or not x.flags.c_contiguous:
            return function(x)
        return _filled(lambda out, x: function(x, out=out), x)

    return of


def _filled(fill: Callable[..., Any], *arrays: Any) -> Any:
    """An array like the first, block by block what ``fill(block, *blocks)`` makes of the arrays."""
    out, flat = np.empty_like(arrays[0]), [x.reshape(-1) for x in arrays]
    taken = out.reshape(-1)
    queue = WorkQueue(-(-out.size // BLOCK), parallel=True)

    def work() -> None:
        for turn in queue.tiles(1):
            block = slice(turn.start * BLOCK, turn.stop * BLOCK)
            fill(taken[block], *(x[block] for x in flat))

    queue.run(work, products=False)
    return out

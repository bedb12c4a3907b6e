"""Matrix products that helper threads share, with which BLAS's own would compete for the processors."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import threads
from .blas import alone
from .lanes import faster

MANY = 1 << 18  # multiply-adds from which on OpenBLAS wakes its threads
WORTH_THREADS = 1 << 23  # multiply-adds from which on a second thread pays


def dot(x: Any, y: Any, b: Any = None) -> Any:
    """``np.dot(x, y)`` of two matrices, plus a row ``b``; large ones by helper threads instead of BLAS's own.

    Both kinds of threads would want the same processors, and BLAS's wait for one another in a busy loop. Which of them
    makes a product depends on nothing but the shapes and the number of threads, as its last bits depend on it.
    """
    size = x.size * y.shape[1]
    if size >= MANY:
        return _of_many(x, y, size) if b is None else _of_many(x, y, size, b)
    out = np.dot(x, y)
    return out if b is None else np.add(out, b, out)


@faster("dot", opaque_from=1)
def _of_many(x: Any, y: Any, size: int, b: Any = None) -> Any:
    out = _shared(x, y, size)
    return out if b is None else np.add(out, b, out)


def _shared(x: Any, y: Any, size: int) -> Any:
    if size >= WORTH_THREADS and x.dtype == y.dtype and threads.shares_sums():
        return _by_rows(x, y) if len(x) >= len(y) else _by_terms(x, y)
    return alone(np.dot, x, y)


def _by_rows(x: Any, y: Any) -> Any:
    """Each thread makes some of the rows."""
    out = np.empty((len(x), y.shape[1]), x.dtype)
    threads.parallel_map(lambda start, stop: np.matmul(x[start:stop], y, out=out[start:stop]), len(x), parallel=True)
    return out


def _by_terms(x: Any, y: Any) -> Any:
    """Each thread makes some of the terms whose sum each entry is."""
    total, *others = threads.parallel_map(lambda start, stop: np.dot(x[:, start:stop], y[start:stop]), len(y), True)
    for other in others:
        total += other
    return total

"""Matrix products that helper threads share, with which BLAS's own would compete for the processors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from . import threads
from .blas import alone
from .lanes import faster
from .layout import row_major

FEW, LARGE = 50, 1 << 15  # rows at most of a left factor, and numbers at least of a right one that lies by columns
MANY = 1 << 18  # multiply-adds from which on OpenBLAS wakes its threads
WORTH_THREADS = 1 << 23  # multiply-adds from which on a second thread pays


def dot(x: Any, y: Any, b: Any = None) -> Any:
    """``np.dot(x, y)`` of two matrices, plus a row ``b``; large ones by helper threads instead of BLAS's own.

    Both kinds of threads would want the same processors, and BLAS's wait for one another in a busy loop. Which of them
    makes a product depends on nothing but the shapes and the number of threads, as its last bits depend on it.
    """
    size = x.size * y.shape[1]
    if size >= MANY:
        return _of_many(x, y, size, b)
    out = by_transpose(np.dot, x, y)
    return out if b is None else np.add(out, b, out)


def by_transpose(product: Callable[[Any, Any], Any], x: Any, y: Any) -> Any:
    """The product of both, or of both turned: for few rows OpenBLAS is faster so, the copy back included.

    From about 50 rows on, or a quarter of the columns, it is slower. ``y`` may be a stack of matrices.
    """
    if y.size >= LARGE and 1 < len(x) <= FEW and 4 * len(x) <= y.shape[-1] and y.mT.flags.c_contiguous:
        return row_major(product(y.mT, x.T).mT)
    return product(x, y)


@faster("dot", opaque_from=1, takes_out=True)
def _of_many(x: Any, y: Any, size: int, b: Any = None, out: Any = None) -> Any:
    made = by_transpose(partial(_shared, size=size), x, y)
    if b is not None:
        return np.add(made, b, made if out is None else out)
    if out is None:
        return made
    np.copyto(out, made)
    return out


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

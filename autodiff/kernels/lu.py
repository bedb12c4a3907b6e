"""LU factors of stacks of matrices, with rows exchanged so that no factor of L is large. NumPy has none by itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

PANEL = 32  # columns that are eliminated one by one before the rest is, by a matrix product


def factors(x: Any) -> tuple[Any, Any]:
    """L and U of (..., m, n) in one array, U above the diagonal of L, which is 1; and the pivots (..., min(m, n)).

    Row i was exchanged with the row ``pivots[i]`` behind it or with itself, at i = 0 first (Golub & Van Loan 2013,
    alg. 3.4.1, in panels).
    """
    m, n = x.shape[-2:]
    count = min(m, n)
    a = x.reshape(math.prod(x.shape[:-2]), m, n).copy()
    pivots = np.zeros((len(a), count), np.int64)
    for start in range(0, count if len(a) else 0, PANEL):
        stop = min(start + PANEL, count)
        below = a[:, start:]
        exchanged = pivots[:, start:stop]
        panel = below[..., start:stop].mT.copy()
        _eliminate(panel, exchanged)
        below[..., start:stop] = panel.mT
        order = permutation(exchanged, m - start)[..., None]
        for columns in (below[..., :start], below[..., stop:]):
            columns[:] = np.take_along_axis(columns, order, 1)
        exchanged += start
        if stop < n:
            low = np.tril(a[:, start:stop, start:stop], -1) + np.eye(stop - start, dtype=a.dtype)
            a[:, start:stop, stop:] = np.linalg.solve(low, a[:, start:stop, stop:])
            a[:, stop:, stop:] -= np.matmul(a[:, stop:, start:stop], a[:, start:stop, stop:])
    return a.reshape(x.shape), pivots.reshape(*x.shape[:-2], count)


def _eliminate(panel: Any, pivots: Any) -> None:
    """Replace a panel by its factors, column by column, and write its ``pivots`` (b, n).

    The panel is given transposed, (b, n, m) with m >= n, so that the long columns lie in one piece.
    """
    each = np.arange(len(panel))
    for j in range(panel.shape[-2]):
        column = panel[:, j, j:]
        sizes = np.abs(column.real) + np.abs(column.imag) if column.dtype.kind == "c" else np.abs(column)  # as LAPACK
        pivots[:, j] = chosen = sizes.argmax(-1) + j
        panel[each, :, chosen], panel[..., j] = panel[..., j].copy(), panel[each, :, chosen]
        pivot = panel[:, j, j, None]
        panel[:, j, j + 1 :] /= np.where(pivot == 0, 1, pivot)
        panel[:, j + 1 :, j + 1 :] -= panel[:, j + 1 :, j, None] * panel[:, j, None, j + 1 :]


def permutation(pivots: Any, m: int) -> Any:
    """The rows (..., m) of A in the order that they have in L U, for the pivots (..., k)."""
    order = np.broadcast_to(np.arange(m), (*pivots.shape[:-1], m)).reshape(math.prod(pivots.shape[:-1]), m).copy()
    flat = pivots.reshape(len(order), pivots.shape[-1])
    each = np.arange(len(order))
    for j in range(flat.shape[-1]):
        chosen = flat[:, j]
        order[each, chosen], order[:, j] = order[:, j].copy(), order[each, chosen]
    return order.reshape(*pivots.shape[:-1], m)

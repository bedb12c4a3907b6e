"""Products with sparse matrices, whose entries lie at pairs of coordinates."""

from __future__ import annotations

from typing import Any
from weakref import ref

import numpy as np

Array = np.ndarray[Any, Any]

LONG = 64  # a row with more entries than that is multiplied by itself


class Pattern:
    """Where the entries of a sparse matrix of ``shape`` lie; how to add up what they make is planned once.

    The entries of a row are added up one by one, those of all rows at a time that have so many: the first of each row,
    the second, and so on (jagged diagonals). Rows are taken by falling length, so those are the first so many.

    Reference: Saad 1989, "Krylov subspace methods on supercomputers", section 4.
    """

    def __init__(self, rows: Array, cols: Array, shape: tuple[int, int]) -> None:
        self.rows, self.cols, self.shape = rows, cols, shape
        self._plan: Any = None
        self._turned: Any = None

    @property
    def turned(self) -> Pattern:
        """That of the transposed matrix."""
        known = self._turned() if isinstance(self._turned, ref) else self._turned
        if known is None:
            known = self._turned = Pattern(self.cols, self.rows, self.shape[::-1])
            known._turned = ref(self)  # no loop
        turned: Pattern = known
        return turned

    def product(self, values: Array, dense: Array) -> Array:
        """The matrix with entries ``values`` (nnz,) times a dense one, (n, k) @ (k, m)."""
        self._plan = self._plan or self._planned()
        rows, alone, together = self._plan
        sums = np.zeros((len(rows), *dense.shape[1:]), np.result_type(values, dense))
        for i, (entries, cols) in enumerate(alone):
            np.matmul(values[entries], dense[cols], sums[i])
        rest = sums[len(alone) :]
        for entries, cols in together:
            rest[: len(cols)] += values[entries, None] * dense[cols]
        out = np.zeros((self.shape[0], *dense.shape[1:]), sums.dtype)
        out[rows] = sums
        return out

    def _planned(self) -> tuple[Array, list[tuple[Array, Array]], list[tuple[Array, Array]]]:
        """The rows, longest first; for each that is long its entries and their columns; the k-th entries of all others.

        Entries are numbers of entries, as the pattern has them.
        """
        order = np.argsort(self.rows, kind="stable")
        rows, starts, counts = np.unique(self.rows[order], return_index=True, return_counts=True)
        falling = np.argsort(-counts, kind="stable")
        rows, starts, counts = rows[falling], starts[falling], counts[falling]
        long = int((counts > LONG).sum())
        alone = [order[start : start + count] for start, count in zip(starts[:long], counts[:long], strict=True)]
        starts, counts = starts[long:], counts[long:]
        together = [order[starts[: (counts > k).sum()] + k] for k in range(counts.max(initial=0))]
        return rows, [(e, self.cols[e]) for e in alone], [(e, self.cols[e]) for e in together]

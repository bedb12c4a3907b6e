"""Picking, filling and scattering as methods."""

from __future__ import annotations

from typing import Any

from autodiff.engine.values import Value
from autodiff.functions import indexing
from autodiff.functions import scatter as _scatter
from autodiff.functions.arithmetic import where


class IndexingMethods:
    """``x.gather(0, i)``, ``x.masked_fill(mask, 0)``, ``x.scatter_add(0, i, y)``."""

    __slots__ = ()

    gather = indexing.gather
    index_select = indexing.index_select
    index_add = indexing.index_add
    index_copy = indexing.index_copy
    index_fill = indexing.index_fill
    index_put = indexing.index_put
    index_reduce = _scatter.index_reduce
    take = indexing.take
    put = indexing.put
    take_along_dim = indexing.take_along_dim
    masked_fill = indexing.masked_fill
    masked_select = indexing.masked_select
    masked_scatter = indexing.masked_scatter
    scatter = _scatter.scatter
    scatter_add = _scatter.scatter_add
    scatter_reduce = _scatter.scatter_reduce
    select_scatter = _scatter.select_scatter
    slice_scatter = _scatter.slice_scatter
    diagonal_scatter = _scatter.diagonal_scatter
    nonzero = indexing.nonzero
    argwhere = indexing.argwhere

    def where(self, condition: Any, other: Any) -> Value:
        """The tensor where ``condition`` holds and ``other`` elsewhere."""
        return where(condition, self, other)

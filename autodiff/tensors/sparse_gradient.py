"""SparseGradient: the gradient of a table of which a pass used some rows only."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.engine.hooks import NodeHooks
from autodiff.engine.modes import layer
from autodiff.engine.values import wrap
from autodiff.handles import RemovableHandle
from autodiff.ops.indexing import index
from autodiff.tensors.formats import layout, sparse_coo
from autodiff.tensors.sparse import SparseTensor
from autodiff.tensors.tensor import Tensor

Array = np.ndarray[Any, Any]


class SparseGradient(Tensor):
    """A tensor that is 0 but in some rows, which are known; it looks and is asked as a sparse one.

    ``nn.Embedding(..., sparse=True)`` gives its table such a gradient. All rows are kept, so that whatever takes a
    gradient takes this one; an optimizer may look at ``rows``.
    """

    rows: Array

    def __init__(self, array: Array, rows: Array) -> None:
        self._array, self._node, self._grad = array, None, None
        self.rows = rows

    @property
    def layout(self) -> layout:
        """``sparse_coo``."""
        return sparse_coo

    @property
    def is_sparse(self) -> bool:
        """True: only some rows count."""
        return True

    def coalesce(self) -> SparseTensor:
        """The rows, as a sparse tensor."""
        return SparseTensor(self.rows[None], index(self.to_dense(), key=self.rows), self.shape, True)

    def to_sparse(self, sparse_dim: int | None = 1, *, layout: Any = None) -> SparseTensor:
        """``coalesce``; along more axes, the entries that are not 0."""
        return self.coalesce() if sparse_dim == 1 else super().to_sparse(sparse_dim, layout=layout)

    def is_coalesced(self) -> bool:
        """True: each row is there once, in order."""
        return True

    def indices(self) -> Any:
        """The numbers of the rows, (1, n)."""
        return wrap(self.rows[None])

    def values(self) -> Any:
        """The rows, (n, ...)."""
        return self.coalesce().entries

    _indices, _values = indices, values

    def _nnz(self) -> int:
        return len(self.rows)

    def to_dense(self, dtype: Any = None) -> Any:
        """The same memory as a plain tensor."""
        return wrap(self._array) if dtype is None else wrap(self._array).to(dtype)

    def __repr__(self) -> str:
        return repr(self.coalesce())


class RowsUsed:
    """Notes which rows of a leaf backward passes reached, and makes its gradient a sparse one."""

    def __init__(self) -> None:
        self._pending: list[Array] = []

    def note(self, rows: Array) -> None:
        """A cotangent was added to these rows."""
        self._pending.append(np.ravel(rows))

    def __call__(self, leaf: Any) -> None:
        """Called when a pass has added to ``.grad``: a sparse one, unless something else reached other rows."""
        gradient, known = leaf._grad, self._pending
        self._pending = []
        if gradient is None or gradient._node is not None:
            return
        known = [*known, gradient.rows] if isinstance(gradient, SparseGradient) else known
        rows = np.unique(np.concatenate([np.empty(0, np.int64), *known]))
        others = np.ones(len(gradient._array), bool)
        others[rows] = False
        dense = bool(gradient._array[others].any())
        leaf._grad = wrap(gradient._array) if dense else SparseGradient(gradient._array, rows)


def rows_used(leaf: Any) -> RowsUsed | None:
    """What notes the rows of ``leaf``, made where there is none yet; None where no pass will add to its gradient."""
    node = getattr(leaf, "_node", None)
    if node is None or node.primitive is not None or not layer().value.recording:
        return None
    hooks = NodeHooks.of(node).accumulated
    for hook in hooks.values():
        if isinstance(hook, RowsUsed):
            return hook
    made = RowsUsed()
    RemovableHandle(hooks, made)
    return made

"""What the tape keeps alive for the backward pass: each piece of memory once, with the operation that keeps it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from autodiff.engine.checks import saved_arrays
from autodiff.engine.tape import Node, is_leaf
from autodiff.kernels.lending import owner_of
from autodiff.tensors.tensor import Tensor
from autodiff.viz.recorded import checked, creation_order
from autodiff.viz.tables import aligned, size

Array = np.ndarray[Any, Any]


class Kept(NamedTuple):
    """An array that an operation keeps for its backward pass.

    Attributes:
        operation: the name of the first operation that keeps it.
        place: ``file:line`` of the user's code that asked for the operation.
        shape, dtype: of the array; if it is a view, ``bytes`` counts all the memory that it keeps alive.
        bytes: of that memory.
    """

    operation: str
    place: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int


class Memory(list[Kept]):
    """The arrays that a graph keeps, in the order in which they were kept; ``str()`` is a table, the largest first."""

    @property
    def total(self) -> int:
        """All bytes together."""
        return sum(kept.bytes for kept in self)

    def __str__(self) -> str:
        largest = sorted(self, key=lambda kept: -kept.bytes)
        rows = [(size(k.bytes), k.operation, f"{k.shape}", k.dtype, k.place) for k in largest]
        return aligned(("kept", "by", "shape", "dtype", "line"), rows) + f"\n{size(self.total)} in all"

    __repr__ = __str__


def memory(output: Tensor | Iterable[Tensor]) -> Memory:
    """What the graph of ``output`` keeps alive for the backward pass.

    Parameters and other leaves are alive anyway and do not count. After ``backward()`` little is left.

    Raises:
        GraphError: an output was not recorded.

    >>> import autodiff
    >>> x = autodiff.ones(3, requires_grad=True)
    >>> print(memory((x * 2.0).exp().sum()))
    kept  by   shape  dtype    line
    12 B  exp  (3,)   float32  <doctest ...>:1
    12 B in all
    """
    order = creation_order(checked(output, "memory"))
    return Memory(
        Kept(node.name(), node.where, array.shape, str(array.dtype), owner_of(array).nbytes)
        for node, array in kept_by(order)
    )


def kept_by(order: Sequence[Node]) -> Iterator[tuple[Node, Array]]:
    """The arrays that the nodes of ``order`` keep, each piece of memory once; the memory of leaves is left out."""
    leaves = [node.owner() for node in order if is_leaf(node)]
    seen = {id(owner_of(leaf._array)) for leaf in leaves if leaf is not None}
    for node in order:
        for array in saved_arrays(node):
            owner = id(owner_of(array))
            if owner not in seen:
                seen.add(owner)
                yield node, array


def bytes_kept(order: Sequence[Node]) -> Counter[Node]:
    """How many bytes each node of ``order`` keeps; nodes that keep nothing are not in it."""
    kept: Counter[Node] = Counter()
    for node, array in kept_by(order):
        kept[node] += owner_of(array).nbytes
    return kept

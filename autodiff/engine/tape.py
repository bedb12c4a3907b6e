"""The tape: nodes that remember how values were made.

A node is made after the nodes of its inputs, so falling numbers are a topological order. Edges run from node to node,
never to a tensor, and nothing points back: a loss that is dropped frees its whole graph.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from operator import attrgetter
from typing import Any, Protocol

import numpy as np

from autodiff.engine.call_sites import Place, Scope, line_of, place_of_user
from autodiff.engine.hooks import NodeHooks
from autodiff.engine.primitive import Primitive
from autodiff.engine.versions import next_number

NO_PARAMS: dict[str, Any] = {}


class Recompute(Protocol):
    """How a node gets back what a checkpoint did not keep."""

    number: int  # the clock when the saved values were last computed

    def restore(self, node: Node) -> None:
        """Give ``node`` back what it saved, once."""


class Node:
    """How one value was made.

    Attributes:
        primitive: the primitive it was made by; None for a leaf.
        edges: for each input its node, or None where no gradient is wanted.
        saved: ``(out, *inputs)`` as the VJPs take them (see ``Primitive``); None once the graph is freed.
        params: the static parameters of the call.
        number: its position in the order of creation.
        shape, dtype: of the value.
        place: where the user's code called the operation.
        scope: the call of a module in which it was made; None outside of all, not set in a leaf.
        owner: a weak reference to the tensor of a leaf; set in leaves only.
        operand: the Python number that was the other input, for drawings; set only where there was one.
        hooks: gradient hooks; set only where there are any.
        fingerprints: of what the VJPs read; set only under ``detect_anomaly``.
        recompute: computes again what a checkpoint did not keep; set only there.
    """

    __slots__ = (
        "__weakref__", "dtype", "edges", "fingerprints", "hooks", "number", "operand", "owner", "params", "place",
        "primitive", "recompute", "saved", "scope", "shape",
    )  # fmt: skip

    primitive: Primitive | None
    edges: tuple[Node | None, ...]
    saved: tuple[Any, ...] | None
    params: dict[str, Any]
    number: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    place: Place
    scope: Scope | None
    owner: weakref.ref[Any]
    operand: Any
    hooks: NodeHooks
    fingerprints: list[int]
    recompute: Recompute

    def name(self) -> str:
        """The name of the primitive, or "leaf"."""
        return "leaf" if self.primitive is None else self.primitive.name

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """For each input its node, or None where no gradient is wanted, in pairs, as PyTorch has them."""
        return tuple((edge, 0) for edge in self.edges)

    @property
    def ndim(self) -> int:
        """The number of axes of the value."""
        return len(self.shape)

    @property
    def where(self) -> str:
        """``file:line`` of the user's code that called the operation."""
        return line_of(self.place)

    def __repr__(self) -> str:
        return f"<node {self.number}: {self.name()} {self.shape} {self.dtype}, {self.where}>"


def new_leaf(owner: Any, array: np.ndarray[Any, Any]) -> Node:
    """The node of a tensor that was not computed and is to have a gradient."""
    node = Node()  # of the same class as all others: Python reads an attribute faster where there is one class only
    node.primitive = node.saved = None
    node.edges, node.params = (), NO_PARAMS
    node.number = next_number()
    node.shape, node.dtype = array.shape, array.dtype
    node.place = place_of_user()
    node.owner = weakref.ref(owner)
    return node


def is_leaf(node: Node | None) -> bool:
    """Whether ``node`` is there and was not computed."""
    return node is not None and node.primitive is None


def reachable(roots: Iterable[Node], leaves: bool = True, since: int = 0) -> list[Node]:
    """The nodes from which ``roots`` were made, roots included, latest first.

    Args:
        roots: where to start.
        leaves: whether to include leaves that are no roots.
        since: skip nodes numbered ``since`` or lower, and what is behind them.
    """
    seen = {node for node in roots if node.number > since}
    stack = list(seen)
    while stack:
        for node in stack.pop().edges:
            if node is not None and node not in seen and (leaves or node.edges) and node.number > since:
                seen.add(node)
                stack.append(node)
    return sorted(seen, key=attrgetter("number"), reverse=True)

"""The tape: nodes that remember how values were made, and the walk that carries cotangents back through them.

A node is made after the nodes of its inputs, so falling numbers are a topological order. The walk always takes the
latest of the nodes it has come to, from a heap. Nothing here recurses, and nothing knows Tensor.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Iterable
from heapq import heappop, heappush
from math import isfinite
from operator import attrgetter
from typing import Any, Protocol

import numpy as np

from autodiff.engine import modes
from autodiff.engine.broadcasting import unbroadcast
from autodiff.engine.call_sites import Place, file_and_line, line_of, place_of_user, source_of
from autodiff.engine.hooks import NodeHooks, in_use
from autodiff.engine.primitive import Primitive
from autodiff.engine.scopes import Scope
from autodiff.engine.versions import change_after, last_change, next_number
from autodiff.errors import GraphError, InPlaceError, NonFiniteError

__all__ = ["Node", "describe", "is_leaf", "needed", "new_leaf", "non_finite", "reachable", "remember", "walk"]

Lift = Callable[[np.ndarray[Any, Any], "Node"], Any]


class Dropped(Protocol):
    """What stands at a node in place of what it saved."""

    number: int  # that of the node when what it saved was computed last

    def restore(self, node: Node) -> None:
        """Give ``node`` back what it saved, once."""


class Node:
    """How one value was made.

    Attributes:
        primitive: the row it was made by; None for a leaf.
        edges: for each input its node, or None where no gradient is wanted.
        saved: ``(out, *inputs)`` as the VJPs take them (see ``Primitive``); None once the graph is freed.
        params: the static parameters of the call.
        number: its position in the order of creation.
        shape, dtype: of the value.
        place: where the user's code asked for the operation.
        prints: fingerprints of what the VJPs read; set only under ``detect_anomaly``.
        hooks: what users hung on the value; set only where they did.
        dropped: how to compute again what a checkpoint did not keep; set only there.
        operand: the Python number that was the other input, for who draws the graph; set only where there was one.
        owner: gives the tensor of a leaf while that lives; not set in other nodes.
        scope: the call of a module in which it was made; None outside of all, not set in a leaf.
    """

    __slots__ = (
        "__weakref__",
        "dropped",
        "dtype",
        "edges",
        "hooks",
        "number",
        "operand",
        "owner",
        "params",
        "place",
        "primitive",
        "prints",
        "saved",
        "scope",
        "shape",
    )

    primitive: Primitive | None
    edges: tuple[Node | None, ...]
    saved: tuple[Any, ...] | None
    params: dict[str, Any] | None
    number: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    place: Place
    prints: list[int]
    hooks: NodeHooks
    dropped: Dropped
    scope: Scope | None
    operand: Any
    owner: weakref.ref[Any]

    def name(self) -> str:
        """The name of the primitive, or "leaf"."""
        return "leaf" if self.primitive is None else self.primitive.name

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """For each input its node, or None where no gradient is wanted, in pairs, as PyTorch has them."""
        return tuple((edge, 0) for edge in self.edges)

    @property
    def is_view(self) -> bool:
        """Whether the value may share memory with an input."""
        return self.primitive is not None and self.primitive.view

    @property
    def ndim(self) -> int:
        """The number of axes of the value."""
        return len(self.shape)

    @property
    def where(self) -> str:
        """``file:line`` of the user's code that asked for the operation."""
        return line_of(self.place)

    def __repr__(self) -> str:
        return f"<node {self.number}: {self.name()} {self.shape} {self.dtype}, {self.where}>"


def new_leaf(owner: Any, array: np.ndarray[Any, Any]) -> Node:
    """The node of a value that was not computed but asked to have a gradient.

    Of the same class as all others, for Python reads an attribute in a fifth of the time where there is one class only.
    """
    node = Node()
    node.primitive = node.params = node.saved = None
    node.edges = ()
    node.number = next_number()
    node.shape, node.dtype = array.shape, array.dtype
    node.place = place_of_user()
    node.owner = weakref.ref(owner)
    return node


def is_leaf(node: Node | None) -> bool:
    """Whether ``node`` is there and was not computed."""
    return node is not None and node.primitive is None


def reachable(roots: Iterable[Node], leaves: bool = True) -> list[Node]:
    """All nodes from which ``roots`` were made, themselves included, latest first; of ``leaves`` only roots if not."""
    seen = set(roots)
    stack = list(seen)
    while stack:
        for node in stack.pop().edges:
            if node is not None and node not in seen and (leaves or node.edges):
                seen.add(node)
                stack.append(node)
    return sorted(seen, key=attrgetter("number"), reverse=True)


@np.errstate(all="ignore")  # the forward pass has warned; a pole is inf here, as calculus says
def walk(
    cotangents: dict[Node, Any], targets: Collection[Node] = (), retain: bool = False, lift: Lift | None = None
) -> dict[Node, Any]:
    """Carry ``cotangents`` back to the leaves, or to ``targets`` and no further than they need.

    Args:
        cotangents: the cotangent of each root, of the root's shape.
        targets: the nodes whose cotangents are wanted; none means every leaf that is reached.
        retain: keep what the graph saved, for another walk.
        lift: makes a Tensor of an array and its node, so that the walk is recorded; without it, it is plain NumPy.

    Returns:
        The cotangent of each target that was reached.

    Raises:
        GraphError: the graph was freed by an earlier walk.
        InPlaceError: something the walk needs was changed in place after it was recorded.
        NonFiniteError: under ``detect_anomaly``, the first cotangent that is not finite.
    """
    wanted = _leading_to(targets, reachable(cotangents, leaves=False)) if targets else None
    pending = {node: g for node, g in cotangents.items() if wanted is None or node in wanted}
    found = {node: g for node, g in pending.items() if is_leaf(node)}
    heap: list[tuple[int, Any]] = sorted((-node.number, node) for node in pending if node not in found)
    watching, newest_change, special = modes.current().anomaly, last_change(), in_use() or wanted is not None
    while heap:
        node = heappop(heap)[1]  # the latest, so that all that it gets has come
        g, primitive, edges = pending.pop(node), node.primitive, node.edges
        if special or watching:
            g = _handed_over(node, g, targets, found)
            if wanted is not None and wanted.isdisjoint(edges):
                continue
        saved = _intact(node) if node.saved is None or node.number < newest_change else node.saved
        if lift is not None:
            saved = _lifted(node, saved, lift)
        count = 0 if node.params else len(saved)
        try:
            for vjp, edge in zip(primitive.vjps, edges):  # noqa: B905  # an endless row of VJPs is cut here
                if edge is None or (wanted is not None and edge not in wanted):
                    continue
                if count == 2:  # the usual lengths written out, which halves the price of the call
                    c = vjp(g, saved[0], saved[1])
                elif count == 3:
                    c = vjp(g, saved[0], saved[1], saved[2])
                else:
                    c = vjp(g, *saved, **node.params)
                if c is None:  # a Function may say so of an input
                    continue
                if c.shape != edge.shape:
                    c = unbroadcast(c, edge.shape)
                if watching and c is not g and non_finite(c):
                    raise _spoiled(node, edge, g, c)
                if not edge.edges:  # a leaf has nothing to pass on; what comes to it is only added up
                    found[edge] = found[edge] + c if edge in found else c
                elif edge in pending:
                    pending[edge] = pending[edge] + c
                else:
                    pending[edge] = c
                    heappush(heap, (-edge.number, edge))
        except Exception as error:
            error.add_note(f"in the backward pass of {node.name()}, which was called at {_place(node)}")
            raise
        if not retain and primitive.saves:  # others are as good for another walk as for one, and as small
            node.saved = None
    return _through_leaves(found) if in_use() else found


def _handed_over(node: Node, g: Any, targets: Collection[Node], found: dict[Node, Any]) -> Any:
    """The complete cotangent of ``node`` after its hooks have seen it, and entered where it is asked for.

    Under ``detect_anomaly`` raises InPlaceError where what ``node`` keeps was changed behind the graph's back.
    """
    if in_use() and hasattr(node, "hooks"):  # to be told that a slot is empty takes half a microsecond
        g = node.hooks.pass_on(g)
    if node in targets:
        found[node] = g
    if modes.current().anomaly:
        _compare(node)
    return g


def _through_leaves(found: dict[Node, Any]) -> dict[Node, Any]:
    """The cotangents that were found, those of leaves after their hooks have seen them."""
    return {
        node: node.hooks.pass_on(g) if node.primitive is None and hasattr(node, "hooks") else g
        for node, g in found.items()
    }


def _leading_to(targets: Collection[Node], order: list[Node]) -> set[Node]:
    """The nodes of ``order`` that were made from a target, and the targets."""
    leading = set(targets)
    for node in reversed(order):
        if not leading.isdisjoint(node.edges):
            leading.add(node)
    return leading


def _intact(node: Node) -> tuple[Any, ...]:
    """What the VJPs of ``node`` read, unless it is no longer what it was, or no longer there."""
    dropped: Dropped | None = getattr(node, "dropped", None)
    if node.saved is None and dropped is not None:
        dropped.restore(node)
    saved, number = node.saved, node.number if dropped is None else dropped.number
    if saved is None:
        raise GraphError(
            f"the graph behind {node.name()}, called at {_place(node)}, was freed by an earlier backward pass; "
            "call the earlier one with retain_graph=True"
        )
    for array in needed(node) if number < last_change() else ():
        change = change_after(number, array)
        if change is not None:
            raise InPlaceError(
                f"an array of shape {array.shape} that the backward pass of {node.name()}, called at {_place(node)}, "
                f"needs was changed in place at {line_of(change.place)}; change a clone() of it, or after backward()"
            )
    return saved


def _lifted(node: Node, saved: tuple[Any, ...], lift: Lift) -> tuple[Any, ...]:
    """What the VJPs of ``node`` read, as Tensors of the graph."""
    return tuple([
        lift(kept, owner) if owner is not None and type(kept) is np.ndarray else kept
        for kept, owner in zip(saved, (node, *node.edges))  # noqa: B905  # of one length by its making
    ])  # fmt: skip


def needed(node: Node) -> list[np.ndarray[Any, Any]]:
    """The arrays that the VJPs of ``node`` read: what it saved, and the indices and masks among its parameters."""
    values = (*(node.saved or ()), *(node.params or {}).values())
    parts = (part for value in values for part in (value if isinstance(value, tuple) else (value,)))
    return [array for array in parts if isinstance(array, np.ndarray)]


def remember(node: Node) -> None:
    """Take the fingerprints of what ``node`` needs, for the walk to compare (``detect_anomaly``)."""
    node.prints = _fingerprints(node)


def _fingerprints(node: Node) -> list[int]:
    return [hash(array.tobytes()) for array in needed(node)]


def _compare(node: Node) -> None:
    """Raise InPlaceError where what ``node`` needs is not what it was when its fingerprints were taken."""
    if hasattr(node, "prints") and node.prints != _fingerprints(node):
        raise InPlaceError(
            f"an array that the backward pass of {node.name()}, called at {_place(node)}, needs was changed behind the "
            "graph's back, through NumPy; change a copy() of it, or after backward()"
        )


def non_finite(value: Any) -> bool:
    """Whether a floating array or tensor has a NaN or an infinity in it."""
    if value.dtype.kind != "f":
        return False
    array: Any = value if isinstance(value, (np.ndarray, np.generic)) else value.detach().numpy()
    if array.size == 1:
        return not isfinite(array.item())
    # A finite sum of squares says no in one pass; one that is not may have overflowed, which the second pass tells.
    return not isfinite(np.vdot(array, array)) and not np.isfinite(array).all()


def describe(value: Any) -> str:
    """Shape, dtype and range of an array, as errors show it; a number as it is.

    >>> describe(np.array([1.0, np.inf]))
    'float64 (2,) in [1, 1], 1 of 2 not finite'
    """
    value = value.detach().numpy() if hasattr(value, "__primitive__") else value
    if not isinstance(value, (np.ndarray, np.generic)):
        return repr(value)
    text = f"{value.dtype} {value.shape}"
    finite = np.extract(np.isfinite(value), value)
    if finite.size:
        text += f" in [{finite.min():.4g}, {finite.max():.4g}]"
    bad = value.size - finite.size
    return text + (f", {bad} of {value.size} not finite" if bad else "")


def _place(node: Node) -> str:
    source = source_of(node.place)
    return f"{node.where} ({source})" if source else node.where


def _spoiled(node: Node, edge: Node, g: Any, c: Any) -> NonFiniteError:
    return NonFiniteError(
        f"the backward pass of {node.name()}, called at {_place(node)}, gave its input {edge.name()} a gradient that "
        f"is not finite: {describe(c)}, from a gradient of {describe(g)}",
        node.name(),
        *file_and_line(node.place),
    )

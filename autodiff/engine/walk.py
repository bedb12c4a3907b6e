"""The walk: cotangents are carried back along the tape, from the latest node to the first.

It always takes the latest of the nodes it has come to, from a heap, so a node's cotangent is complete when it is
visited. It does not recurse, and it knows no Tensor. A cotangent whose shape is None is computed later, and knows where
it may wait (``ops/deferred.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from heapq import heappop, heappush
from typing import Any

import numpy as np

from autodiff.engine import modes
from autodiff.engine.broadcasting import unbroadcast
from autodiff.engine.checks import called_at, check_cotangent, compare_fingerprints, saved_or_raise
from autodiff.engine.hooks import in_use
from autodiff.engine.tape import Node, reachable
from autodiff.engine.versions import last_change
from autodiff.engine.zeros import StructuralZeros
from autodiff.kernels.structural_zeros import in_doubt, non_finite, noting_nan

Lift = Callable[[np.ndarray[Any, Any], Node], Any]
Read = Callable[[Node], tuple[Any, ...]]
Observe = Callable[[Node, Node, Any, Any], None]


@noting_nan  # the forward pass has warned; a pole is inf here, as calculus says
def walk(
    cotangents: dict[Node, Any],
    targets: Collection[Node] = (),
    retain: bool = False,
    lift: Lift | None = None,
    read: Read = saved_or_raise,
    observe: Observe | None = None,
) -> dict[Node, Any]:
    """Carry ``cotangents`` back to the leaves, or to ``targets`` and no further than they need.

    Args:
        cotangents: the cotangent of each root, of the root's shape.
        targets: the nodes whose cotangents are wanted; none means every leaf that is reached.
        retain: keep what the graph saved, for another walk.
        lift: makes a Tensor of an array and its node, so that the walk is recorded; without it, it is plain NumPy.
        read: gives the saved values of a node whose own may have been freed or changed.
        observe: ``observe(node, edge, g, c)`` is told each cotangent ``c`` that ``node`` makes of ``g`` for its input
            ``edge``. A walk with an observer runs no hooks.

    Returns:
        The cotangent of each target that was reached.

    Raises:
        GraphError: the graph was freed by an earlier walk.
        InPlaceError: something the walk needs was changed in place after it was recorded.
        NonFiniteError: under ``detect_anomaly``, the first cotangent that is not finite.
    """
    wanted = _leading_to(targets, reachable(cotangents, leaves=False)) if targets else None
    pending, found, heap = _start(cotangents, wanted)
    newest_change, mode, hooked = last_change(), modes.layer().value, in_use() and observe is None
    capture, watched, doubtful, zeros = mode.capture, hooked or mode.anomaly, in_doubt, None  # local names are faster
    observe = observe or (check_cotangent if mode.anomaly else None)
    while heap:
        node = heappop(heap)[1]
        g, primitive, edges = pending.pop(node), node.primitive, node.edges
        if watched:
            g = _arrive(node, g, hooked, mode.anomaly)
        if wanted is not None:
            if node in targets:
                found[node] = g
            if wanted.isdisjoint(edges):
                continue
        if (saved := node.saved) is None or (node.number < newest_change and (primitive.saves or node.params)):
            saved = read(node)
        arguments, params = (g,) + (saved if lift is None else _lifted(node, saved, lift)), node.params
        try:
            vjps = primitive.fixed_vjps or primitive.vjps_for(len(edges))
            for vjp, edge in zip(vjps if capture is None else capture.vjps(primitive, vjps, lift), edges):  # noqa: B905  # the last inputs may be left out
                if edge is None or (wanted is not None and edge not in wanted):
                    continue
                c = vjp(*arguments, **params) if params else vjp(*arguments)
                if c is None:  # a Function may return None: no gradient
                    continue
                if doubtful and primitive.saves and non_finite(c):
                    c = (zeros := zeros or StructuralZeros(cotangents)).settled(node, vjp, arguments, c)
                if c.shape != edge.shape:
                    c = c.due(node, edge, cotangents, found, observe) if c.shape is None else unbroadcast(c, edge.shape)
                if observe is not None:
                    observe(node, edge, g, c)
                if not edge.edges:  # a leaf has nothing to pass on; what comes to it is only added up
                    found[edge] = found[edge] + c if edge in found else c
                elif edge in pending:
                    pending[edge] = pending[edge] + c
                else:
                    pending[edge] = c
                    heappush(heap, (-edge.number, edge))
        except Exception as error:
            error.add_note(f"in the backward pass of {called_at(node)}")
            raise
        if not retain and primitive.saves:  # a node that saves nothing has nothing to free
            node.saved = None
    return _finished(found) if hooked else found


def _start(cotangents: dict[Node, Any], wanted: Collection[Node] | None) -> tuple[Any, dict[Node, Any], list[Any]]:
    """The cotangents that are pending, those that are found, of leaves, and the heap of the nodes to visit."""
    pending = {node: g for node, g in cotangents.items() if node in wanted} if wanted is not None else cotangents.copy()
    heap = sorted([(-node.number, node) for node in pending if node.primitive is not None])
    found = {node: g for node, g in pending.items() if node.primitive is None} if len(heap) < len(pending) else {}
    return pending, found, heap


def _arrive(node: Node, g: Any, hooked: bool, anomaly: bool) -> Any:
    """Run the hooks on the complete cotangent ``g`` of ``node``, and return what they made of it.

    With ``anomaly`` raises InPlaceError if what ``node`` saved was changed behind the graph's back.
    """
    if hooked and hasattr(node, "hooks"):
        g = node.hooks.pass_on(g)
    if anomaly:
        compare_fingerprints(node)
    return g


def _finished(found: dict[Node, Any]) -> dict[Node, Any]:
    """The cotangents that were found, those of leaves after their hooks."""
    return {
        node: node.hooks.pass_on(g) if node.primitive is None and hasattr(node, "hooks") else g
        for node, g in found.items()
    }


def _leading_to(targets: Collection[Node], order: list[Node]) -> set[Node]:
    """The targets, and the nodes of ``order`` that were made from them."""
    leading = set(targets)
    for node in reversed(order):
        if not leading.isdisjoint(node.edges):
            leading.add(node)
    return leading


def _lifted(node: Node, saved: tuple[Any, ...], lift: Lift) -> tuple[Any, ...]:
    """What the VJPs of ``node`` read, as Tensors of the graph, and ``node`` in place of a value that is not kept."""
    return tuple([
        owner if kept is None else lift(kept, owner) if owner is not None and isinstance(kept, np.ndarray) else kept
        for kept, owner in zip(saved, (node, *node.edges))  # noqa: B905  # of one length by its making
    ])  # fmt: skip

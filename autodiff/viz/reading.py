"""Reading a recorded graph, once and in the order of creation, into plain facts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autodiff.engine.call_sites import source_of
from autodiff.engine.tape import Node, is_leaf, reachable
from autodiff.engine.versions import owner_of
from autodiff.tensors.tensor import Tensor
from autodiff.viz.facts import VANISHING, DrawnNode, Gradient, gradient_of, short
from autodiff.viz.keeping import kept_by
from autodiff.viz.names import called, names_of_leaves, names_of_tensors
from autodiff.viz.replay import operands_of, saved_by, steps, values

__all__ = ["Frame", "Reading", "read"]


class Frame(NamedTuple):
    """One call of a module, as ``names.Call`` has it, without the module: whether it is open is decided already."""

    parent: int
    level: int
    path: str
    kind: str
    is_open: bool


class Reading(NamedTuple):
    """All nodes of a graph, constants before what uses them, and the calls of modules in which they were made.

    Attributes:
        nodes: in the order of creation.
        call_of: for each node the index of its call in ``frames``; -1 outside of all.
        named: ids of the constants that have a name.
    """

    nodes: list[DrawnNode]
    call_of: list[int]
    frames: list[Frame]
    named: set[str]


def read(tensors: Sequence[Tensor], params: Any, depth: Any, show: Iterable[str]) -> Reading:
    """The facts of the graph behind ``tensors``; ``depth`` says which modules are open (see ``draw``)."""
    outputs = {tensor._node for tensor in tensors}
    order = reachable([node for node in outputs if node is not None])[::-1]
    calls, call_of = called(order, params)
    names = names_of_leaves(calls) | names_of_tensors(params)
    kept: dict[Node, int] = {}
    for node, array in kept_by(order):
        kept[node] = kept.get(node, 0) + owner_of(array).nbytes
    known = values(order, tensors) if {"value", "grad"} & set(show) else {}
    gradients = _gradients(order, tensors, known, "grad" in show)
    ids = {node: f"n{i}" for i, node in enumerate(order)}
    reading, places = Reading([], [], [], set()), _Places()
    constants: dict[int, str] = {}
    for node in order:
        operands = tuple(
            ids[edge] if edge is not None else _constant(value, reading, constants, names, call_of[node])
            for edge, value in zip(node.edges, operands_of(node), strict=True)
        )
        name = names.get(node)
        kind = "operation" if node.primitive is not None else "leaf" if name is None else "parameter"
        title = node.name() if name is None else name if kind == "parameter" else f"{node.name()} ({name})"
        place, source = places.of(node)
        drawn = DrawnNode(
            ids[node], kind, title, node.shape, node.dtype.name, place, source, node in outputs, operands
        )
        value = short(known[node]) if "value" in show and node in known else ""
        reading.nodes.append(drawn._replace(kept=kept.get(node, 0), value=value, gradient=gradients.get(node)))
        reading.call_of.append(call_of[node])
    for call in calls:
        opened = call.level < depth if isinstance(depth, int) else depth is None or bool(depth(call.path, call.module))
        reading.frames.append(Frame(*call[:4], opened))
    return reading


class _Places:
    """``file:line`` and the line itself of the user's code; a loop asks for the same ones again and again."""

    def __init__(self) -> None:
        self._here = os.path.join(os.getcwd(), "")
        self._known: dict[tuple[int, int], tuple[str, str]] = {}

    def of(self, node: Node) -> tuple[str, str]:
        """The place where ``node`` was made, relative to the working directory, and the source there."""
        code, instruction = node.place
        key = id(code), instruction
        if key not in self._known:
            self._known[key] = node.where.removeprefix(self._here), source_of(node.place)
        return self._known[key]


def _constant(value: Any, reading: Reading, known: dict[int, str], names: dict[Node | int, str], call: int) -> str:
    """The id of a constant array, which becomes a node; a number as it is; "_" where the graph does not know it."""
    if not isinstance(value, np.ndarray) or (value.ndim == 0 and id(value) not in names):
        return "_" if value is None or isinstance(value, Node) else f"{float(value):.6g}"
    if id(value) not in known:
        known[id(value)] = f"c{len(known)}"
        name = names.get(id(value), "constant")
        reading.nodes.append(DrawnNode(known[id(value)], "constant", name, value.shape, value.dtype.name))
        reading.call_of.append(call)
        if id(value) in names:
            reading.named.add(known[id(value)])
    return known[id(value)]


def _gradients(
    order: Sequence[Node], tensors: Sequence[Tensor], known: dict[Node, np.ndarray[Any, Any]], everywhere: bool
) -> dict[Node, Gradient]:
    """The gradients of leaves that have one, and of all other nodes too where ``everywhere`` asks for them."""
    found: dict[Node, Gradient] = {}
    if everywhere and all(tensor._array.size == 1 for tensor in tensors) and _whole(order, known):
        found = {step.node: gradient_of(step.incoming) for step in steps(order, tensors, known)}
    for node in order:
        owner = node.owner() if is_leaf(node) else None
        if owner is not None and owner._grad is not None:
            found[node] = gradient_of(owner._grad._array)
    return marked(found)


def _whole(order: Sequence[Node], known: dict[Node, np.ndarray[Any, Any]]) -> bool:
    return all(node.primitive is None or saved_by(node, known) is not None for node in order)


def marked(found: dict[Node, Gradient]) -> dict[Node, Gradient]:
    """The same gradients, those that vanish beside the largest one marked."""
    sizes = [g.norm / max(g.entries, 1) ** 0.5 for g in found.values() if not g.state]
    bound = VANISHING * max(sizes, default=0.0)
    return {
        node: g._replace(state="vanishing") if not g.state and g.norm / max(g.entries, 1) ** 0.5 < bound else g
        for node, g in found.items()
    }

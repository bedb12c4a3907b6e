"""A recorded graph as plain text and numbers, from which all drawings of it are made."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from autodiff.engine.tape import Node, is_leaf
from autodiff.viz.recorded import Call, Recorded, place_finder
from autodiff.viz.replay import operands_of, saved_by, steps, values
from autodiff.viz.saved import bytes_kept

Array = np.ndarray[Any, Any]
VANISHING = 1e-3  # of the largest gradient in the same drawing, root mean square over entries


class Gradient(NamedTuple):
    """What is said of a gradient.

    Attributes:
        norm: the Euclidean norm.
        entries: how many numbers it has.
        state: "zero", "NaN", "inf", "vanishing" (the root mean square of its entries is less than a thousandth of the
            largest one in the drawing), or "" if nothing is wrong.
        text: the number itself if there is one entry, the norm otherwise.
    """

    norm: float
    entries: int
    state: str
    text: str


class Part(NamedTuple):
    """A parameter inside a module that is drawn as one box; a frozen one gets no gradient."""

    name: str
    shape: tuple[int, ...]
    gradient: Gradient | None
    frozen: bool = False


class DrawnNode(NamedTuple):
    """A box of a drawing.

    Attributes:
        id: "n" and its place in the order of creation; "m" and a number for a module, "c" for a constant.
        kind: "operation"; "parameter" (a leaf that has a name); "leaf"; "constant" (an array that gets no gradient);
            "input" (of a model that was run for the drawing); "module" (drawn as one box); "left out" (the nodes that
            are more than ``max_nodes``).
        name: of the operation, the path of the parameter or module, the number that a constant is.
        shape, dtype: of the value.
        place: ``file:line`` of the user's code that made it, and ``source`` that line.
        is_output: whether the drawing was asked for it.
        operands: what an operation was applied to: ids, numbers, shapes of arrays, "_" for anything unknown.
        group: the id of the open module it stands in; "" outside of all.
        module: the class of a module.
        times: how many modules of the same structure and shapes follow each other in one box.
        operations: how many operations a box stands for.
        kept: bytes that it keeps for the backward pass.
        value: the entries or their range, if ``draw`` was asked for them.
        gradient: of a leaf after ``backward()``, or of every node if ``draw`` was asked for it.
        parts: the parameters in a module's box.
        again: whether a module was called before, so that parameters of it stand in another box.
        unread: whether an input is used by no operation.
        frozen: whether a parameter gets no gradient.
        returned: what the output is called, where a model returns several.
        warning: what is wrong with a module.
    """

    id: str
    kind: str
    name: str
    shape: tuple[int, ...] | None = None
    dtype: str = ""
    place: str = ""
    source: str = ""
    is_output: bool = False
    operands: tuple[str, ...] = ()
    group: str = ""
    module: str = ""
    times: int = 1
    operations: int = 1
    kept: int = 0
    value: str = ""
    gradient: Gradient | None = None
    parts: tuple[Part, ...] = ()
    again: bool = False
    unread: bool = False
    frozen: bool = False
    returned: str = ""
    warning: str = ""

    @property
    def numbers(self) -> int:
        """How many numbers its parameters have, those of frozen ones included."""
        if self.kind in ("parameter", "leaf"):
            return math.prod(self.shape or ())
        return sum(math.prod(part.shape) for part in self.parts)


class DrawnEdge(NamedTuple):
    """An arrow of a drawing: a value of ``shape`` goes from the node ``source`` into the node ``target``."""

    source: str
    target: str
    shape: tuple[int, ...] | None


class Group(NamedTuple):
    """A module that is drawn open, around its operations; ``parent`` is the id of the group around it, or ""."""

    id: str
    parent: str
    name: str
    module: str


class Facts(NamedTuple):
    """All nodes of a graph, and the calls of modules that made them.

    Attributes:
        nodes: by their ids, in the order of creation, a constant before what uses it. The ``group`` of a node is the
            innermost call around it.
        calls: by their ids, without the modules themselves.
        named: the ids of the constants that are drawn whatever is asked for.
        notes: what has to be said about any drawing of it.
        warnings: what is wrong with modules, by the ids of their calls.
    """

    nodes: dict[str, DrawnNode]
    calls: dict[str, Call]
    named: set[str]
    notes: tuple[str, ...] = ()
    warnings: Mapping[str, str] = MappingProxyType({})

    def opened(self, which: Callable[[Call], bool]) -> Facts:
        """The same facts with those calls open for which ``which`` is true."""
        return self._replace(calls={id: call._replace(is_open=which(call)) for id, call in self.calls.items()})


def facts_of(graph: Recorded, depth: Any, show: Collection[str]) -> Facts:
    """The facts of a recorded graph; ``depth`` and ``show`` are those of ``draw``."""
    known = values(graph.order, graph.outputs) if {"value", "grad"} & set(show) else {}
    gradients = gradients_of(graph, known, "grad" in show)
    kept, place_of = bytes_kept(graph.order), place_finder()
    outputs = {tensor._node for tensor in graph.outputs}
    ids = {node: f"n{i}" for i, node in enumerate(graph.order)}
    constants: dict[int, str] = {}  # by the identity of their arrays
    nodes: dict[str, DrawnNode] = {}
    for node in graph.order:
        call = graph.call_of[node]
        operands = []
        for edge, value in zip(node.edges, operands_of(node), strict=True):
            text = ids[edge] if edge is not None else _as_text(value, graph.names)
            if not text:
                text = constants.setdefault(id(value), f"c{len(constants)}")
                name = graph.names.get(id(value), "constant")
                shape = tuple(value.shape)
                nodes.setdefault(text, DrawnNode(text, "constant", name, shape, value.dtype.name, group=call))
            operands.append(text)
        kind, name = _kind_and_name(node, graph.names.get(node))
        place, source = place_of(node.place)
        value = short(known[node]) if "value" in show and node in known else ""
        nodes[ids[node]] = DrawnNode(
            ids[node], kind, name, node.shape, node.dtype.name, place, source, is_output=node in outputs,
            operands=tuple(operands), group=call, kept=kept[node], value=value, gradient=gradients.get(node),
            returned=graph.returned.get(node, ""),
        )  # fmt: skip
    named = {text for array, text in constants.items() if array in graph.names}
    is_open = opener(depth)
    calls = {id: call._replace(is_open=is_open(call), module=None) for id, call in graph.calls.items()}
    return Facts(nodes, calls, named)


def _as_text(value: Any, names: Collection[Node | int]) -> str:
    """An operand without a node: a number, "_" if the graph does not know it, "" for an array, which is drawn."""
    if value is None or isinstance(value, Node):
        return "_"
    if isinstance(value, np.ndarray) and (value.ndim or id(value) in names):
        return ""
    return f"{float(value):.6g}"


def _kind_and_name(node: Node, name: str | None) -> tuple[str, str]:
    """The kind of a node and what a drawing calls it; ``name`` is what the user calls it."""
    if node.primitive is not None:
        return "operation", node.name() if name is None else f"{node.name()} ({name})"
    return ("leaf", node.name()) if name is None else ("parameter", name)


def opener(depth: Any) -> Callable[[Call], bool]:
    """Whether a call is open, by the argument ``depth`` of ``draw``."""
    if depth is None:
        return lambda call: True
    if isinstance(depth, int):
        return lambda call: call.level < depth
    return lambda call: bool(depth(call.path, call.module))


def gradients_of(graph: Recorded, known: dict[Node, Array], everywhere: bool) -> dict[Node, Gradient]:
    """The gradients of the leaves that have one, and of all other nodes too if ``everywhere`` is true."""
    found: dict[Node, Gradient] = {}
    order, outputs = graph.order, graph.outputs
    if everywhere and all(tensor._array.size == 1 for tensor in outputs) and _whole(order, known):
        found = {step.node: gradient_of(step.incoming) for step in steps(order, outputs, known)}
    for node in order:
        owner = node.owner() if is_leaf(node) else None
        if owner is not None and owner._grad is not None:
            found[node] = gradient_of(owner._grad._array)
    bound = VANISHING * max((_root_mean_square(g) for g in found.values() if not g.state), default=0.0)
    return {
        node: g._replace(state="vanishing") if not g.state and _root_mean_square(g) < bound else g
        for node, g in found.items()
    }


def _whole(order: Sequence[Node], known: dict[Node, Array]) -> bool:
    """Whether all that the VJPs read is still there, or can be computed again."""
    return all(node.primitive is None or saved_by(node, known) is not None for node in order)


def _root_mean_square(gradient: Gradient) -> float:
    return gradient.norm / math.sqrt(max(gradient.entries, 1))


def gradient_of(array: Array) -> Gradient:
    """What is said of one gradient by itself; whether it vanishes depends on the others."""
    wide = np.asarray(array, np.float64)
    state = "NaN" if np.isnan(wide).any() else "inf" if np.isinf(wide).any() else "" if wide.any() else "zero"
    text = short(wide.item()) if wide.size == 1 else f"{norm(wide):.3g}"
    return Gradient(norm(wide), wide.size, state, text)


def norm(array: Array) -> float:
    """The Euclidean norm, computed in float64."""
    wide = np.asarray(array, np.float64)
    return float(np.sqrt(np.vdot(wide, wide)))


def short(value: Any) -> str:
    """A number, the few entries of an array, or the range of many.

    >>> short(np.array([1.0, 2.5])), short(np.zeros((3, 4)))
    ('[1.0000, 2.5000]', '0 .. 0')
    """
    array = np.asarray(value)
    if array.size > 4:
        return f"{array.min():.3g} .. {array.max():.3g}"
    numbers = array.ravel().tolist()
    texts = [f"{v:.4f}" if isinstance(v, float) and (v == 0 or 1e-3 <= abs(v) < 1e5) else f"{v:.4g}" for v in numbers]
    return texts[0] if array.ndim == 0 else f"[{', '.join(texts)}]"

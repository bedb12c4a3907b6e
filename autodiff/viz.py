"""Pictures and listings of a recorded graph: how a tensor was made, from the parameters down to the loss.

Only the text of a graph needs the package ``graphviz`` (pure Python); a picture needs an engine besides, a program that
turns this text into SVG: ``graphviz-pure``, which pip installs, or the ``dot`` of an installed Graphviz.
"""

from __future__ import annotations

import html
import math
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autodiff.errors import AutodiffError, GraphError
from autodiff.files import write_whole
from autodiff.graph import Node, reachable
from autodiff.tensor import Tensor

if TYPE_CHECKING:
    from graphviz import Digraph

__all__ = ["Drawing", "DrawingError", "DrawnEdge", "DrawnNode", "draw"]

DIRECTIONS = ("TB", "LR", "BT", "RL")
FORMATS = ("svg", "png", "pdf", "dot", "txt")
CUT = "cut"

GRAPH_STYLE = {"bgcolor": "white", "nodesep": "0.25", "ranksep": "0.35"}
NODE_STYLE = {"fontname": "Helvetica", "fontsize": "13", "fontcolor": "#1f2328", "penwidth": "1.2"}
EDGE_STYLE = {"fontname": "Helvetica", "fontsize": "9", "fontcolor": "#6e7781", "color": "#8c959f", "arrowsize": "0.6"}
KIND_STYLES = {
    "operation": {"shape": "box", "style": "rounded,filled", "fillcolor": "#ddf0ff", "color": "#54a3e0"},
    "parameter": {"shape": "box", "style": "filled", "fillcolor": "#fff1d6", "color": "#d9a441"},
    "leaf": {"shape": "box", "style": "filled", "fillcolor": "#fffbef", "color": "#d9a441"},
    "data": {"shape": "box", "style": "filled", "fillcolor": "#f0f2f4", "color": "#b6bfc8"},
    "left out": {"shape": "box", "style": "rounded,dashed", "color": "#8c959f", "fontcolor": "#6e7781"},
}
OUTPUT_STYLE = {"fillcolor": "#d8f5dd", "color": "#2f9e44", "penwidth": "2.4"}


class DrawingError(AutodiffError, RuntimeError):
    """A picture that cannot be made here; the message says what is missing and how to get it."""


class DrawnNode(NamedTuple):
    """A value of the graph.

    Attributes:
        id: "n" and its place in the order of creation; "d" and a number for data.
        kind: "operation"; "parameter" (a leaf that ``params`` names); "leaf"; "data" (an array the graph keeps though
            nobody asked for its gradient); "left out" (what was more than ``max_nodes``).
        name: of the operation or the parameter.
        shape: of the value.
        place: ``file:line`` of the user's code that made it.
        is_output: whether the drawing was asked for it.
    """

    id: str
    kind: str
    name: str
    shape: tuple[int, ...] | None = None
    place: str = ""
    is_output: bool = False


class DrawnEdge(NamedTuple):
    """A value of ``shape`` on its way from the node ``source`` into the operation ``target``."""

    source: str
    target: str
    shape: tuple[int, ...] | None


class Drawing:
    """A graph ready to be read, rendered or saved; it is plain text and numbers, and keeps no tensor alive.

    ``str()`` has one line for each operation; in a notebook the picture shows itself.
    """

    def __init__(self, nodes: list[DrawnNode], edges: list[DrawnEdge], direction: str = "TB") -> None:
        self.nodes = nodes
        self.edges = edges
        self.direction = direction

    def __str__(self) -> str:
        names = {node.id: node.name if node.kind in ("parameter", "data") else node.id for node in self.nodes}
        names[CUT] = "..."
        inputs: dict[str, list[str]] = {node.id: [] for node in self.nodes}
        for edge in self.edges:
            inputs[edge.target].append(names[edge.source])
        return "\n".join(
            f"... {node.name} ..." if node.kind == "left out" else _line(node, inputs[node.id])
            for node in self.nodes
            if node.kind in ("operation", "left out") or node.is_output
        )

    @property
    def dot(self) -> Digraph:
        """The graph in the DOT language, as the package ``graphviz`` knows it."""
        graphviz = _graphviz()
        graph = graphviz.Digraph(
            "graph", graph_attr={"rankdir": self.direction, **GRAPH_STYLE}, node_attr=NODE_STYLE, edge_attr=EDGE_STYLE
        )
        computed = {node.id for node in self.nodes if node.kind == "operation"}
        for node in self.nodes:
            style = KIND_STYLES[node.kind] | (OUTPUT_STYLE if node.is_output else {})
            graph.node(node.id, _label(node), tooltip=graphviz.escape(node.place or node.name), **style)
        for edge in self.edges:
            # A leaf has its shape in its box, and a scalar none to speak of. Weight keeps the flow of data straight.
            label = f" {edge.shape} " if edge.shape and edge.source in computed else ""
            graph.edge(edge.source, edge.target, label, weight="4" if edge.source in computed else "1")
        return graph

    def svg(self) -> str:
        """The picture as SVG.

        Raises:
            DrawingError: no engine was found.

        """
        return _render(self.dot.source, "svg").decode()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a picture (.svg, .png, .pdf), DOT text (.dot) or the listing (.txt), by the suffix of ``path``.

        Raises:
            DrawingError: the suffix is another one, or there is no engine for it.
            OSError: the file cannot be written.

        """
        suffix = Path(path).suffix.lower().removeprefix(".")
        if suffix not in FORMATS:
            raise DrawingError(f"save to {os.fspath(path)!r}: expected a name that ends in .{', .'.join(FORMATS)}")
        if suffix == "txt":
            write_whole(path, f"{self}\n")
        else:
            source = self.dot.source
            write_whole(path, source if suffix == "dot" else _render(source, suffix))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        try:
            return {"text/plain": str(self), "image/svg+xml": self.svg()}
        except DrawingError as error:
            return {"text/plain": f"{self}\n({error})"}


def draw(
    output: Tensor | Iterable[Tensor],
    *,
    params: Any = None,
    direction: str = "TB",
    max_nodes: int = 200,
) -> Drawing:
    """The graph from which ``output`` was made, values flowing along the arrows.

    Equal programs give equal drawings: ids follow the order of creation.

    Args:
        output: a recorded tensor, or several.
        params: names of tensors: a dict, pairs as ``model.named_parameters()`` gives them, or the model itself.
        direction: where the arrows point: "TB" (down), "LR" (right), "BT" or "RL".
        max_nodes: a larger graph shows its beginning and its end, and between them how much was left out.

    Raises:
        GraphError: an output was not recorded.
        DrawingError: another argument makes no sense.

    >>> import autodiff
    >>> w = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> drawing = draw((w * w).sum(), params={"w": w})
    >>> [(node.id, node.kind, node.name) for node in drawing.nodes]
    [('n0', 'parameter', 'w'), ('n1', 'operation', 'multiply'), ('n2', 'operation', 'sum')]
    >>> print(drawing)
    n1 = multiply(w, w) -> (2,)  # <doctest ...>:1
    n2 = sum(n1) -> ()  # <doctest ...>:1, output
    """
    if direction not in DIRECTIONS:
        raise DrawingError(f"direction={direction!r}: expected one of {', '.join(DIRECTIONS)}")
    if max_nodes < 1:
        raise DrawingError(f"max_nodes={max_nodes}: expected at least 1")
    outputs = [_recorded(tensor) for tensor in ([output] if isinstance(output, Tensor) else output)]
    return Drawing(*_assembled(reachable(outputs)[::-1], set(outputs), _names(params), max_nodes), direction)


def _assembled(
    order: list[Node], outputs: set[Node], names: dict[Node | int, str], max_nodes: int
) -> tuple[list[DrawnNode], list[DrawnEdge]]:
    """One pass over the nodes in the order of creation.

    What is left out is one stretch of this order, so that drawn as one node it is part of no cycle.
    """
    total, head = len(order), max_nodes // 2
    cut = range(head, head + max(0, total - max_nodes))
    ids = {node: CUT if i in cut else f"n{i}" for i, node in enumerate(order)}
    data: dict[int, DrawnNode] = {}
    nodes: list[DrawnNode] = []
    edges: list[DrawnEdge] = []
    bundled = {(CUT, CUT)}  # of all arrows between what is left out and another box one says enough
    for i, node in enumerate(order):
        here = ids[node]
        if cut and i == cut.start:
            nodes.append(_left_out(total, [order[j] in outputs for j in cut], max_nodes))
        for source in _inputs(node):
            if isinstance(source, Node) and CUT not in (ids[source], here):
                edges.append(DrawnEdge(ids[source], here, source.shape))
            elif isinstance(source, Node):
                if (ids[source], here) not in bundled:
                    bundled.add((ids[source], here))
                    edges.append(DrawnEdge(ids[source], here, None))
            elif here != CUT:
                if id(source) not in data:
                    data[id(source)] = DrawnNode(f"d{len(data)}", "data", names.get(id(source), "data"), source.shape)
                    nodes.append(data[id(source)])
                edges.append(DrawnEdge(data[id(source)].id, here, source.shape))
        if here != CUT:
            nodes.append(_drawn(node, here, names.get(node), node in outputs))
    return nodes, edges


def _inputs(node: Node) -> Iterator[Node | np.ndarray[Any, Any]]:
    """What an operation was applied to: nodes, and the arrays that it keeps and nobody wants a gradient for."""
    kept = node.saved[1:] if node.saved else (None,) * len(node.edges)
    for edge, value in zip(node.edges, kept, strict=True):
        if edge is not None:
            yield edge
        elif isinstance(value, np.ndarray):
            yield value


def _left_out(total: int, are_outputs: list[bool], max_nodes: int) -> DrawnNode:
    text = f"{len(are_outputs):,} of {total:,} nodes left out (max_nodes={max_nodes})"
    if hidden := sum(are_outputs):
        text += f", {hidden} of the outputs among them"
    return DrawnNode(CUT, "left out", text)


def _drawn(node: Node, id: str, given: str | None, is_output: bool) -> DrawnNode:
    here = os.path.join(os.getcwd(), "")
    if node.primitive is None:
        kind, name = ("leaf", "leaf") if given is None else ("parameter", given)
    else:
        kind, name = "operation", node.name if given is None else f"{node.name} ({given})"
    return DrawnNode(id, kind, name, node.shape, node.where.removeprefix(here), is_output)


def _recorded(tensor: Tensor) -> Node:
    """The node of an output, which is a tensor with a history or a leaf of one."""
    if not isinstance(tensor, Tensor):
        raise DrawingError(f"draw: an output is a {type(tensor).__name__}, expected a tensor, or several")
    if tensor._node is None:
        raise GraphError(
            f"draw: nothing was recorded of an output of shape {tensor.shape}; make it of tensors with "
            "requires_grad=True, outside no_grad()"
        )
    return tensor._node


def _names(params: Any) -> dict[Node | int, str]:
    """The name of each tensor by its node or, outside the graph, by its array; one with two names gets both."""
    if params is None:
        pairs: Iterable[Any] = ()
    elif isinstance(params, Mapping):
        pairs = params.items()
    else:
        pairs = params.named_parameters() if hasattr(params, "named_parameters") else params
    names: dict[Node | int, str] = {}
    for name, tensor in pairs:
        if not isinstance(tensor, Tensor):
            raise DrawingError(f"draw: params has {name!r} as a {type(tensor).__name__}, expected names of tensors")
        key = id(tensor.numpy()) if tensor._node is None else tensor._node
        names[key] = f"{names[key]} = {name}" if key in names else str(name)
    return names


def _line(node: DrawnNode, inputs: list[str]) -> str:
    """One operation of the listing, spelled as the call that it was."""
    output = ", output" if node.is_output else ""
    return f"{node.id} = {node.name}({', '.join(inputs)}) -> {node.shape}  # {node.place}{output}"


def _label(node: DrawnNode) -> str:
    """What stands in the box: the name, and small below it the shape and how many numbers a parameter has."""
    below = "" if node.shape is None else str(node.shape or "scalar")
    if node.kind == "parameter" and node.shape:
        below += f" \u00b7 {math.prod(node.shape):,}"
    if node.is_output:
        below += " \u00b7 output"
    name = html.escape(node.name or " ")
    if not below:
        return f"<{name}>"
    return f'<<b>{name}</b><br/><font point-size="10" color="#57606a">{html.escape(below)}</font>>'


def _graphviz() -> Any:
    try:
        import graphviz
    except ImportError:
        raise DrawingError("DOT text needs the package graphviz: pip install graphviz") from None
    return graphviz


def _render(source: str, format: str) -> bytes:
    """The picture that an engine makes of DOT text."""
    command = [_engine(format), f"-T{format}"]
    try:
        result = subprocess.run(command, input=source.encode(), capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
        raise DrawingError(f"{command[0]} failed to draw {format}: {said or error}") from None
    return result.stdout


def _engine(format: str) -> str:
    """The program that draws: pip puts graphviz-pure beside the interpreter, which need not be on the PATH."""
    beside = sysconfig.get_path("scripts")
    pure = shutil.which("graphviz-pure", path=beside) or shutil.which("graphviz-pure")
    engine = shutil.which("dot") if format == "pdf" or pure is None else pure  # graphviz-pure writes no PDF
    if engine is None:
        repair = "install Graphviz, or save as .svg" if format == "pdf" else "pip install graphviz-pure"
        raise DrawingError(f"nothing here can draw {format}: {repair}; .dot and .txt need no engine")
    return engine

"""A drawing in the DOT language of Graphviz."""

from __future__ import annotations

import html
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from autodiff.viz.errors import DrawingError
from autodiff.viz.facts import DrawnNode, Group
from autodiff.viz.labels import arrow, details, heading, lines, look
from autodiff.viz.nesting import nested
from autodiff.viz.styles import EDGE, GRAPH, GROUP, LOOKS, NODE, SMALL
from autodiff.viz.view import View

if TYPE_CHECKING:
    from graphviz import Digraph

__all__ = ["body", "digraph", "source"]


def source(view: View, direction: str, show: Collection[str], prefix: str = "") -> str:
    """The whole text; ``prefix`` stands in front of every id in the picture."""
    return "digraph {\n" + "".join(f"{line}\n" for line in body(view, direction, show, prefix)) + "}\n"


def digraph(view: View, direction: str, show: Collection[str]) -> Digraph:
    """The same as an object of the package ``graphviz``."""
    try:
        import graphviz
    except ImportError:
        raise DrawingError("a Digraph needs the package graphviz: pip install graphviz") from None
    graph: Any = graphviz.Digraph(body=[f"{line}\n" for line in body(view, direction, show)])
    return graph


def body(view: View, direction: str, show: Collection[str], prefix: str = "") -> Iterator[str]:
    """The statements: settings, boxes in their modules, arrows."""
    note = {"label": "\n".join(view.notes), "labelloc": "t", "fontsize": "11"} if view.notes else {}
    yield f"\tgraph {_set({'id': f'{prefix}graph', 'rankdir': direction, **GRAPH, **note})}"
    yield f"\tnode {_set(NODE)}"
    yield f"\tedge {_set(EDGE)}"
    for depth, item in nested(view):
        tabs = "\t" * (depth + 1)
        if item is None:
            yield f"{tabs}}}"
        elif isinstance(item, Group):
            label = heading(item)
            yield f"{tabs}subgraph cluster_{item.id} {{"
            yield f"{tabs}\tgraph {_set({'id': prefix + item.id, 'label': label, 'tooltip': label, **GROUP})}"
        else:
            yield tabs + _node(item, show, prefix)
    computed = {node.id for node in view.nodes if node.kind in ("operation", "module")}
    for i, edge in enumerate(view.edges):
        # Weight keeps the flow of data straight. The arrow has an id as well, for no two pictures may share one.
        text = arrow(edge, computed, show)
        settings = {"id": f"{prefix}e{i}", "weight": "4" if edge.source in computed else "1"}
        settings |= {"label": f" {text} "} if text else {}
        yield f"\t{edge.source} -> {edge.target} {_set(settings)}"


def _node(node: DrawnNode, show: Collection[str], prefix: str) -> str:
    title, *below = lines(node, show)
    label = f"<b>{html.escape(title)}</b>" if below else html.escape(title) or " "
    for line in below:
        label += f'<br/><font point-size="{SMALL["fontsize"]}" color="{SMALL["color"]}">{html.escape(line)}</font>'
    tooltip = "\n".join(f"{key}: {value}" for key, value in details(node).items()) or node.name
    return f"{node.id} [label=<{label}> {_set({'id': prefix + node.id, 'tooltip': tooltip, **LOOKS[look(node)]})[1:]}"


def _set(attributes: dict[str, str]) -> str:
    return "[" + " ".join(f"{key}={_quoted(value)}" for key, value in attributes.items()) + "]"


def _quoted(text: str) -> str:
    """A text that DOT reads as it is: a backslash and a quotation mark would mean something else."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'

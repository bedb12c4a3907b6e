"""How boxes and arrows look in every format: what is written in them, their colours and shapes.

What is wrong with a gradient is said by a colour and a thick line, and always in words too.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from autodiff.viz.boxes import View
from autodiff.viz.nodes import DrawnEdge, DrawnNode, Gradient, Group
from autodiff.viz.tables import size

FONT = "Helvetica"
GRAPH = {"bgcolor": "white", "nodesep": "0.25", "ranksep": "0.35", "fontname": FONT, "fontcolor": "#6e7781"}
NODE = {"shape": "box", "fontname": FONT, "fontsize": "13", "fontcolor": "#1f2328", "penwidth": "1.2"}
EDGE = {"fontname": FONT, "fontsize": "9", "fontcolor": "#6e7781", "color": "#8c959f", "arrowsize": "0.6"}
GROUP = {
    "fontname": FONT, "fontsize": "11", "fontcolor": "#57606a", "style": "rounded,filled", "color": "#d0d7de",
    "fillcolor": "#8080800d", "labeljust": "l",
}  # fmt: skip
SMALL = {"fontsize": "10", "color": "#57606a"}
LOOKS = {
    "operation": {"style": "rounded,filled", "fillcolor": "#ddf0ff", "color": "#54a3e0"},
    "module": {"style": "rounded,filled", "fillcolor": "#e8e4ff", "color": "#8f7ee0"},
    "parameter": {"style": "filled", "fillcolor": "#fff1d6", "color": "#d9a441"},
    "leaf": {"style": "filled", "fillcolor": "#fffbef", "color": "#d9a441"},
    "frozen": {"style": "filled", "fillcolor": "#e6f4f7", "color": "#6ba7b5"},
    "input": {"style": "filled", "fillcolor": "#f0f2f4", "color": "#57606a", "penwidth": "1.8"},
    "constant": {"style": "filled", "fillcolor": "#f0f2f4", "color": "#b6bfc8"},
    "output": {"style": "rounded,filled", "fillcolor": "#d8f5dd", "color": "#2f9e44", "penwidth": "2.4"},
    "cut": {"style": "rounded,dashed", "color": "#8c959f", "fontcolor": "#6e7781"},
    "bad": {"style": "rounded,filled", "fillcolor": "#ffd8d6", "color": "#d1242f", "penwidth": "2.4"},
    "zero": {"style": "rounded,filled", "fillcolor": "#e4e7eb", "color": "#57606a", "penwidth": "2.4"},
    "vanishing": {"style": "rounded,filled", "fillcolor": "#fbe0ff", "color": "#a13bb5", "penwidth": "2.4"},
}
MANY_PARTS = 4
FROZEN = " frozen"


def lines(node: DrawnNode, show: Collection[str]) -> list[str]:
    """The lines of text in a box: its name, and what is written below it."""
    title = heading(node) if node.kind == "module" else node.name
    if "value" in show and any(_is_number(operand) for operand in node.operands):
        title += f"({', '.join(operand if _is_number(operand) else chr(0xB7) for operand in node.operands)})"
    below = []
    if node.kind == "operation" or node.kind == "module":
        if node.is_output and "shape" in show:
            below.append(str(node.shape or "scalar"))
    elif node.shape is not None:
        count = f" \u00b7 {node.numbers:,}{FROZEN * node.frozen}" if node.shape and node.numbers else ""
        below.append(str(node.shape or "scalar") + count)
    if len(node.parts) > MANY_PARTS or (node.parts and node.times > 1):
        below.append(f"{len(node.parts)} parameters \u00b7 {node.numbers:,}{FROZEN * node.frozen}")
    else:
        below += [
            f"{part.name} {part.shape} \u00b7 {math.prod(part.shape):,}{FROZEN * part.frozen}" for part in node.parts
        ]
    if node.again:
        below.append("called again")
    if node.unread:
        below.append("read by no operation")
    if "value" in show and node.value:
        below.append(f"data {node.value}")
    if node.gradient is not None:
        below.append(told(node.gradient))
    if "bytes" in show and node.kept:
        below.append(f"keeps {size(node.kept)}")
    if node.is_output:
        below.append(f"output {node.returned}".rstrip())
    below += [line for line in node.warning.split("; ") if line]
    return [title + (f" \u00d7{node.times}" if node.times > 1 else ""), *below]


def heading(module: DrawnNode | Group) -> str:
    """The path of a module and its class; the class alone for the model itself, which has no path."""
    return module.name if module.name == module.module else f"{module.name}: {module.module}"


def _is_number(operand: str) -> bool:
    return operand[0] in "-0123456789" or operand in ("inf", "nan")


def told(gradient: Gradient | None) -> str:
    """A gradient in a few characters, with what is wrong with it; "" for none."""
    if gradient is None:
        return ""
    texts = {"": gradient.text, "vanishing": f"{gradient.text} vanishing", "zero": "0"}
    return f"{'grad' if gradient.entries == 1 else '|grad|'} {texts.get(gradient.state, gradient.state)}"


def arrows(view: View) -> Iterator[tuple[DrawnEdge, str, bool]]:
    """Each arrow with what is written on it, and whether what it comes from was computed.

    The text is the shape of the value; a leaf has its shape in its box, and a scalar none to speak of.
    """
    computed = {node.id for node in view.nodes if node.kind in ("operation", "module")}
    for edge in view.edges:
        shape = edge.shape if "shape" in view.show and edge.source in computed else None
        yield edge, str(shape) if shape else "", edge.source in computed


def details(node: DrawnNode) -> dict[str, str]:
    """Everything that is known of a node, each fact by its name."""
    known = {
        "operation": node.name if node.kind == "operation" else "",
        "module": node.module,
        "line": f"{node.place}  {node.source}".strip(),
        "shape": str(node.shape) if node.shape is not None else "",
        "dtype": node.dtype,
        "operations": f"{node.operations:,}" if node.kind == "module" else "",
        "parameters": f"{node.numbers:,}" if node.numbers else "",
        "kept for backward": size(node.kept) if node.kept else "",
        "value": node.value,
        "gradient": told(node.gradient),
        "output": node.returned,
        "warning": node.warning,
    }
    for part in node.parts:
        known[part.name] = ", ".join(filter(None, (str(part.shape), told(part.gradient), "frozen" * part.frozen)))
    return {key: value for key, value in known.items() if value}


def tooltip(node: DrawnNode) -> str:
    """``details`` as lines of text."""
    return "\n".join(f"{key}: {value}" for key, value in details(node).items()) or node.name


def look(node: DrawnNode) -> str:
    """The one word that chooses the colours of a box: what is wrong with its gradient, or else what it is."""
    if node.gradient is not None and node.gradient.state:
        return "bad" if node.gradient.state in ("NaN", "inf") else node.gradient.state
    if node.warning:
        return "bad"
    if node.is_output:
        return "output"
    if node.frozen and node.kind == "parameter":
        return "frozen"
    return "cut" if node.kind == "left out" else node.kind

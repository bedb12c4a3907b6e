"""What is written in a box, on an arrow and in a tooltip, whatever draws them."""

from __future__ import annotations

from collections.abc import Collection

from autodiff.viz.facts import DrawnEdge, DrawnNode, Gradient, Group
from autodiff.viz.tables import size

__all__ = ["arrow", "details", "heading", "lines", "look", "told"]

MANY_PARTS = 4


def lines(node: DrawnNode, show: Collection[str]) -> list[str]:
    """The name of a box, and what stands below it."""
    title = heading(node) if node.kind == "module" else node.name
    if "value" in show and any(_is_number(operand) for operand in node.operands):
        title += f"({', '.join(operand if _is_number(operand) else chr(0xB7) for operand in node.operands)})"
    below = []
    if node.kind == "operation" or node.kind == "module":
        if node.is_output and "shape" in show:
            below.append(str(node.shape or "scalar"))
    elif node.shape is not None:
        below.append(str(node.shape or "scalar") + (f" \u00b7 {node.numbers:,}" if node.shape and node.numbers else ""))
    if len(node.parts) > MANY_PARTS or (node.parts and node.times > 1):
        below.append(f"{len(node.parts)} parameters \u00b7 {node.numbers:,}")
    else:
        below += [f"{part.name} {part.shape} \u00b7 {_count(part.shape):,}" for part in node.parts]
    if "value" in show and node.value:
        below.append(f"data {node.value}")
    if node.gradient is not None:
        below.append(told(node.gradient))
    if "bytes" in show and node.kept:
        below.append(f"keeps {size(node.kept)}")
    if node.is_output:
        below.append("output")
    return [title + (f" \u00d7{node.times}" if node.times > 1 else ""), *below]


def heading(module: DrawnNode | Group) -> str:
    """The path of a module and its class, which the outermost one has for a path."""
    return module.name if module.name == module.module else f"{module.name}: {module.module}"


def _is_number(operand: str) -> bool:
    return operand[0] in "-0123456789" or operand in ("inf", "nan")


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for n in shape:
        count *= n
    return count


def told(gradient: Gradient) -> str:
    """A gradient in a few characters, with what is wrong with it."""
    name = "grad" if gradient.entries == 1 else "|grad|"
    if gradient.state == "vanishing":
        return f"{name} {gradient.text} vanishing"
    return f"{name} {gradient.state or gradient.text}" if gradient.state != "zero" else f"{name} 0"


def arrow(edge: DrawnEdge, computed: Collection[str], show: Collection[str]) -> str:
    """The shape on an arrow: a leaf has it in its box, and a scalar none to speak of."""
    return str(edge.shape) if "shape" in show and edge.shape and edge.source in computed else ""


def details(node: DrawnNode) -> dict[str, str]:
    """Everything that is known of a node, by what it is called."""
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
        "gradient": told(node.gradient) if node.gradient is not None else "",
    }
    known |= {part.name: f"{part.shape}" + (f", {told(part.gradient)}" if part.gradient else "") for part in node.parts}
    return {key: value for key, value in known.items() if value}


def look(node: DrawnNode) -> str:
    """The one word that chooses the colours of a box: what is wrong with its gradient, or else what it is."""
    if node.gradient is not None and node.gradient.state:
        return "bad" if node.gradient.state in ("NaN", "inf") else node.gradient.state
    if node.is_output:
        return "output"
    return "cut" if node.kind == "left out" else node.kind

"""A drawing as text: one line for each box, a table, JSON."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from autodiff.viz.appearance import heading, told
from autodiff.viz.boxes import View
from autodiff.viz.nodes import DrawnNode, Part
from autodiff.viz.tables import aligned, size


def listing(view: View) -> str:
    """One line for each operation and module, spelled as the call that it was."""
    names = {node.id: node.name for node in view.nodes if _is_named(node)} | {"cut": "..."}
    shown = [n for n in view.nodes if n.kind in ("operation", "module", "left out") or n.is_output]
    return "\n".join([*(_line(node, names) for node in shown), *(f"# {note}" for note in view.notes)])


def _is_named(node: DrawnNode) -> bool:
    return node.kind in ("parameter", "input") or (node.kind == "constant" and node.name != "constant")


def _line(node: DrawnNode, names: dict[str, str]) -> str:
    if node.kind == "left out":
        return f"... {node.name} ..."
    is_module = node.kind == "module"
    inputs = ", ".join(names.get(source, source) for source in node.operands)
    called = f"{heading(node) if is_module else node.name}({inputs})" + _times(node)
    notes = [
        node.place,
        f"{node.operations} operations" if is_module and node.operations > 1 else "",
        f"{node.numbers:,} parameters" if node.parts else "",
        "called again" * node.again,
        f"data {node.value}" if node.value else "",
        told(node.gradient),
        f"output {node.returned}".rstrip() if node.is_output else "",
        node.warning,
    ]
    return f"{node.id} = {called} -> {node.shape}  # {', '.join(filter(None, notes))}"


def _times(node: DrawnNode) -> str:
    return f" x{node.times}" if node.times > 1 else ""


def table(view: View) -> str:
    """One row for each box, in columns."""
    rows = [
        (
            node.id,
            node.name + _times(node),
            node.module or node.kind,
            "" if node.shape is None else str(node.shape),
            f"{node.numbers:,}" if node.numbers else "",
            size(node.kept) if node.kept else "",
            told(node.gradient),
            node.place,
        )
        for node in view.nodes
    ]
    total = f"{size(sum(node.kept for node in view.nodes))} kept for the backward pass in all"
    head = ("id", "name", "kind", "shape", "parameters", "kept", "gradient", "line")
    return "\n".join([aligned(head, rows), total, *view.notes])


def as_json(view: View) -> str:
    """Everything that is known of a drawing; a number that JSON does not have, NaN or an infinity, is text."""
    content = {
        "nodes": [_fields(node) | {"parts": [_fields(part) for part in node.parts]} for node in view.nodes],
        "edges": [edge._asdict() for edge in view.edges],
        "groups": [group._asdict() for group in view.groups],
        "notes": view.notes,
        "show": sorted(view.show),
        "kept": sum(node.kept for node in view.nodes),
    }
    return json.dumps(content, indent=1, allow_nan=False)


def _fields(item: DrawnNode | Part) -> dict[str, Any]:
    gradient = item.gradient and item.gradient._asdict()
    if gradient and not isfinite(gradient["norm"]):
        gradient["norm"] = str(gradient["norm"])
    return item._asdict() | {"gradient": gradient}

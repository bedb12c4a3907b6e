"""A drawing as text: one line for each box, a table, JSON."""

from __future__ import annotations

import json
from collections.abc import Collection
from math import isfinite
from typing import Any

from autodiff.viz.facts import DrawnNode, Gradient
from autodiff.viz.labels import heading, told
from autodiff.viz.tables import aligned, size
from autodiff.viz.view import View

__all__ = ["as_json", "listing", "table"]


def listing(view: View) -> str:
    """One line for each operation and module, spelled as the call that it was."""
    names = {node.id: node.name for node in view.nodes if _is_named(node)} | {"cut": "..."}
    shown = [n for n in view.nodes if n.kind in ("operation", "module", "left out") or n.is_output]
    return "\n".join([*(_line(node, names) for node in shown), *(f"# {note}" for note in view.notes)])


def _is_named(node: DrawnNode) -> bool:
    return node.kind == "parameter" or (node.kind == "constant" and node.name != "constant")


def _line(node: DrawnNode, names: dict[str, str]) -> str:
    if node.kind == "left out":
        return f"... {node.name} ..."
    inputs = ", ".join(names.get(source, source) for source in node.operands)
    called = f"{node.name}({inputs})"
    if node.kind == "module":
        called = f"{heading(node)}({inputs})"
        called += f" x{node.times}" if node.times > 1 else ""
    notes = [node.place]
    notes += [f"{node.operations} operations"] if node.kind == "module" and node.operations > 1 else []
    notes += [f"{node.numbers:,} parameters"] if node.parts else []
    notes += [f"data {node.value}"] if node.value else []
    notes += [told(node.gradient)] if node.gradient is not None else []
    notes += ["output"] if node.is_output else []
    return f"{node.id} = {called} -> {node.shape}  # {', '.join(notes)}"


def table(view: View) -> str:
    """One row for each box, in columns."""
    rows = [
        (
            node.id,
            node.name + (f" x{node.times}" if node.times > 1 else ""),
            node.module or node.kind,
            "" if node.shape is None else str(node.shape),
            f"{node.numbers:,}" if node.numbers else "",
            size(node.kept) if node.kept else "",
            told(node.gradient) if node.gradient is not None else "",
            node.place,
        )
        for node in view.nodes
    ]
    total = f"{size(sum(node.kept for node in view.nodes))} kept for the backward pass in all"
    head = ("id", "name", "kind", "shape", "parameters", "kept", "gradient", "line")
    return "\n".join([aligned(head, rows), total, *view.notes])


def as_json(view: View, show: Collection[str]) -> str:
    """Everything that is known of a drawing; a number that JSON does not have, NaN or an infinity, is text."""
    nodes = []
    for node in view.nodes:
        fields = node._asdict()
        fields["gradient"] = _plain(node.gradient)
        fields["parts"] = [part._asdict() | {"gradient": _plain(part.gradient)} for part in node.parts]
        nodes.append(fields)
    content = {
        "nodes": nodes,
        "edges": [edge._asdict() for edge in view.edges],
        "groups": [group._asdict() for group in view.groups],
        "notes": view.notes,
        "show": sorted(show),
        "kept": sum(node.kept for node in view.nodes),
    }
    return json.dumps(content, indent=1, allow_nan=False)


def _plain(gradient: Gradient | None) -> dict[str, Any] | None:
    if gradient is None:
        return None
    return gradient._asdict() | {"norm": gradient.norm if isfinite(gradient.norm) else str(gradient.norm)}

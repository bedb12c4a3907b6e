"""A drawing as a Mermaid flowchart, which GitHub and many notebooks draw by themselves."""

from __future__ import annotations

from autodiff.viz.appearance import LOOKS, arrows, heading, lines, look
from autodiff.viz.boxes import View
from autodiff.viz.nodes import Group

DIRECTIONS = {"TB": "TD", "BT": "BT", "LR": "LR", "RL": "RL"}


def mermaid(view: View) -> str:
    """The text of the flowchart."""
    out = [f"flowchart {DIRECTIONS[view.direction]}", *(f"%% {note}" for note in view.notes)]
    for depth, item in view.nested():
        space = "  " * (depth + 1)
        if item is None:
            out.append(f"{space}end")
        elif isinstance(item, Group):
            out.append(f'{space}subgraph {item.id}["{_escaped(heading(item))}"]')
        else:
            left, right = ("(", ")") if item.kind in ("operation", "module", "left out") else ("[", "]")
            text = "<br/>".join(_escaped(line) for line in lines(item, view.show))
            out.append(f'{space}{item.id}{left}"{text}"{right}:::{look(item)}')
    for edge, text, _ in arrows(view):
        out.append(f'  {edge.source} -->|"{text}"| {edge.target}' if text else f"  {edge.source} --> {edge.target}")
    if view.notes:
        out.append(f'  note["{_escaped("; ".join(view.notes))}"]:::cut')
    used = {look(node) for node in view.nodes} | ({"cut"} if view.notes else set())
    out += [
        f"  classDef {name} fill:{look_.get('fillcolor', '#ffffff')},stroke:{look_['color']},color:#1f2328"
        for name, look_ in LOOKS.items()
        if name in used
    ]
    return "\n".join(out)


def _escaped(text: str) -> str:
    """A text that neither Mermaid nor HTML reads anything into."""
    for sign in "#&\"<>\\`|{}[]":
        text = text.replace(sign, f"\0{ord(sign)};")
    return text.replace("\0", "#")

"""A page to explore a graph: pan, zoom, open and close modules, search, read what is known of a box.

One file of HTML: its style, ``page.css``, and its program, ``page.js``, are written into it, so that a browser loads
nothing from anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from importlib.resources import files

from autodiff.viz.appearance import LOOKS, arrows, details, heading, lines, look
from autodiff.viz.boxes import View


def page(whole: View, opened: Collection[str]) -> str:
    """The page of a graph: ``whole`` is what can be opened, ``opened`` the modules that are open at first."""
    data = {
        "nodes": [
            {"id": n.id, "in": n.group, "look": look(n), "lines": lines(n, whole.show), "more": details(n)}
            for n in whole.nodes
        ],
        "groups": [{"id": g.id, "in": g.parent, "name": heading(g), "open": g.id in opened} for g in whole.groups],
        "edges": [[edge.source, edge.target, text] for edge, text, _ in arrows(whole)],
        "notes": whole.notes,
        "looks": {name: [each.get("fillcolor", "#ffffff"), each["color"]] for name, each in LOOKS.items()},
    }
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")  # no "</script>" in a name ends the program
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Graph</title>\n'
        f"<style>\n{_file('page.css')}</style></head><body>\n"
        '<header><input id="search" type="search" placeholder="search" aria-label="search">'
        '<button id="all">open all</button><button id="none">close all</button><button id="fit">fit</button>'
        '<span id="note"></span></header>\n<main><svg id="graph" role="img" aria-label="graph"></svg>'
        '<aside id="details">Click a box for what is known of it; click a module to open or close it.</aside></main>\n'
        f"<script>const graph = {text};\n\n{_file('page.js')}</script></body></html>\n"
    )


def _file(name: str) -> str:
    return files("autodiff.viz").joinpath(name).read_text(encoding="utf-8")

"""A page to explore a graph: pan, zoom, open and close modules, search, read what is known of a box, share the view.

One file of HTML: its style, ``page.css``, and its program, ``page.js``, are written into it, so that a browser loads
nothing from anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from colorsys import hls_to_rgb, rgb_to_hls
from importlib.resources import files

from autodiff.viz.appearance import LOOKS, arrows, details, heading, lines, look
from autodiff.viz.boxes import View

KINDS = {
    "operation": "an operation",
    "module": "a module",
    "parameter": "a parameter",
    "frozen": "a frozen parameter",
    "input": "an input",
    "leaf": "a leaf without a name",
    "constant": "a constant",
    "output": "an output",
    "bad": "NaN, infinite, or no part of the model",
    "zero": "a gradient of 0",
    "vanishing": "a gradient that vanishes",
    "cut": "nodes that were left out",
}
KEYS = {
    "/": "search", "n N": "next, previous hit", "\u2191 \u2193": "along arrows", "\u2190 \u2192": "beside",
    "Enter": "open or close a module", "\u232b": "close the module around", "o x": "open all, close all",
    "+ \u2212 0": "zoom, fit", "c": "copy the line", "d": "dark or light", "?": "this help",
}  # fmt: skip


def page(whole: View, opened: Collection[str]) -> str:
    """The page of a graph: ``whole`` is what can be opened, ``opened`` the modules that are open at first."""
    looks = {name: (each.get("fillcolor", "#ffffff"), each["color"]) for name, each in LOOKS.items()}
    used = {look(node) for node in whole.nodes} | ({"module"} if whole.groups else set())
    data = {
        "nodes": [
            {"id": n.id, "in": n.group, "look": look(n), "lines": lines(n, whole.show), "more": details(n)}
            for n in whole.nodes
        ],
        "groups": [{"id": g.id, "in": g.parent, "name": heading(g), "open": g.id in opened} for g in whole.groups],
        "edges": [[edge.source, edge.target, text] for edge, text, _ in arrows(whole)],
        "notes": whole.notes,
        "looks": {"light": looks, "dark": {name: (_darkened(fill), line) for name, (fill, line) in looks.items()}},
        "kinds": {name: text for name, text in KINDS.items() if name in used},
    }
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")  # no "</script>" in a name ends the program
    keys = "".join(f"<div><kbd>{key}</kbd> {what}</div>" for key, what in KEYS.items())
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Graph</title>\n'
        f"<style>\n{_file('page.css')}</style></head><body>\n"
        '<header><input id="search" type="search" placeholder="search ( / )" aria-label="search">'
        '<button id="all">open all</button><button id="none">close all</button><button id="fit">fit</button>'
        '<button id="theme" aria-label="dark or light">\u25d0</button><span id="note" role="status"></span></header>\n'
        '<main><canvas id="graph" tabindex="0" aria-label="graph; the arrow keys go along its arrows"></canvas>'
        '<aside><div id="details" aria-live="polite">Click a box for what is known of it.</div>'
        f'<details id="help" open><summary>legend and keys</summary><div id="legend"></div>{keys}</details>'
        "</aside></main>\n"
        f"<script>const graph = {text};\n\n{_file('page.js')}</script></body></html>\n"
    )


def _darkened(colour: str) -> str:
    """The same hue for a dark ground."""
    hue, light, colourful = rgb_to_hls(*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)))
    return "#" + "".join(f"{round(255 * part):02x}" for part in hls_to_rgb(hue, 0.22 * light, 0.5 * colourful))


def _file(name: str) -> str:
    return files("autodiff.viz").joinpath(name).read_text(encoding="utf-8")

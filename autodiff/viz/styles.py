"""Colours and shapes; what is wrong with a gradient is said by a colour and a thick line, and always in words too."""

from __future__ import annotations

__all__ = ["EDGE", "GRAPH", "GROUP", "LOOKS", "NODE", "SMALL"]

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
    "constant": {"style": "filled", "fillcolor": "#f0f2f4", "color": "#b6bfc8"},
    "output": {"style": "rounded,filled", "fillcolor": "#d8f5dd", "color": "#2f9e44", "penwidth": "2.4"},
    "cut": {"style": "rounded,dashed", "color": "#8c959f", "fontcolor": "#6e7781"},
    "bad": {"style": "rounded,filled", "fillcolor": "#ffd8d6", "color": "#d1242f", "penwidth": "2.4"},
    "zero": {"style": "rounded,filled", "fillcolor": "#e4e7eb", "color": "#57606a", "penwidth": "2.4"},
    "vanishing": {"style": "rounded,filled", "fillcolor": "#fbe0ff", "color": "#a13bb5", "penwidth": "2.4"},
}

"""A drawing in the DOT language of Graphviz, and the engines that make a picture of it."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from autodiff.viz.appearance import EDGE, GRAPH, GROUP, LOOKS, NODE, SMALL, arrows, heading, lines, look, tooltip
from autodiff.viz.boxes import View
from autodiff.viz.errors import DrawingError
from autodiff.viz.fonts import HEIGHT, padded, width
from autodiff.viz.nodes import DrawnNode, Group

if TYPE_CHECKING:
    from graphviz import Digraph

SHAPE = re.compile(r'<(?:polygon|path) .*?(?:points|d)="([^"]*)"')
PAIR, START = re.compile(r"-?[\d.]+,-?[\d.]+"), re.compile(r'text-anchor="start" x="[^"]*"')
HINT = "pip install graphviz-pure"
ENGINES = {"dot": "apt install graphviz (or brew, choco, conda install graphviz)", "graphviz-pure": HINT}


def source(view: View, prefix: str = "") -> str:
    """The whole text; ``prefix`` stands in front of every id in the picture."""
    return "digraph {\n" + "".join(f"{line}\n" for line in body(view, prefix)) + "}\n"


def digraph(view: View) -> Digraph:
    """The same as an object of the package ``graphviz``."""
    try:
        import graphviz
    except ImportError:
        raise DrawingError("a Digraph needs the package graphviz: pip install graphviz") from None
    graph: Any = graphviz.Digraph(body=[f"{line}\n" for line in body(view)])
    return graph


def body(view: View, prefix: str = "") -> Iterator[str]:
    """The statements: settings, boxes in their modules, arrows."""
    note = {"label": "\n".join(map(padded, view.notes)), "labelloc": "t", "fontsize": "11"} if view.notes else {}
    yield f"\tgraph {_set({'id': f'{prefix}graph', 'rankdir': view.direction, **GRAPH, **note})}"
    yield f"\tnode {_set(NODE)}"
    yield f"\tedge {_set(EDGE)}"
    for depth, item in view.nested():
        tabs = "\t" * (depth + 1)
        if item is None:
            yield f"{tabs}}}"
        elif isinstance(item, Group):
            label = heading(item)
            settings = {"id": prefix + item.id, "tooltip": label, **GROUP}
            yield f"{tabs}subgraph cluster_{item.id} {{"
            yield f"{tabs}\tgraph [label={_lines([label], float(GROUP['fontsize']), 'left')} {_set(settings)[1:]}"
        else:
            yield tabs + _node(item, view.show, prefix)
    for i, (edge, text, is_computed) in enumerate(arrows(view)):
        # Weight keeps the flow of data straight. The arrow has an id as well, for no two pictures may share one.
        settings = {"id": f"{prefix}e{i}", "weight": "4" if is_computed else "1"}
        settings |= {"label": padded(text)} if text else {}
        yield f"\t{edge.source} -> {edge.target} {_set(settings)}"


def _node(node: DrawnNode, show: Collection[str], prefix: str) -> str:
    label = _lines(lines(node, show), float(NODE["fontsize"]))
    settings = {"id": prefix + node.id, "tooltip": tooltip(node), **LOOKS[look(node)]}
    return f"{node.id} [label={label} {_set(settings)[1:]}"


def _lines(texts: list[str], size: float, align: str = "center") -> str:
    """A label as wide as the texts can be, the first one large, and bold if others stand below it.

    An engine knows one font only, by which it would make boxes too narrow for another.
    """
    title, *below = texts
    small = float(SMALL["fontsize"])
    wide = max(width(title, size, bold=bool(below)), *(width(line, small) for line in below), 1.0)
    first = html.escape(title) or " "
    rows = [(f"<b>{first}</b>" if below else first, size)]
    font = f'<font point-size="{SMALL["fontsize"]}" color="{SMALL["color"]}">'
    rows += [(f"{font}{html.escape(line)}</font>", small) for line in below]
    cell = f'<td width="{wide:.0f}" align="{align}" height="'
    cells = "".join(f'<tr>{cell}{HEIGHT * tall:.0f}">{text}</td></tr>' for text, tall in rows)
    return f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="0">{cells}</table>>'


def centred(svg: str) -> str:
    """The picture with the lines of each box centred by whoever shows it: an engine centres them in its own font."""
    out: list[str] = []
    middle, in_box = None, False
    for line in svg.splitlines():
        if line.startswith("<g id=") and "class=" in line:
            in_box, middle = 'class="node"' in line, None
        elif middle is None and in_box and (shape := SHAPE.match(line)):
            places = [float(pair.partition(",")[0]) for pair in PAIR.findall(shape[1])]
            middle = (min(places) + max(places)) / 2
        elif middle is not None and line.startswith("<text"):
            line = START.sub(f'text-anchor="middle" x="{middle:.2f}"', line)
        out.append(line)
    return "\n".join(out) + "\n"


def _set(attributes: dict[str, str]) -> str:
    return "[" + " ".join(f"{key}={_quoted(value)}" for key, value in attributes.items()) + "]"


def _quoted(text: str) -> str:
    """A text that DOT reads as it is: a backslash and a quotation mark would mean something else."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def engine_for(format: str, name: str | None = None) -> str | None:
    """The path of an engine that can make ``format``; None if there is none.

    Raises DrawingError for an engine that was asked for by ``name`` and is not here, or cannot.
    """
    if name is not None and name not in ENGINES:
        raise DrawingError(f"engine={name!r}: expected one of {', '.join(ENGINES)}, or None for the one that is here")
    beside = sysconfig.get_path("scripts")  # where pip puts programs, which need not be on the PATH
    for engine in ENGINES if name is None else (name,):
        if engine == "graphviz-pure" and format == "pdf":
            continue  # it writes none
        if path := shutil.which(engine) or shutil.which(engine, path=beside):
            return path
    if name is None:
        return None
    if name == "graphviz-pure" and format == "pdf":
        raise DrawingError(f"graphviz-pure writes no PDF: {ENGINES['dot']}")
    raise DrawingError(f"the engine {name} is not here: {ENGINES[name]}")


def rendered(path: str, source: str, format: str) -> bytes:
    """The picture that the engine at ``path`` makes of DOT text; raises DrawingError with what it complains of."""
    try:
        result = subprocess.run([path, f"-T{format}"], input=source.encode(), capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
        raise DrawingError(f"{path} failed to draw {format}: {said or error}") from None
    return result.stdout

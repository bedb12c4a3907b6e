"""The drawing of a graph, and the function that makes one."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Collection, Iterable
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autodiff.compiling.step import Step
from autodiff.io.files import write_whole
from autodiff.kinds import described
from autodiff.viz import dot as dot_text
from autodiff.viz.boxes import arranged
from autodiff.viz.compiled import facts_of_step
from autodiff.viz.dot import HINT, engine_for, rendered
from autodiff.viz.errors import DrawingError, DrawingWarning
from autodiff.viz.mermaid import mermaid
from autodiff.viz.nodes import DrawnEdge, DrawnNode, Facts, Group, facts_of
from autodiff.viz.noted import facts_of_run
from autodiff.viz.page import page
from autodiff.viz.recorded import recorded
from autodiff.viz.svg import sketch
from autodiff.viz.text import as_json, listing, table

if TYPE_CHECKING:
    from graphviz import Digraph

DIRECTIONS = ("TB", "LR", "BT", "RL")
SHOWN = ("shape", "value", "grad", "bytes", "constants")
FORMATS = ("svg", "png", "pdf", "dot", "mmd", "json", "txt", "html")
PAGE_NODES = 20_000  # what a browser opens without a pause

_display = count(1).__next__


class Drawing:
    """A graph ready to be read, rendered or saved; it is plain text and numbers, and keeps no tensor alive.

    ``str()`` has one line for each operation; in a notebook the picture shows itself.

    Attributes:
        nodes: the boxes, a ``DrawnNode`` each, in the order of creation.
        edges: the arrows, a ``DrawnEdge`` each.
        groups: the open modules.
        notes: what has to be said about the picture, such as what was left out.
    """

    def __init__(self, facts: Facts, direction: str, show: Collection[str], max_nodes: int) -> None:
        self._facts = facts
        self._view = arranged(facts, show, max_nodes)._replace(direction=direction)
        self.nodes: list[DrawnNode] = self._view.nodes
        self.edges: list[DrawnEdge] = self._view.edges
        self.groups: list[Group] = self._view.groups
        self.notes: tuple[str, ...] = self._view.notes

    def __str__(self) -> str:
        return listing(self._view)

    def __repr__(self) -> str:
        return f"<drawing of {len(self.nodes)} nodes and {len(self.edges)} edges; print() lists, .save(path) draws it>"

    @property
    def kept(self) -> int:
        """The bytes that the whole graph keeps for the backward pass."""
        return sum(node.kept for node in self._facts.nodes.values())

    @property
    def dot(self) -> Digraph:
        """The graph in the DOT language, as the package ``graphviz`` knows it."""
        return dot_text.digraph(self._view)

    def mermaid(self) -> str:
        """The graph as a Mermaid flowchart."""
        return mermaid(self._view)

    def table(self) -> str:
        """One row for each box: what it is, its shape, parameters, bytes kept, gradient, and line."""
        return table(self._view)

    def svg(self, engine: str | None = None) -> str:
        """The picture as SVG; a plain one, drawn without an engine, if none is found.

        Args:
            engine: "dot" or "graphviz-pure"; None takes the first one that is found.

        Raises:
            DrawingError: the engine that was asked for was not found, or failed.

        """
        return self._svg(engine, "")

    def save(self, path: str | os.PathLike[str], engine: str | None = None) -> None:
        """Write the drawing in the format that the suffix of ``path`` names.

        Pictures are .svg, .png, .pdf; .html is a page to explore; .dot, .mmd (Mermaid), .json and .txt are text.

        Raises:
            DrawingError: the suffix is another one, or no engine was found for .png or .pdf, or not the one asked for.
            OSError: the file cannot be written.

        """
        suffix = Path(path).suffix.lower().removeprefix(".")
        if suffix not in FORMATS:
            raise DrawingError(f"save to {os.fspath(path)!r}: expected a name that ends in .{', .'.join(FORMATS)}")
        if suffix not in ("png", "pdf"):
            write_whole(path, self.svg(engine) if suffix == "svg" else self.text(suffix))
        elif found := engine_for(suffix, engine):
            write_whole(path, rendered(found, dot_text.source(self._view), suffix))
        else:
            repair = "install Graphviz" if suffix == "pdf" else f"{HINT}, or install Graphviz"
            raise DrawingError(f"nothing here draws .{suffix}: {repair}; .svg, .html and .mmd need no engine")

    def text(self, format: str) -> str:
        """What ``save`` writes for "dot", "mmd", "json", "txt" and "html"; raises DrawingError for another format."""
        writers: dict[str, Callable[[], str]] = {
            "dot": lambda: dot_text.source(self._view),
            "mmd": self.mermaid,
            "json": lambda: as_json(self._view),
            "txt": lambda: f"{self}\n\n{self.table()}\n",
            "html": self._page,
        }
        if format not in writers:
            raise DrawingError(f"text({format!r}): expected one of {', '.join(writers)}")
        return writers[format]()

    def _svg(self, engine: str | None, prefix: str) -> str:
        found = engine_for("svg", engine)
        if found is None:
            warnings.warn(
                f"nothing here lays out graphs, so this picture is a plain one; for a better one: {HINT}",
                DrawingWarning,
                stacklevel=3,
            )
            return sketch(self._view, prefix)
        return dot_text.centred(rendered(found, dot_text.source(self._view, prefix), "svg").decode())

    def _page(self) -> str:
        whole = arranged(self._facts.opened(lambda call: True), self._view.show, PAGE_NODES)
        return page(whole._replace(notes=whole.notes or self.notes), {group.id for group in self.groups})

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """The picture in a notebook: with ids of its own each time, and as wide as there is room."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DrawingWarning)
            svg = self._svg(None, f"g{_display()}-")
        svg = svg[svg.index("<svg") :]  # a document's head is of no use inside another
        svg = re.sub(r'(<svg)[^>]*?(viewBox="[^"]*")[^>]*>', rf"\1 \2 {_room(svg)}>", svg, count=1)
        return {"text/plain": str(self), "image/svg+xml": svg, "text/html": svg}


def _room(svg: str) -> str:
    """The attributes that keep a picture within its cell of a notebook."""
    wide = float((re.search(r'viewBox="[-\d.]+ [-\d.]+ ([\d.]+)', svg) or ["", "600"])[1])
    space = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'{space} style="width:{wide:.0f}pt;max-width:100%;height:auto;overflow:visible" text-anchor="middle"'


def draw(
    output: Any,
    *inputs: Any,
    params: Any = None,
    depth: int | Callable[[str, Any], bool] | None = 1,
    show: Iterable[str] = ("shape",),
    direction: str = "TB",
    max_nodes: int = 200,
    **keywords: Any,
) -> Drawing:
    """The graph from which ``output`` was made, or all that a model computes from its inputs.

    Given a model or another function, ``draw(model, x)`` runs it once, as it is, and draws every operation: frozen
    layers, what is computed under ``no_grad``, from integers, or in vain. Buffers and random numbers are put back.
    Modules that were called and are no part of the model are said to be so.

    Equal programs give equal drawings: ids follow the order of creation. Operations stand in the modules that were
    called for them; parameters have the paths they have in the model.

    Args:
        output: a recorded tensor, or several, in dicts, tuples or dataclasses too; it may be a gradient that was
            computed with ``create_graph=True``. Or a model, or a function of tensors; or a compiled step that was
            called, of which forward pass, backward pass and update are drawn.
        *inputs: what the model is called with; a keyword that ``draw`` takes itself needs a ``lambda`` around it.
        params: names of tensors: a dict, pairs as ``model.named_parameters()`` gives them, or the model itself. A
            constant that is named is drawn.
        depth: how deep modules are open: 0 draws the outermost model as one box, 1 the modules in it, None everything;
            or ``depth(path, module)``, true for the modules that are open.
        show: what is written: "shape" (on the arrows), "value" and "grad" (of every node, for small expressions),
            "bytes" (kept for the backward pass), "constants" (which are hidden otherwise).
        direction: where the arrows point: "TB" (down), "LR" (right), "BT" or "RL".
        max_nodes: a larger graph is drawn to the deepest level that fits; one that still is larger shows its beginning
            and its end. The picture says so.
        **keywords: what the model is called with, too.

    Raises:
        GraphError: an output was not recorded.
        DrawingError: another argument makes no sense.

    >>> import autodiff
    >>> w = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> drawing = draw((w * w).sum(), params={"w": w})
    >>> [(node.id, node.kind, node.name) for node in drawing.nodes]
    [('n0', 'parameter', 'w'), ('n1', 'operation', 'multiply'), ('n2', 'operation', 'sum')]
    >>> print(drawing)
    n1 = multiply(w, w) -> (2,)  # <doctest ...>:1
    n2 = sum(n1) -> ()  # <doctest ...>:1, output

    A function, of which the tape would know nothing:

    >>> print(draw(lambda x: {"class": x.argmax(), "score": x.max()}, autodiff.ones(3)))
    n1 = argmax(x) -> ()  # <doctest ...>:1, output class
    n2 = amax(x) -> ()  # <doctest ...>:1, output score
    """
    shown = (show,) if isinstance(show, str) or not isinstance(show, Iterable) else tuple(show)
    if unknown := sorted(set(shown) - set(SHOWN), key=str):
        raise DrawingError(f"show={shown!r}: {unknown[0]!r} is not one of {', '.join(SHOWN)}")
    if direction not in DIRECTIONS:
        raise DrawingError(f"direction={direction!r}: expected one of {', '.join(DIRECTIONS)}")
    most: Any = max_nodes
    if not isinstance(most, int) or most < 1:
        raise DrawingError(f"max_nodes={max_nodes}: expected at least 1")
    level: Any = depth
    if not (level is None or callable(level) or (isinstance(level, int) and level >= 0)):
        raise DrawingError(f"depth={depth!r}: expected a number from 0 on, None for everything, or a function")
    if isinstance(output, Step) and not (inputs or keywords):
        facts = facts_of_step(output, depth)
    elif callable(output) and not isinstance(output, type):
        facts = facts_of_run(output, inputs, keywords, params, depth, shown)
    elif inputs or keywords:
        raise DrawingError(f"draw takes inputs where it runs a model, not beside {described(output)}")
    else:
        facts = facts_of(recorded(output, params, "draw"), depth, shown)
    return Drawing(facts, direction, shown, max_nodes)

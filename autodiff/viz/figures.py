"""Figures by matplotlib, the one file that knows it: they are made without pyplot, so that no state stays behind."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from autodiff.io.files import write_whole
from autodiff.viz.charts import Chart, Spread, charts_of, colour, spreads_of
from autodiff.viz.errors import DrawingError
from autodiff.viz.findings import findings_in
from autodiff.viz.watching import Record


def canvas(rows: int, columns: int, size: tuple[float, float]) -> tuple[Any, Any]:
    """A figure of ``size`` inches and its panels, an array (rows, columns), in the style of all these pictures.

    Raises ImportError where matplotlib is not installed.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=100, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat:
        axes.spines[["top", "right"]].set_visible(False)
    return figure, panels


def count_along(axis: Any) -> None:
    """Let an axis have ticks at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def plain_powers(axis: Any) -> None:
    """Let a logarithmic axis have plain numbers at 1, 2 and 5 times powers of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def save(figure: Any, path: str | os.PathLike[str]) -> None:
    """Write a figure in the format of the suffix of ``path``, whole or not at all."""
    buffer = BytesIO()
    figure.savefig(buffer, format=Path(path).suffix.lower().removeprefix(".") or "png")
    write_whole(path, buffer.getvalue())


def figure_of(record: Record, title: str) -> Any:
    """The curves and activations of a watched training, with what is wrong in words below the title.

    Raises DrawingError where matplotlib is not installed.
    """
    charts, spreads = charts_of(record), spreads_of(record)
    count = len(charts) + bool(spreads)
    rows = max(1, -(-count // 3))
    try:
        figure, panels = canvas(rows, 3, (13, 3.1 * rows + 0.6))
    except ImportError:
        raise DrawingError("a figure needs matplotlib: pip install matplotlib; .html needs nothing") from None
    names = list(record.entries)
    for axes, chart in zip(panels.flat, charts, strict=False):
        _draw(axes, chart, names)
    for axes in panels.flat[count:]:
        axes.set_visible(False)
    if spreads:
        _draw_spreads(panels.flat[count - 1], spreads)
    found = [str(finding) for finding in findings_in(record)] or ["all layers learn"]
    said = "\n".join([*found[:4], *([f"and {len(found) - 4} more"] if len(found) > 4 else [])])
    figure.suptitle(f"{title}, {len(record.losses):,} steps\n{said}", fontsize=10)
    return figure


def _draw_spreads(axes: Any, spreads: list[Spread]) -> None:
    layers = [spread.layer for spread in spreads]
    for i, (layer, _, last) in enumerate(reversed(spreads)):
        edges, heights = np.linspace(0, 1, len(last.counts) + 1), np.sqrt(np.array(last.counts) / max(*last.counts, 1))
        axes.stairs(i + 0.8 * heights, edges, baseline=i, fill=True, color=colour(layer, layers))
        axes.text(1.02, i + 0.1, f"{last.low:.2g} to {last.high:.2g}", fontsize=7)
    axes.set_yticks(range(len(spreads)), layers[::-1], fontsize=7)
    axes.set_xticks([])
    axes.set_title("activations, each from its least to its largest", fontsize=10)


def _draw(axes: Any, chart: Chart, names: list[str]) -> None:
    for name, points in chart.curves.items():
        xs, ys = zip(*points, strict=True) if points else ((), ())
        axes.plot(xs, ys, color=colour(name, names, chart.curves), linewidth=1.3, label=name)
    if chart.log:
        axes.set_yscale("log")
    if chart.line:
        axes.axhline(chart.line[0], color="grey", linestyle="--", linewidth=0.8)
    axes.set_title(chart.title, fontsize=10)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
    if 1 < len(chart.curves) <= 8:
        axes.legend(frameon=False, fontsize=7)

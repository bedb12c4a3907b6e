"""The pictures of the example programs; the one file that knows matplotlib.

Figures are made without pyplot, so that no window system is asked for and no state stays behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from autodiff.io.files import write_whole

COLORS = {"training": "#d9822b", "test": "#2b6cb0"}


def learning_curve(
    path: Path, losses: Mapping[str, Sequence[float]], accuracies: Mapping[str, Sequence[float]], title: str = ""
) -> None:
    """Write a PNG with two panels over the epochs: loss on a logarithmic scale, and accuracy in percent.

    Raises:
        ImportError: matplotlib is not installed.
        OSError: the file cannot be written.

    """
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    figure, ((left, right),) = canvas(1, 2, (8, 3.2))
    for axes, curves, unit in ((left, losses, 1.0), (right, accuracies, 100.0)):
        for name, values in curves.items():
            epochs = range(1, len(values) + 1)
            axes.plot(epochs, [unit * value for value in values], "o-", markersize=4, color=COLORS[name], label=name)
            axes.set(xlabel="epoch", xlim=(0.8, len(values) + 0.2))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    left.set(title="cross-entropy loss", yscale="log")
    left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.yaxis.set_major_formatter("{x:g}")
    left.yaxis.set_minor_formatter(NullFormatter())
    right.set(title="accuracy in %")
    if title:
        figure.suptitle(title)
    save(figure, path)


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


def save(figure: Any, path: Path) -> None:
    """Write a figure as PNG, whole or not at all."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    write_whole(path, buffer.getvalue())

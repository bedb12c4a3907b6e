"""The pictures of the example programs, by matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from autodiff.viz.figures import canvas, count_along, plain_powers, save

COLORS = {"training": "#d9822b", "test": "#2b6cb0"}


def learning_curve(
    path: Path, losses: Mapping[str, Sequence[float]], accuracies: Mapping[str, Sequence[float]], title: str = ""
) -> None:
    """Write a PNG with two panels over the epochs: loss on a logarithmic scale, and accuracy in percent.

    Raises:
        ImportError: matplotlib is not installed.
        OSError: the file cannot be written.

    """
    figure, ((left, right),) = canvas(1, 2, (8, 3.2))
    for axes, curves, unit in ((left, losses, 1.0), (right, accuracies, 100.0)):
        for name, values in curves.items():
            epochs = range(1, len(values) + 1)
            axes.plot(epochs, [unit * value for value in values], "o-", markersize=4, color=COLORS[name], label=name)
            axes.set(xlabel="epoch", xlim=(0.8, len(values) + 0.2))
        count_along(axes.xaxis)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    left.set(title="cross-entropy loss", yscale="log")
    plain_powers(left.yaxis)
    right.set(title="accuracy in %")
    if title:
        figure.suptitle(title)
    save(figure, path)

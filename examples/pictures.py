"""Pictures that several programs draw: curves side by side, and images in a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodiff.viz.figures import canvas, save


def curves(path: Path, panels: Mapping[str, Mapping[str, Sequence[float]]], steps: str, unit: str = "loss") -> None:
    """For each panel, named by its title, lines over the ``steps`` from 1 on; losses are on a logarithmic scale."""
    figure, axes = canvas(1, len(panels), (4.2 * len(panels), 3.4))
    for panel, (title, lines) in zip(axes.flat, panels.items(), strict=True):
        for name, values in lines.items():
            panel.plot(range(1, len(values) + 1), values, lw=1.8, label=name)
        panel.set(title=title, xlabel=steps, yscale="log" if unit in title else "linear")
        panel.grid(alpha=0.3)
        panel.legend(frameon=False)
    save(figure, path)


def images(path: Path, named: Mapping[str, NDArray[Any]], columns: int, size: float = 1.7) -> None:
    """The images (H, W), their names above them; with negative numbers red is below zero and blue above."""
    rows = -(-len(named) // columns)
    figure, axes = canvas(rows, columns, (size * columns, (size + 0.2) * rows))
    for panel in axes.flat:
        panel.set_axis_off()
    for panel, (name, image) in zip(axes.flat, named.items(), strict=False):
        signed, most = bool(image.min() < 0), float(np.abs(image).max()) or 1.0
        panel.imshow(image, cmap="RdBu" if signed else "gray_r", vmin=-most if signed else 0, vmax=most)
        panel.set_title(name, fontsize="medium")
    save(figure, path)

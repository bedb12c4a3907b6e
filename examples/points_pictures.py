"""The pictures of ``examples.points``: curves, predictions, surfaces, and where the gradient gets lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autodiff.viz.figures import canvas, save
from examples.points_training import Array, Run

LOW, HIGH = "#2b6cb0", "#d9822b"  # label 0, label 1


def learning_curves(path: Path, panels: Mapping[str, Mapping[str, Sequence[Run]]]) -> None:
    """For each panel the loss over the epochs of several recipes, one line for each seed, on one logarithmic scale."""
    figure, axes = canvas(1, len(panels), (4.2 * len(panels), 3.6))
    for panel, (title, recipes) in zip(axes.flat, panels.items(), strict=True):
        for number, (name, runs) in enumerate(recipes.items()):
            for i, run in enumerate(runs):
                panel.plot(run.epochs, run.losses, color=f"C{number}", lw=1.2, alpha=0.8, label="" if i else name)
        panel.set(title=title, xlabel="epoch", yscale="log")
        panel.grid(alpha=0.3)
        panel.legend(frameon=False, fontsize="small")
    axes.flat[0].set_ylabel("mean squared error")
    save(figure, path)


def predictions(path: Path, runs: Mapping[str, Run]) -> None:
    """For each run the points with their labels, and beside them with what the network says."""
    figure, axes = canvas(len(runs), 2, (8.4, 3.4 * len(runs)))
    for (left, right), (name, run) in zip(axes, runs.items(), strict=True):
        _scatter(left, run.places, run.labels)
        _scatter(right, run.places, run.outputs > 0.5)
        wrong = ((run.outputs > 0.5) != (run.labels > 0.5))[:, 0]
        right.scatter(*run.places[wrong].T, s=120, facecolors="none", edgecolors="black", label="wrong")
        left.set(title=f"{name}: ground truth", xlabel="x", ylabel="y")
        right.set(title=f"{name}: prediction, {int(wrong.sum())} wrong", xlabel="x")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    save(figure, path)


def surfaces(path: Path, runs: Mapping[str, Run]) -> None:
    """For each run the network's output over the unit square, its border at 1/2, and the points."""
    figure, axes = canvas(1, len(runs), (3.4 * len(runs) + 0.8, 3.7))
    for panel, (name, run) in zip(axes.flat, runs.items(), strict=True):
        side = np.linspace(0, 1, len(run.surface))
        filled = panel.contourf(side, side, run.surface, levels=np.linspace(0, 1, 21), cmap="RdYlBu_r", vmin=0, vmax=1)
        if run.surface.min() < 0.5 < run.surface.max():
            panel.contour(side, side, run.surface, levels=[0.5], colors="black", linewidths=1.2)
        _scatter(panel, run.places, run.labels)
        panel.set(title=name, xlabel="x", aspect="equal", xlim=(0, 1), ylim=(0, 1))
    axes.flat[0].set_ylabel("y")
    figure.colorbar(filled, ax=axes.flat[-1], label="output", ticks=[0, 0.5, 1], shrink=0.8)
    save(figure, path)


def gradient_norms(path: Path, runs: Mapping[str, Run]) -> None:
    """For each run the gradient norm of each layer's weights over the epochs."""
    figure, axes = canvas(1, len(runs), (4.6 * len(runs), 3.8))
    for panel, (name, run) in zip(axes.flat, runs.items(), strict=True):
        norms = np.array(run.norms)
        for layer in range(norms.shape[1]):
            position = {0: " (at the input)", norms.shape[1] - 1: " (at the output)"}.get(layer, "")
            color = (layer / norms.shape[1], 0.35, 1 - layer / norms.shape[1])
            panel.plot(run.epochs, norms[:, layer], color=color, lw=1.4, label=f"layer {layer + 1}{position}")
        panel.set(title=name, xlabel="epoch", yscale="log")
        panel.grid(alpha=0.3)
    low = min(np.min(run.norms) for run in runs.values())
    for panel in axes.flat:
        panel.set_ylim(max(low, 1e-12) / 2, 2 * max(np.max(run.norms) for run in runs.values()))
    axes.flat[0].set_ylabel("norm of the gradient of the weights")
    axes.flat[0].legend(frameon=False, fontsize="small")
    save(figure, path)


def _scatter(panel: Any, places: Array, labels: Array) -> None:
    for label, color in ((False, LOW), (True, HIGH)):
        chosen = places[(labels > 0.5)[:, 0] == label]
        style = {"color": color, "edgecolors": "white", "linewidths": 0.6, "zorder": 3, "clip_on": False}
        panel.scatter(*chosen.T, s=28, label=f"label {int(label)}", **style)

"""A training that is looked at while it runs."""

from __future__ import annotations

import os
from pathlib import Path
from time import perf_counter
from typing import Any, Self

from autodiff.io.files import write_whole
from autodiff.viz.dashboard import fragment_of, page_of
from autodiff.viz.errors import DrawingError
from autodiff.viz.figures import figure_of, save
from autodiff.viz.findings import Finding, findings_in
from autodiff.viz.live import shown
from autodiff.viz.tables import aligned
from autodiff.viz.watching import Collector, Record

FORMATS = ("html", "png", "svg", "pdf", "txt")
PAUSE = 2.0  # seconds between two pictures in a notebook


class Watch:
    """Watches a training: losses, learning rates, gradients, updates, dead units and activations of its layers.

    It is called with the loss of each step, after the optimizer's. Some steps are sampled, so few that it takes about a
    hundredth of the time; ``every`` fixes how many steps lie between two samples. Layers are the modules that own
    parameters; units and activations are those of modules without modules in them.

    ``print`` has a row for each layer and says what is wrong; ``save`` writes a page or a picture; a notebook shows the
    page, and after ``show()`` a cell keeps up with the training.

    Args:
        model: the model that is trained.
        optimizer: its optimizer; without it there are neither learning rates nor updates.
        every: steps from one sample to the next; None keeps the price low.
        title: what pages and pictures are called.

    Raises:
        DrawingError: no model, no optimizer, or an interval that makes no sense.

    >>> import autodiff
    >>> from autodiff import nn, optim
    >>> _ = autodiff.manual_seed(0)
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    >>> optimizer = optim.SGD(model.parameters(), lr=0.01)
    >>> watch = Watch(model, optimizer, every=1)
    >>> for _ in range(3):
    ...     loss = (model(autodiff.ones(4, 2)) - 1.0).square().mean()
    ...     optimizer.zero_grad()
    ...     loss.backward()
    ...     optimizer.step()
    ...     watch(loss)
    >>> print(watch)
    layer      gradient  weights  update  dead
    0: Linear  ...
    2: Linear  ...
    3 steps, loss ..., learning rate 0.01: all layers learn
    """

    def __init__(self, model: Any, optimizer: Any = None, *, every: int | None = None, title: str = "") -> None:
        self._collector = Collector(model, optimizer, every)
        self.title = title or type(model).__name__
        self._display: Any = None
        self._shown = 0.0

    def __call__(self, loss: Any) -> None:
        """Note the loss of a step, a tensor of one entry or a number."""
        self._collector.note(loss)
        if self._display is not None and perf_counter() - self._shown > PAUSE:
            self._display.update(self)
            self._shown = perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the hooks off model and optimizer; what was seen stays."""
        self._collector.close()
        if self._display is not None:
            self._display.update(self)

    def show(self) -> None:
        """Show the page in a notebook's cell, and show it anew while the training goes on, every two seconds at most.

        Raises DrawingError outside of a notebook.
        """
        self._display, self._shown = shown(self), perf_counter()

    @property
    def record(self) -> Record:
        """All numbers that were collected."""
        return self._collector.record

    def findings(self) -> list[Finding]:
        """What is wrong now, such as layers whose gradient vanishes; nothing where all layers learn."""
        return findings_in(self.record)

    def __str__(self) -> str:
        record = self.record
        said = [str(finding) for finding in self.findings()]
        summary = f"{len(record.losses):,} steps"
        if record.losses:
            summary += f", loss {record.losses[-1]:.4g}"
        if record.rates:
            summary += f", learning rate {record.rates[-1][1]:g}"
        if not record.samples:
            return f"{summary}: nothing was seen yet"
        sample = record.samples[-1]
        parts = (sample.gradients, sample.weights, sample.updates, sample.dead)
        layers = dict.fromkeys([*record.entries, *(layer for layer in sample.dead)])
        rows = [(layer, *("-" if (n := part.get(layer)) is None else f"{n:.3g}" for part in parts)) for layer in layers]
        table = aligned(("layer", "gradient", "weights", "update", "dead"), rows)
        verdict = said if len(said) > 1 else [f"{summary}: {said[0] if said else 'all layers learn'}"]
        return "\n".join([table, *([summary] if len(said) > 1 else []), *verdict])

    def __repr__(self) -> str:
        return f"<watch of {self.title}: {len(self.record.losses):,} steps, {len(self.record.samples)} sampled>"

    def _repr_html_(self) -> str:
        """The page in a notebook."""
        return fragment_of(self.record, self.title)

    def figure(self) -> Any:
        """The picture as a figure of matplotlib's; raises DrawingError where that is not installed."""
        return figure_of(self.record, self.title)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a page that needs no other file (.html), a picture (.png, .svg, .pdf; by matplotlib) or text (.txt).

        Raises:
            DrawingError: another suffix, or no matplotlib for a picture.
            OSError: the file cannot be written.

        """
        suffix = Path(path).suffix.lower().removeprefix(".")
        if suffix not in FORMATS:
            raise DrawingError(f"save to {os.fspath(path)!r}: expected a name that ends in .{', .'.join(FORMATS)}")
        if suffix == "html":
            write_whole(path, page_of(self.record, self.title))
        elif suffix == "txt":
            write_whole(path, f"{self}\n")
        else:
            save(self.figure(), path)

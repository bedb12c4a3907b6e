"""What a watched training looks like: curves over the steps and activations, as plain facts for all that draw them."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from autodiff.viz.watching import Histogram, Record

POINTS = 400  # of a curve: more are averaged
FAR = 20.0  # times larger than the least value: then the scale is logarithmic
TYPICAL = 1e-3  # change of a layer by one step, in parts of its norm, in trainings that go well


class Chart(NamedTuple):
    """Curves over the steps.

    Attributes:
        title: what is drawn.
        curves: points by name.
        log: whether the scale is logarithmic.
        line: a height to compare with, and what it means.
    """

    title: str
    curves: dict[str, list[tuple[float, float]]]
    log: bool = False
    line: tuple[float, str] | None = None


class Spread(NamedTuple):
    """The activations of a layer, in the first sample and in the last."""

    layer: str
    first: Histogram
    last: Histogram


def charts_of(record: Record) -> list[Chart]:
    """The curves of a training; those of which nothing is known are left out."""
    losses = [(float(step), loss) for step, loss in enumerate(record.losses, 1)]
    steps = len(losses)
    ends = [step for step, _ in record.rates[1:]] + [steps]
    rates = [(float(at), rate) for (start, rate), end in zip(record.rates, ends, strict=False) for at in (start, end)]
    charts = [
        Chart("loss", {"loss": _fewer(losses)}),
        Chart("gradient norms", _of_layers(record, "gradients")),
        Chart("updates: change by a step / norm", _of_layers(record, "updates"), line=(TYPICAL, "typical")),
        Chart("weight norms", _of_layers(record, "weights")),
        Chart("dead units", _of_layers(record, "dead")),
        Chart("learning rate", {"learning rate": rates if len(record.rates) > 1 else []}),
    ]
    return [chart._replace(log=_spans_far(chart)) for chart in charts if any(chart.curves.values())]


def _spans_far(chart: Chart) -> bool:
    """Whether the values of a chart are positive and of several powers of ten."""
    values = [y for points in chart.curves.values() for _, y in points if math.isfinite(y)]
    return bool(values) and chart.title != "dead units" and max(values) > FAR * min(values) > 0


def spreads_of(record: Record) -> list[Spread]:
    """How the outputs of the layers are spread, of those that were called."""
    if not record.samples:
        return []
    last = record.samples[-1].activations
    first: dict[str, Histogram] = {}
    for sample in record.samples:
        first = sample.activations | first
    return [Spread(layer, first[layer], histogram) for layer, histogram in last.items()]


def colour(name: str, names: Sequence[str], others: Iterable[str] = ()) -> str:
    """Early layers are blue, late ones orange, so that the order of depth can be seen; ``others`` are no layers."""
    names = names if name in names else list(others)
    place = names.index(name) / max(len(names) - 1, 1) if name in names else 0.0
    red, green, blue = colorsys.hls_to_rgb((0.64 - 0.58 * place) % 1, 0.45, 0.75)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def _of_layers(record: Record, part: str) -> dict[str, list[tuple[float, float]]]:
    curves: dict[str, list[tuple[float, float]]] = {}
    for sample in record.samples:
        for layer, value in vars(sample)[part].items():
            curves.setdefault(layer, []).append((float(sample.step), value))
    return curves


def _fewer(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Means of neighbours where there are more points than can be seen; a value that is not finite stays one."""
    size = math.ceil(len(points) / POINTS) if points else 1
    parts = [points[i : i + size] for i in range(0, len(points), size)]
    return [(sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in parts]


def ticks(low: float, high: float, log: bool) -> list[float]:
    """A few round numbers between two.

    >>> ticks(0.0, 7.0, log=False), ticks(0.02, 300.0, log=True)
    ([0.0, 2.0, 4.0, 6.0], [0.1, 1.0, 10.0, 100.0])
    """
    if log:
        first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
        step = max(1, math.ceil((last - first + 1) / 6))
        found = [10.0**power for power in range(first, last + 1, step)]
        return found if len(found) > 1 else [float(f"{value:.2g}") for value in (low, high)]
    width = (high - low) or 1.0
    power = 10.0 ** math.floor(math.log10(width))
    apart = next(power * factor for factor in (0.2, 0.5, 1.0, 2.0) if width / (power * factor) <= 5.01)
    return [round(i * apart, 12) for i in range(math.ceil(low / apart - 1e-9), math.floor(high / apart + 1e-9) + 1)]

"""What is wrong with a training, in words."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from autodiff.viz.watching import Record, Sample

LATEST = 5  # samples that decide
FAR = 1e3  # how many times larger or smaller a gradient is, per entry, than that of the layer next to the loss
LARGE, TINY = 0.1, 1e-7  # changes of a layer by one step, in parts of its norm
DEAD = 0.5  # of the units of a layer
GROWN = 1e3  # how many times larger a gradient is than it used to be


class Finding(NamedTuple):
    """One thing that is wrong.

    Attributes:
        layer: its path and class; "" for the whole training.
        kind: "not finite", "vanishing", "exploding", "no gradient", "too fast", "too slow" or "dead".
        text: the same in words, with numbers.
    """

    layer: str
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.layer}: {self.text}" if self.layer else self.text


def findings_in(record: Record) -> list[Finding]:
    """All that is wrong now, by the last samples; what concerns the whole training first."""
    found = []
    lost = next((i for i, loss in enumerate(record.losses, 1) if not math.isfinite(loss)), None)
    if lost is not None:
        found.append(Finding("", "not finite", f"the loss is {record.losses[lost - 1]} since step {lost}"))
    latest = record.samples[-LATEST:]
    found += _gradients(record, latest)
    known = {finding.layer for finding in found}  # whose steps are large or small for that very reason
    return found + [finding for finding in _updates(latest) if finding.layer not in known] + _dead(latest)


def _middle(latest: list[Sample], part: str, layer: str) -> float:
    """The median over the latest samples; NaN where there is none, or one is no number."""
    values = [v for sample in latest if (v := vars(sample)[part].get(layer)) is not None]
    return math.nan if not values or any(map(math.isnan, values)) else float(np.median(values))


def _gradients(record: Record, latest: list[Sample]) -> list[Finding]:
    layers = [layer for layer in record.entries if any(layer in sample.gradients for sample in latest)]
    per_entry = {layer: _middle(latest, "gradients", layer) / math.sqrt(record.entries[layer]) for layer in layers}
    usable = {layer: g for layer, g in per_entry.items() if 0 < g < math.inf}
    last = next((layer for layer in reversed(layers) if layer in usable), "")
    found = []
    for layer, gradient in per_entry.items():
        earlier = [g for sample in record.samples[:-LATEST] if (g := sample.gradients.get(layer, 0.0)) > 0]
        grown = _middle(latest, "gradients", layer) / float(np.median(earlier)) if len(earlier) >= LATEST else 0.0
        if not math.isfinite(gradient):
            found.append(Finding(layer, "not finite", "its gradient has NaN or infinite entries"))
        elif gradient == 0:
            found.append(Finding(layer, "no gradient", "its gradient is 0: nothing reaches it, and it does not learn"))
        elif usable[last] / gradient > FAR:
            times = _times(usable[last] / gradient)
            found.append(Finding(layer, "vanishing", f"its gradient vanishes: {times} smaller than that of {last}"))
        elif gradient / usable[last] > FAR:
            times = _times(gradient / usable[last])
            found.append(Finding(layer, "exploding", f"its gradient explodes: {times} larger than that of {last}"))
        elif grown > GROWN:
            found.append(Finding(layer, "exploding", f"its gradient explodes: {_times(grown)} larger than it was"))
    return found


def _updates(latest: list[Sample]) -> list[Finding]:
    found = []
    for layer in latest[-1].updates if latest else ():
        ratio = _middle(latest, "updates", layer)
        if ratio > LARGE:
            found.append(Finding(layer, "too fast", f"a step changes it by {ratio:.0%}: the learning rate is large"))
        elif ratio < TINY:
            share = f"{ratio:.0e} of its norm" if ratio else "nothing that its dtype can hold"
            found.append(Finding(layer, "too slow", f"a step changes it by {share}: it hardly learns"))
    return found


def _dead(latest: list[Sample]) -> list[Finding]:
    found = []
    for layer in latest[-1].dead if latest else ():
        share = min(sample.dead.get(layer, 0.0) for sample in latest)
        if share > DEAD:
            found.append(Finding(layer, "dead", f"{share:.0%} of its units are always 0"))
    return found


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} times" if ratio < 1e6 else f"{ratio:.0e} times"

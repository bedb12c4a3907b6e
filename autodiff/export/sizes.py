"""Sizes that depend on those of the inputs, found by comparing runs with inputs of several sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

Run = Mapping[str, int]  # the size of each dynamic axis in a run, by its name


class Size(NamedTuple):
    """``rest + sum(factors[name] * size of name)``; a number where there are no factors."""

    rest: int
    factors: tuple[tuple[str, int], ...] = ()

    @property
    def fixed(self) -> bool:
        """Whether it is the same for inputs of all sizes."""
        return not self.factors


def size_from(values: Sequence[int], runs: Sequence[Run]) -> Size | None:
    """The size that has these values in the runs; None if it is not linear in the sizes of the inputs.

    >>> runs = [{"batch": 2}, {"batch": 3}, {"batch": 5}]
    >>> size_from([7, 7, 7], runs), size_from([9, 13, 21], runs), size_from([4, 9, 25], runs)
    (Size(rest=7, factors=()), Size(rest=1, factors=(('batch', 4),)), None)
    """
    if all(value == values[0] for value in values):
        return Size(values[0])
    factors = {}
    for name in runs[0]:
        for run, value in zip(runs, values, strict=True):
            if run[name] != runs[0][name] and all(run[n] == runs[0][n] for n in run if n != name):
                factors[name] = (value - values[0]) // (run[name] - runs[0][name])
                break
    rest = values[0] - sum(factor * runs[0][name] for name, factor in factors.items())
    for run, value in zip(runs, values, strict=True):
        if rest + sum(factor * run[name] for name, factor in factors.items()) != value:
            return None
    return Size(rest, tuple((name, factor) for name, factor in factors.items() if factor))

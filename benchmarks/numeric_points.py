"""Numbers that are hard for a formula: tiny and large ones, neighbours of zeros and poles, thresholds of exp."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any

import numpy as np

__all__ = ["Points", "grid", "pairs", "vectors"]

Points = Callable[[Any], list[tuple[float, ...]]]

# 88.7 and 709.8 are where exp overflows, 17, 36.7 and 745.1 where it is lost beside 1 or vanishes in one of the dtypes.
MAGNITUDES = (
    1e-300, 1e-160, 1e-40, 1e-30, 1e-20, 1e-16, 1e-12, 1e-8, 3e-8, 1e-6, 1e-5, 1e-4, 2e-3, 0.01, 0.03, 0.1, 0.17, 0.25,
    0.3, 0.4, 0.46, 0.47, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99, 1.0, 1.01, 1.1, 1.25, 1.5, 1.75, 2.0, 2.3, 2.5, 3.0, 3.14159,
    3.5, 4.0, 4.5, 5.0, 5.5, 6.3, 7.0, 8.0, 9.2, 10.0, 12.5, 15.0, 17.0, 17.5, 18.7, 19.9, 20.0, 20.1, 26.0, 28.0,
    33.0, 36.7, 38.0, 44.0, 50.0, 64.5, 80.0, 86.9, 88.0, 88.7, 89.0, 100.0, 103.0, 104.0, 127.5, 150.0, 300.0, 600.0,
    709.0, 709.8, 711.0, 740.0, 745.1, 746.0, 1000.5, 1e4, 1e5, 1e6, 1e8, 1e10, 1e15, 1e17, 1e20, 1e30, 1e38, 3e38,
    1e100, 1e154, 1e200, 1e300, 1.7e308,
)  # fmt: skip
FEW = (1e-300, 1e-40, 1e-8, 0.3, 1.0, 3.7, 89.0, 710.0, 1e10, 1e30, 1e300)


def _in_dtype(numbers: Iterable[float], dtype: Any) -> list[float]:
    """The numbers rounded to ``dtype``, each once, as far as they are finite there."""
    with np.errstate(over="ignore"):
        rounded = (float(np.asarray(x, np.float64).astype(dtype)) for x in numbers)
        return [x for x in dict.fromkeys(rounded) if np.isfinite(x)]


def _beside(numbers: Iterable[float], dtype: Any) -> list[float]:
    """Each number with its neighbours, and with numbers at some distance on both sides."""
    found = []
    for number in numbers:
        x = dtype(number)
        found += [float(x), float(np.nextafter(x, dtype(np.inf))), float(np.nextafter(x, dtype(-np.inf)))]
        found += [float(x) + side * step for step in (1e-10, 1e-6, 1e-4, 1e-3, 0.02) for side in (1, -1)]
    return found


def _limits(dtype: Any) -> list[float]:
    info = np.finfo(dtype)
    return [float(info.smallest_subnormal), float(info.tiny), float(info.eps), float(info.max)]


def grid(
    inside: Callable[[float], bool] = lambda x: True, beside: Sequence[float] = (), more: Sequence[float] = ()
) -> Points:
    """Where ``inside`` holds: the magnitudes with both signs, 0, the dtype's limits, and what is beside some points."""

    def points(dtype: Any) -> list[tuple[float, ...]]:
        sizes = [*MAGNITUDES, *_limits(dtype)]
        numbers = [0.0, *sizes, *(-x for x in sizes), *_beside(beside, dtype), *more]
        return [(x,) for x in _in_dtype(numbers, dtype) if inside(x)]

    return points


def pairs(
    inside: Callable[[float, float], bool] = lambda x, y: True, more: Sequence[tuple[float, float]] = ()
) -> Points:
    """Pairs of a few magnitudes, with both signs, and of close neighbours, where ``inside`` holds."""

    def points(dtype: Any) -> list[tuple[float, ...]]:
        numbers = _in_dtype([0.0, *FEW, *(-x for x in FEW)], dtype)
        close = [(x, float(np.nextafter(dtype(x), dtype(np.inf)))) for x in numbers]
        extra = [(x, y) for x, y in more if len(_in_dtype([x, y], dtype)) >= 1]
        rounded = [tuple(float(dtype(x)) for x in pair) for pair in [*product(numbers, numbers), *close, *extra]]
        return [pair for pair in dict.fromkeys(rounded) if inside(*pair)]

    return points


def vectors(*rows: Sequence[float]) -> Points:
    """Vectors, rounded to the dtype."""

    def points(dtype: Any) -> list[tuple[float, ...]]:
        with np.errstate(over="ignore"):
            rounded = [tuple(float(dtype(x)) for x in row) for row in rows]
        return [row for row in rounded if np.isfinite(row).all()]

    return points


"""Slopes from values alone: central differences, narrow ones or extrapolated with an error estimate, and kinks.

Everything looks along a line: ``line(t)`` is the (flattened) value of the function at distance ``t`` from the point,
and the slopes at ``t = 0`` of all its entries are wanted at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
Line = Callable[[float], Array]

STEP = 2.0**-9
NARROW = 2.0**-16  # where the cut-off, h^2 / 6 of the third derivative, and the rounding, eps / h, are both of 1e-11
SMALLEST = 1e-6
SHRINK = 0.25
ROUNDING = 16 * float(np.finfo(np.float64).eps)
OPEN = 1e-4  # of the size of the slopes: how far they must stay apart for a kink


class Slope(NamedTuple):
    """Slopes and how far each may be off (inf where nothing is known)."""

    value: Array
    error: Array


class Sides(NamedTuple):
    """Slopes from the left and from the right; ``kind`` is "", "kink", "jump" or "pole" for each entry.

    ``plain`` where that is beyond doubt: a kink with settled slopes on both sides, or a jump that grows as a jump does.
    """

    left: Array
    right: Array
    kind: Array
    plain: Array


def look(line: Line, step: float = NARROW) -> Slope:
    """The slopes at 0 by one narrow central difference, taken as exact: enough to say that something is right.

    A slope that disagrees with it may still be right: ``slope`` and ``refined`` tell.

    >>> look(lambda t: np.array([np.exp(t)])).value.round(9)
    array([1.])
    """
    value = (line(step) - line(-step)) / (2 * step)
    return Slope(value, np.where(np.isfinite(value), 0.0, np.inf))


def slope(line: Line, step: float = STEP) -> Slope:
    """The slopes at 0 by two central differences, ``step`` and half of it, extrapolated to step 0.

    Law: D(h) = f' + c h^2 + O(h^4), so that D(h/2) + (D(h/2) - D(h)) / 3 has no term in h^2. The error estimate is the
    size of that correction, and what rounding can do.

    >>> slope(lambda t: np.array([np.exp(t)])).value.round(9)
    array([1.])

    Reference: Richardson (1911); Ridders (1982), "Accurate computation of F'(x) and F'(x)F''(x)".
    """
    above, below = line(step / 2), line(-step / 2)
    near = (above - below) / step
    correction = (near - (line(step) - line(-step)) / (2 * step)) / 3
    size = max(float(np.abs(above).max(initial=0.0)), float(np.abs(below).max(initial=0.0)))
    error = np.abs(correction) + ROUNDING * size / step
    return Slope(near + correction, np.where(np.isfinite(error), error, np.inf))


def refined(line: Line, smallest: float = SMALLEST, step: float = STEP) -> Slope:
    """The slopes at 0 from falling steps: for each entry the one with the least error estimate."""
    best = slope(line, step)
    while (step := step * SHRINK) >= smallest:
        value, error = slope(line, step)
        better = error < best.error
        best = Slope(np.where(better, value, best.value), np.where(better, error, best.error))
    return best


def sides(line: Line, far: float = 2.0**-11, near: float = 2.0**-19) -> Sides:
    """The slopes from either side at two distances, and what they say.

    From ``far`` to ``near`` the two slopes of a smooth function close; those of a kink do not, those of a pole (the
    root at 0) grow like a root of the distance, and those of a jump like its inverse.

    >>> tuple(float(s[0]) for s in sides(lambda t: np.array([max(t, 0.0)]))[:2])
    (0.0, 1.0)
    """
    start = line(0.0)
    left, right = _one_sided(line, start, -near), _one_sided(line, start, near)
    far_left, far_right = _one_sided(line, start, -far), _one_sided(line, start, far)
    gap, wide = np.abs(right - left), np.abs(far_right - far_left)
    size = np.maximum(np.abs(left), np.abs(right))
    growth = size / np.maximum(np.maximum(np.abs(far_left), np.abs(far_right)), 1e-3)
    settled = np.maximum(np.abs(left - far_left), np.abs(right - far_right)) <= OPEN * size
    is_open = (~(gap <= OPEN * np.maximum(size, 1e-3)) & ~(gap < wide / 4)) | (growth > 8)
    kind = np.where(growth > 8, "pole", "kink")
    kind = np.where(growth > 64, "jump", kind)
    kind = np.where(np.isfinite(left) & np.isfinite(right), kind, "pole")
    return Sides(left, right, np.where(is_open, kind, ""), is_open & (settled | (growth > 0.8 * far / near)))


def _one_sided(line: Line, start: Array, h: float) -> Array:
    """The slope from the side of ``h``, where the value at 0 is ``start``; its first error term is taken out."""
    return 4 * (line(h / 2) - start) / h - (line(h) - start) / h


def complex_step(evaluate: Callable[..., Any], inputs: list[Array], which: int, index: tuple[int, ...]) -> Slope:
    """The slope as the imaginary part of ``f(x + ih) / h``, exact to the last digit where ``f`` is analytic.

    Only for plain NumPy functions that take complex numbers and neither compare, nor take abs or max of them.

    Reference: Squire & Trapp (1998), "Using complex variables to estimate derivatives of real functions".
    """
    moved = [x.astype(np.complex128) if i == which else x for i, x in enumerate(inputs)]
    moved[which][index] += 1e-30j
    exact = np.asarray(np.imag(evaluate(*moved)) / 1e-30).ravel()
    return Slope(exact, np.zeros_like(exact))

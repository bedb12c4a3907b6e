"""A line search: how far to go along a direction until the strong Wolfe conditions hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

ENOUGH_DESCENT, ENOUGH_FLATTENING = 1e-4, 0.9


class Point(NamedTuple):
    """What is known at ``t`` times the direction: the loss, its gradient, and its slope along the direction."""

    t: float
    loss: float
    gradient: Any
    slope: float


Evaluate = Callable[[float], Point]


def strong_wolfe(
    at: Evaluate, origin: Point, t: float, length: float, tolerance: float, most: int
) -> tuple[Point, int]:
    """A point whose loss has fallen enough and whose slope is flat enough, and the number of points tried.

    Law: loss <= loss_0 + 1e-4 t slope_0 and abs(slope) <= 0.9 abs(slope_0). The step grows until such a point is
    found or lies between the last two points; then this bracket is narrowed.

    Args:
        at: evaluates a point.
        origin: the point at 0.
        t: the first step tried.
        length: of the longest entry of the direction.
        tolerance: a bracket in which that entry moves less is enough.
        most: how many further points may be tried.

    Reference: Nocedal & Wright 2006, "Numerical optimization", algorithms 3.5 and 3.6.
    """
    before, now, tried = origin, at(t), 0
    while tried < most:
        if _too_high(now, origin) or (tried > 1 and now.loss >= before.loss):
            break
        if _flat(now, origin):
            return now, tried + 1
        if now.slope >= 0:
            break
        farther = cubic_minimum(before, now, now.t + 0.01 * (now.t - before.t), now.t * 10)
        before, now, tried = now, at(farther), tried + 1
    else:
        return min(origin, now, key=lambda point: point.loss), tried + 1
    return _close_in(at, origin, [before, now], length, tolerance, tried, most)


def _close_in(
    at: Evaluate, origin: Point, bracket: list[Point], length: float, tolerance: float, tried: int, most: int
) -> tuple[Point, int]:
    """Narrow the bracket to a point that fulfils the conditions; returns it and the number of points tried."""
    low, high = _ordered(bracket)
    stuck = False
    while tried < most and abs(bracket[1].t - bracket[0].t) * length >= tolerance:
        first, last = sorted(point.t for point in bracket)
        t, stuck = _away_from_ends(cubic_minimum(bracket[0], bracket[1], first, last), first, last, stuck)
        now, tried = at(t), tried + 1
        if _too_high(now, origin) or now.loss >= bracket[low].loss:
            bracket[high] = now
            low, high = _ordered(bracket)
            continue
        found = _flat(now, origin)
        if not found and now.slope * (bracket[high].t - bracket[low].t) >= 0:
            bracket[high] = bracket[low]
        bracket[low] = now
        if found:
            break
    return bracket[low], tried + 1


def _too_high(now: Point, origin: Point) -> bool:
    return now.loss > origin.loss + ENOUGH_DESCENT * now.t * origin.slope


def _flat(now: Point, origin: Point) -> bool:
    return abs(now.slope) <= -ENOUGH_FLATTENING * origin.slope


def _ordered(bracket: list[Point]) -> tuple[int, int]:
    """Which end of the bracket is lower, and which is not."""
    return (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)


def _away_from_ends(t: float, first: float, last: float, stuck: bool) -> tuple[float, bool]:
    """``t``, or a point a tenth inside the bracket if ``t`` is near an end again; and whether it is near one."""
    margin = 0.1 * (last - first)
    if min(last - t, t - first) >= margin:
        return t, False
    if stuck or t >= last or t <= first:
        return (last - margin if abs(t - last) < abs(t - first) else first + margin), False
    return t, True


def cubic_minimum(one: Point, two: Point, lowest: float, highest: float) -> float:
    """Where the cubic through two points with their slopes is least, kept between the bounds.

    Reference: Nocedal & Wright 2006, equation 3.59.
    """
    near, far = (one, two) if one.t <= two.t else (two, one)
    width = far.t - near.t
    secant = near.slope + far.slope - 3 * (near.loss - far.loss) / (near.t - far.t) if width else 0.0
    square = secant * secant - near.slope * far.slope
    if square >= 0:
        root = math.sqrt(square)
        divisor = far.slope - near.slope + 2 * root
        if divisor:
            return min(max(far.t - width * ((far.slope + root - secant) / divisor), lowest), highest)
    return (lowest + highest) / 2

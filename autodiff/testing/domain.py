"""Where a function is tried: domains of numbers, made by construction, so that nothing drawn is ever thrown away.

A domain maps numbers of (0, 1) to its own numbers by a rising function: numbers that were spread evenly stay spread,
numbers that were different stay different, and no number is mapped near a point to avoid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, prod
from typing import Any

import numpy as np

from autodiff.errors import DtypeError, ShapeError
from autodiff.kinds import described

Array = np.ndarray[Any, Any]
NICE = (0.0, 1.0, -1.0, 0.5, 2.0, -2.0, 3.0, -0.5)
REACH = 3.0  # of a side that is not bounded


@dataclass(frozen=True)
class Domain:
    """A set of arrays: numbers between ``low`` and ``high``, none nearer than ``margin`` to a point of ``holes``.

    Attributes:
        low, high: bounds; infinite ones are tried as far as 3.
        holes: points to keep away from.
        margin: how far away.
        distinct: no two entries are equal, or nearly so.
        spd: symmetric positive definite matrices (over the last two axes).
        integer: whole numbers, which get no gradient.
        imag: the domain of the imaginary parts of complex numbers, whose real parts are of this one.
    """

    low: float = -inf
    high: float = inf
    holes: tuple[float, ...] = ()
    margin: float = 0.1
    distinct: bool = False
    spd: bool = False
    integer: bool = False
    imag: Domain | None = None

    def __and__(self, other: Domain | Callable[[], Domain]) -> Domain:
        """Arrays that are in both.

        >>> (real(-1, 1) & positive & distinct).low
        0.1
        """
        second = domain_of(other)
        return Domain(
            max(self.low, second.low),
            min(self.high, second.high),
            tuple(sorted({*self.holes, *second.holes})),
            max(self.margin, second.margin),
            self.distinct or second.distinct,
            self.spd or second.spd,
            self.integer or second.integer,
            second.imag if self.imag is None else self.imag if second.imag is None else self.imag & second.imag,
        )

    @cached_property
    def intervals(self) -> list[tuple[float, float]]:
        """The intervals that are left between the bounds when the holes are cut out.

        Raises ShapeError where nothing is left.
        """
        low, high = _bounds(self.low, self.high)
        left = []
        for point in self.holes:
            if low < point + self.margin and point - self.margin < high:
                left.append((low, point - self.margin))
                low = point + self.margin
        left = [(a, b) for a, b in [*left, (low, high)] if b >= a]
        if not left:
            raise ShapeError(f"nothing is left of the domain from {self.low} to {self.high} without {self.holes}")
        return left

    @cached_property
    def nice(self) -> list[float]:
        """Numbers of the domain that a person would try: bounds, 0, 1, ..."""
        intervals = self.intervals
        ends = [x for interval in intervals for x in interval]
        return list(dict.fromkeys(x for x in (*NICE, *ends) if any(a <= x <= b for a, b in intervals)))

    def array(self, numbers: Array) -> Array:
        """An array of the domain from numbers of (0, 1), of the same shape."""
        if self.integer:
            low, high = _bounds(self.low, self.high)
            return np.asarray(np.floor(int(low) + numbers * (int(high) - int(low) + 1))).astype(np.int64)
        if self.spd:
            return _positive_definite(numbers)
        if self.distinct and numbers.size > 1:
            ranks = np.argsort(np.argsort(numbers, axis=None))
            numbers = ((ranks + 0.25 + 0.5 * numbers.ravel()) / numbers.size).reshape(numbers.shape)
        return self._spread(numbers)

    @cached_property
    def _cuts(self) -> tuple[Array, Array, Array]:
        """The starts of the intervals, their lengths, and the shares of their total length at which they meet."""
        lengths = np.array([b - a for a, b in self.intervals])
        starts = np.array([a for a, _ in self.intervals])
        return starts, lengths, np.concatenate([[0.0], np.cumsum(lengths / lengths.sum())])

    def _spread(self, numbers: Array) -> Array:
        intervals = self.intervals
        if len(intervals) == 1:
            a, b = intervals[0]
            return np.asarray(a + (b - a) * numbers)
        starts, lengths, ends = self._cuts
        which = np.clip(np.searchsorted(ends, numbers, side="right") - 1, 0, len(intervals) - 1)
        share = (numbers - ends[which]) / (ends[which + 1] - ends[which])
        return np.asarray(starts[which] + lengths[which] * share)


def _bounds(low: float, high: float) -> tuple[float, float]:
    if low == -inf:
        low = min(-REACH, high - 2 * REACH)
    return low, max(REACH, low + 2 * REACH) if high == inf else high


def _positive_definite(numbers: Array) -> Array:
    """A A^T + 1 over the last two axes, with A of size 1; eigenvalues from 1 up, none repeated."""
    if numbers.ndim < 2 or numbers.shape[-1] != numbers.shape[-2]:
        raise ShapeError(f"spd needs square matrices, not shape {numbers.shape}; give shapes='n n'")
    a = 2 * numbers - 1
    return np.asarray(np.matmul(a, np.swapaxes(a, -1, -2))) + np.eye(a.shape[-1]) * (1 + 0.1 * np.arange(a.shape[-1]))


def real(lo: float = -inf, hi: float = inf) -> Domain:
    """The numbers from ``lo`` to ``hi``.

    >>> real(-1, 1).array(np.array([0.25, 0.5]))
    array([-0.5,  0. ])
    """
    if not lo <= hi:
        raise ShapeError(f"a domain goes from the lower bound to the upper one, not from {lo} to {hi}")
    return Domain(float(lo), float(hi))


def away_from(*points: float, margin: float = 0.1) -> Domain:
    """All numbers but those near ``points``: the kinks, ties and poles of a function.

    >>> away_from(0.0).intervals
    [(-3.0, -0.1), (0.1, 3.0)]
    """
    return Domain(holes=tuple(sorted(map(float, points))), margin=margin)


def integers(lo: int = 0, hi: int = 2) -> Domain:
    """Whole numbers from ``lo`` to ``hi``, both included; they get no gradient."""
    return Domain(float(lo), float(hi), integer=True)


def complex_(re: Any = None, im: Any = None) -> Domain:
    """Complex numbers with real parts of the domain ``re`` and imaginary parts of ``im``, all numbers by default.

    >>> filled(complex_(positive, real(-1, 0)), (2,), 1).dtype
    dtype('complex128')
    """
    return replace(domain_of(real if re is None else re), imag=domain_of(real if im is None else im))


positive = real(0.1)
unit = real(0.05, 0.95)
nonzero = away_from(0.0)
distinct = Domain(distinct=True)
spd = Domain(spd=True)


def domain_of(given: Any) -> Domain:
    """A domain, or what a function such as ``real`` gives when called without arguments."""
    library = str(getattr(given, "__module__", "")).startswith("autodiff.testing")
    found = given() if callable(given) and library else given
    if not isinstance(found, Domain):
        repair = "; give one for each input, as in gradient_test(real)(function)" if callable(given) else ""
        kinds = "a domain is one of autodiff.testing.domain (real(), positive, ...)"
        raise DtypeError(f"{kinds}, not {described(given)}{repair}")
    return found


# Numbers of (0, 1) without a pattern: a slice of a fixed pool is much cheaper than a generator.
_POOL = np.random.default_rng(1795).uniform(0.001, 0.999, 1 << 16)
_PLAIN = (np.arange(64) * 0.381966) % 1.0  # golden section: spread out, whatever the length


def filled(domain: Domain, shape: Sequence[int], seed: int, special: int = 0) -> Array:
    """An array of ``domain``: ``seed`` 0 gives simple numbers, others any; ``special`` puts nice numbers in.

    >>> filled(real(0, 1), (3,), 0)
    array([1. , 0.5, 1. ])
    """
    if domain.imag is not None:
        imag = filled(domain.imag, shape, seed and seed + 61, special and special + 3)
        return np.asarray(filled(replace(domain, imag=None), shape, seed, special) + 1j * imag)
    size = prod(shape)
    patterned = domain.distinct or domain.spd or domain.integer
    if seed == 0 and not patterned:
        return np.resize([x for x in domain.nice if x] or [0.0], tuple(shape))
    start = seed * 7919 % (len(_POOL) - size)
    numbers = np.round(np.resize(_PLAIN, size), 2) if seed == 0 else _POOL[start : start + size]
    array = domain.array(numbers.reshape(tuple(shape)))
    if special and size and not patterned:
        nice = domain.nice
        array.flat[special * 5 % size] = nice[(special - 1) % len(nice)]
    return array

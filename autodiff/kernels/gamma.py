"""The gamma function's family on whole arrays, to the precision of float64, in NumPy alone."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from autodiff.kernels.piecewise import Array, in_pieces, of_floats, polynomial

# B_2k for k = 1, 2, ..., of Euler-Maclaurin's formula.
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
_SHIFT = 12  # from this x on eight terms of the asymptotic series have all digits


def _raised(x: Array, term: Any, goal: int = _SHIFT) -> tuple[Array, Array]:
    """``x`` moved up by whole steps to at least ``goal``, and the sum of ``term`` over the points passed."""
    points = x + np.arange(float(goal)).reshape(-1, *(1,) * x.ndim)
    below = points < goal
    return x + below.sum(0), np.add.reduce(np.where(below, term(points), 0.0), axis=0)


def zeta(s: int, x: Any) -> Any:
    """Hurwitz's zeta function, the sum over k of (x + k)^-s, for whole s > 1; inf at 0, -1, -2, ...

    Above 0 by Euler-Maclaurin's formula; below by reflection, which holds for the derivatives of the cotangent.

    References: Johansson 2015, "Rigorous high-precision computation of the Hurwitz zeta function", eq. 5; Abramowitz &
    Stegun 1964, 6.4.7.
    """

    def positive(x: Array) -> Any:
        x, passed = _raised(x, lambda x: x ** float(-s), _SHIFT + 2 * s)
        total = x ** (1.0 - s) / (s - 1) + 0.5 * x ** float(-s) + passed
        rising = float(s)
        for k, b in enumerate(_BERNOULLI, 1):
            total = total + b / math.factorial(2 * k) * rising * x ** float(-s - 2 * k + 1)
            rising *= (s + 2 * k - 1) * (s + 2 * k)
        return total

    def mirrored(x: Array) -> Any:
        slopes = math.pi**s * polynomial(_cotangent_slopes(s - 1), _cotangent(x))
        return np.where(x == np.floor(x), math.inf, slopes - (-1) ** s * positive(1 - x))

    return of_floats(lambda x: in_pieces(x, (x <= 0, mirrored), (~(x <= 0), positive)))(x)


def _cotangent(x: Array) -> Any:
    """cot(pi x), from the nearest of its poles or zeros, which are at whole and half numbers."""
    rest = x - np.rint(x)
    beside = np.copysign(0.5 - np.abs(rest), rest)
    return np.where(np.abs(rest) < 0.25, 1 / np.tan(math.pi * rest), np.tan(math.pi * beside))


@cache
def _cotangent_slopes(n: int) -> tuple[float, ...]:
    """The n-th derivative of cot, over (-1)^n n!, as a polynomial of cot, since cot' = -(1 + cot^2)."""
    polynomial = np.array([1.0, 0.0])
    for k in range(1, n + 1):
        polynomial = np.polymul(np.polyder(polynomial), [1.0, 0.0, 1.0]) / k
    return tuple(polynomial.tolist())


_STIRLING = tuple(b / (2 * k * (2 * k - 1)) for k, b in enumerate(_BERNOULLI, 1))[::-1]
_DIGAMMA = tuple(b / (2 * k) for k, b in enumerate(_BERNOULLI, 1))[::-1]


@cache
def _gammaln_at_two() -> tuple[float, ...]:
    """The power series of the logarithm of the gamma function at 2, highest power first."""
    return *((-1) ** k * float(zeta(k, 2.0)) / k for k in range(30, 1, -1)), 1 - np.euler_gamma, 0.0


def _gammaln_small(x: Array) -> Any:
    """From -1/2 to ``_SHIFT``: the power series at 2 (Abramowitz & Stegun 1964, 6.1.33) and steps from there.

    Every part keeps its relative precision, and between 1 and 3 there is one part: the zeros at 1 and 2 are exact.
    """
    whole = np.rint(x)
    rest = x - whole
    steps = np.arange(1.0, _SHIFT).reshape(-1, *(1,) * x.ndim)
    passed = np.multiply.reduce(np.where(steps <= whole - 2, x - steps, 1.0), axis=0)
    down = np.where(whole <= 1, np.log1p(rest), 0) + np.where(whole <= 0, np.log(np.abs(x)), 0)
    return polynomial(_gammaln_at_two(), rest) + np.log(passed) - down


def _gammaln_large(x: Array) -> Any:
    """Stirling's series (Abramowitz & Stegun 1964, 6.1.41)."""
    series = polynomial(_STIRLING, 1 / (x * x)) / x
    return np.where(np.isinf(x), x, (x - 0.5) * np.log(x) - x + 0.5 * math.log(2 * math.pi) + series)


_LOWEST = -20.5  # down to here the gamma function below 0 comes from its steps, by a product of so many numbers


def _gammaln_below(x: Array) -> Any:
    """From ``_LOWEST`` to -1/2: x (x + 1) ... (x + n - 1) leads to the gamma function beside 2.

    Between its poles the logarithm has zeros, where two logarithms cancel: the product has twice the digits (Dekker
    1971), and both are small.
    """
    whole = np.rint(x)
    rest, product, lost = x - whole, x, np.zeros_like(x)
    for k in range(1, int(2 - whole.min())):
        factor = np.where(k < 2 - whole, x + k, 1.0)
        (high, low), (head, tail) = _halves(product), _halves(factor)
        rounded = product * factor
        lost = lost * factor + (((high * head - rounded) + high * tail + low * head) + low * tail)
        product = rounded
    safe = np.where(product == 0, 1, product)
    return polynomial(_gammaln_at_two(), rest) - np.log(np.abs(product)) - lost / safe


def _halves(x: Array) -> tuple[Array, Array]:
    """``x`` as a sum of two numbers of half its digits, whose products are exact."""
    scaled = x * 134217729.0  # 2^27 + 1
    high = scaled - (scaled - x)
    return high, x - high


@of_floats
def gammaln(x: Array) -> Any:
    """log of the absolute value of the gamma function, by reflection far below 0; inf at 0, -1, -2, ... and at -inf."""

    def mirrored(x: Array) -> Any:
        falls = np.log(np.abs(np.sin(math.pi * (x - np.rint(x))))) + gammaln(1 - x)
        return np.where(x == np.floor(x), math.inf, math.log(math.pi) - falls)

    small = (x > -0.5) & (x < _SHIFT)
    below = (x > _LOWEST) & (x <= -0.5)
    return in_pieces(x, (small, _gammaln_small), (below, _gammaln_below), (x <= _LOWEST, mirrored),
                     (~(x < _SHIFT), _gammaln_large))  # fmt: skip


def _psi_positive(x: Array) -> Any:
    """The asymptotic series (Abramowitz & Stegun 1964, 6.3.18)."""
    x, passed = _raised(x, np.reciprocal)
    square = 1 / (x * x)
    return np.log(x) - 0.5 / x - square * polynomial(_DIGAMMA, square) - passed


_ZERO = (1.4616321449683622, 9.549995429965697e-17)  # the zero of digamma above 0, in two parts


@cache
def _psi_at_zero() -> tuple[float, ...]:
    """Taylor's series of digamma at its zero, highest power first: the derivatives are zetas."""
    return *((-1) ** k * float(zeta(k, _ZERO[0])) for k in range(40, 1, -1)), 0.0


def _psi_near_zero(x: Array) -> Any:
    """From 0.91 to 3, where the sum of ``_psi_positive`` would cancel: the series, or a step from there."""
    step = x > 2.01
    y = np.where(step, x - 1, x)
    return polynomial(_psi_at_zero(), y - _ZERO[0] - _ZERO[1]) + np.where(step, 1 / y, 0)


@of_floats
def psi(x: Array) -> Any:
    """The logarithmic derivative of the gamma function, by reflection below 0; -inf at 0, NaN at -1, -2, ..."""
    mirrored = lambda x: _psi_positive(1 - x) - math.pi * _cotangent(x)
    near = (x > 0.91) & (x < 3)
    out = in_pieces(x, (near, _psi_near_zero), (x <= 0, mirrored), (~(near | (x <= 0)), _psi_positive))
    return np.where((x <= 0) & (x == np.rint(x)), np.where(x == 0, np.copysign(math.inf, -x), math.nan), out)

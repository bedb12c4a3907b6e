"""Bessel functions of orders 0 and 1: J and Y, and the modified function K.

Near 0 the power series; for large x Hankel's asymptotic series; between them recurrence downwards for J, Neumann's
series of these for Y, and an integral by the trapezoidal rule for K.

References: Abramowitz & Stegun 1964, 9.1.10 to 9.1.13, 9.1.87 to 9.1.88, 9.2.5, 9.6.10 to 9.6.13 and 9.6.24; Gautschi
1967, "Computational aspects of three-term recurrence relations"; Trefethen & Weideman 2014.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.kernels.piecewise import in_pieces, of_floats

Array = np.ndarray[Any, Any]

_SMALL, _LARGE = 2.0, 25.0  # up to which the power series has all digits, and from which Hankel's has
_TERMS, _START, _NODES = 16, 70, 41
_HARMONIC = [sum(1 / i for i in range(1, k + 1)) for k in range(_TERMS + 1)]


def j(x: Any, n: int) -> Any:
    """J of order ``n``, 0 or 1, an even or odd function."""

    def of(x: Array) -> Any:
        size = np.abs(x)
        pieces = (size <= _SMALL, lambda s: _series(s, n, -1)), (size >= _LARGE, lambda s: _hankel(s, n)[0])
        between = (size > _SMALL) & (size < _LARGE)
        found = in_pieces(size, *pieces, (between, lambda s: _recurrence(s)[n]), (np.isnan(size), np.array))
        return np.copysign(1, x) * found if n else found

    return of_floats(of)(x)


def y(x: Any, n: int) -> Any:
    """Y of order ``n``, 0 or 1: -inf at 0 and NaN below."""

    def small(x: Array) -> Any:
        found = 2 / math.pi * (np.log(x / 2) * _series(x, n, -1) - _logarithmic(x, n, -1))
        return found - 2 / (math.pi * x) if n else found

    def of(x: Array) -> Any:
        inside = x > 0
        pieces = (inside & (x <= _SMALL), small), (x >= _LARGE, lambda s: _hankel(s, n)[1])
        between = (x > _SMALL) & (x < _LARGE)
        beside = lambda s: np.where(s == 0, -math.inf, math.nan)
        return in_pieces(x, *pieces, (between, lambda s: _recurrence(s)[2 + n]), (~inside, beside))

    return of_floats(of)(x)


def k_scaled(x: Any, n: int) -> Any:
    """exp(x) times K of order ``n``, 0 or 1: inf at 0 and NaN below."""

    def small(x: Array) -> Any:
        sign = 1 if n else -1
        found = sign * (np.log(x / 2) * _series(x, n, 1) - _logarithmic(x, n, 1))
        return np.exp(x) * (found + 1 / x if n else found)

    def integral(x: Array) -> Any:
        step = 0.25 / np.sqrt(x)
        total = np.full_like(x, 0.5)
        for i in range(1, _NODES):
            t = i * step
            total += np.exp(-2 * x * np.sinh(t / 2) ** 2) * (np.cosh(t) if n else 1)
        return step * total

    def of(x: Array) -> Any:
        inside = x > 0
        beside = lambda s: np.where(s == 0, math.inf, math.nan)
        pieces = (inside & (x <= _SMALL), small), (inside & (x > _SMALL), integral), (~inside, beside)
        return np.where(np.isposinf(x), 0, in_pieces(x, *pieces))

    return of_floats(of)(x)


def _series(x: Array, n: int, sign: int) -> Any:
    """The power series of J (with ``sign`` -1) or of the modified function I (1)."""
    q, total = sign * x * x / 4, np.zeros_like(x)
    for k in range(_TERMS, -1, -1):
        total *= q
        total += 1 / (math.factorial(k) * math.factorial(k + n))
    return total * x / 2 if n else total


def _logarithmic(x: Array, n: int, sign: int) -> Any:
    """The series of Y and K beside the logarithm: half the sum of digamma at k + 1 and k + n + 1, times the terms."""
    q, total = sign * x * x / 4, np.zeros_like(x)
    for k in range(_TERMS - 1, -1, -1):
        slope = (_HARMONIC[k] + _HARMONIC[k + n]) / 2 - np.euler_gamma
        total *= q
        total += slope / (math.factorial(k) * math.factorial(k + n))
    return total * x / 2 if n else total


def _recurrence(x: Array) -> tuple[Any, Any, Any, Any]:
    """J0, J1, Y0 and Y1, from J of high orders downwards."""
    above, here = np.zeros_like(x), np.full_like(x, 1e-150)
    even, of_y0, of_y1 = np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)
    for k in range(_START, 0, -1):
        half, odd = divmod(k, 2)
        if not odd:
            even += here
            of_y0 += here * ((-1) ** half / half)
        elif half:
            of_y1 += here * ((-1) ** half * (2 * half + 1) / (half * (half + 1)))
        above, here = here, (2 * k / x) * here - above
    size = here + 2 * even
    j0, j1, of_y0, of_y1 = (part / size for part in (here, above, of_y0, of_y1))
    log = np.log(x / 2) + np.euler_gamma
    y0 = 2 / math.pi * (log * j0 - 2 * of_y0)
    y1 = 2 / math.pi * ((log - 1) * j1 - j0 / x - of_y1)
    return j0, j1, y0, y1


def _hankel(x: Array, n: int) -> tuple[Any, Any]:
    """J and Y of order ``n`` for large x; 0 at infinity."""
    p, q, term = np.zeros_like(x), np.zeros_like(x), np.ones_like(x)
    for k in range(24):
        total = q if k % 2 else p
        total += term * (-1) ** (k // 2)
        term *= (4.0 * n * n - (2 * k + 1) ** 2) / (8 * (k + 1)) / x
    finite = np.where(np.isinf(x), 0, x)
    s, c = np.sin(finite), np.cos(finite)
    s, c = (s - c, s + c) if n == 0 else (-s - c, s - c)  # times sqrt(2): of x - pi / 4, of x - 3 pi / 4
    size = 1 / np.sqrt(math.pi * x)
    return size * (p * c - q * s), size * (p * s + q * c)

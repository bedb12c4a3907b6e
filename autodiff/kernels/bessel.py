"""Bessel functions of whole orders: J and Y, and the modified function K.

Near 0 the power series; for large x Hankel's asymptotic series; between them recurrence downwards for J, Neumann's
series of these for Y, and an integral by the trapezoidal rule for K.

References: Abramowitz & Stegun 1964, 9.1.10 to 9.1.13, 9.1.27, 9.1.87 to 9.1.88, 9.2.5, 9.6.10 to 9.6.13, 9.6.24 and
9.6.26; Gautschi 1967, "Computational aspects of three-term recurrence relations"; Trefethen & Weideman 2014.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.kernels.piecewise import in_pieces, of_floats

Array = np.ndarray[Any, Any]

_SMALL, _LARGE = 2.0, 25.0  # up to which the power series has all digits, and from which Hankel's has
_LITTLE = 0.25  # up to which slopes of K do not cancel, and from where on so many nodes are enough
_TERMS, _START, _NODES = 16, 70, 61
_HARMONIC = [sum(1 / i for i in range(1, k + 1)) for k in range(_TERMS + 1)]


def j(x: Any, n: int) -> Any:
    """J of a small order ``n``, an even or odd function."""

    def of(x: Array) -> Any:
        size = np.abs(x)
        between = (size > _SMALL) & (size < _LARGE)
        pieces = (size <= _SMALL, lambda s: _series(s, n, -1)), (between, lambda s: _recurrence(s, n)[0])
        large = lambda s: _upwards(_hankel(s, 0)[0], _hankel(s, 1)[0], s, n, -1)
        found = in_pieces(size, *pieces, (size >= _LARGE, large), (np.isnan(size), np.array))
        return np.copysign(1, x) * found if n % 2 else found

    return of_floats(of)(x)


def y(x: Any, n: int) -> Any:
    """Y of a small order ``n``: -inf at 0 and NaN below."""

    def small(x: Array) -> Any:
        log = np.log(x) - math.log(2)
        first, second = (2 / math.pi * (log * _series(x, m, -1) - _logarithmic(x, m, -1)) for m in (0, 1))
        return _upwards(first, second - 2 / (math.pi * x), x, n, -1)

    def of(x: Array) -> Any:
        inside = x > 0
        between = (x > _SMALL) & (x < _LARGE)
        pieces = (inside & (x <= _SMALL), small), (between, lambda s: _upwards(*_recurrence(s, 0)[1:], s, n, -1))
        large = lambda s: _upwards(_hankel(s, 0)[1], _hankel(s, 1)[1], s, n, -1)
        beside = lambda s: np.where(s == 0, -math.inf, math.nan)
        return in_pieces(x, *pieces, (x >= _LARGE, large), (~inside, beside))

    return of_floats(of)(x)


def k_scaled(x: Any, n: int, k: int) -> Any:
    """The k-th derivative, times (-1)^k, of exp(x) K_n(x) for a small order ``n``: inf at 0 and NaN below."""

    def small(x: Array) -> Any:
        log = np.log(x) - math.log(2)
        first, second = (sign * (log * _series(x, m, 1) - _logarithmic(x, m, 1)) for m, sign in ((0, -1), (1, 1)))
        return _derivative(np.exp(x) * first, np.exp(x) * (second + 1 / x), x, n, k)

    def integral(x: Array) -> Any:
        step, total = 0.16 / np.sqrt(np.maximum(x, 1)), np.zeros_like(x)
        for i in range(_NODES - 1, 0, -1):
            fall = 2 * np.sinh(i * step / 2) ** 2  # the hyperbolic cosine less 1
            total += np.exp(-x * fall) * (np.cosh(n * i * step) if n else 1) * fall**k
        return step * (total if k else total + 0.5)

    def of(x: Array) -> Any:
        inside = x > 0
        beside = lambda s: np.where(s == 0, math.inf, math.nan)
        pieces = (inside & (x <= _LITTLE), small), (inside & (x > _LITTLE), integral), (~inside, beside)
        return np.where(np.isposinf(x), 0, in_pieces(x, *pieces))

    return of_floats(of)(x)


def _upwards(before: Array, here: Array, x: Array, n: int, sign: int) -> Any:
    """Order ``n`` from orders 0 and 1, which is stable for Y and K, and for J where x is larger than ``n``."""
    for m in range(1, n):
        before, here = here, np.where(np.isinf(here), here, 2 * m / x * here + sign * before)
    return here if n else before


def _derivative(zero: Array, one: Array, x: Array, n: int, k: int) -> Any:
    """The k-th derivative, times (-1)^k, of exp(x) K_n(x) where x is small: from the orders beside."""
    if k == 0:
        return _upwards(zero, one, x, n, 1)
    below, here, above = (_derivative(zero, one, x, m, k - 1) for m in (abs(n - 1), n, n + 1))
    return np.where(np.isinf(above), above, (below + above) / 2 - here)


def _series(x: Array, n: int, sign: int) -> Any:
    """The power series of J (with ``sign`` -1) or of the modified function I (1)."""
    q, total = sign * x * x / 4, np.zeros_like(x)
    for k in range(_TERMS, -1, -1):
        total *= q
        total += 1 / (math.factorial(k) * math.factorial(k + n))
    return total * (x / 2) ** n if n else total


def _logarithmic(x: Array, n: int, sign: int) -> Any:
    """The series of Y and K beside the logarithm: half the sum of digamma at k + 1 and k + n + 1, times the terms."""
    q, total = sign * x * x / 4, np.zeros_like(x)
    for k in range(_TERMS - 1, -1, -1):
        slope = (_HARMONIC[k] + _HARMONIC[k + n]) / 2 - np.euler_gamma
        total *= q
        total += slope / (math.factorial(k) * math.factorial(k + n))
    return total * x / 2 if n else total


def _recurrence(x: Array, n: int) -> tuple[Any, Any, Any]:
    """J of order ``n``, Y0 and Y1, from J of high orders downwards."""
    above, here = np.zeros_like(x), np.full_like(x, 1e-150)
    even, of_y0, of_y1, of_jn = (np.zeros_like(x) for _ in range(4))
    for k in range(_START, 0, -1):
        half, odd = divmod(k, 2)
        if not odd:
            even += here
            of_y0 += here * ((-1) ** half / half)
        elif half:
            of_y1 += here * ((-1) ** half * (2 * half + 1) / (half * (half + 1)))
        if k == n:
            of_jn = here
        above, here = here, (2 * k / x) * here - above
    size = here + 2 * even
    j0, j1, jn, of_y0, of_y1 = (part / size for part in (here, above, of_jn if n else here, of_y0, of_y1))
    log = np.log(x / 2) + np.euler_gamma
    y0 = 2 / math.pi * (log * j0 - 2 * of_y0)
    y1 = 2 / math.pi * ((log - 1) * j1 - j0 / x - of_y1)
    return jn, y0, y1


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

"""What special functions and their slopes are, in mpmath: differences would take too many digits of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath as mp

from benchmarks.numeric_errors import NEAR_ZERO, Formula, formula
from benchmarks.numeric_points import grid

__all__ = ["SPECIAL"]

POSITIVE = grid(lambda x: 0 < x < 1e5)
WAVES = "near its zeros it is the difference of nearly equal terms"
Real = Callable[[Any], Any]
EVERY = grid()
BELOW = [-0.5, -1.5, -2.5, -5.25, -9.75, -20.3, -100.7, -1234.5, -12345678.5]
NEAR_POLES = [-1e-10, -1 + 1e-10, -2 - 1e-6, -3.001, -9.9999]
GAMMA = grid(lambda x: (x > 0 and x < 1e305) or (x > -1e4 and x != math.floor(x)),
             beside=(1.0, 2.0, 1.4616321449683622), more=[*BELOW, *NEAR_POLES])  # fmt: skip


def _digits(count: int, function: Real) -> Real:
    def of(*x: Any) -> Any:
        with mp.workdps(count):
            return function(*x)

    return of


def _bessel(n: int, order: int) -> Real:
    """The derivatives of I_n (Abramowitz & Stegun 1964, 9.6.29)."""
    near = [(math.comb(order, j), abs(n - order + 2 * j)) for j in range(order + 1)]
    return lambda x: sum(times * mp.besseli(k, x) for times, k in near) / 2**order


def _scaled(n: int, order: int) -> Real:
    """The derivatives of exp(-abs(x)) I_n(x), beside 0."""
    terms = [(math.comb(order, k), order - k, _bessel(n, k)) for k in range(order + 1)]
    return lambda x: mp.exp(-abs(x)) * sum(times * (-mp.sign(x)) ** j * slope(x) for times, j, slope in terms)


def _cylinder(kind: Real, n: int, order: int) -> Real:
    """The derivatives of J_n or Y_n (Abramowitz & Stegun 1964, 9.1.31)."""
    near = [(math.comb(order, j) * (-1) ** j, n - order + 2 * j) for j in range(order + 1)]
    return _digits(60, lambda x: sum(times * kind(k, x) for times, k in near) / 2**order)


def _decaying(n: int, order: int, scaled: bool) -> Real:
    """The derivatives of K_n (Abramowitz & Stegun 1964, 9.6.29), or of exp(x) K_n(x)."""
    if not scaled:
        near = [(math.comb(order, j), n - order + 2 * j) for j in range(order + 1)]
        return _digits(60, lambda x: sum(times * mp.besselk(k, x) for times, k in near) / (-2) ** order)
    terms = [(math.comb(order, k), _decaying(n, k, False)) for k in range(order + 1)]
    return _digits(60, lambda x: mp.exp(x) * sum(times * slope(x) for times, slope in terms))


def _erfcx(order: int) -> Real:
    """The derivatives of exp(x^2) erfc(x), from the equation y' = 2 x y - 2 / sqrt(pi)."""

    def of(x: Any) -> Any:
        if x > 10**25:  # the first term of the asymptotic series has all digits
            return (1 / x, -1 / x**2, 2 / x**3)[order] / mp.sqrt(mp.pi)
        y = mp.exp(x * x) * mp.erfc(x)
        slope = 2 * x * y - 2 / mp.sqrt(mp.pi)
        return (y, slope, 2 * y + 2 * x * slope)[order]

    return _digits(200, of)


def _log_ndtr(order: int) -> Real:
    def of(x: Any) -> Any:
        if x < -(10**25):
            return (-x * x / 2, -x, mp.mpf(-1))[order]
        below = mp.erfc(-x / mp.sqrt(2)) / 2
        above = mp.erfc(x / mp.sqrt(2)) / 2
        ratio = mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi) / below
        return (mp.log(below) if x < 0 else mp.log1p(-above), ratio, -ratio * (x + ratio))[order]

    return _digits(200, of)


def _quantile(p: Any) -> Any:
    """The normal quantile, by Newton's steps on the logarithm of the tail, from the first term of its expansion."""
    if p > 0.5:
        return -_quantile(1 - p)
    if p == 0.5:
        return mp.mpf(0)
    if p > 0.4:
        return -_quantile_middle(1 - 2 * p) * mp.sqrt(2)
    far = -2 * mp.log(p)
    x = -mp.sqrt(far - mp.log(2 * mp.pi) - mp.log(far)) if p < 0.05 else mp.mpf(-1)
    for _ in range(12):
        below = mp.erfc(-x / mp.sqrt(2)) / 2
        ratio = mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi) / below
        x -= mp.log(below / p) / ratio
    return x


def _quantile_middle(y: Any) -> Any:
    x = y * mp.sqrt(mp.pi) / 2
    for _ in range(12):
        x -= (mp.erf(x) - y) * mp.sqrt(mp.pi) / 2 * mp.exp(x * x)
    return x


def _erfinv(y: Any) -> Any:
    if abs(y) < 0.2:
        return _quantile_middle(y)
    return -mp.sign(y) * _quantile((1 - abs(y)) / 2) / mp.sqrt(2)


def _erfinv_slope(y: Any) -> Any:
    return mp.sqrt(mp.pi) / 2 * mp.exp(_erfinv(y) ** 2)


def _ndtri_slope(p: Any) -> Any:
    return mp.sqrt(2 * mp.pi) * mp.exp(_quantile(p) ** 2 / 2)


def _multigammaln(order: int, p: int) -> Real:
    parts = lambda x: sum(mp.re(mp.loggamma(x - mp.mpf(j) / 2)) for j in range(p)) + p * (p - 1) / 4 * mp.log(mp.pi)
    return parts if order == 0 else lambda x: sum(mp.polygamma(order - 1, x - mp.mpf(j) / 2) for j in range(p))


def _polygamma(n: int) -> tuple[Real, ...]:
    return tuple(lambda x, k=k: mp.polygamma(n + k, x) for k in range(3))


def _orders(of: Callable[[int], Real]) -> tuple[Real, ...]:
    return tuple(of(order) for order in range(3))


def _precise(value: Real, slope: Real, times: int) -> tuple[Real, ...]:
    """A value, its slope, and the second one, which is ``times`` their product and the slope."""
    return tuple(_digits(400, f) for f in (value, slope, lambda x: times * value(x) * slope(x) ** 2))


SPECIAL: list[Formula] = [
    formula("special.erfcx", _orders(_erfcx), grid(lambda x: x > -30, beside=(0.46875,)),
            why=NEAR_ZERO.format("the second slope")),
    formula("special.log_ndtr", _orders(_log_ndtr), grid(beside=(-1.0, 1.0)),
            why=NEAR_ZERO.format("the second slope")),
    formula("erfinv", _precise(_erfinv, _erfinv_slope, 2),
            grid(lambda x: abs(x) < 1, beside=(1.0, -1.0, 0.85)),
            why="the second slope is 2 x times the square of the slope, whose roundings it doubles"),
    formula("special.ndtri", _precise(_quantile, _ndtri_slope, 1),
            grid(lambda x: 0 < x < 1, beside=(0.5, 1.0, 0.925, 0.075))),
    formula("lgamma", (lambda x: mp.re(mp.loggamma(x)), *_polygamma(0)[:2]), GAMMA),
    formula("digamma", _polygamma(0), GAMMA),
    formula("polygamma:1", _polygamma(1), GAMMA, lambda t, x: t.special.polygamma(1, x)),
    formula("polygamma:2", _polygamma(2), grid(lambda x: 0 < x < 1e305, beside=(1.0,)),
            lambda t, x: t.special.polygamma(2, x)),
    formula("polygamma:5", _polygamma(5), grid(lambda x: 0 < x < 1e305, beside=(1.0,)),
            lambda t, x: t.special.polygamma(5, x)),
    formula("special.multigammaln", _orders(lambda n: _multigammaln(n, 3)),
            grid(lambda x: 1 < x < 1e305, beside=(1.0, 1.5, 2.0)),
            lambda t, x: t.special.multigammaln(x, 3), why=NEAR_ZERO.format("the slope")),
    formula("special.i0", _orders(lambda n: _bessel(0, n)), grid(lambda x: abs(x) < 1e5)),
    formula("special.i1", _orders(lambda n: _bessel(1, n)), grid(lambda x: abs(x) < 1e5)),
    formula("special.i0e", _orders(lambda n: _digits(300, _scaled(0, n))), grid(lambda x: 0 < abs(x) < 1e17)),
    formula("special.i1e", _orders(lambda n: _digits(300, _scaled(1, n))), grid(lambda x: 0 < abs(x) < 1e17)),
    *(formula(f"special.bessel_{kind}{n}", _orders(lambda m, n=n, of=of: _cylinder(of, n, m)), where, why=WAVES)
      for kind, of, where in (("j", mp.besselj, grid(lambda x: 0 < abs(x) < 1e5)), ("y", mp.bessely, POSITIVE))
      for n in (0, 1)),
    *(formula(f"special.{name}_k{n}", _orders(lambda m, n=n, scaled=scaled: _decaying(n, m, scaled)), POSITIVE)
      for name, scaled in (("modified_bessel", False), ("scaled_modified_bessel", True)) for n in (0, 1)),
    formula("special.entr", (lambda x: -x * mp.log(x), lambda x: -mp.log(x) - 1, lambda x: -1 / x),
            grid(lambda x: x > 0, beside=(1.0, math.exp(-1))),
            why="the slope is -1 - log x, which is small near 1/e, and NumPy's float32 log is rounded to 1.5 units"),
]

"""Declarations of special functions; the references are integrals, sums and products that define them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.testing.domain import real
from declared.base import declare, one_of

NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)


def _integral(f: Any, x: Any) -> Any:
    """The integral of ``f`` from 0 to ``x`` (Gauss and Legendre)."""
    points = np.multiply.outer(x, (NODES + 1) / 2)
    return np.multiply(x, (f(points) * WEIGHTS / 2).sum(-1))


def _erf(x: Any) -> Any:
    return _integral(lambda t: 2 / math.sqrt(math.pi) * np.exp(-t * t), x)


def _erf_inverse(y: Any) -> Any:
    """Where ``_erf`` is ``y``, by Newton's steps from 0: they never go too far, for the slope falls on the way."""
    x = np.zeros(np.shape(y))
    for _ in range(9):
        x = x + (y - _erf(x)) * np.exp(x * x) * math.sqrt(math.pi) / 2
    return x


def _gammas(x: Any, f: Any) -> Any:
    return np.vectorize(f, otypes=[float])(x) if np.size(x) else np.zeros(np.shape(x))


def _sum(x: Any, n: int) -> Any:
    """The sum over k of (x + k)^-n, the tail of it as an integral."""
    steps, end = np.arange(200), 200
    tail = (x + end) ** (1.0 - n) / (n - 1) + (x + end) ** float(-n) / 2 + n / 12 * (x + end) ** float(-n - 1)
    return (np.add.outer(x, steps) ** float(-n)).sum(-1) + tail


def _digamma(x: Any) -> Any:
    steps, end = np.arange(200), 200
    return np.log(x + end) - 0.5 / (x + end) - 1 / (12 * (x + end) ** 2) - (1 / np.add.outer(x, steps)).sum(-1)


def _bessel(x: Any, n: int) -> Any:
    return sum((np.asarray(x) / 2) ** (2 * k + n) / (math.factorial(k) * math.factorial(k + n)) for k in range(40))


def _bessel_scaled(x: Any, n: int, k: int) -> Any:
    if k:
        return np.exp(-x) * (_bessel(x, 0) - _bessel(x, 1))
    return np.exp(-x) * _bessel(x, n) / x**n


def _erfcx_integral(x: Any, n: int) -> Any:
    t = (NODES + 1) * 4.5  # from 0 to 9
    weight = 9 / math.sqrt(math.pi) / math.factorial(n) * WEIGHTS * t**n
    return (np.exp(-t * t - np.multiply.outer(2 * np.asarray(x), t)) * weight).sum(-1)


def _bessel_j(x: Any, n: int) -> Any:
    """An integral over a period (Abramowitz & Stegun 1964, 9.1.21)."""
    angle = (np.arange(64) + 0.5) * (math.pi / 32)
    return np.cos(n * angle - np.multiply.outer(np.asarray(x), np.sin(angle))).mean(-1)


def _bessel_y(x: Any, n: int) -> Any:
    """The same with an integral over a half-line (Abramowitz & Stegun 1964, 9.1.22)."""
    far, angle = (NODES + 1) * 3.5, (NODES + 1) * (math.pi / 2)
    x = np.asarray(x)
    over = np.sin(np.multiply.outer(x, np.sin(angle)) - n * angle) * (math.pi / 2 * WEIGHTS)
    tail = (np.exp(n * far) + (-1) ** n * np.exp(-n * far)) * np.exp(-np.multiply.outer(x, np.sinh(far)))
    return (over.sum(-1) - (tail * (3.5 * WEIGHTS)).sum(-1)) / math.pi


def _bessel_k_scaled(x: Any, n: int, k: int) -> Any:
    """An integral over a half-line (Abramowitz & Stegun 1964, 9.6.24)."""
    far = (NODES + 1) * 3.5
    fall, weight = np.cosh(far) - 1, np.cosh(n * far) * (3.5 * WEIGHTS)
    return (np.exp(-np.multiply.outer(np.asarray(x), fall)) * fall**k * weight).sum(-1)


def _gelu(x: Any, approximate: bool) -> Any:
    if approximate:
        return x / (1 + np.exp(-2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x * (0.5 + _integral(lambda t: np.exp(-t * t / 2) / math.sqrt(2 * math.pi), x))


declare("gelu", real(-3, 3), ref=_gelu, kwargs=one_of({"approximate": False}, {"approximate": True}))
declare("erf", real(-3, 3), ref=_erf)
declare("erfc", real(-2, 2), ref=lambda x: 1 - _erf(x))
declare("erfcx", real(-1.5, 1.5), ref=lambda x: np.exp(x * x) * (1 - _erf(x)))
declare("erfcx_integral", real(-1.5, 1.5), kwargs=one_of({"n": 1}, {"n": 2}), ref=_erfcx_integral)
declare("erfinv", real(-0.9, 0.9), ref=_erf_inverse)
declare("ndtri", real(0.05, 0.95), ref=lambda p: _erf_inverse(2 * p - 1) * math.sqrt(2))
declare("erfinv_slope", real(-0.9, 0.9), ref=lambda y: math.sqrt(math.pi) / 2 * np.exp(_erf_inverse(y) ** 2))
declare("ndtri_slope", real(0.05, 0.95), ref=lambda p: math.sqrt(2 * math.pi) * np.exp(_erf_inverse(2 * p - 1) ** 2))
declare("normal_density", real(-3, 3), ref=lambda x: np.exp(-x * x / 2) / math.sqrt(2 * math.pi))
declare("ndtr", real(-2, 2), ref=lambda x: (1 + _erf(x / math.sqrt(2))) / 2)
declare("log_ndtr", real(-2, 2), ref=lambda x: np.log((1 + _erf(x / math.sqrt(2))) / 2))
declare("lgamma", real(0.2, 8), ref=lambda x: _gammas(x, math.lgamma))
declare("digamma", real(0.3, 8), ref=_digamma)
declare("polygamma", real(0.4, 8), kwargs=one_of({"n": 1}, {"n": 2}),
        ref=lambda x, n: (-1) ** (n + 1) * math.factorial(n) * _sum(x, n + 1))
declare("bessel", real(-4, 4), kwargs=one_of({"n": 0}, {"n": 1}),
        ref=lambda x, n: sum((x * x / 4) ** k / (2**n * math.factorial(k) * math.factorial(k + n)) for k in range(40)))
declare("bessel_scaled", real(0.5, 4), kwargs=one_of({"n": 0, "k": 0}, {"n": 1, "k": 0}, {"n": 0, "k": 1}),
        ref=_bessel_scaled)
declare("bessel_j", real(-6, 6), kwargs=one_of({"n": 0}, {"n": 1}, {"n": 2}), ref=_bessel_j)
declare("bessel_y", real(0.5, 6), kwargs=one_of({"n": 0}, {"n": 1}, {"n": 2}), ref=_bessel_y)
declare("bessel_k_scaled", real(0.5, 6), kwargs=one_of({"n": 0, "k": 0}, {"n": 1, "k": 0}, {"n": 2, "k": 1}),
        ref=_bessel_k_scaled)
declare("i0e", real(-4, 4), ref=lambda x: np.exp(-np.abs(x)) * _bessel(x, 0))
declare("i1e", real(-4, 4), ref=lambda x: np.exp(-np.abs(x)) * _bessel(x, 1))

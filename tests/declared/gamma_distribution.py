"""Declarations of the primitives of the gamma distribution; the references are integrals of its density."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.testing.domain import real
from declared.base import declare, elsewhere, one_of

NODES, WEIGHTS = np.polynomial.legendre.leggauss(80)
_gamma = np.vectorize(math.gamma, otypes=[float])


def _moment(a: Any, x: Any, n: int) -> Any:
    """The integral from 0 to x of t^(a-1) exp(-t) (log t)^n, with t = x s^4, where the integrand has no pole."""
    s = (NODES + 1) / 2
    t = np.multiply.outer(x, s**4)
    a = np.expand_dims(a, -1)
    return (t**a * np.exp(-t) * np.log(t) ** n * (4 / s) * WEIGHTS / 2).sum(-1)


def _digamma(a: Any) -> Any:
    steps, end = np.arange(200), 200
    return np.log(a + end) - 0.5 / (a + end) - 1 / (12 * (a + end) ** 2) - (1 / np.add.outer(a, steps)).sum(-1)


def _slope(a: Any, y: Any, n: int) -> Any:
    a, y = np.broadcast_arrays(a, y)
    x = np.exp(y)
    first = _moment(a, x, 1) - _digamma(a) * _moment(a, x, 0)
    if n == 1:
        return first / (x**a * np.exp(-x))
    steps = np.arange(200)
    tail = 1 / (a + 200) + 0.5 / (a + 200) ** 2 + 1 / (6 * (a + 200) ** 3)
    trigamma = (np.add.outer(a, steps) ** -2.0).sum(-1) + tail
    second = _moment(a, x, 2) - 2 * _digamma(a) * _moment(a, x, 1) + _digamma(a) ** 2 * _moment(a, x, 0)
    return (second - trigamma * _moment(a, x, 0)) / (x**a * np.exp(-x))


def _below(a: Any, x: Any) -> Any:
    a, x = np.broadcast_arrays(a, x)
    return _moment(a, x, 0) / _gamma(a) if a.size else np.zeros(a.shape)


declare("gammainc", real(0.7, 6), real(0.3, 9), ref=_below)
declare("gammaincc", real(0.7, 6), real(0.3, 9), ref=lambda a, x: 1 - _below(a, x))
declare("gamma_cdf_slope", real(0.8, 6), real(-1, 2), kwargs=one_of({"n": 1}, {"n": 2}), ref=_slope)
elsewhere("gamma_draw", "what is drawn moves with the concentration: tests/test_gamma_draws.py")
elsewhere("log_gamma_draw", "what is drawn moves with the concentration: tests/test_gamma_draws.py")

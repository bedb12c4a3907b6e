"""Primitives of the gamma distribution: its probabilities, and draws whose derivatives are implicit.

A draw moves with the concentration so that the probability below it stays as it is (Figurnov, Mohamed & Mnih 2018).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.engine.primitive import Primitive
from autodiff.kernels import incomplete_gamma
from autodiff.ops.special import digamma, lgamma, polygamma
from autodiff.ops.transcendental import xlogy


def _density(a: Any, x: Any) -> Any:
    return np.exp(xlogy(a - 1, x) - x - lgamma(a))


def _slope(a: Any, x: Any) -> Any:
    """The derivative of the probability below x by a; 0 at 0."""
    inside = np.where(x > 0, x, 1.0)
    return np.where(x > 0, inside * _density(a, inside) * gamma_cdf_slope(a, np.log(inside), n=1), 0.0)


def _bell(a: Any, y: Any, n: int) -> Any:
    return incomplete_gamma.bell(y - digamma(a), [-polygamma(a, n=k) for k in range(1, n)], n)


gammainc = Primitive("gammainc", incomplete_gamma.gammainc, lambda g, out, a, x: g * _slope(a, x),
                                                            lambda g, out, a, x: g * _density(a, x),
                     keeps="a x", floating=True, real=True)

gammaincc = Primitive("gammaincc", incomplete_gamma.gammaincc, lambda g, out, a, x: -g * _slope(a, x),
                                                               lambda g, out, a, x: -g * _density(a, x),
                      keeps="a x", floating=True, real=True)

# The n-th derivative by a of the probability below exp(y), over the density p of y: d log p is y - digamma(a) by a and
# a - exp(y) by y, and the n-th derivative of p by a is p times a polynomial.
gamma_cdf_slope = Primitive("gamma_cdf_slope", incomplete_gamma.cdf_slope,
                            lambda g, out, a, y, n: g * (gamma_cdf_slope(a, y, n=n + 1) - out * (y - digamma(a))),
                            lambda g, out, a, y, n: g * (_bell(a, y, n) - out * (a - np.exp(y))),
                            keeps="out a y", floating=True, real=True)

# ``drawn`` is the logarithm of a draw of concentration a, or the draw itself; out is the same number, which moves.
log_gamma_draw = Primitive("log_gamma_draw", lambda a, drawn: np.array(drawn),
                           lambda g, out, a, drawn: -g * gamma_cdf_slope(a, out, n=1),
                           lambda g, out, a, drawn: g, keeps=("out a", ""), floating=True, real=True)

gamma_draw = Primitive("gamma_draw", lambda a, drawn: np.array(drawn),
                       lambda g, out, a, drawn: -g * out * gamma_cdf_slope(a, np.log(out), n=1),
                       lambda g, out, a, drawn: g, keeps=("out a", ""), floating=True, real=True)

"""Primitives of special functions: the error function's family, gamma's, and Bessel's (kernels/ has the arithmetic)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.engine.primitive import Primitive
from autodiff.kernels import gamma, special
from autodiff.kernels.arrays import as_array

PEAK = 2 / math.sqrt(math.pi)  # the slope of erf at 0


def _polygamma(x: Any, n: int) -> Any:
    return (-1) ** (n + 1) * math.factorial(n) * gamma.zeta(n + 1, x)


def _i1e(x: Any) -> Any:
    return np.where(np.isinf(x), 0, x) * special.bessel_scaled(np.abs(x), 1, 0)


def _i1e_slope(y: Any) -> Any:
    return bessel_scaled(y, n=1, k=0) - np.where(np.isinf(y), 0, y) * bessel_scaled(y, n=1, k=1)


def _hazard(x: Any) -> Any:
    """The normal density over ``ndtr``, both of which vanish far below 0, where their ratio is -x."""
    below, far = as_array(x < 0), as_array(x < -1e9)
    left = math.sqrt(2 / math.pi) / erfcx(np.where(below & ~far, x, -1.0) * -math.sqrt(0.5))
    right = np.where(below, 0.0, x)
    return np.where(far, -x, np.where(below, left, normal_density(right) / ndtr(right)))


erf = Primitive("erf", special.erf, lambda g, out, x: g * PEAK * np.exp(-x * x), keeps="x", floating=True, real=True)

erfc = Primitive("erfc", special.erfc, lambda g, out, x: g * -PEAK * np.exp(-x * x), keeps="x", floating=True,
                 real=True)

# The slopes are repeated integrals of erfc (Abramowitz & Stegun 1964, 7.2.9); 2 x out - PEAK would cancel.
erfcx = Primitive("erfcx", special.erfcx, lambda g, out, x: g * -2 * erfcx_integral(x, n=1), keeps="x", floating=True,
                  real=True)

erfcx_integral = Primitive("erfcx_integral", special.erfcx_integral,
                           lambda g, out, x, n: g * (-2 * (n + 1)) * erfcx_integral(x, n=n + 1),
                           keeps="x", floating=True, real=True)

# A slope of an inverse is computed from its argument: out has rounded, and exp(out^2) would multiply that.
erfinv = Primitive("erfinv", special.erfinv, lambda g, out, x: g * erfinv_slope(x), keeps="x", floating=True, real=True)

erfinv_slope = Primitive("erfinv_slope", special.erfinv_slope, lambda g, out, x: g * (2 * erfinv(x) * out * out),
                         keeps="out x", floating=True, real=True)

ndtri = Primitive("ndtri", special.ndtri, lambda g, out, x: g * ndtri_slope(x), keeps="x", floating=True, real=True,
                  lends="x")

ndtri_slope = Primitive("ndtri_slope", special.ndtri_slope, lambda g, out, x: g * (ndtri(x) * out * out),
                        keeps="out x", floating=True, real=True)

normal_density = Primitive("normal_density", special.density, lambda g, out, x: g * -x * out, keeps="out x",
                           floating=True, real=True)

ndtr = Primitive("ndtr", special.ndtr, lambda g, out, x: g * normal_density(x), keeps="x", floating=True, real=True,
                 lends="x")

log_ndtr = Primitive("log_ndtr", special.log_ndtr, lambda g, out, x: g * _hazard(x), keeps="x", floating=True,
                     real=True)

lgamma = Primitive("lgamma", gamma.gammaln, lambda g, out, x: g * digamma(x), keeps="x", floating=True, real=True)

digamma = Primitive("digamma", gamma.psi, lambda g, out, x: g * polygamma(x, n=1), keeps="x", floating=True, real=True)

polygamma = Primitive("polygamma", _polygamma, lambda g, out, x, n: g * polygamma(x, n=n + 1), keeps="x", floating=True,
                      real=True)

# I_n(x) / x^n, whose derivative is x times the next one (Abramowitz & Stegun 1964, 9.6.28): nothing cancels.
bessel = Primitive("bessel", special.bessel, lambda g, out, x, n: g * x * bessel(x, n=n + 1), keeps="x", floating=True,
                   real=True)

bessel_scaled = Primitive("bessel_scaled", special.bessel_scaled,
                          lambda g, out, x, n, k: -g * bessel_scaled(x, n=n, k=k + 1), keeps="x", floating=True,
                          real=True)

i0e = Primitive("i0e", lambda x: special.bessel_scaled(np.abs(x), 0, 0),
                lambda g, out, x: -g * np.sign(x) * bessel_scaled(np.abs(x), n=0, k=1), keeps="x", floating=True,
                real=True)

i1e = Primitive("i1e", _i1e, lambda g, out, x: g * _i1e_slope(np.abs(x)), keeps="x", floating=True, real=True)

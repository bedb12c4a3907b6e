"""Primitives of special functions: the error function's family, gamma's, and Bessel's (kernels/ has the arithmetic)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.engine.primitive import Primitive
from autodiff.kernels import special

PEAK = 2 / math.sqrt(math.pi)  # the slope of erf at 0


def _polygamma(x: Any, n: int) -> Any:
    return (-1) ** (n + 1) * math.factorial(n) * special.zeta(n + 1, x)


def _i1e_x(g: Any, out: Any, x: Any) -> Any:
    at_0 = x == 0
    return g * (i0e(x) - out * np.sign(x) - np.where(at_0, 0.5, out / np.where(at_0, 1, x)))


erf = Primitive("erf", special.erf, lambda g, out, x: g * PEAK * np.exp(-x * x), keeps="x", floating=True)

erfc = Primitive("erfc", special.erfc, lambda g, out, x: g * -PEAK * np.exp(-x * x), keeps="x", floating=True)

erfcx = Primitive("erfcx", special.erfcx, lambda g, out, x: g * (2 * x * out - PEAK), keeps="out x", floating=True)

erfinv = Primitive("erfinv", special.erfinv, lambda g, out, x: g / PEAK * np.exp(out * out), keeps="out", floating=True)

ndtri = Primitive("ndtri", special.ndtri, lambda g, out, x: g * math.sqrt(2 * math.pi) * np.exp(out * out / 2),
                  keeps="out", floating=True)

lgamma = Primitive("lgamma", special.gammaln, lambda g, out, x: g * digamma(x), keeps="x", floating=True)

digamma = Primitive("digamma", special.psi, lambda g, out, x: g * polygamma(x, n=1), keeps="x", floating=True)

polygamma = Primitive("polygamma", _polygamma, lambda g, out, x, n: g * polygamma(x, n=n + 1), keeps="x", floating=True)

i0e = Primitive("i0e", lambda x: special.bessel_scaled(0, x), lambda g, out, x: g * (i1e(x) - out * np.sign(x)),
                keeps="out x", floating=True)

i1e = Primitive("i1e", lambda x: special.bessel_scaled(1, x), _i1e_x, keeps="out x", floating=True)

"""Primitives of Bessel functions of whole orders (kernels/bessel.py has the arithmetic).

A slope is made of the functions of the orders beside, of which none cancels near 0 (Abramowitz & Stegun 1964, 9.1.27).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.engine.primitive import Primitive
from autodiff.kernels import bessel

_NEGLIGIBLE = 1e-20  # below which Y of one order less is lost beside Y of one order more, and both may be infinite


def _j_slope(x: Any, n: int) -> Any:
    return (bessel_j(x, n=n - 1) - bessel_j(x, n=n + 1)) * 0.5 if n else -bessel_j(x, n=1)


def _y_slope(x: Any, n: int) -> Any:
    if n == 0:
        return -bessel_y(x, n=1)
    return (np.where(x < _NEGLIGIBLE, 0, bessel_y(x, n=n - 1)) - bessel_y(x, n=n + 1)) * 0.5


bessel_j = Primitive("bessel_j", bessel.j, lambda g, out, x, n: g * _j_slope(x, n), keeps="x", floating=True, real=True)

bessel_y = Primitive("bessel_y", bessel.y, lambda g, out, x, n: g * _y_slope(x, n), keeps="x", floating=True, real=True)

bessel_k_scaled = Primitive("bessel_k_scaled", bessel.k_scaled,
                            lambda g, out, x, n, k: -g * bessel_k_scaled(x, n=n, k=k + 1), keeps="x", floating=True,
                            real=True)

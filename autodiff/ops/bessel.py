"""Primitives of Bessel functions of orders 0 and 1 (kernels/bessel.py has the arithmetic).

The slope of order 0 is minus order 1; that of order 1 is order 0 less order 1 over x, for K with both signs turned
(Abramowitz & Stegun 1964, 9.1.28, 9.1.30 and 9.6.27).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.engine.primitive import Primitive
from autodiff.kernels import bessel


def _over(out: Any, x: Any) -> Any:
    """J1(x) / x, which is 1/2 at 0."""
    return np.where(x == 0, 0.5, out / np.where(x == 0, 1, x))


bessel_j = Primitive("bessel_j", bessel.j,
                     lambda g, out, x, n: g * (bessel_j(x, n=0) - _over(out, x) if n else -bessel_j(x, n=1)),
                     keeps="out x", floating=True, real=True)

bessel_y = Primitive("bessel_y", bessel.y,
                     lambda g, out, x, n: g * (bessel_y(x, n=0) - out / x if n else -bessel_y(x, n=1)),
                     keeps="out x", floating=True, real=True)

# exp(x) K(x), whose slope has K itself in it.
bessel_k_scaled = Primitive("bessel_k_scaled", bessel.k_scaled,
                            lambda g, out, x, n: g * (out - bessel_k_scaled(x, n=1 - n) - (out / x if n else 0)),
                            keeps="out x", floating=True, real=True)

"""Cases of special functions."""

from __future__ import annotations

import math

import numpy as np

from parity.base import case

SHAPES = [(2, 3), (), (7,), (0, 2)]
WHOLE = np.array([[1, 2], [3, 4]])

# name: (from, to) where it is tried, order; PyTorch has no second derivative of some
TOP = {
    "erf": (-6, 6, 2),
    "erfc": (-6, 6, 2),
    "erfinv": (-0.99, 0.99, 2),
    "lgamma": (0.1, 9, 2),
    "digamma": (0.1, 9, 2),
    "i0": (-5, 5, 2),
}
for name, (low, high, order) in TOP.items():
    for shape in SHAPES:
        case(
            name,
            lambda lib, x, f=name: getattr(lib, f)(x) + getattr(x, f)() * x,
            shape,
            low=low,
            high=high,
            order=order,
        )
    case(name, lambda lib, x, f=name: getattr(lib, f)(x), WHOLE if name != "erfinv" else WHOLE * 0)
case("erf", lambda lib, x: lib.erf(x), np.array([math.inf, -math.inf, 0.0, 0.46875, 4.0, -30.0]), order=1)
case(
    "erfc",
    lambda lib, x: lib.erfc(x),
    np.array([math.inf, -math.inf, 0.0, 0.46875, 10.0, 26.0, -30.0]),
    order=1,
    float32=False,
)
case("erfinv", lambda lib, x: lib.erfinv(x), np.array([1.0, -1.0, 0.0, 2.0]), order=0)
case("erfinv", lambda lib, x: lib.erfinv(x), np.array([1e-10, 0.999999, -1 + 1e-12]), order=1, float32=False)
case("lgamma", lambda lib, x: lib.lgamma(x), (9,), low=-4.3, high=0.0, order=1)
case("lgamma", lambda lib, x: lib.lgamma(x), np.array([0.0, -1.0, 1e6, math.inf]), order=0)
case("digamma", lambda lib, x: lib.digamma(x), (9,), low=-4.3, high=0.0)
for n in range(5):
    entry = f"polygamma:polygamma_n_{n}"
    for shape in SHAPES:
        case(entry, lambda lib, x, n=n: lib.polygamma(n, x) + x.polygamma(n) * x, shape, low=0.3, high=9, float32=False)
        case(entry, lambda lib, x, n=n: lib.polygamma(n, x), shape, low=1.0, high=9, order=1)
case("special.polygamma:special_polygamma_n_0", lambda lib, x: lib.special.polygamma(0, x), (2, 3), low=0.3, high=9)
for p in (1, 3, 5):
    entry = f"mvlgamma:mvlgamma_p_{p}"
    for shape in SHAPES:
        case(
            entry,
            lambda lib, x, p=p: lib.mvlgamma(x, p) + x.mvlgamma(p) + lib.special.multigammaln(x, p),
            shape,
            low=2.6,
            high=9,
        )

SPECIAL = {
    "entr": (0.1, 3),
    "erfcx": (-3, 9),
    "i0e": (-9, 9),
    "i1": (-5, 5),
    "i1e": (-9, 9),
    "log_ndtr": (-9, 4),
    "ndtr": (-4, 4),
    "ndtri": (0.01, 0.99),
    "expit": (-3, 3),
    "gammaln": (0.1, 9),
    "psi": (0.1, 9),
    "erf": (-3, 3),
}
NO_SECOND = ("log_ndtr",)
for name, (low, high) in SPECIAL.items():
    for shape in SHAPES:
        case(f"special.{name}", lambda lib, x, f=name: getattr(lib.special, f)(x) * 2, shape, low=low, high=high)
    if name != "ndtri":
        case(f"special.{name}", lambda lib, x, f=name: getattr(lib.special, f)(x), WHOLE)
case("special.entr", lambda lib, x: lib.special.entr(x), np.array([0.0, -1.0, 2.0]), order=0)
case("special.log_ndtr", lambda lib, x: lib.special.log_ndtr(x), np.array([-30.0, -1.0, 0.0, 20.0]), order=1)
case("special.ndtri", lambda lib, x: lib.special.ndtri(x), np.array([0.0, 1.0, 0.5, 1e-200]), order=0, float32=False)
for shapes in [((2, 3), (3,)), ((), (2, 3)), ((0, 3), (3,))]:
    case("special.xlog1py", lambda lib, x, y: lib.special.xlog1py(x, y), *shapes, low=-0.9)
    case("special.xlogy", lambda lib, x, y: lib.special.xlogy(x, y), *shapes, low=0.1)
case("special.xlog1py", lambda lib, x: lib.special.xlog1py(x, 2.5) + lib.special.xlog1py(2.5, x), (2, 3), low=-0.9)
for name in ("gammainc", "gammaincc"):  # PyTorch has no gradient by the concentration
    for shape in SHAPES:
        case(
            f"special.{name}",
            lambda lib, x, f=name: getattr(lib.special, f)(x.detach() / 2 + 0.1, x) * x,
            shape,
            low=0.2,
            high=30,
        )
    edges = np.array([0.0, 0.0, 1.0, 1.0, math.inf, -1.0, 2.0, math.nan, 3.0])
    points = np.array([0.0, 1.0, math.inf, 0.0, 1.0, 1.0, -1.0, 1.0, math.nan])
    case(f"special.{name}", lambda lib, x, y, f=name: getattr(lib.special, f)(x, y).detach(), edges, points, order=0)
for name in ("igamma", "igammac"):
    case(name, lambda lib, x, y, f=name: (getattr(lib, f)(x, y), getattr(x.detach(), f)(y)), np.array([1.0, 2.5]), (2,),
         low=0.2, high=4.0, order=0)  # fmt: skip

# PyTorch's J and Y are off by 1e-6 at some larger x; test_special_accuracy.py compares ours with exact numbers there.
BESSEL = {"bessel_j0": -40, "bessel_j1": -40, "bessel_y0": 0.01, "bessel_y1": 0.01, "modified_bessel_i0": -40,
          "modified_bessel_i1": -40, "modified_bessel_k0": 0.01, "modified_bessel_k1": 0.01,
          "scaled_modified_bessel_k0": 0.01, "scaled_modified_bessel_k1": 0.01, "spherical_bessel_j0": -40}  # fmt: skip
for name, low in BESSEL.items():
    for shape in ((40,), (2, 3), (), (0, 2)):
        case(f"special.{name}", lambda lib, x, f=name: getattr(lib.special, f)(x.detach()), shape, low=max(low, -4),
             high=4, order=0)  # fmt: skip
    case(f"special.{name}", lambda lib, x, f=name: getattr(lib.special, f)(x), np.array([1, 2, 3]), order=0)
    at = [0.0, math.nan] if low > 0 or "spherical" in name else [0.0, -0.0, math.nan]
    case(f"special.{name}", lambda lib, x, f=name: getattr(lib.special, f)(x.detach()), np.array(at), order=0)
DEGREES = np.array([0, 1, 4])
for family in ("chebyshev_polynomial_t", "chebyshev_polynomial_u", "chebyshev_polynomial_v", "chebyshev_polynomial_w"):
    for name in (family, f"shifted_{family}"):
        case(f"special.{name}", lambda lib, x, f=name: _degrees(lib, f, x), (4, 3), low=0.05, high=0.95, order=0)
for name in ("hermite_polynomial_h", "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p"):
    case(f"special.{name}", lambda lib, x, f=name: _degrees(lib, f, x), (4, 3), low=-0.95, high=0.95, order=0)


def _degrees(lib, name, x):
    call, x = getattr(lib.special, name), x.detach()
    return [call(x, n) for n in (-1, 0, 1, 2, 5, 3.7)] + [call(x, lib.tensor(DEGREES)), call(lib.tensor([1, 2]), 3)]

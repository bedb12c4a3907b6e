"""Cases of exponentials, logarithms, circular and hyperbolic functions."""

from __future__ import annotations

import numpy as np

from parity.base import case

SHAPES = [(2, 3), (), (4,), (0, 2)]
PAIRS = [((2, 3), (2, 3)), ((2, 3), (3,)), ((), (2, 3)), ((2, 1), (1, 3)), ((0, 3), (3,))]
WHOLE = np.array([[1, 2, 3], [4, 5, 6]])

# name: (from, to) where it is tried
DOMAINS = {
    "acos": (-0.95, 0.95),
    "acosh": (1.05, 5),
    "asin": (-0.95, 0.95),
    "asinh": (-4, 4),
    "atan": (-4, 4),
    "atanh": (-0.95, 0.95),
    "cos": (-6, 6),
    "cosh": (-3, 3),
    "exp": (-3, 3),
    "exp2": (-3, 3),
    "expm1": (-3, 3),
    "log": (0.05, 5),
    "log10": (0.05, 5),
    "log1p": (-0.9, 5),
    "log2": (0.05, 5),
    "logit": (0.05, 0.95),
    "rsqrt": (0.05, 5),
    "sigmoid": (-6, 6),
    "sin": (-6, 6),
    "sinc": (-3, 3),
    "sinh": (-3, 3),
    "sqrt": (0.05, 5),
    "tan": (-1.4, 1.4),
    "tanh": (-3, 3),
}

for name, (low, high) in DOMAINS.items():
    for shape in SHAPES:
        case(name, lambda lib, x, f=name: getattr(lib, f)(x) + getattr(x, f)() * x, shape, low=low, high=high)
    if name not in ("acosh", "atanh", "logit", "asin", "acos"):
        case(name, lambda lib, x, f=name: getattr(lib, f)(x), WHOLE)
for name, short in (
    ("arcsin", "asin"),
    ("arccos", "acos"),
    ("arctan", "atan"),
    ("arcsinh", "asinh"),
    ("arctanh", "atanh"),
):
    case(short, lambda lib, x, f=name: getattr(lib, f)(x) + getattr(x, f)(), (3,), low=-0.9, high=0.9)
case("acosh", lambda lib, x: lib.arccosh(x) + x.arccosh(), (3,), low=1.1, high=3)
case("sinc", lambda lib, x: lib.sinc(x), np.array([0.0, 1.0, -2.0]), order=1)
case("sinc", lambda lib, x: lib.sinc(x), (5,), low=-0.3, high=0.3)
case("logit", lambda lib, x: lib.logit(x, 0.3) * x.logit(eps=0.1), (2, 3), low=0.0, high=1.0)

for shapes in PAIRS:
    case("atan2", lambda lib, x, y: lib.atan2(x, y) + x.atan2(y) + lib.arctan2(x, y) * x.arctan2(y), *shapes)
    # A product, since the two slopes of one add up to 1, whose own slope, 0, PyTorch rounds to noise.
    case("logaddexp", lambda lib, x, y: lib.logaddexp(x, y) * x.logaddexp(y), *shapes)
    case("logaddexp2", lambda lib, x, y: lib.logaddexp2(x, y) * x.logaddexp2(y), *shapes)
    case("xlogy", lambda lib, x, y: lib.xlogy(x, y) + x.xlogy(y), *shapes, low=0.1)
case("atan2", lambda lib, x, y: lib.atan2(x, y), np.array([0.0, 0.0, 1.0]), np.array([0.0, -1.0, 0.0]), order=1)
case("atan2", lambda lib, x: lib.atan2(x, x), WHOLE)
case(
    "logaddexp", lambda lib, x, y: lib.logaddexp(x, y), np.array([1e4, -1e4, 0.0]), np.array([0.0, -1e4, 1e4]), order=1
)
case("xlogy", lambda lib, x: lib.xlogy(x, 2.5) + lib.xlogy(2.5, x) + x.xlogy(3.0), (2, 3), low=0.1)
case("xlogy", lambda lib, x, y: lib.xlogy(x, y), np.array([0.0, 0.0, 2.0]), np.array([0.5, 2.0, 3.0]))
case("xlogy", lambda lib, x: lib.xlogy(x, x), WHOLE)

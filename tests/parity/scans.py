"""Cases of cumulative functions and differences."""

from __future__ import annotations

import math

import numpy as np

from parity.base import case

SHAPES = [(2, 3), (), (5,), (2, 3, 2), (0, 2), (1, 4)]
WHOLE = np.array([[-7, 7, 3], [-3, 0, -1]])
ZEROS = np.array([[2.0, 0.0, 3.0, 1.5, -2.0], [0.0, 2.0, 0.0, 1.0, 4.0], [1.0, -2.0, 3.0, 0.5, 0.0]])

for name in ("cumsum", "cumprod"):
    for shape in SHAPES:
        case(name, lambda lib, x, f=name: getattr(lib, f)(x, 0), shape)
        case(name, lambda lib, x, f=name: getattr(x, f)(dim=-1) * x, shape)
        case(name, lambda lib, x, f=name: getattr(x, f)(-1, dtype=lib.float64), shape, order=1)
    for whole in (WHOLE, WHOLE.astype(np.int32), WHOLE > 0, WHOLE.astype(np.uint8)):
        case(name, lambda lib, x, f=name: (getattr(lib, f)(x, 0), getattr(x, f)(1, dtype=lib.float32)), whole)
case("cumprod", lambda lib, x: lib.cumprod(x, 1), ZEROS)
case("cumprod", lambda lib, x: lib.cumprod(x, 0), ZEROS)
case("cumprod", lambda lib, x: lib.cumprod(x, 0), np.array([1.0, 2.0, 0.0, 3.0, -1.0, 0.0, 2.0, 0.5]))
for name in ("cummax", "cummin", "logcumsumexp"):
    for shape in SHAPES[:-1]:
        case(name, lambda lib, x, f=name: getattr(lib, f)(x, 0), shape)
        case(name, lambda lib, x, f=name: getattr(x, f)(dim=-1), shape)
for name in ("cummax", "cummin"):
    case(name, lambda lib, x, f=name: getattr(lib, f)(x, 1), np.array([[1.0, 3, 3, 2, 3], [2, 1, 1, 0, 5]]), order=1)
    case(name, lambda lib, x, f=name: getattr(lib, f)(x, 0), np.array([1.0, math.nan, 3.0]), order=1)
    case(name, lambda lib, x, f=name: getattr(lib, f)(x, 1), WHOLE)
case("logcumsumexp", lambda lib, x: lib.logcumsumexp(x, 0), np.array([-1e3, 1e3, 0.0, 1e3, -1e3]), order=1)
case("logcumsumexp", lambda lib, x: lib.logcumsumexp(x, 0) * 2, (9,))

for shape in [(3, 4), (5,), (2, 3, 3), (2, 0)]:
    case("diff", lambda lib, x: lib.diff(x) if x.shape[-1] else x, shape)
    case("diff", lambda lib, x: x.diff(n=2, dim=0) if x.shape[0] > 2 else x, shape)
    case("diff", lambda lib, x: lib.diff(x, 1, -1, x, x * 2), shape)
    case("diff", lambda lib, x: lib.diff(x, n=0), shape)
case("diff", lambda lib, x: (lib.diff(x, dim=1), lib.diff(x > 0, dim=1)), WHOLE)
case("diff", lambda lib, x: lib.diff(x, n=5), (3,))
for shape in [(3, 4), (5,), (2, 3, 3)]:
    for name in ("trapezoid", "cumulative_trapezoid"):
        case(name, lambda lib, y, f=name: getattr(lib, f)(y), shape)
        case(name, lambda lib, y, f=name: getattr(lib, f)(y, dx=0.5, dim=0), shape)
        case(name, lambda lib, y, x, f=name: getattr(lib, f)(y, x), shape, shape)
        case(name, lambda lib, y, x, f=name: getattr(lib, f)(y, x), shape, shape[-1:])
        case(name, lambda lib, y, x, f=name: getattr(lib, f)(y, x, dim=0), shape, shape[:1])
    case("trapz", lambda lib, y: lib.trapz(y), shape)
    case("trapz", lambda lib, y, x: lib.trapz(y, x, dim=-1), shape, shape)

for shape, dims in [((4,), None), ((3, 5), None), ((3, 5), 1), ((4, 3, 3), [0, -1]), ((3, 3), ())]:
    for edge_order in (1, 2):
        case("gradient", lambda lib, x, d=dims, e=edge_order: lib.gradient(x, dim=d, edge_order=e), shape)
        case("gradient", lambda lib, x, d=dims, e=edge_order: lib.gradient(x, spacing=0.5, dim=d, edge_order=e), shape)
for edge_order in (1, 2):
    case("gradient", lambda lib, x, e=edge_order: lib.gradient(x, spacing=[2.0, -0.5], edge_order=e), (3, 4))
    case("gradient", lambda lib, x, t, e=edge_order: lib.gradient(x, spacing=[t], dim=1, edge_order=e), (2, 5),
         np.array([0.0, 0.5, 2.0, 2.5, 4.0]))
    case("gradient", lambda lib, x, s, t, e=edge_order: lib.gradient(x, spacing=[s, t], edge_order=e), (3, 3),
         np.array([0.0, 0.5, 2.0]), np.array([1.0, 0.5, -2.0]))

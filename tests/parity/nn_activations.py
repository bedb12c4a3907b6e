"""Cases of activations."""

from __future__ import annotations

from typing import Any

import numpy as np

from parity.base import case

SHAPES = [(2, 3), (), (0, 3), (2, 3, 2)]
POINTS = np.array([-7.0, -6.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 6.0, 7.0])  # the kinks of all of them


def elementwise(name: str, *options: dict[str, Any], order: int = 2) -> None:
    """An activation with each of ``options`` (by default none), on shapes and at kinks."""
    for given in options or ({},):
        call = lambda lib, x, name=name, given=given: getattr(lib.nn.functional, name)(x, **given)
        for shape in SHAPES:
            case(f"nn.functional.{name}", call, shape, low=-8.0, high=8.0, order=order)
        case(f"nn.functional.{name}", call, POINTS, order=1)


elementwise("relu", {"inplace": False})
elementwise("relu6")
elementwise("elu", {}, {"alpha": 0.5})
elementwise("selu")
elementwise("celu", {}, {"alpha": 0.5}, {"alpha": 3.0})
elementwise("hardshrink", {}, {"lambd": 1.0})
elementwise("hardsigmoid", order=1)  # PyTorch has no second order here
elementwise("hardswish")
elementwise("hardtanh", {}, {"min_val": -0.5, "max_val": 3.0})
elementwise("mish")
elementwise("softshrink", {}, {"lambd": 1.0})
elementwise("softsign")
elementwise("tanhshrink")
elementwise("leaky_relu", {}, {"negative_slope": 0.3})
elementwise("rrelu", {}, {"lower": 0.1, "upper": 0.2})
elementwise("silu")
elementwise("logsigmoid")
elementwise("softplus", {}, {"beta": 2.0})
elementwise("gelu", {}, {"approximate": "tanh"})
for shape in SHAPES:
    case("nn.functional.threshold", lambda lib, x: lib.nn.functional.threshold(x, 0.5, -1.0), shape)
case("nn.functional.threshold", lambda lib, x: lib.nn.functional.threshold(x, 0.5, 20.0), POINTS, order=1)
for dim in (0, 1, -1):
    case("nn.functional.softmin", lambda lib, x, dim=dim: lib.nn.functional.softmin(x, dim), (2, 3))
    case("nn.functional.softmin", lambda lib, x, dim=dim: lib.nn.functional.softmin(x, dim=dim), (2, 3, 2))
case("nn.functional.softmin:with_dtype", lambda lib, x: lib.nn.functional.softmin(x, 1, dtype=lib.float64), (2, 3))
for dim, shape in ((-1, (3, 4)), (0, (4, 3)), (1, (2, 6, 2))):
    case("nn.functional.glu", lambda lib, x, dim=dim: lib.nn.functional.glu(x, dim), shape)
for shape, slopes in (((2, 3), (3,)), ((2, 3), (1,)), ((2, 3, 4), (3,)), ((2,), (1,)), ((2, 3, 2, 2), (3,))):
    case("nn.functional.prelu", lambda lib, x, w: lib.nn.functional.prelu(x, w), shape, slopes)

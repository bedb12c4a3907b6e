"""Cases of reductions."""

from __future__ import annotations

import math

import numpy as np

from parity.base import case, numbers

SHAPES = [(2, 3), (), (4,), (2, 3, 2)]
WHOLE = np.array([[-7, 7, 3], [-3, 0, -1]])
SMALL = WHOLE.astype(np.int32)
FLAGS = WHOLE > 0
WITH_NAN = np.array([[1.0, math.nan, 3.0], [math.nan, -2.0, 0.5], [math.nan, math.nan, 2.0]])

for name in ("sum", "mean", "nansum", "nanmean", "amax", "amin"):
    for shape in SHAPES:
        if name not in ("amax", "amin") or shape:
            case(name, lambda lib, x, f=name: getattr(lib, f)(x) * getattr(x, f)(), shape)
        case(name, lambda lib, x, f=name: getattr(lib, f)(x, 0), shape)
        case(name, lambda lib, x, f=name: getattr(x, f)(dim=-1, keepdim=True) * x, shape)
    case(name, lambda lib, x, f=name: getattr(lib, f)(x, (0, 2)), (2, 3, 2))
    case(name, lambda lib, x, f=name: getattr(lib, f)(x, dim=(-1, 0), keepdim=True), (2, 3, 2))
    if name not in ("amax", "amin"):
        case(name, lambda lib, x, f=name: getattr(lib, f)(x, 1, dtype=lib.float64), (2, 3), order=1)
for name in ("sum", "nansum"):
    case(name, lambda lib, x, f=name: getattr(lib, f)(x, 0), (0, 3))
    for whole in (WHOLE, SMALL, WHOLE.astype(np.uint8)):
        case(name, lambda lib, x, f=name: (getattr(lib, f)(x), getattr(lib, f)(x, 1), x.sum(dtype=lib.float32)), whole)
case("sum", lambda lib, x: (lib.sum(x), x.sum(0), x.sum(axis=1, keepdims=True)), FLAGS)
case("mean", lambda lib, x: lib.mean(x, 0), (0, 3))
case("mean", lambda lib, x: (x.mean(dtype=lib.float32), x.mean(0, dtype=lib.float64)), WHOLE)
for name in ("nansum", "nanmean"):
    case(name, lambda lib, x, f=name: (getattr(lib, f)(x), getattr(x, f)(1), getattr(x, f)(0, keepdim=True)), WITH_NAN)
case("amax", lambda lib, x: (lib.amax(x), x.amax(1), lib.amin(x, 0), x.amin((0, 1))), WHOLE)
case("amax", lambda lib, x: lib.amax(x, 1) * lib.amin(x, 1), np.array([[1.0, 3.0, 3.0], [1.0, 1.0, 1.0]]), order=1)
case("amin", lambda lib, x: lib.amin(x), np.array([[1.0, 3.0, 1.0], [1.0, 2.0, 4.0]]), order=1)

for name in ("max", "min"):
    for shape in SHAPES:
        case(f"{name}:reduction_no_dim", lambda lib, x, f=name: getattr(lib, f)(x) * getattr(x, f)(), shape)
        case(f"{name}:reduction_with_dim", lambda lib, x, f=name: getattr(lib, f)(x, 0), shape)
        case(f"{name}:reduction_with_dim", lambda lib, x, f=name: getattr(x, f)(dim=-1, keepdim=True), shape)
        case(f"{name}:reduction_with_dim", lambda lib, x, f=name: getattr(x, f)(-1, True).values * x, shape)
    case(f"{name}:reduction_no_dim", lambda lib, x, f=name: getattr(lib, f)(x), WHOLE)
    case(f"{name}:reduction_with_dim", lambda lib, x, f=name: getattr(lib, f)(x, 1), WHOLE)
    case(f"{name}:reduction_no_dim", lambda lib, x, f=name: getattr(x, f)(), np.array([2.0, 1.0, 1.0, 2.0]), order=1)
    case(f"{name}:reduction_with_dim", lambda lib, x, f=name: getattr(lib, f)(x, 1), WITH_NAN, order=1)

for shape in SHAPES:
    case("aminmax", lambda lib, x: lib.aminmax(x), shape)
    case("aminmax", lambda lib, x: x.aminmax(dim=-1, keepdim=True), shape)
    case("aminmax", lambda lib, x: (lib.aminmax(x, dim=0).max, x.aminmax(dim=0).min), shape)
    case("prod", lambda lib, x: lib.prod(x) * x.prod(), shape)
    case("prod", lambda lib, x: lib.prod(x, 0), shape)
    case("prod", lambda lib, x: lib.prod(x, dim=-1, dtype=lib.float64), shape, order=1)
    if shape:
        case("prod", lambda lib, x: x.prod(-1, keepdim=True) * x, shape)
case("aminmax", lambda lib, x: lib.aminmax(x, dim=1), WHOLE)
case("prod", lambda lib, x: lib.prod(x), np.array([2.0, 0.0, 3.0]))
case("prod", lambda lib, x: lib.prod(x), np.array([2.0, 0.0, 0.0, 3.0]))
case("prod", lambda lib, x: x.prod(1), np.array([[2.0, 0.0, 3.0], [1.0, 2.0, -1.0], [0.0, 0.0, 4.0]]))
case("prod", lambda lib, x: (lib.prod(x), x.prod(0)), (0, 3))
for whole in (WHOLE, SMALL, FLAGS):
    case("prod", lambda lib, x: (lib.prod(x), x.prod(1), x.prod(0, dtype=lib.float32)), whole)

for name in ("std", "var"):
    for shape in [(2, 3), (4,), (2, 3, 2)]:
        case(name, lambda lib, x, f=name: getattr(lib, f)(x) * getattr(x, f)(), shape)
        case(name, lambda lib, x, f=name: getattr(lib, f)(x, 0), shape)
        case(name, lambda lib, x, f=name: getattr(x, f)(dim=-1, keepdim=True, correction=0), shape)
        case(name, lambda lib, x, f=name: getattr(x, f)(-1, correction=0.5), shape)
        case(f"{name}_mean", lambda lib, x, f=name: getattr(lib, f + "_mean")(x), shape)
        case(f"{name}_mean", lambda lib, x, f=name: getattr(lib, f + "_mean")(x, -1, keepdim=True, correction=0), shape)
        case(f"{name}:unbiased", lambda lib, x, f=name: getattr(lib, f)(x, False) * getattr(x, f)(True), shape)
        case(f"{name}:unbiased", lambda lib, x, f=name: getattr(lib, f)(x, 0, unbiased=False), shape)
        case(f"{name}:unbiased", lambda lib, x, f=name: getattr(x, f)(-1, False, True), shape)
        case(f"{name}_mean:unbiased", lambda lib, x, f=name: getattr(lib, f + "_mean")(x, False), shape)
        case(f"{name}_mean:unbiased", lambda lib, x, f=name: getattr(lib, f + "_mean")(x, 0, False, True), shape)
    case(name, lambda lib, x, f=name: getattr(lib, f)(x, (0, 2), keepdim=True), (2, 3, 2))
    case(name, lambda lib, x, f=name: getattr(lib, f)(x, dim=None, correction=0), (2, 3))

for shape in SHAPES:
    case("logsumexp", lambda lib, x: lib.logsumexp(x, 0), shape)
    case("logsumexp", lambda lib, x: x.logsumexp(-1, keepdim=True) * x, shape)
    for name in ("softmax", "log_softmax"):
        case(name, lambda lib, x, f=name: getattr(lib, f)(x, 0), shape)
        case(name, lambda lib, x, f=name: getattr(x, f)(dim=-1) * x, shape)
        case(f"{name}:with_dtype", lambda lib, x, f=name: getattr(lib, f)(x, 0, dtype=lib.float64), shape, order=1)
        case(f"{name}:with_dtype", lambda lib, x, f=name: getattr(x, f)(-1, dtype=lib.float64) * x, shape, order=1)
case("logsumexp", lambda lib, x: lib.logsumexp(x, (0, 2)), (2, 3, 2))
case("logsumexp", lambda lib, x: lib.logsumexp(x, 0), (0, 3), order=0)
case("logsumexp", lambda lib, x: lib.logsumexp(x, 1), WHOLE)
case(
    "logsumexp",
    lambda lib, x: lib.logsumexp(x, 1),
    np.array([[1e4, -1e4, 1e4], [-1e4, -1e4, -2e4]]),
    order=1,
    float32=False,
)
for name in ("softmax", "log_softmax"):
    case(f"{name}:with_dtype", lambda lib, x, f=name: getattr(lib, f)(x, 1, dtype=lib.float32), WHOLE)
    case(name, lambda lib, x, f=name: getattr(lib, f)(x, 1), (0, 3))

for name in ("any", "all"):
    for whole in (FLAGS, WHOLE):
        case(name, lambda lib, x, f=name: (getattr(lib, f)(x), getattr(x, f)(1), getattr(x, f)(0, keepdim=True)), whole)
        case(name, lambda lib, x, f=name: getattr(lib, f)(x, dim=(0, 1)), whole)
for name in ("argmax", "argmin"):
    for array in (WHOLE, numbers((2, 3))):
        case(
            name,
            lambda lib, x, f=name: (getattr(lib, f)(x), getattr(x, f)(1), getattr(x, f)(0, keepdim=True)),
            array,
            order=0,
        )
    case(name, lambda lib, x, f=name: (getattr(lib, f)(x), getattr(x, f)(-1)), (), order=0)
case(
    "count_nonzero", lambda lib, x: (lib.count_nonzero(x), x.count_nonzero(1), lib.count_nonzero(x, dim=(0, 1))), WHOLE
)
case("count_nonzero", lambda lib, x: lib.count_nonzero(x), FLAGS)
for name in ("argmax", "argmin"):
    case(name, lambda lib, x, f=name: (getattr(lib, f)(x, keepdim=True), getattr(x, f)(None, True)), (2, 3, 2), order=0)

"""Cases of elementwise arithmetic."""

from __future__ import annotations

import math

import numpy as np

from parity.base import case, numbers

# Each pair of shapes broadcasts in another way: equal, by rows, against a number, with lengths of 1 and 0.
PAIRS = [((2, 3), (2, 3)), ((2, 3), (3,)), ((), (2, 3)), ((2, 1), (1, 3)), ((0, 3), (3,))]
SHAPES = [(2, 3), (), (4,), (0, 2)]
WHOLE = np.array([[-7, 7, 3], [-3, 5, -1]])
DIVISORS = np.array([2, -2, 3])
NOT_FINITE = np.array([math.nan, math.inf, -math.inf, 0.5, -2.0])

for shapes in PAIRS:
    case("add", lambda lib, x, y: lib.add(x, y), *shapes)
    case("add", lambda lib, x, y: x.add(y, alpha=0.5), *shapes)
    case("__radd__", lambda lib, x, y: 2.5 + x + y, *shapes)
    case("sub", lambda lib, x, y: lib.sub(x, y, alpha=2), *shapes)
    case("sub", lambda lib, x, y: x.subtract(y) + lib.subtract(x, y), *shapes)
    case("rsub", lambda lib, x, y: lib.rsub(x, y, alpha=2) + lib.rsub(x, 1.5), *shapes)
    case("__rsub__", lambda lib, x, y: 2 - x - y, *shapes)
    case("mul", lambda lib, x, y: x.mul(y), *shapes)
    case("mul", lambda lib, x, y: lib.mul(x, 3) + lib.multiply(x, y), *shapes)
    case("__rmul__", lambda lib, x, y: 3.0 * x * y, *shapes)
    case("maximum", lambda lib, x, y: lib.maximum(x, y), *shapes)
    case("minimum", lambda lib, x, y: lib.minimum(x, y), *shapes)
    case("max:binary", lambda lib, x, y: lib.max(x, y) * x.max(y), *shapes)
    case("min:binary", lambda lib, x, y: lib.min(x, y) * x.min(y), *shapes)
    case("fmax", lambda lib, x, y: lib.fmax(x, y) * x.fmax(y), *shapes)
    case("fmin", lambda lib, x, y: lib.fmin(x, y) * x.fmin(y), *shapes)
    case("hypot", lambda lib, x, y: lib.hypot(x, y) + x.hypot(y), *shapes)
    case("copysign", lambda lib, x, y: lib.copysign(x, y) * x.copysign(-1.0), *shapes)
    case("div:no_rounding_mode", lambda lib, x, y: lib.div(x, y) * x.div(3), *shapes)
    case("true_divide", lambda lib, x, y: lib.true_divide(x, y) * x.true_divide(2) + lib.divide(x, y), *shapes)
    case("__rdiv__", lambda lib, x, y: 2 / x / y, *shapes)
    for mode in ("floor", "trunc"):
        case(f"div:{mode}_rounding", lambda lib, x, y, m=mode: lib.div(x, y, rounding_mode=m), *shapes)
        case(f"div:{mode}_rounding", lambda lib, x, y, m=mode: x.div(0.7, rounding_mode=m) * y, *shapes)
        case(f"div:{mode}_rounding", lambda lib, x, y, m=mode: lib.divide(x, y, rounding_mode=m), *shapes)
    case("fmod", lambda lib, x, y: lib.fmod(x, y) * x.fmod(0.7), *shapes)
    case("remainder", lambda lib, x, y: lib.remainder(x, y) * x.remainder(0.7), *shapes)
    case("remainder", lambda lib, x, y: x % y, *shapes)
    case("__rmod__", lambda lib, x, y: (3 % x, 2.5 % y), *shapes, order=0)
    case("float_power", lambda lib, x, y: lib.float_power(x, 2) + x.float_power(3) * y, *shapes)
    case("lerp", lambda lib, x, y: lib.lerp(x, y, 0.3) * x.lerp(y, y), *shapes)

for mode in ("floor", "trunc", None):
    entry = f"div:{mode}_rounding" if mode else "div:no_rounding_mode"
    case(entry, lambda lib, x, y, m=mode: lib.div(x, y, rounding_mode=m), WHOLE, DIVISORS)
    case(entry, lambda lib, x, y, m=mode: lib.div(x, y, rounding_mode=m), (2, 3), DIVISORS)
    case(entry, lambda lib, x, m=mode: x.div(2, rounding_mode=m), WHOLE)
case(
    "div:floor_rounding", lambda lib, x, y: (x // y, x // 2, lib.floor_divide(x, y), x.floor_divide(y)), WHOLE, DIVISORS
)
case("div:floor_rounding", lambda lib, x, y: (x // y, x // 0.3, 7 // x), (2, 3), (3,), order=0)
case("remainder", lambda lib, x, y: (x % y, x % -3, lib.remainder(x, y)), WHOLE, DIVISORS)
case("__rmod__", lambda lib, x: 8 % x, WHOLE)
case("fmod", lambda lib, x, y: (lib.fmod(x, y), x.fmod(-3)), WHOLE, DIVISORS)
case("copysign", lambda lib, x, y: lib.copysign(x, y), np.array([0.0, -0.0, 1.0]), np.array([-0.0, 1, -2]), order=1)
case(
    "fmax",
    lambda lib, x, y: (lib.fmax(x, y), lib.fmin(x, y)),
    np.array([math.nan, 0.5, -2]),
    np.array([1, math.nan, -2]),
)
case("hypot", lambda lib, x, y: lib.hypot(x, y), np.array([3.0, 1e200]), np.array([4.0, 1e200]), order=1, float32=False)

for shape in SHAPES:
    case("abs", lambda lib, x: lib.abs(x) * x.abs() + lib.absolute(x) + abs(x), shape)
    case("neg", lambda lib, x: lib.neg(x) * x.neg() + (-x) + x.negative(), shape)
    case("positive", lambda lib, x: lib.positive(x) * x.positive() * +x, shape)
    case("sign", lambda lib, x: lib.sign(x) + x.sign(), shape)
    case("sgn", lambda lib, x: lib.sgn(x) * x + x.sgn() * x, shape, order=1)
    case("square", lambda lib, x: lib.square(x) * x.square(), shape)
    case("reciprocal", lambda lib, x: lib.reciprocal(x) * x.reciprocal() * x, shape)
    case("ceil", lambda lib, x: lib.ceil(x) + x.ceil() * x, shape)
    case("floor", lambda lib, x: lib.floor(x) + x.floor() * x, shape)
    case("trunc", lambda lib, x: lib.trunc(x) + x.trunc() * x + lib.fix(x) + x.fix(), shape)
    case("frac", lambda lib, x: lib.frac(x) * x.frac(), shape)
    case("round", lambda lib, x: lib.round(x) + x.round() * x, shape)
    for decimals in (0, 3, -3):
        entry = f"round:decimals_{decimals}".replace("_-", "_neg_")
        case(entry, lambda lib, x, d=decimals: lib.round(x, decimals=d), shape, low=-2000, high=2000)
        case(entry, lambda lib, x, d=decimals: x.round(decimals=d) * x, shape, low=-2000, high=2000)
    case("deg2rad", lambda lib, x: lib.deg2rad(x) * x.deg2rad(), shape, low=-180, high=360)
    case("rad2deg", lambda lib, x: lib.rad2deg(x) * x.rad2deg(), shape)
    case(
        "clamp", lambda lib, x: lib.clamp(x, -0.5, 0.5) * x.clamp(min=-1) + x.clamp(max=0.1) * lib.clip(x, 0, 1), shape
    )
    case("clamp_min", lambda lib, x: lib.clamp_min(x, -0.5) * x.clamp_min(0.25), shape)
    case("clamp_max", lambda lib, x: lib.clamp_max(x, -0.5) * x.clamp_max(0.25), shape)
    case("nan_to_num", lambda lib, x: lib.nan_to_num(x) * x.nan_to_num(1.0), shape)
    case("pow", lambda lib, x: lib.pow(x, 3) + x.pow(2) * x**2, shape)
    case("pow", lambda lib, x: lib.pow(x, -1.5) + x.pow(0.5) + x**0 + x**1, shape, low=0.1)
    case("__rpow__", lambda lib, x: 2**x + 0.5**x, shape)
    case("frexp", lambda lib, x: lib.frexp(x) + x.frexp(), shape)
    case("ldexp", lambda lib, x: lib.ldexp(x, lib.tensor(3)) + x.ldexp(lib.tensor(-2.0)), shape)

for shapes in PAIRS:
    case("pow", lambda lib, x, y: lib.pow(x, y) + x**y, *shapes, low=0.1)
    case("__rpow__", lambda lib, x, y: x.__rpow__(y) if hasattr(y, "shape") else y, *shapes, low=0.1)
    case("clamp", lambda lib, x, y: lib.clamp(x, y - 1, y + 0.5) * x.clamp(min=y), *shapes)
    case("clamp_min", lambda lib, x, y: lib.clamp_min(x, y) * x.clamp_min(y), *shapes)
    case("clamp_max", lambda lib, x, y: lib.clamp_max(x, y) * x.clamp_max(y), *shapes)
    case("addcmul", lambda lib, x, y: lib.addcmul(x, y, x, value=0.5) * x.addcmul(y, y), *shapes)
    case("addcdiv", lambda lib, x, y: lib.addcdiv(x, y, x + 3, value=0.5) * x.addcdiv(y, y + 5), *shapes)

case("abs", lambda lib, x: lib.abs(x), WHOLE)
case("neg", lambda lib, x: -x, WHOLE)
case("sign", lambda lib, x: (lib.sign(x), x.sgn()), np.array([-3, 0, 2]))
case("reciprocal", lambda lib, x: lib.reciprocal(x), WHOLE)
for entry, name in (("floor", "floor"), ("ceil", "ceil"), ("trunc", "trunc"), ("round", "round"), ("frac", "square")):
    case(entry, lambda lib, x, f=name: getattr(lib, f)(x), WHOLE)
case("round", lambda lib, x: x.round(), np.array([0.5, 1.5, 2.5, -0.5]))
case("deg2rad", lambda lib, x: (lib.deg2rad(x), lib.rad2deg(x)), WHOLE)
case("pow", lambda lib, x: (x**2, lib.pow(x, 3), 2 ** x.abs()), WHOLE)
case("float_power", lambda lib, x: (x.float_power(2), lib.float_power(2.0, x)), WHOLE)
case("clamp", lambda lib, x: (x.clamp(-1, 2), x.clamp(-0.5, 2.5), x.clamp_min(1), x.clamp_max(0.5)), WHOLE)
case("add", lambda lib, x: (x + 1, x + 1.5, 1 - x, x * 2.0, x / 2), WHOLE)
case("nan_to_num", lambda lib, x: (lib.nan_to_num(x, 1.0, 2.0, 3.0), x.nan_to_num(posinf=5.0)), NOT_FINITE)
case("nan_to_num", lambda lib, x: lib.nan_to_num(x), WHOLE)
case("frexp", lambda lib, x: lib.frexp(x), np.array([0.0, 1.0, -8.0, 1e-3, 1e30]))
case("nextafter", lambda lib, x, y: (lib.nextafter(x, y), x.nextafter(y)), (3,), (2, 3))
case("heaviside", lambda lib, x, y: (lib.heaviside(x, y), x.heaviside(y)), np.array([-1.0, 0.0, 2.0]), (3,), order=0)
case("signbit", lambda lib, x: (lib.signbit(x), x.signbit()), np.array([-1.0, 0.0, -0.0]), order=0)
case("signbit", lambda lib, x: lib.signbit(x), WHOLE)
case("maximum", lambda lib, x, y: lib.maximum(x, y) + lib.minimum(x, y), numbers((3,)), numbers((3,)))

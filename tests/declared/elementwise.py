"""Declarations of elementwise primitives."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

from autodiff.testing.domain import away_from, nonzero, positive, real
from declared.base import declare, of_shape, one_of

# --- arithmetic

declare("add", real, real, ref=lambda x, y: x + y)
declare("subtract", real, real, ref=lambda x, y: x - y)
declare("multiply", real, real, ref=lambda x, y: x * y)
declare("divide", real, nonzero, ref=lambda x, y: x * y**-1.0)
declare("reciprocal", nonzero, ref=lambda x: x**-1.0)
declare("power", positive, real, ref=lambda x, y: np.exp(y * np.log(x)))
declare("maximum", real, real, ref=lambda x, y: np.where(x < y, y, x))
declare("minimum", real, real, ref=lambda x, y: np.where(x < y, x, y))
declare("negative", real, ref=lambda x: 0 - x)
declare("square", real, ref=lambda x: x * x)
declare("absolute", real, ref=lambda x: np.where(x < 0, -x, x))
declare("nextafter", real, real, ref=lambda x, y: x + 0 * y)
declare("sign", real, ref=lambda x: (x > 0) * 1.0 - (x < 0))
declare("clip", away_from(-1.0, 0.5), ref=lambda x, low, high: np.clip(x, low, high),
        kwargs=one_of({"low": -1.0, "high": 0.5}, {"low": None, "high": 0.5}, {"low": -1, "high": None}))
declare("where", real, real, ref=lambda x, y, condition: x * condition + y * ~condition,
        kwargs=lambda x, y: st.just({"condition": of_shape(np.broadcast_shapes(x, y)) > 0}))
between = away_from(*range(-12, 13), 0.5)
declare("floor", between, ref=lambda x: x // 1)
declare("ceil", between, ref=lambda x: -(-x // 1))
declare("trunc", between, ref=lambda x: np.copysign(np.abs(x) // 1, x))
declare("round", away_from(*np.arange(-12.25, 12.25, 0.5)), kwargs=one_of({"decimals": 0}, {"decimals": -1}),
        ref=lambda x, decimals: np.rint(x * 10.0**decimals) / 10.0**decimals)
declare("gate", real, ref=lambda x, mask: x * mask, kwargs=lambda x: st.just({"mask": of_shape(x) > 0}))

for name, rounded in (("floor_divide", np.floor), ("trunc_divide", np.trunc)):
    declare(name, away_from(0.0, margin=0.2) & real(-0.9, 0.9), real(1.0, 1.1), ref=lambda x, y, f=rounded: f(x / y))
declare("remainder", real(2.5, 2.9), real(1.0, 1.2), ref=lambda x, y: x - y * np.floor(x / y))
declare("fmod", real(-2.9, -2.5), real(1.0, 1.2), ref=lambda x, y: x - y * np.trunc(x / y))
declare("copysign", nonzero, nonzero, ref=lambda x, y: np.where((x < 0) == (y < 0), x, -x))
declare("per_length", real, real, nonzero, ref=lambda g, x, out: g * x / out)
declare("hypot", nonzero, nonzero, ref=lambda x, y: (x * x + y * y) ** 0.5)
declare("mantissa", real(0.6, 0.9), ref=lambda x: x)

# --- transcendental

unit_disc = real(-0.9, 0.9)
declare("cube_root", nonzero, ref=lambda x: np.sign(x) * abs(x) ** (1 / 3))
declare("exp2", real(-3, 3), ref=lambda x: 2.0**x)
declare("log2", positive, ref=lambda x: np.log(x) / math.log(2))
declare("log10", positive, ref=lambda x: np.log(x) / math.log(10))
declare("rsqrt", positive, ref=lambda x: x**-0.5)
declare("logaddexp", real, real, ref=lambda x, y: np.log(np.exp(x) + np.exp(y)))
declare("logaddexp2", real, real, ref=lambda x, y: np.log2(2**x + 2**y))
declare("xlogy", real, positive, ref=lambda x, y: x * np.log(y))
declare("xlog1py", real, positive, ref=lambda x, y: x * np.log(1 + y))
declare("tan", real(-1.2, 1.2), ref=lambda x: np.sin(x) / np.cos(x))
declare("asin", unit_disc, ref=lambda x: np.arctan(x / np.sqrt(1 - x * x)))
declare("acos", unit_disc, ref=lambda x: math.pi / 2 - np.arctan(x / np.sqrt(1 - x * x)))
declare("atan", real, ref=lambda x: np.angle(1 + 1j * x))
declare("atan2", nonzero, nonzero, ref=lambda x, y: np.angle(y + 1j * x))
declare("sinh", real, ref=lambda x: (np.exp(x) - np.exp(-x)) / 2)
declare("cosh", real, ref=lambda x: (np.exp(x) + np.exp(-x)) / 2)
declare("asinh", real(-3, 3), ref=lambda x: np.log(x + np.sqrt(x * x + 1)))
declare("acosh", real(1.1, 4), ref=lambda x: np.log(x + np.sqrt(x * x - 1)))
declare("atanh", unit_disc, ref=lambda x: np.log((1 + x) / (1 - x)) / 2)
declare("sin_pi", real(-2, 2), ref=lambda x: np.sin(math.pi * x))
declare("cos_pi", real(-2, 2), ref=lambda x: np.cos(math.pi * x))
declare("entr", positive, ref=lambda x: -x * np.log(x))
declare("sinc", real, ref=lambda x: np.where(x == 0, 1, np.sin(math.pi * x) / np.where(x == 0, 1, math.pi * x)))

declare("exp", real, ref=lambda x: math.e**x)
declare("expm1", real, ref=lambda x: math.e**x - 1)
declare("log", positive, ref=lambda x: np.log2(x) * math.log(2))
declare("log1p", real(-0.9), ref=lambda x: np.log(1 + x))
declare("sqrt", real(0), ref=lambda x: x**0.5)
declare("sin", real, ref=lambda x: np.imag(np.exp(1j * x)))
declare("cos", real, ref=lambda x: np.real(np.exp(1j * x)))
declare("tanh", real, ref=lambda x: np.sinh(x) / np.cosh(x))
declare("sigmoid", real, ref=lambda x: 0.5 + 0.5 * np.tanh(x / 2))
declare("softplus", real, ref=lambda x: np.log(1 + np.exp(x)))
declare("logit", real(0.1, 0.9), ref=lambda x: np.log(x) - np.log(1 - x))
declare("logistic", real, ref=lambda x: 0.5 + 0.5 * np.tanh(x / 2))
declare("complement", real, ref=lambda x: 1 - x * x)
declare("softsign", nonzero, ref=lambda x: np.where(x < 0, x / (1 - x), x / (1 + x)))
declare("hardtanh", away_from(-1.0, 0.5), kwargs=one_of({"low": -1.0, "high": 0.5}),
        ref=lambda x, low, high: np.minimum(np.maximum(x, low), high))
declare("hardswish", away_from(-3.0, 3.0), ref=lambda x: x * (np.abs(x + 3) - np.abs(x - 3) + 6) / 12)
declare("hardshrink", away_from(-0.5, 0.5), kwargs=one_of({"width": 0.5}),
        ref=lambda x, width: x * ((x < -width) | (x > width)))
declare("softshrink", away_from(-0.5, 0.5), kwargs=one_of({"width": 0.5}),
        ref=lambda x, width: np.maximum(x - width, 0) + np.minimum(x + width, 0))
declare("relu", real, ref=lambda x: x * (x > 0))

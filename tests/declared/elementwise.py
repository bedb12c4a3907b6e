"""Declarations of elementwise rows."""

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
declare("power", positive, real, ref=lambda x, y: np.exp(y * np.log(x)))
declare("maximum", real, real, ref=lambda x, y: np.where(x < y, y, x))
declare("minimum", real, real, ref=lambda x, y: np.where(x < y, x, y))
declare("negative", real, ref=lambda x: 0 - x)
declare("square", real, ref=lambda x: x * x)
declare("absolute", real, ref=lambda x: np.where(x < 0, -x, x))
declare("sign", real, ref=lambda x: (x > 0) * 1.0 - (x < 0))
declare("clip", away_from(-1.0, 0.5), ref=lambda x, low, high: np.clip(x, low, high),
        kwargs=one_of({"low": -1.0, "high": 0.5}, {"low": None, "high": 0.5}, {"low": -1, "high": None}))
declare("where", real, real, ref=lambda x, y, condition: x * condition + y * ~condition,
        kwargs=lambda x, y: st.just({"condition": of_shape(np.broadcast_shapes(x, y)) > 0}))
declare("gate", real, ref=lambda x, mask: x * mask, kwargs=lambda x: st.just({"mask": of_shape(x) > 0}))

# --- transcendental

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
declare("relu", real, ref=lambda x: x * (x > 0))

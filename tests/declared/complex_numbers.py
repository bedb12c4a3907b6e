"""Declarations of the primitives of complex numbers, and of others for complex numbers besides real ones."""

from __future__ import annotations

import numpy as np

from autodiff.testing.domain import away_from, complex_, nonzero, positive, real
from declared.base import declare, declare_complex

z = complex_(real(-2, 2), real(-2, 2))
away = complex_(nonzero, nonzero)
off_cuts = complex_(away_from(0.0, 1.0, -1.0) & real(-2, 2), away_from(0.0, 1.0, -1.0) & real(-2, 2))

declare("conj", z, ref=lambda x: x.real - 1j * x.imag, dtypes=[np.float32])
declare("real", z, ref=lambda x: (x + np.conj(x)).real / 2)
declare("imag", z, ref=lambda x: ((x - np.conj(x)) / 2j).real)
declare("complex", real, real, ref=lambda x, y: x + 1j * y, dtypes=[])
declare("angle", away, ref=lambda x: np.arctan2(x.imag, x.real))
declare("unit", away, ref=lambda x: np.exp(1j * np.angle(x)))
declare("view_as_real", z, ref=lambda x: np.stack([x.real, x.imag], -1))
declare("view_as_complex", real, ref=lambda x: x[..., 0] + 1j * x[..., 1], shapes=[((2,),), ((3, 2),), ((2, 1, 2),)],
        dtypes=[])

for name in ("add", "subtract", "multiply"):
    declare_complex(name, z, z)
    declare_complex(name, z, real)
declare_complex("divide", z, away)
declare_complex("reciprocal", away)
declare_complex("power", complex_(positive, real(-1, 1)), complex_(real(-1, 1), real(-1, 1)))
declare_complex("absolute", away)
for name in ("negative", "square", "exp", "expm1", "sin", "cos", "sinh", "cosh", "sinc"):
    declare_complex(name, z)
LOGARITHMS = ("log", "log1p", "log2", "log10", "sqrt", "rsqrt")
for name in (*LOGARITHMS, "tan", "asin", "acos", "atan", "asinh", "acosh", "atanh"):
    declare_complex(name, off_cuts)
declare_complex("tanh", complex_(real(-2, 2), real(-1, 1)))
declare_complex("sigmoid", complex_(real(-2, 2), real(-2, 2)))
declare_complex("exp2", complex_(real(-2, 2), real(-2, 2)))
declare_complex("logaddexp", complex_(real(-2, 2), real(-1, 1)), complex_(real(-2, 2), real(-1, 1)))

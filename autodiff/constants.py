"""Numbers that have names, and the dtypes to which PyTorch gives the names of Python's own types."""

from __future__ import annotations

import math

from autodiff.dtypes import bool_, float32, int32

__all__ = ["bool", "e", "float", "inf", "int", "nan", "newaxis", "pi"]

bool, float, int = bool_, float32, int32
inf, nan, pi, e = math.inf, math.nan, math.pi, math.e
newaxis = None

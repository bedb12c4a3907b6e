"""Declarations of the row behind all normalisations."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.testing.domain import real
from declared.base import declare, one_of


def _standardized(x: Any, axis: tuple[int, ...], eps: float, center: bool) -> Any:
    spread = x.var(axis, keepdims=True) if center else (x**2).mean(axis, keepdims=True)
    return (x - x.mean(axis, keepdims=True) * center) / np.sqrt(spread + eps)


_options = [{"axis": axis, "eps": 0.1, "center": center} for axis in ((1,), (0, 1)) for center in (True, False)]
declare("standardize", real, shapes=[((2, 3),), ((2, 3, 2),)], ref=_standardized, kwargs=one_of(*_options))

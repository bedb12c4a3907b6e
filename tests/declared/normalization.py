"""Declarations of the primitive behind all normalisations."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.testing.domain import real
from declared.base import declare, one_of


def _standardized(
    x: Any, w: Any, b: Any, axis: tuple[int, ...], eps: float, center: bool, along: tuple[int, ...]
) -> Any:
    spread = x.var(axis, keepdims=True) if center else (x**2).mean(axis, keepdims=True)
    z = (x - x.mean(axis, keepdims=True) * center) / np.sqrt(spread + eps)
    return z * w.reshape(along) + b.reshape(along)


def _options(x: tuple[int, ...], w: tuple[int, ...], _: tuple[int, ...]) -> Any:
    """Over several axes, so that there are weights along these as well as along others."""
    along = tuple(n if n == w[0] else 1 for n in x)
    pairs = [(axis, center) for axis in ((len(x) - 1,), (0, len(x) - 1)) for center in (True, False)]
    return one_of(*({"axis": axis, "eps": 0.1, "center": center, "along": along} for axis, center in pairs))


_shapes = [((2, 3), (3,), (3,)), ((2, 3), (2,), (2,)), ((2, 3, 4), (3,), (3,)), ((2, 3, 4), (4,), (4,))]
declare("standardize", real, real, real, shapes=_shapes, ref=_standardized, kwargs=_options)

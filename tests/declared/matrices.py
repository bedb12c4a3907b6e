"""Declarations of matrix products and fused primitives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from autodiff.testing import strategies
from autodiff.testing.domain import real, unit
from declared.base import declare, one_axis, some

# --- linear algebra

declare("matmul", real, real, shapes=strategies.matmul_shapes(), ref=np.matmul)
declare("linear", real, real, real, ref=lambda x, w, b: np.einsum("...i,oi->...o", x, w) + b,
        shapes=[((*s, n), (m, n), (m,)) for s in ((1,), (2,), (), (2, 1), (0,)) for n in (1, 3) for m in (1, 2)])

# --- fused

rows_and_classes = [((1, 2),), ((2, 3),), ((2, 3, 2),), ((1, 1),)]
targets = lambda x: st.sampled_from([
    {"target": t, "weight": w} for t in [_targets(x, 0), _targets(x, 1)] for w in (None, 1.0 + 0.5 * t)])
declare("softmax", real, shapes=some, kwargs=one_axis,
        ref=lambda x, axis: np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True))
declare("log_softmax", real, shapes=some, kwargs=one_axis,
        ref=lambda x, axis: x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True)))
declare("cross_entropy", real, shapes=rows_and_classes, kwargs=targets, dtypes=(),
        ref=lambda x, target, weight: _negative_log(np.exp(x) / np.exp(x).sum(1, keepdims=True), target, weight))
declare("binary_cross_entropy_with_logits", real, unit, shapes="n, n",
        ref=lambda x, y: y * np.log1p(np.exp(-x)) + (1 - y) * np.log1p(np.exp(x)))
declare("binary_cross_entropy_slope", unit, unit, shapes="n, n", ref=lambda x, y: (1 - y) / (1 - x) - y / x)
declare("binary_cross_entropy", unit, unit, shapes="n, n", ref=lambda x, y: -(y * np.log(x) + (1 - y) * np.log1p(-x)))
declare("mse", real, real, shapes="n m, n m", ref=lambda x, y: np.mean((x - y) ** 2))


def _targets(shape: Sequence[int], shift: int) -> Any:
    whole = (shape[0], *shape[2:])
    return (np.arange(math.prod(whole)).reshape(whole) + shift) % shape[1]


def _negative_log(p: Any, target: Any, weight: Any) -> Any:
    losses = [-np.log(p[(i[0], target[i], *i[1:])]) for i in np.ndindex(target.shape)]
    return np.reshape(losses, target.shape) * (1 if weight is None else weight)

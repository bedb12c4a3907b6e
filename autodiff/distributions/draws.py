"""Draws of whole arrays, and those of the gamma distribution that move with their concentration."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.dtypes import finfo
from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.functions.reductions import softmax
from autodiff.kernels.arrays import as_array
from autodiff.ops.gamma_distribution import gamma_draw, log_gamma_draw
from autodiff.random import numpy_generator
from autodiff.tensors.creation import as_tensor


def of_numpy(kind: str, shape: Any, dtype: Any, *parameters: Any) -> Value:
    """Draws of that method of NumPy's generator, outside the graph, for parameters that broadcast to ``shape``."""
    arrays = [as_array(p.detach(), np.float64) for p in parameters]
    if kind in ("binomial", "multinomial"):
        arrays[0] = arrays[0].astype(np.int64)  # the number of tries
    drawn = getattr(numpy_generator(None), kind)(*arrays, size=tuple(shape))
    return as_tensor(as_array(drawn).astype(dtype))


def standard_gamma(concentration: Any, shape: Any) -> Value:
    """Draws of the gamma distribution of rate 1 in ``shape``, with implicit gradients; never 0."""
    wide = concentration.expand(tuple(shape))
    drawn = of_numpy("standard_gamma", shape, wide.dtype, wide).clamp(min=float(finfo(wide.dtype).tiny))
    return apply(gamma_draw, (wide, drawn))


def log_gamma(concentration: Any, shape: Any) -> Value:
    """Logarithms of such draws, which may be too small to be numbers themselves."""
    wide = concentration.expand(tuple(shape))
    above = of_numpy("standard_gamma", shape, np.float64, wide + 1).log()  # times u^(1/a) it is one of concentration a
    fall = of_numpy("standard_exponential", shape, np.float64) / wide.detach().to(np.float64)
    return apply(log_gamma_draw, (wide, (above - fall).to(wide.dtype)))


def dirichlet(concentration: Any, shape: Any) -> Value:
    """Draws of the Dirichlet distribution: gamma variables over their sum along the last axis; none is 0 or 1."""
    limits = np.finfo(concentration.dtype)
    return softmax(log_gamma(concentration, shape), -1).clamp(float(limits.tiny), 1 - float(limits.epsneg))


def classes(probs: Any, shape: Any) -> Value:
    """Numbers of classes in ``shape``, whose last axes are those of ``probs`` without the last, outside the graph."""
    sums = np.cumsum(as_array(probs.detach(), np.float64), -1)
    at = numpy_generator(None).random(tuple(shape)) * sums[..., -1]
    if at.size * sums.shape[-1] <= 1 << 20:
        return as_tensor((at[..., None] >= sums).sum(-1))
    rows, columns = sums.reshape(-1, sums.shape[-1]), at.reshape(-1, math.prod(sums.shape[:-1]))
    found = [np.searchsorted(row, columns[:, i], "right") for i, row in enumerate(rows)]
    return as_tensor(np.stack(found, -1).reshape(at.shape))

"""Primitives that could be composed of others but are faster, more exact or smaller in memory as one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.engine.primitive import Primitive
from autodiff.kernels.arrays import as_array
from autodiff.kernels.blocks import by_blocks
from autodiff.kernels.lanes import faster
from autodiff.kernels.layout import by_first, row_major, unusual
from autodiff.kernels.sums import LONG, accumulate
from autodiff.ops.shaping import in_single
from autodiff.ops.special import erf
from autodiff.ops.transcendental import logistic

ROOT_HALF, PEAK = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi)
SMALLEST = 1e-12  # the product of a probability and its complement, in a denominator
SHORT = 32  # numbers of a row
LINE, CUBE = math.sqrt(2 / math.pi), 0.044715 * math.sqrt(2 / math.pi)


def _gelu(x: Any) -> Any:
    return (erf(x * ROOT_HALF) + 1) * (x * 0.5)


def _gelu_x(g: Any, x: Any) -> Any:
    return ((erf(x * ROOT_HALF) + 1) * 0.5 + np.exp(x * x * -0.5) * x * PEAK) * g


@faster("gelu", opaque_from=LONG, elementwise=True)
def _gelu_by_blocks(x: Any) -> Any:
    return by_blocks(_gelu, x)


@faster("gelu_back", opaque_from=LONG, elementwise=True)
def _gelu_x_by_blocks(g: Any, x: Any) -> Any:
    return by_blocks(_gelu_x, g, x)


def _gelu_tanh(x: Any) -> Any:
    return (np.tanh((x * x * CUBE + LINE) * x) + 1) * (x * 0.5)


def _gelu_tanh_x(g: Any, x: Any) -> Any:
    square = x * x
    t = np.tanh((square * CUBE + LINE) * x)
    return ((t + 1) + (1 - t * t) * (square * (3 * CUBE) + LINE) * x) * 0.5 * g


def _shifted(x: Any, axis: int) -> Any:
    """``x`` less its maximum along ``axis``: exp of it cannot overflow.

    Of many short rows NumPy takes the maxima ten times as fast when they are columns.
    """
    if x.ndim == 2 and axis in (1, -1) and 0 < x.shape[1] <= SHORT <= len(x):
        return x - np.maximum.reduce(row_major(x.T), axis=0)[:, None]
    return x - np.maximum.reduce(x, axis=axis, keepdims=True) if x.size else x


@in_single
def _softmax(x: Any, axis: int) -> Any:
    e = np.exp(_shifted(x, axis))
    return row_major(np.divide(e, accumulate(e, axis, keepdims=True), out=e if e.shape else None))


@in_single
def _log_softmax(x: Any, axis: int) -> Any:
    z = _shifted(x, axis)
    total = np.log(accumulate(np.exp(z), axis, keepdims=True))
    return row_major(np.subtract(z, total, out=z if z.shape and z.size else None))


def _one_hot(target: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Ones where the class axis (1) equals ``target``."""
    hot = np.zeros(shape, dtype, like=as_array(target))
    if len(shape) == 2 and isinstance(target, np.ndarray):  # the usual case, in a fraction of the time
        hot[np.arange(shape[0]), target] = 1
    else:
        np.put_along_axis(hot, np.expand_dims(target, 1), 1, axis=1)
    return hot


def _cross_entropy(x: Any, target: Any, weight: Any) -> Any:
    if x.ndim == 2 and isinstance(x, np.ndarray) and isinstance(target, np.ndarray):  # as in _one_hot
        picked = _log_softmax(x, 1)[np.arange(len(x)), target]
        return -picked if weight is None else -picked * weight
    picked = np.take_along_axis(_log_softmax(x, 1), np.expand_dims(target, 1), axis=1)
    return row_major((-picked if weight is None else -picked * np.expand_dims(weight, 1)).squeeze(1))


def _cross_entropy_x(g: Any, out: Any, x: Any, target: Any, weight: Any) -> Any:
    g = (g if weight is None else g * weight).reshape(x.shape[:1] + (1,) + x.shape[2:])
    return g * (softmax(x, axis=1) - _one_hot(target, x.shape, x.dtype))


def _clamped_logs(x: Any) -> tuple[Any, Any]:
    """log x and log(1 - x), no less than -100: a saturated probability costs much, not everything (PyTorch's bound)."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(x), -100), np.maximum(np.log1p(-x), -100)


def _binary_cross_entropy(x: Any, y: Any) -> Any:
    log_x, log_rest = _clamped_logs(x)
    out = -(y * log_x + (1 - y) * log_rest)
    return by_first(out, (x, y)) if unusual else out


def _binary_cross_entropy_xx(x: Any, y: Any) -> Any:
    """(1 - y) / (1 - x)^2 + y / x^2, in which nothing cancels, as far as the denominator is not bounded."""
    product = np.maximum(x * (1 - x), SMALLEST)
    parts = (1 - y) * np.square(x / product) + y * np.square((1 - x) / product)
    return np.where(as_array(product > SMALLEST), parts, 1 / SMALLEST)


def _binary_cross_entropy_y(g: Any, out: Any, x: Any, y: Any) -> Any:
    log_x, log_rest = _clamped_logs(x)
    return g * (log_rest - log_x)


def _with_logits(x: Any, y: Any) -> Any:
    """y softplus(-x) + (1 - y) softplus(x), of which log1p(exp(-abs(x))) is a part whatever y is; nothing cancels."""
    return np.maximum(x, 0) * (1 - y) - np.minimum(x, 0) * y + np.log1p(np.exp(-np.abs(x)))


def _mse(x: Any, y: Any) -> Any:
    difference = x - y
    if not difference.size:
        return np.full((), np.nan, x.dtype)
    if difference.dtype.char == "e":  # whose squares overflow
        return _mse(x.astype(np.float32), y.astype(np.float32)).astype(np.float16)
    if difference.size < LONG:  # faster than a square and its sum
        flat = difference.reshape(-1)
        return flat.dot(flat) / difference.size
    return accumulate(difference * difference) / difference.size


def _mse_x(g: Any, out: Any, x: Any, y: Any) -> Any:
    difference = x - y
    return difference * (g * (2 / max(math.prod(difference.shape), 1)))


# x P(N <= x) of a standard normal N, by erf or by its approximation (Hendrycks & Gimpel 2016). Only x is kept.
gelu = Primitive("gelu", lambda x, approximate: by_blocks(_gelu_tanh, x) if approximate else _gelu_by_blocks(x),
                 lambda g, out, x, approximate:
                     by_blocks(_gelu_tanh_x, g, x) if approximate else _gelu_x_by_blocks(g, x),
                 keeps="x", floating=True, real=True)

softmax = Primitive("softmax", _softmax,
                    in_single(lambda g, out, x, axis: out * (g - np.add.reduce(g * out, axis=axis, keepdims=True))),
                    keeps="out", floating=True, real=True)

log_softmax = Primitive("log_softmax", _log_softmax,
                        in_single(lambda g, out, x, axis:
                            g - np.exp(out) * np.add.reduce(g, axis=axis, keepdims=True)),
                        keeps="out", floating=True, real=True)

# The loss of each sample for its target class, of logits x (N, C, ...): log_softmax and the pick in one, so that only x
# is kept and the gradient is softmax less one-hot (Bishop 2006, eq. 4.109).
cross_entropy = Primitive("cross_entropy", _cross_entropy, _cross_entropy_x, keeps="x", real=True, lends="x")

binary_cross_entropy = Primitive("binary_cross_entropy", _binary_cross_entropy,
                                 lambda g, out, x, y: g * binary_cross_entropy_slope(x, y), _binary_cross_entropy_y,
                                 keeps="x y", real=True)

# Its denominator is bounded as PyTorch's is, which leaves a saturated unit a useful slope.
binary_cross_entropy_slope = Primitive("binary_cross_entropy_slope",
                                       lambda x, y: (x - y) / np.maximum(x * (1 - x), SMALLEST),
                                       lambda g, out, x, y: g * _binary_cross_entropy_xx(x, y),
                                       lambda g, out, x, y: -g / np.maximum(x * (1 - x), SMALLEST), keeps=("x y", "x"),
                                       real=True)

binary_cross_entropy_with_logits = Primitive("binary_cross_entropy_with_logits",
                                             lambda x, y: by_blocks(_with_logits, x, y),
                                             lambda g, out, x, y: g * ((1 - y) * logistic(x) - y * logistic(-x)),
                                             lambda g, out, x, y: -g * x, keeps=("x y", "x"), floating=True, real=True)

mse = Primitive("mse", _mse, _mse_x, lambda g, out, x, y: -_mse_x(g, out, x, y), keeps="x y", floating=True, real=True)

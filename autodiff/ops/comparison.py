"""Primitives without a derivative: comparisons, tests and positions. They are applied like others, never recorded."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.engine.primitive import Primitive
from autodiff.kernels.layout import ordered_like, row_major

eq = Primitive("equal", np.equal)
ne = Primitive("not_equal", np.not_equal)
lt = Primitive("less", np.less, real=True)
le = Primitive("less_equal", np.less_equal, real=True)
gt = Primitive("greater", np.greater, real=True)
ge = Primitive("greater_equal", np.greater_equal, real=True)
isnan = Primitive("isnan", np.isnan)
isinf = Primitive("isinf", np.isinf)
isfinite = Primitive("isfinite", np.isfinite)
logical_and = Primitive("logical_and", np.logical_and)
logical_or = Primitive("logical_or", np.logical_or)
logical_xor = Primitive("logical_xor", np.logical_xor)
logical_not = Primitive("logical_not", np.logical_not)
bitwise_and = Primitive("bitwise_and", np.bitwise_and, real=True)
bitwise_or = Primitive("bitwise_or", np.bitwise_or, real=True)
bitwise_xor = Primitive("bitwise_xor", np.bitwise_xor, real=True)
bitwise_not = Primitive("bitwise_not", np.invert, real=True)
bitwise_left_shift = Primitive("bitwise_left_shift", np.left_shift, real=True)
bitwise_right_shift = Primitive("bitwise_right_shift", np.right_shift, real=True)
gcd = Primitive("gcd", np.gcd, real=True)
lcm = Primitive("lcm", np.lcm, real=True)


def _position(pick: Any) -> Any:
    """``pick`` (argmax or argmin) over one axis or, with None, over the flattened array."""
    return lambda x, axis, keepdims: row_major(pick(x, axis=axis, keepdims=keepdims))


argmax = Primitive("argmax", _position(np.argmax), real=True)
argmin = Primitive("argmin", _position(np.argmin), real=True)
any_ = Primitive("any", lambda x, axis, keepdims: row_major(np.any(x, axis=axis, keepdims=keepdims)))
all_ = Primitive("all", lambda x, axis, keepdims: row_major(np.all(x, axis=axis, keepdims=keepdims)))


def _order(x: Any, axis: int, descending: bool, count: int | None) -> Any:
    """The positions that sort ``x``, or the first ``count``, equals in their order; NaN counts as the largest."""
    if not x.ndim:
        return np.zeros((), np.int64)
    if descending:
        order = np.flip(x.shape[axis] - 1 - np.argsort(np.flip(x, axis), axis=axis, stable=True), axis)
    else:
        order = np.argsort(x, axis=axis, stable=True)
    return ordered_like(order, x) if count is None else row_major(order[(slice(None),) * axis + (slice(count),)])


argsort = Primitive("argsort", _order, real=True)

one_hot = Primitive(
    "one_hot", lambda x, count: (row_major(x)[..., None] == np.arange(count)).astype(np.int64), real=True)

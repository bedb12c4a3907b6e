"""Declarations of the primitives without derivatives."""

from __future__ import annotations

import math

import numpy as np

from declared.base import elsewhere, plain

plain("equal", lambda x, y: ~((x < y) | (x > y)))
plain("not_equal", lambda x, y: (x < y) | (x > y))
plain("less", lambda x, y: y - x > 0)
plain("less_equal", lambda x, y: (y - x > 0) | (x == y))
plain("greater", lambda x, y: x - y > 0)
plain("greater_equal", lambda x, y: (x - y > 0) | (x == y))
plain("isnan", lambda x: x != x)
plain("isinf", lambda x: np.abs(x) == math.inf)
plain("isfinite", lambda x: np.abs(x) < math.inf)
plain("logical_and", lambda x, y: (x != 0) & (y != 0))
plain("logical_or", lambda x, y: (x != 0) | (y != 0))
plain("logical_xor", lambda x, y: (x != 0) != (y != 0))
plain("logical_not", lambda x: x == 0)
plain("bitwise_and", lambda x, y: x & y)
plain("bitwise_or", lambda x, y: x | y)
plain("bitwise_xor", lambda x, y: x ^ y)
plain("bitwise_not", lambda x: -x - 1)
plain("argmax", lambda x, axis, keepdims: np.argsort(-x, axis, stable=True)[:, :1], axis=1, keepdims=True)
plain("argmin", lambda x, axis, keepdims: np.argsort(x, axis, stable=True)[:, :1], axis=1, keepdims=True)
plain("any", lambda x, axis, keepdims: (x != 0).sum(1) > 0, axis=1, keepdims=False)
plain("all", lambda x, axis, keepdims: (x != 0).sum(1) == x.shape[1], axis=1, keepdims=False)
plain("argsort", lambda x, axis, descending, count: np.array([sorted(range(len(r)), key=r.__getitem__)[:2] for r in x]),
      axis=1, descending=False, count=2)
plain("one_hot", lambda x, count: np.stack([x == k for k in range(count)], -1) * 1, count=4)
elsewhere("max_pool2d_indices", "as PyTorch has it: tests/test_nn_parity.py, tests/parity/nn_pooling.py")
for name in ("bitwise_left_shift", "bitwise_right_shift", "gcd", "lcm"):
    elsewhere(name, "of whole numbers alone, and as PyTorch has it: tests/parity/whole_numbers.py")

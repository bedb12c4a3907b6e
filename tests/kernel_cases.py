"""What the tests of the kernels share: sizes to draw, memory layouts, and how near two arrays must be."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

Array = NDArray[Any]
quick = settings(deadline=None, max_examples=80)
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
paddings = st.tuples(st.tuples(st.integers(0, 4), st.integers(0, 4)), st.tuples(st.integers(0, 4), st.integers(0, 4)))


def laid_out(values: Array, how: str) -> Array:
    """Return equal values in another memory layout."""
    if how == "fortran":
        return np.asfortranarray(values)
    if how == "reversed":
        return np.ascontiguousarray(values[..., ::-1, ::-1])[..., ::-1, ::-1]
    if how == "strided":
        wide = np.zeros((*values.shape[:-1], values.shape[-1] * 2), values.dtype)
        wide[..., ::2] = values
        return wide[..., ::2]
    return values


layouts = st.sampled_from(["plain", "fortran", "reversed", "strided"])


def close(one: Array, other: Array) -> None:
    """Hold two arrays to the same shape and, in the sense of the largest entry, to float64 rounding."""
    assert one.shape == other.shape
    assert one.flags.c_contiguous
    np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)

"""Calls by NumPy's names of curves, pieces and counts, for tests/test_numpy_protocol.py."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

A = np.array([[1.5, -2.0, 0.5], [3.0, 0.25, -1.0]])  # what the calls are given
B = np.array([[0.5, 2.0, 4.0], [-1.0, 3.0, 2.5]])
GRID = np.array([-3.0, -1.2, 0.1, 0.7, 2.6])
HEIGHTS = np.array([0.3, -1.0, 2.0, 0.5, 4.0])
GAPS = np.array([[False, True, False], [False, False, False]])


def gaps(x: Any) -> Any:
    """``x`` with a NaN in it."""
    return np.where(GAPS, np.nan, x)


def parts(x: Any) -> Any:
    """The parts before and behind the point, by several names, one of which NumPy 2.5 deprecates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return np.modf(x)[0] * np.modf(x)[1] + np.fix(x) * x


MORE: dict[str, Callable[..., Any]] = {
    "interp": lambda x: np.interp(x, GRID, HEIGHTS),
    "interp by the points": lambda x: np.interp(GRID * 0.9 + 0.05, np.sort(x[1]), x[0])
        + np.interp(GRID + 0.01, GRID, np.concatenate([x[0], x[1, :2]])),
    "interp with ends": lambda x: np.interp(x * 2, GRID, HEIGHTS, left=-7.0, right=9.0),
    "interp with a period": lambda x: np.interp(x, [0.2, 1.1, 0.7], x[0], period=2.0),
    "interp of one number": lambda x: np.interp(x[0, 0], GRID, HEIGHTS) * x[0],
    "interp at the last point": lambda x: np.interp(3.0, [0.5, 3.0], x[0, :2]) * x,
    "convolve": lambda x: np.convolve(x[0], x[1]) + np.convolve(B[0], x[1], "full"),
    "convolve same": lambda x: np.convolve(x[0], x[1, :2], "same") + np.convolve(x[1, :2], x[0], mode="same"),
    "convolve valid": lambda x: np.convolve(np.ravel(x), x[0], "valid") + np.convolve(x[0], np.ravel(B), "valid"),
    "correlate": lambda x: np.correlate(x[0], x[1], "full") + np.correlate(np.ravel(x), B[1, :2], "valid"),
    "correlate the longer": lambda x: np.correlate(x[1, :2], np.ravel(x), "full")
        + np.correlate(np.ravel(x), x[1, :2], "full"),
    "correlate same": lambda x: np.correlate(x[1, :2], x[0], "same") + np.correlate(x[0], x[1, :2], "same"),
    "gradient": lambda x: np.gradient(x)[0] + np.gradient(x, 0.5, axis=1) + np.gradient(x, 2.0, [0.0, 1.0, 3.0])[1],
    "gradient of a line": lambda x: np.gradient(x[0], edge_order=2) * np.gradient(x[1], np.array([0.0, 0.5, 2.0])),
    "polyval": lambda x: np.polyval([1.0, -2.0, 0.5], x) + np.polyval(x[0], x) + np.polyval(x[1], B),
    "vander": lambda x: np.vander(x[0]) + np.vander(x[1], 3, increasing=True),
    "cov": lambda x: np.cov(x) + np.cov(x[0], B[0], ddof=0) + np.cov(x, bias=True),
    "cov of columns": lambda x: np.cov(x, rowvar=False) + np.cov(np.transpose(x) @ x),
    "corrcoef": lambda x: np.corrcoef(x) + np.corrcoef(x[0], x[1]),
    "ediff1d": lambda x: np.ediff1d(x) + np.ediff1d(x[0], to_end=[1.0, 2.0], to_begin=x[1, 0]),
    "cbrt": lambda x: np.cbrt(x) + np.cbrt(x[0]),
    "parts of numbers": lambda x: parts(x * 1.1) + np.float_power(np.abs(x), 1.5),
    "select": lambda x: np.select([A > 1, A < -0.9], [x * 2, x**2], default=5.0) + np.select([A > 0], [x]),
    "piecewise": lambda x: np.piecewise(x, [A < 0, A > 1], [lambda v: -(v**3), lambda v: v * v, 2.5]),
    "piecewise of where it holds": lambda x: np.piecewise(x, [A > 0], [np.sqrt, lambda v: v]),
    "piecewise with arguments": lambda x: np.piecewise(x, [A > 0], [lambda v, k: v**k, lambda v, k: v * k], 2)
        + np.piecewise(x[0, 0], x[0, 0] > 0, [lambda v: v * v, 0.0]),
    "choose": lambda x: np.choose([[0, 1, 1], [1, 0, 2]], [x, x * B, 2.0]),
    "block": lambda x: np.block([[x, B], [np.ones((2, 2)), x[:, :2] * 2, B[:, :2]]]),
    "block of vectors": lambda x: np.block([x[0], 1.0, x[1]]) * np.block(x[0, 0]),
    "insert": lambda x: np.insert(x, 1, 9.0) + np.insert(np.ravel(x), [3], x[1, 1]),
    "insert rows": lambda x: np.insert(x, 1, x[0] * 2, axis=0) + np.insert(x, -1, B[1], axis=0),
    "insert columns": lambda x: np.insert(x, [0, 2], B[:, :2], axis=1) * np.insert(x, 1, x[:, :2].T, axis=1),
    "delete": lambda x: np.delete(x, [1, 4]) * np.delete(np.ravel(x), slice(0, 2)),
    "delete columns": lambda x: np.delete(x, 1, axis=1) + np.delete(x, np.array([True, False, False]), axis=1),
    "compress": lambda x: np.compress([True, False, True], x, axis=1) + np.compress([False, True], x, 0)[:, :2],
    "extract": lambda x: np.extract(A > 0, x) + np.compress(np.ravel(A) > 0, x),
    "rollaxis": lambda x: np.rollaxis(x, 1) * np.rollaxis(x, 0, 2),
    "atleast_3d": lambda x: np.atleast_3d(x) + np.atleast_3d(x[0, 0], x[0])[1][0] * np.atleast_3d(x[0, 0]),
    "nanmax": lambda x: np.nanmax(gaps(x), axis=0) * np.nanmin(gaps(x)) + np.nanmin(gaps(x), axis=1, keepdims=True)
        + np.nanmax(gaps(x)),
    "nanvar": lambda x: np.nanvar(gaps(x), axis=1, ddof=1, keepdims=True) + np.nanstd(gaps(x), axis=0)
        + np.nanvar(gaps(x)) + np.nanstd(x),
    "nanprod": lambda x: np.nanprod(gaps(x), axis=1) * np.nanprod(gaps(x)),
    "nancumsum": lambda x: np.nancumsum(gaps(x)) + np.ravel(np.nancumprod(gaps(x), axis=1)),
    "linalg products": lambda x: np.linalg.matmul(x, B.T) + np.linalg.vecdot(x, B),
    "buffers": lambda x: filled(np.zeros_like(x), x) + filled(np.ones_like(x), x) + filled(np.full_like(x, 2.0), x),
}  # fmt: skip
if hasattr(np, "cumulative_sum"):  # NumPy 2.1
    MORE["cumulative"] = lambda x: np.cumulative_sum(x[0]) + np.cumulative_prod(x, axis=1)
    MORE["unstack"] = lambda x: np.unstack(x)[1] * np.unstack(x, axis=1)[2][0]


def filled(out: Any, x: Any) -> Any:
    """What a function written for arrays does with a buffer: it writes into it, entry by entry."""
    for i in range(2):
        out[i, 0] = x[i, 1] * 2
    out[1, 1:] = x[0, 1:] ** 2
    return out

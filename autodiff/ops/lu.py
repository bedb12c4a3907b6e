"""The primitive of LU factors."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.engine.primitive import Primitive
from autodiff.kernels import lu as kernels
from autodiff.kernels.arrays import as_array
from autodiff.ops.arrays import detached
from autodiff.ops.decompositions import solvable, solve, stacked
from autodiff.ops.indexing import index
from autodiff.ops.shaping import concatenate


def _lu(x: Any) -> Any:
    """L and U in one matrix, and below it a row of the pivots and zeros."""
    both, pivots = kernels.factors(x)
    row = np.zeros((*x.shape[:-2], 1, x.shape[-1]), x.dtype)
    row[..., 0, : pivots.shape[-1]] = pivots
    return stacked(both, row)


def pivots_of(out: Any) -> Any:
    """The pivots (..., k) in what ``lu`` gave."""
    m, n = out.shape[-2] - 1, out.shape[-1]
    return np.real(detached(out)[..., m, : min(m, n)]).astype(np.int64)


def rows(x: Any, order: Any) -> Any:
    """The rows of matrices (..., m, n) in the ``order`` (..., m)."""
    stack = [grid[..., None] for grid in np.ogrid[tuple(slice(length) for length in order.shape[:-1])]]
    return index(x, key=(*stack, order))


def _lu_x(g: Any, out: Any, x: Any) -> Any:
    """P L^-T (tril(L^T gL, -1) + triu(gU U^T)) U^-T of a square A = P L U.

    De Hoog, Anderssen & Lukas 2011, "Differentiation of matrix functionals using triangular factorization". What is
    below the square of a tall matrix, or beside that of a wide one, follows by a triangular system each. A singular
    square has no derivative: NaN.
    """
    m, n = x.shape[-2:]
    k = min(m, n)
    back = np.argsort(kernels.permutation(pivots_of(out), m), axis=-1)
    square, g = out[..., :k, :k], g[..., :m, :]
    upper = np.triu(np.ones((k, k), g.dtype))
    low, gl, gu = square * (1 - upper) + np.eye(k, dtype=g.dtype), g[..., :k, :k] * (1 - upper), g[..., :k, :k] * upper
    singular = as_array((np.diagonal(detached(square), axis1=-2, axis2=-1) == 0).any(-1))

    def whole(up: Any) -> Any:
        of_low, of_up, below, beside = gl, gu, None, None
        if m > n:
            below = solve(up, g[..., n:, :].mT).mT
            of_up = of_up - np.matmul(out[..., n:m, :].mT, below) * upper
        if m < n:
            beside = solve(low.mT, g[..., m:])
            of_low = of_low - np.matmul(beside, out[..., :m, m:].mT) * (1 - upper)
        inner = np.matmul(low.mT, of_low) * (1 - upper) + np.matmul(of_up, up.mT) * upper
        total = solve(low.mT, solve(up, inner.mT).mT)
        axis = len(x.shape) - 1
        if below is not None:
            total = concatenate(total, below, axis=axis - 1, ends=(n, m))
        return total if beside is None else concatenate(total, beside, axis=axis, ends=(m, n))

    return rows(solvable(square * upper, singular, whole), back)


lu = Primitive("lu", _lu, _lu_x, keeps="out", floating=True)

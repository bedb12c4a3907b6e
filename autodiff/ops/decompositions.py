"""Primitives of inverses, determinants and factorisations of matrices (..., n, n), or (..., m, n) where that is said.

A primitive has one result: factors that come together are stacked into one array, from which ``linalg`` cuts them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.engine.primitive import Primitive
from autodiff.kernels.precision import in_single
from autodiff.ops.arithmetic import zero_vjp
from autodiff.ops.indexing import index
from autodiff.ops.shaping import concatenate

# Each VJP is derived in Giles 2008, "An extended collection of matrix derivative results", where no other is named.


def _symmetric(x: Any) -> Any:
    """The symmetric part, of which eigenvalues and Cholesky's factor are functions: rounding upsets neither."""
    return (x + x.mT) / 2


def _eye(n: int, dtype: Any) -> Any:
    return np.eye(n, dtype=dtype)


def _lower(n: int, dtype: Any) -> Any:
    """Ones in the lower triangle and 1/2 on the diagonal, to be multiplied into a matrix."""
    return np.tril(np.ones((n, n), dtype)) - np.eye(n, dtype=dtype) / 2


def _spread_diagonal(d: Any) -> Any:
    """(..., n) as diagonal matrices (..., n, n)."""
    return d[..., None] * _eye(d.shape[-1], d.dtype)


def _stacked(*parts: Any) -> Any:
    """Matrices of one width on top of each other."""
    return np.concatenate(parts, axis=-2)


def _det(x: Any) -> Any:
    """The determinant of rows that powers of 2 have brought to one near 1: NumPy takes exp of its logarithm."""
    n = x.shape[-1]
    size = np.linalg.slogdet(x)[1] / math.log(2)
    power = np.rint(np.where(np.isfinite(size), size, 0)).astype(np.int32)
    share = np.diff(power[..., None] * np.arange(n + 1, dtype=np.int64) // max(n, 1)).astype(np.int32)
    return np.ldexp(np.linalg.det(np.ldexp(x, -share[..., None])), power)


def _det_x(g: Any, out: Any, x: Any) -> Any:
    """The cofactors: ``out`` times the inverse transposed, or, where some matrix has no inverse, one by one."""
    n = x.shape[-1]
    g = g[..., None, None]
    if not np.asarray(out == 0).any():
        return g * out[..., None, None] * inv(x).mT
    if n == 1:
        return g * np.ones(x.shape, x.dtype)
    others = np.array([[j for j in range(n) if j != i] for i in range(n)])
    minors = index(x, key=(..., others[:, None, :, None], others[None, :, None, :]))
    signs = (-1.0) ** np.add.outer(np.arange(n), np.arange(n))
    return g * det(minors) * signs.astype(x.dtype)


def _cholesky_x(g: Any, out: Any, x: Any) -> Any:
    """L^-T P L^-1 with P the lower triangle of L^T g, its diagonal halved (Murray 2016, arXiv:1602.07527)."""
    p = np.matmul(out.mT, g) * _lower(x.shape[-1], g.dtype)
    return _symmetric(solve(out.mT, solve(out.mT, p.mT).mT))


def _eigh(x: Any) -> Any:
    values, vectors = np.linalg.eigh(_symmetric(x))
    return _stacked(values[..., None, :], vectors)


def _inverse_gaps(values: Any) -> Any:
    """1 / (v_j - v_i), and 0 between equals: the results do not depend on the basis chosen among their vectors."""
    gaps = values[..., None, :] - values[..., :, None]
    return np.where(gaps == 0, 0, 1 / np.where(gaps == 0, 1, gaps))


def _eigh_x(g: Any, out: Any, x: Any) -> Any:
    values, v = out[..., 0, :], out[..., 1:, :]
    inner = np.matmul(v.mT, g[..., 1:, :]) * _inverse_gaps(values) + _spread_diagonal(g[..., 0, :])
    return _symmetric(np.matmul(v, np.matmul(inner, v.mT)))


def _svd(x: Any) -> Any:
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return _stacked(u, s[..., None, :], vh.mT)


def _skew(x: Any) -> Any:
    return x - x.mT


def _svd_x(g: Any, out: Any, x: Any) -> Any:
    """Townsend 2016, "Differentiating the singular value decomposition", with U and V of orthonormal columns."""
    m = x.shape[-2]
    u, s, v = out[..., :m, :], out[..., m, :], out[..., m + 1 :, :]
    gu, gs, gv = g[..., :m, :], g[..., m, :], g[..., m + 1 :, :]
    gaps = _inverse_gaps(s * s)
    row, column = s[..., None, :], s[..., :, None]
    of_u, of_v = (_skew(np.matmul(a.mT, b)) * gaps for a, b in ((u, gu), (v, gv)))
    inner = of_u * row + column * of_v + _spread_diagonal(gs)
    left, right = gu / np.where(row == 0, 1, row), gv / np.where(row == 0, 1, row)
    total = np.matmul(np.matmul(u, inner), v.mT)
    if m > x.shape[-1]:
        total = total + np.matmul(left - np.matmul(u, np.matmul(u.mT, left)), v.mT)
    if m < x.shape[-1]:
        total = total + np.matmul(u, (right - np.matmul(v, np.matmul(v.mT, right))).mT)
    return total


def _qr(x: Any) -> Any:
    q, r = np.linalg.qr(x)
    return _stacked(q, r)


def _qr_x(g: Any, out: Any, x: Any) -> Any:
    """For (..., m, n) with m >= n (Walter & Lehmann 2010, arXiv:1009.6112)."""
    m, n = x.shape[-2:]
    q, r, gq, gr = out[..., :m, :], out[..., m:, :], g[..., :m, :], g[..., m:, :]
    p = (np.matmul(gr, r.mT) - np.matmul(q.mT, gq)).mT * _lower(n, g.dtype)
    return solve(r, (gq + np.matmul(q, p + p.mT)).mT).mT


def _pinv_x(g: Any, out: Any, x: Any, rcond: Any, hermitian: bool) -> Any:
    """Golub & Pereyra 1973, eq. 4.12, transposed."""
    p, m, n = out, x.shape[-2], x.shape[-1]
    outside = _eye(m, g.dtype) - np.matmul(x, p)
    beside = _eye(n, g.dtype) - np.matmul(p, x)
    first = np.matmul(np.matmul(p.mT, g), p.mT)
    second = np.matmul(np.matmul(outside, g.mT), np.matmul(p, p.mT))
    third = np.matmul(np.matmul(p.mT, p), np.matmul(g.mT, beside))
    return second + third - first


_SQUARE_BELOW = 0.5  # the norm up to which the series below has all digits


def _matrix_exp(x: Any) -> Any:
    """Taylor's series of x / 2^k, squared k times (Moler & Van Loan 2003, method 3)."""
    size = np.abs(x).sum(-1).max(initial=0.0)
    times = max(0, math.ceil(math.log2(size / _SQUARE_BELOW))) if size and math.isfinite(size) else 0
    scaled = x / 2.0**times
    total = term = np.broadcast_to(_eye(x.shape[-1], x.dtype), x.shape)
    for k in range(1, 18):
        term = np.matmul(term, scaled) / k
        total = total + term
    for _ in range(times):
        total = np.matmul(total, total)
    return total


def _matrix_exp_x(g: Any, out: Any, x: Any) -> Any:
    """The upper right block of exp of [[x^T, g], [0, x^T]] (Mathias 1996, "A chain rule for matrix functions")."""
    n, axis = x.shape[-1], len(x.shape) - 1
    ends = (n, 2 * n)
    upper = concatenate(x.mT, g, axis=axis, ends=ends)
    lower = concatenate(np.zeros(x.shape, x.dtype), x.mT, axis=axis, ends=ends)
    return matrix_exp(concatenate(upper, lower, axis=axis - 1, ends=ends))[..., :n, n:]


inv = Primitive("inv", in_single(np.linalg.inv),
                lambda g, out, x: -np.matmul(out.mT, np.matmul(g, out.mT)), keeps="out", floating=True)

solve = Primitive("solve", in_single(np.linalg.solve),
                  lambda g, out, x, y: -np.matmul(solve(x.mT, g), out.mT),
                  lambda g, out, x, y: solve(x.mT, g), keeps=("out x", "x"), floating=True, promotes=False)

det = Primitive("det", in_single(_det), _det_x, keeps="out x", floating=True)

logabsdet = Primitive("logabsdet", in_single(lambda x: np.linalg.slogdet(x)[1]),
                      lambda g, out, x: g[..., None, None] * inv(x).mT, keeps="x", floating=True)

sign_of_det = Primitive("sign_of_det", in_single(lambda x: np.linalg.slogdet(x)[0]),
                        lambda g, out, x: zero_vjp(x), keeps="x", floating=True)

cholesky = Primitive("cholesky", in_single(lambda x: np.linalg.cholesky(_symmetric(x))), _cholesky_x, keeps="out",
                     floating=True)

eigh = Primitive("eigh", in_single(_eigh), _eigh_x, keeps="out", floating=True)

svd = Primitive("svd", in_single(_svd), _svd_x, keeps="out", floating=True)

qr = Primitive("qr", in_single(_qr), _qr_x, keeps="out", floating=True)

pinv = Primitive("pinv", in_single(lambda x, rcond, hermitian: np.linalg.pinv(x, rcond, hermitian)), _pinv_x,
                 keeps="out x", floating=True)

matrix_exp = Primitive("matrix_exp", _matrix_exp, _matrix_exp_x, keeps="x", floating=True)

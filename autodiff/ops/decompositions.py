"""Primitives of inverses, determinants and factorisations of matrices (..., n, n), or (..., m, n) where that is said.

A primitive has one result: factors that come together are stacked into one array, from which ``linalg`` cuts them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.engine.primitive import Primitive
from autodiff.errors import LinalgError, ShapeError
from autodiff.kernels.arrays import as_array
from autodiff.kernels.layout import copied
from autodiff.kernels.precision import in_single
from autodiff.ops.arithmetic import zero_vjp
from autodiff.ops.arrays import are_arrays, detached
from autodiff.ops.complex_numbers import adjoint, conjugate, hermitian, turning
from autodiff.ops.indexing import index
from autodiff.ops.shaping import concatenate

# Each VJP is derived in Giles 2008, "An extended collection of matrix derivative results", where no other is named,
# and for complex matrices in Boeddeker et al. 2017, arXiv:1701.00392. A cotangent g of a complex A is that of
# Re tr(g^T dA): where there is a complex derivative, plain transposes stand, as for real matrices, and no conjugates.


_REPAIRS = {  # of what LAPACK says
    "Singular": "; add a little to its diagonal, or use lstsq or pinv",
    "positive": "; make it symmetric with eigenvalues above 0, as A @ A.mT + 1e-6 * eye(n) is",
    "": "",
}


def _by_columns(forward: Callable[..., Any]) -> Callable[..., Any]:
    """``forward`` with a result whose matrices lie in memory column by column, as LAPACK's and PyTorch's do."""
    def by_columns(*args: Any) -> Any:
        try:
            return copied(forward(*args), "F")
        except np.linalg.LinAlgError as error:  # which a VJP, too, says by its name
            name, shapes = forward.__name__.strip("_"), ", ".join(str(x.shape) for x in args)
            repair = _REPAIRS[next((word for word in _REPAIRS if word in str(error)), "")]
            raise LinalgError(f"{name} of {shapes}: {error}{repair}") from None

    return by_columns


def _eye(n: int, dtype: Any) -> Any:
    return np.eye(n, dtype=dtype)


def _lower(n: int, dtype: Any) -> Any:
    """Ones in the lower triangle and 1/2 on the diagonal, to be multiplied into a matrix."""
    return np.tril(np.ones((n, n), dtype)) - np.eye(n, dtype=dtype) / 2


def stacked(*parts: Any) -> Any:
    """Matrices of one width on top of each other."""
    return np.concatenate(parts, axis=-2)


def _det(x: Any) -> Any:
    """The determinant of a matrix that a power of 2 has brought to one near 1: NumPy takes exp of its logarithm.

    All rows have the same power, so that pivots and rounding are those of the inverse, with which the VJP multiplies.
    """
    n = x.shape[-1]
    size = np.linalg.slogdet(x)[1] / (max(n, 1) * math.log(2))
    power = np.rint(np.where(np.isfinite(size), size, 0)).astype(np.int32)
    return _scaled(np.linalg.det(_scaled(x, -power[..., None, None])), n * power)


def _scaled(x: Any, power: Any) -> Any:
    """``x`` times 2^``power``, exactly."""
    if x.dtype.kind != "c":
        return np.ldexp(x, power)
    out = np.empty_like(x)
    out.real, out.imag = np.ldexp(x.real, power), np.ldexp(x.imag, power)
    return out


def _det_x(g: Any, out: Any, x: Any) -> Any:
    """The cofactors: ``out`` times the inverse transposed, or, where some matrix has none to rely on, one by one."""
    n = x.shape[-1]
    g = g[..., None, None]
    if n == 1:
        return g * np.ones(x.shape, x.dtype)
    if not (as_array(out == 0).any() or (0 < n <= _MINORS and not are_arrays(out) and _nearly_singular(x))):
        return g * out[..., None, None] * inv(x).mT
    others = np.array([[j for j in range(n) if j != i] for i in range(n)])
    minors = index(x, key=(..., others[:, None, :, None], others[None, :, None, :]))
    signs = (-1.0) ** np.add.outer(np.arange(n), np.arange(n))
    return g * det(minors) * signs.astype(x.dtype)


_MINORS = 32  # rows up to which a matrix that is singular but for rounding has its minors computed


def _nearly_singular(x: Any) -> bool:
    """Whether the second derivative of the determinant, by the inverse, would lose half its digits or more."""
    x = detached(x)
    sizes = np.abs(x).sum(-1).max(-1, initial=0) * np.abs(inv(x)).sum(-1).max(-1, initial=0)
    return not (sizes * math.sqrt(np.finfo(x.dtype).eps) < 1).all()


def _cholesky(x: Any) -> Any:
    return np.linalg.cholesky(hermitian(x))


def _cholesky_x(g: Any, out: Any, x: Any) -> Any:
    """L^-T P conj(L)^-1 with P the lower triangle of L^T g, its diagonal halved (Murray 2016, arXiv:1602.07527)."""
    p = np.matmul(out.mT, g) * _lower(x.shape[-1], g.dtype)
    return hermitian(solve(out.mT, solve(adjoint(out), p.mT).mT))


def finite(x: Any) -> Any:
    """``x`` itself; raises ShapeError where an entry is not finite, of which LAPACK's search might never end."""
    if not np.isfinite(x).all():
        raise ShapeError(f"a matrix of shape {x.shape} has no eigen- or singular values: entries are not finite")
    return x


def _qr(x: Any) -> Any:
    q, r = np.linalg.qr(x)
    return stacked(q, r)


def _qr_x(g: Any, out: Any, x: Any) -> Any:
    """For (..., m, n) with m >= n (Walter & Lehmann 2010, arXiv:1009.6112).

    The diagonal of R is real: LAPACK's choice among the phases of the columns of Q.
    """
    m, n = x.shape[-2:]
    q, r, gq, gr = out[..., :m, :], out[..., m:, :], g[..., :m, :], g[..., m:, :]
    sizes = np.abs(detached(r)[..., range(n), range(n)])
    singular = sizes.min(-1, initial=math.inf) <= m * np.finfo(g.dtype).eps * sizes.max(-1, initial=0.0)
    p = adjoint(np.matmul(gr, r.mT) - np.matmul(q.mT, gq)) * _lower(n, g.dtype)
    return solvable(r, singular, lambda r: solve(r, (gq + np.matmul(conjugate(q), p + adjoint(p))).mT).mT)


def solvable(x: Any, singular: Any, result: Any) -> Any:
    """``result(x)``, NaN for the matrices that are ``singular``, which have no derivative."""
    if not singular.any():
        return result(x)
    regular = ~singular[..., None, None]
    solvable = x * regular.astype(x.dtype) + _eye(x.shape[-1], x.dtype) * ~regular
    return result(solvable) * np.where(regular, 1, math.nan).astype(x.dtype)


def _pinv_x(g: Any, out: Any, x: Any, rcond: Any, hermitian: bool) -> Any:
    """Golub & Pereyra 1973, eq. 4.12, transposed."""
    p, c, m, n = out, conjugate(out), x.shape[-2], x.shape[-1]
    outside = _eye(m, g.dtype) - np.matmul(conjugate(x), c)
    beside = _eye(n, g.dtype) - np.matmul(c, conjugate(x))
    first = np.matmul(np.matmul(p.mT, g), p.mT)
    second = np.matmul(np.matmul(outside, adjoint(g)), np.matmul(c, p.mT))
    third = np.matmul(np.matmul(p.mT, c), np.matmul(adjoint(g), beside))
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


def _sign_of_det_x(g: Any, out: Any, x: Any) -> Any:
    """A sign does not change; a phase does, by the imaginary part of tr(A^-1 dA)."""
    if x.dtype.kind != "c":
        return zero_vjp(x)
    return turning(g, out)[..., None, None] * solvable(x, detached(out) == 0, inv).mT


inv = Primitive("inv", in_single(_by_columns(np.linalg.inv)),
                lambda g, out, x: -np.matmul(out.mT, np.matmul(g, out.mT)), keeps="out", floating=True)

solve = Primitive("solve", in_single(_by_columns(np.linalg.solve)),
                  lambda g, out, x, y: -np.matmul(solve(x.mT, g), out.mT),
                  lambda g, out, x, y: solve(x.mT, g), keeps=("out x", "x"), floating=True, promotes=False)

det = Primitive("det", in_single(_det), _det_x, keeps="out x", floating=True)

logabsdet = Primitive("logabsdet", in_single(lambda x: np.linalg.slogdet(x)[1]),
                      lambda g, out, x: g[..., None, None] * solvable(x, np.isinf(detached(out)), inv).mT,
                      keeps="out x", floating=True)

sign_of_det = Primitive("sign_of_det", in_single(lambda x: np.linalg.slogdet(x)[0]), _sign_of_det_x, keeps="out x",
                        floating=True)

cholesky = Primitive("cholesky", in_single(_by_columns(_cholesky)), _cholesky_x,
                     keeps="out", floating=True)

qr = Primitive("qr", in_single(_qr), _qr_x, keeps="out", floating=True)

pinv = Primitive("pinv", in_single(lambda x, rcond, hermitian: np.linalg.pinv(finite(x), rcond, hermitian)), _pinv_x,
                 keeps="out x", floating=True)

matrix_exp = Primitive("matrix_exp", _matrix_exp, _matrix_exp_x, keeps="x", floating=True)

"""Eigenvalues and singular values with their vectors, also where values are equal.

Equal values leave the basis of their vectors open. A function of the values that treats equal ones alike is smooth all
the same: its gradient V diag(g) V^T does not depend on the basis, and its second derivative has the limit of
(g_i - g_j) / (w_i - w_j), which the graph of g tells. What depends on the basis, or may, is NaN. Values are equal where
rounding cannot tell them apart.

A vector of complex numbers is open in its phase, too. What depends on the phase has no gradient; PyTorch raises an
error there, and so do the VJPs here. The rules are those of Wan & Zhang 2019, arXiv:1909.02659.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.engine.primitive import Primitive
from autodiff.engine.values import TensorBase, wrap
from autodiff.errors import GraphError
from autodiff.kernels.arrays import as_array
from autodiff.kernels.precision import in_single
from autodiff.ops.arithmetic import gate
from autodiff.ops.arrays import detached
from autodiff.ops.complex_numbers import adjoint, conjugate, hermitian, real_part
from autodiff.ops.decompositions import finite, stacked
from autodiff.ops.equal_values import Equals, equal_values, limits, tolerance
from autodiff.ops.indexing import scatter_add
from autodiff.ops.lengths import node_given, without_derivative


def _eigh(x: Any) -> Any:
    values, vectors = np.linalg.eigh(finite(hermitian(x)))
    return stacked(values[..., None, :], vectors, np.zeros_like(vectors[..., :1, :]))


def _svd(x: Any) -> Any:
    u, s, vh = np.linalg.svd(finite(x), full_matrices=False)
    return stacked(u, s[..., None, :], adjoint(vh), np.zeros_like(s[..., None, :]))


def _vectors_x(g: Any, out: Any, x: Any, start: int, stop: int) -> Any:
    """The rows; and a mark in the last one that they are in use, so small that it changes nothing."""
    mark = np.zeros(x.shape, x.dtype)
    mark[..., -1, :] = np.finfo(x.dtype).tiny
    return scatter_add(g, key=(..., slice(start, stop), slice(None)), shape=x.shape) + mark


def _spread_diagonal(d: Any) -> Any:
    """(..., n) as diagonal matrices (..., n, n)."""
    return d[..., None] * np.eye(d.shape[-1], dtype=d.dtype)


def _diagonal(x: Any) -> Any:
    """The diagonals (..., n) of (..., n, n)."""
    return (x * np.eye(x.shape[-1], dtype=x.dtype)).sum(-1)


def _skew(x: Any) -> Any:
    """Twice the part that is minus its conjugate transpose."""
    return x - adjoint(x)


def _between(left: Any, inner: Any, right: Any) -> Any:
    """left inner right^T."""
    return np.matmul(np.matmul(left, inner), right.mT)


def _over(x: Any, zero: Any) -> Any:
    """1 / x, and 0 in the places ``zero``."""
    return np.where(zero, 0, 1 / np.where(zero, 1, x))


def _unequal(g: Any, same: Any) -> Any:
    """For each matrix, whether the cotangents ``g`` (..., n) of equal values differ."""
    g = detached(g)
    apart = np.abs(g[..., None, :] - g[..., :, None])
    return ((apart > tolerance(g.dtype) * np.abs(g).max(-1)[..., None, None]) & same).any((-2, -1))


def _turned(v: Any, g: Any, same: Any) -> Any:
    """For each matrix, whether the cotangent ``g`` of vectors turns those of equal values into each other."""
    v, g = detached(v), detached(g)
    least = tolerance(g.dtype) * np.abs(g).max((-2, -1), initial=0.0)[..., None, None]
    return ((np.abs(np.matmul(v.mT, g)) > least) & same & ~np.eye(g.shape[-1], dtype=bool)).any((-2, -1))


def _depends_on_choice(g: Any, row: int, equals: Equals) -> Any:
    """For each matrix, whether what has the cotangent ``g`` may depend on the choice among vectors of equal values.

    So it is if a cotangent arrives at these vectors, or at equal values while some vectors are in use: V f(w) V^T is
    smooth, too, but its cotangents do not tell f'.
    """
    g = detached(g)
    of_vectors, of_values, used = np.abs(np.delete(g[..., :-1, :], row, -2)), g[..., row, :], g[..., -1, :].any(-1)
    least = tolerance(g.dtype) * of_vectors.max((-2, -1), initial=0.0)[..., None]
    touched = (of_vectors.max(-2, initial=0.0) > least) | (of_values != 0)
    chosen = equals.null | (equals.same.sum(-1) > 1)
    return _unequal(of_values, equals.same & ~equals.null[..., None, :]) | (used & (touched & chosen).any(-1))


def _apart_x(g: Any, out: Any, x: Any, same: Any) -> Any:
    """The cotangent of vectors without what turns those of equal values into each other, and what rounding leaves."""
    rest = g - np.matmul(conjugate(x), np.matmul(x.mT, g) * same.astype(g.dtype))
    left, whole = np.abs(detached(rest)), np.abs(detached(g)).max((-2, -1), initial=0.0)[..., None, None]
    return gate(rest, mask=as_array(left > 10 * x.shape[-2] * np.finfo(g.dtype).eps * whole))


def _or_nan(x: Any, spoiled: Any) -> Any:
    """``x`` with NaN in the matrices that are ``spoiled``, and in all its derivatives."""
    return x * np.where(spoiled, math.nan, 1).astype(x.dtype)[..., None, None] if spoiled.any() else x


def _change(x: Any) -> Any:
    """What is 0 and stands for a change of ``x``, which is not kept."""
    return wrap(np.zeros(x.shape, x.dtype), node_given(x))


def _final(total: Any, change: Any, unknown: Any) -> Any:
    """``total``, whose coefficients are known at this point only; of matrices that are ``unknown``, not even there."""
    whole = change.sum((-2, -1), keepdim=True)
    everywhere = np.ones(whole.shape, bool)
    return total * (1 + without_derivative(whole, everywhere)) + without_derivative(whole, unknown[..., None, None])


def free_of_phase(name: str, *pairs: tuple[Any, Any]) -> None:
    """Raise GraphError where the cotangents of complex vectors say that a phase, of which all are right, matters.

    Args:
        name: what has such vectors.
        pairs: vectors (..., m, n) and their cotangents, of which each is turned by the same phases.
    """
    if pairs[0][1].dtype.kind != "c":
        return
    turns, least = 0.0, 0.0
    for v, g in pairs:
        v, g = detached(v), detached(g)
        turns = turns + (v * g).sum(-2).imag
        # All of g may be what rounding left of larger numbers, of which nothing is known: they are taken to be near 1.
        least = np.maximum(least, tolerance(g.dtype) * np.abs(g).max((-2, -1), initial=1.0)[..., None])
    if (np.abs(turns) > least).any():
        raise GraphError(
            f"{name}: a complex vector may be multiplied by any exp(i phi) and stays one, and what is differentiated "
            "depends on that phase; use a function of the vectors that does not, as v.abs() or v @ v.mH"
        )


def _eigh_x(g: Any, out: Any, x: Any) -> Any:
    """conj(V) (diag(gw) + F o (V^T gV)) V^T with F_ij = 1 / (w_j - w_i)."""
    values, v, gw, gv = real_part(out[..., 0, :]), out[..., 1:-1, :], real_part(g[..., 0, :]), g[..., 1:-1, :]
    free_of_phase("eigh", (v, gv))
    equals = equal_values(detached(values), x.shape[-1], False)
    inner = np.matmul(v.mT, gv) * _over(values[..., None, :] - values[..., :, None], equals.same)
    if not equals.any:
        return hermitian(_between(conjugate(v), inner + _spread_diagonal(gw), v))
    inert = apart(v, same=equals.same)
    total = _between(conjugate(v), inner, v)
    total = total + np.matmul(conjugate(inert) * equals.shared(gw)[..., None, :], inert.mT)
    if isinstance(out, TensorBase):
        total = total + _within_equals(g, out, x, equals)
    return _or_nan(hermitian(total), _depends_on_choice(g, 0, equals) | _turned(v, gv, equals.same))


def _within_equals(g: Any, out: Any, x: Any, equals: Equals) -> Any:
    """What is 0, with the derivative that the gradient of a function of the values has among equal ones."""
    slopes, _ = limits(g, out, 0, equals)
    v, change = detached(out)[..., 1:-1, :], _change(x)
    c = conjugate(v)
    moved = np.matmul(np.matmul(v.mT, hermitian(conjugate(change))), c)
    slope = np.where(np.isnan(slopes), 0, slopes).astype(out.dtype)
    inner = moved * (slope[..., None] * equals.same) - _spread_diagonal(equals.shared(_diagonal(moved)) * slope)
    return _final(_between(c, inner, v), change, np.isnan(slopes).any(-1))


def _within_equal_singular(g: Any, out: Any, x: Any, equals: Equals) -> Any:
    """As ``_within_equals``, for singular values.

    Among equals, (g_i - g_j) / (s_i - s_j) goes with the symmetric part of U^T dA V and g / s with the other; among
    null ones, g / s with all that the other vectors leave, on either side.
    """
    m = x.shape[-2]
    numbers = detached(out)
    u, s, v = numbers[..., :m, :], np.real(numbers[..., m, :]), numbers[..., m + 1 : -1, :]
    slopes, of_null = limits(g, out, m, equals)
    ratio = equals.shared(np.real(detached(g)[..., m, :])) * _over(s, equals.null)
    change = conjugate(_change(x))
    moved = np.matmul(np.matmul(u.mT, change), conjugate(v))
    even = hermitian(moved)
    slope = np.where(np.isnan(slopes), 0, slopes).astype(out.dtype)
    both = even * slope[..., None] + _skew(moved) * (ratio[..., None] / 2)
    inner = both * (equals.same & ~equals.null[..., None, :]).astype(out.dtype)
    inner = inner - _spread_diagonal(equals.shared(_diagonal(even)) * slope)
    known = np.where(np.isnan(of_null), 0, of_null).astype(out.dtype)[..., None, None]
    left, right = (_outside(a, equals.null) for a in (u, v))
    total = _between(conjugate(u), inner, v) + np.matmul(np.matmul(left, change), right) * known
    return _final(total, change, np.isnan(slopes).any(-1) | np.isnan(of_null))


def _outside(a: Any, null: Any) -> Any:
    """The projection on what is orthogonal to the conjugates of columns (..., m, n) that are not ``null``."""
    return np.eye(a.shape[-2], dtype=a.dtype) - np.matmul(conjugate(a) * ~null[..., None, :], a.mT)


def _svd_x(g: Any, out: Any, x: Any) -> Any:
    """Townsend 2016, "Differentiating the singular value decomposition", with U and V of orthonormal columns.

    1 / (s_j^2 - s_i^2) is split into 1 / (s_j - s_i) and 1 / (s_j + s_i), of which the latter is finite for equals.
    """
    m, n = x.shape[-2:]
    u, s, v = out[..., :m, :], real_part(out[..., m, :]), out[..., m + 1 : -1, :]
    gu, gs, gv = g[..., :m, :], real_part(g[..., m, :]), g[..., m + 1 : -1, :]
    free_of_phase("svd", (u, gu), (v, gv))
    equals, c = equal_values(detached(s), max(m, n), True), conjugate(u)
    row, column, null = s[..., None, :], s[..., :, None], equals.null[..., None, :]
    of_u, of_v = (_skew(np.matmul(a.mT, b)) * 0.5 for a, b in ((u, gu), (v, gv)))
    inner = (of_u + of_v) * _over(row - column, equals.same) + (of_u - of_v) * _over(row + column, null & null.mT)
    if equals.any:
        left, right = apart(u, same=equals.same), apart(v, same=equals.same)
        total = _between(c, inner, v) + np.matmul(conjugate(left) * equals.shared(gs)[..., None, :], right.mT)
    else:
        total = _between(c, inner + _spread_diagonal(gs), v)
    if m > n:
        beside = gu * _over(row, null)
        total = total + _between(beside - np.matmul(c, np.matmul(u.mT, beside)), np.eye(n, dtype=g.dtype), v)
    if m < n:
        beside = gv * _over(row, null)
        total = total + np.matmul(c, adjoint(beside - np.matmul(conjugate(v), np.matmul(v.mT, beside))))
    if not equals.any:
        return total
    if isinstance(out, TensorBase):
        total = total + _within_equal_singular(g, out, x, equals)
    turned = _turned(u, gu, equals.same) | _turned(v, gv, equals.same)
    return _or_nan(total, _depends_on_choice(g, m, equals) | turned)


apart = Primitive("apart", lambda x, same: x.copy(), _apart_x, keeps="x")

vectors = Primitive("vectors", lambda x, start, stop: x[..., start:stop, :], _vectors_x, view=True)

eigh = Primitive("eigh", in_single(_eigh), _eigh_x, keeps="out", floating=True)

svd = Primitive("svd", in_single(_svd), _svd_x, keeps="out", floating=True)

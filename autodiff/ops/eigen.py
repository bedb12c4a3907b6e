"""Eigenvalues and eigenvectors of any square matrix: complex numbers, of real matrices too."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.dtypes import to_complex
from autodiff.engine.primitive import Primitive
from autodiff.engine.values import TensorBase
from autodiff.errors import ShapeError
from autodiff.kernels.precision import single
from autodiff.ops.arrays import detached
from autodiff.ops.complex_numbers import conjugate, real, real_part
from autodiff.ops.decompositions import finite, solve, stacked
from autodiff.ops.equal_values import tolerance
from autodiff.ops.lengths import without_derivative
from autodiff.ops.shaping import astype
from autodiff.ops.spectra import free_of_phase


def _eig(x: Any) -> Any:
    """The eigenvalues in a row on top of the eigenvectors, of length 1."""
    values, vectors = np.linalg.eig(single(finite(x)))
    return stacked(values[..., None, :], vectors).astype(to_complex(x.dtype), copy=False)


def _depends_on_choice(v: Any, gw: Any, gv: Any, same: Any) -> Any:
    """For each matrix, whether its cotangents ask for one of equal eigenvalues, or turn the vectors of equals."""
    several = same & ~np.eye(same.shape[-1], dtype=bool)
    apart = np.abs(gw[..., None, :] - gw[..., :, None]) > tolerance(gw.dtype) * np.abs(gw).max(-1)[..., None, None]
    turns = np.abs(np.matmul(v.mT, gv)) > tolerance(gv.dtype) * np.abs(gv).max((-2, -1), initial=0.0)[..., None, None]
    return ((apart | turns) & several).any((-2, -1))


def _raise_if_made_up(vectors: Any) -> None:
    """Raise ShapeError where vectors have not the length 1, as numbers by which the walk would tell structural zeros.

    Of equal cotangents of the eigenvalues any such vectors make a diagonal, but not those of a matrix without a basis.
    """
    if (np.abs(np.square(np.abs(vectors)).sum(-2) - 1) > tolerance(vectors.dtype)).any():
        raise ShapeError("these are no eigenvectors: they have not the length 1")


def _eig_x(g: Any, out: Any, x: Any) -> Any:
    """V^-T (diag(gw) + F o (V^T gV - V^T conj(V) diag(Re diag(V^T gV)))) V^T with F_ij = 1 / (w_j - w_i).

    Boeddeker et al. 2017, arXiv:1701.00392, sec. 4.2, with eigenvectors of length 1. Equal eigenvalues have the
    derivative of a function that treats them alike, of first order; the function need not have a complex derivative,
    so that there is none of second order in general, and it is NaN. So is that of a matrix without a basis of
    eigenvectors.
    """
    w, v, gw, gv = out[..., 0, :], out[..., 1:, :], g[..., 0, :], g[..., 1:, :]
    _raise_if_made_up(detached(v))
    free_of_phase("eig", (v, gv))
    values, n = detached(w), x.shape[-1]
    bound = 10 * n * np.finfo(values.dtype).eps * np.abs(values).max(-1, initial=0.0)[..., None, None]
    same = np.abs(values[..., None, :] - values[..., :, None]) <= bound
    sizes = np.linalg.svd(detached(v), compute_uv=False)
    unknown = sizes[..., -1:].min(-1, initial=math.inf) <= n * np.finfo(values.dtype).eps
    unknown = unknown & (detached(g) != 0).any((-2, -1))
    equal = same.sum((-2, -1)) > n
    gap = np.where(same, 1, w[..., None, :] - w[..., :, None])
    inner = np.matmul(v.mT, gv)
    lengths = real_part((v * gv).sum(-2))[..., None, :]
    inner = np.where(same, 0, (inner - np.matmul(v.mT, conjugate(v)) * lengths) / gap)
    if equal.any():
        unknown = unknown | _depends_on_choice(detached(v), detached(gw), detached(gv), same)
        gw = np.matmul((same / same.sum(-1, keepdims=True)).astype(g.dtype), gw[..., None])[..., 0]
    whole = inner + gw[..., None] * np.eye(n, dtype=g.dtype)
    base = np.where(unknown[..., None, None], np.eye(n, dtype=g.dtype), v.mT) if unknown.any() else v.mT
    total = solve(base, np.matmul(whole, v.mT))
    if unknown.any():
        total = total * np.where(unknown, math.nan, 1)[..., None, None].astype(g.dtype)
    if equal.any() and isinstance(out, TensorBase):
        total = total + without_derivative(v.sum((-2, -1), keepdim=True), equal[..., None, None])
    return total if x.dtype.kind == "c" else astype(real(total), dtype=x.dtype)


eig = Primitive("eig", _eig, _eig_x, keeps="out", floating=True)

"""Declarations of inverses, determinants and factorisations, by series and permutations."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from autodiff.testing.domain import Domain, real, spd
from declared.base import declare, elsewhere

MATRICES = [((2, 2),), ((3, 3),), ((1, 1),), ((2, 2, 2),)]
TALL = [((3, 2),), ((2, 2),), ((2, 3, 1),)]


def _det(x: Any) -> Any:
    """Leibniz's sum over permutations."""
    n, total = x.shape[-1], 0
    for order in itertools.permutations(range(n)):
        sign = (-1) ** sum(order[i] > order[j] for i in range(n) for j in range(i + 1, n))
        total = total + sign * np.prod([x[..., i, order[i]] for i in range(n)], axis=0)
    return total


def _inverse(x: Any) -> Any:
    """Cramer's rule."""
    n = x.shape[-1]
    columns = []
    for j in range(n):
        replaced = [np.array(x) for _ in range(n)]
        for i in range(n):
            replaced[i][..., :, i] = np.eye(n)[:, j]
        columns.append(np.stack([_det(r) / _det(x) for r in replaced], -1))
    return np.stack(columns, -1)


@dataclass(frozen=True)
class Dominant(Domain):
    """Matrices with so large a diagonal that none is singular, and no symmetry to hide a transposed gradient."""

    def array(self, numbers: Any) -> Any:
        return numbers + 2 * np.eye(numbers.shape[-1])


def _lu(x: Any) -> Any:
    """Row by row, as Doolittle did, where no rows are exchanged, and the pivots that say so."""
    a = np.array(x)
    for i, j in itertools.product(range(a.shape[-2]), range(a.shape[-1])):
        k = min(i, j)
        a[..., i, j] -= (a[..., i, :k] * a[..., :k, j]).sum(-1)
        if i > j:
            a[..., i, j] /= a[..., j, j]
    return np.concatenate([a, np.zeros_like(a[..., :1, :]) + np.arange(a.shape[-1])], -2)


declare("inv", spd, shapes=MATRICES, ref=_inverse)
declare("solve", spd, real, shapes=[((2, 2), (2, 3)), ((3, 3), (3, 1)), ((2, 2, 2), (2, 2, 1))],
        ref=lambda x, y: np.matmul(_inverse(x), y))
declare("det", real, shapes=MATRICES, ref=_det)
declare("logabsdet", Dominant(distinct=True), shapes=MATRICES, ref=lambda x: np.log(np.abs(_det(x))))
declare("sign_of_det", spd, shapes=MATRICES, ref=lambda x: np.sign(_det(x)))
declare("matrix_exp", real(-1, 1), shapes=MATRICES,
        ref=lambda x: sum(np.linalg.matrix_power(x, k) / math.factorial(k) for k in range(30)))


def _cholesky(x: Any) -> Any:
    """Column by column, as Banachiewicz did."""
    low = np.zeros_like(x)
    for i, j in itertools.product(range(x.shape[-1]), repeat=2):
        rest = x[..., i, j] - (low[..., i, :j] * low[..., j, :j]).sum(-1)
        if i >= j:
            low[..., i, j] = np.sqrt(rest) if i == j else rest / low[..., j, j]
    return low


def _eigh(x: Any) -> Any:
    values, vectors = np.linalg.eigh(x)
    return np.concatenate([values[..., None, :], vectors, 0 * vectors[..., :1, :]], -2)


def _svd(x: Any) -> Any:
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return np.concatenate([u, s[..., None, :], np.swapaxes(vh, -1, -2), 0 * s[..., None, :]], -2)


def _gram_inverse(x: Any, **params: Any) -> Any:
    t = np.swapaxes(x, -1, -2)
    return np.matmul(_inverse(np.matmul(t, x)), t)


declare("lu", Dominant(distinct=True), shapes=MATRICES, ref=_lu, dtypes=())
declare("cholesky", spd, shapes=MATRICES, ref=lambda x: _cholesky((x + np.swapaxes(x, -1, -2)) / 2))
declare("eigh", spd, shapes=[((2, 2),), ((3, 3),)], ref=_eigh, dtypes=())
elsewhere("eig", "of eigenvectors, what does not depend on their phases has a gradient: tests/test_complex_linalg.py")
declare("apart", real, shapes=[((3, 3),), ((2, 3, 2),)], kwargs={"same": np.zeros((1, 1), bool)}, ref=lambda x, same: x)
declare("kink", real, kwargs={"where": np.zeros((), bool)}, ref=lambda x, where: x * 0)
declare("vectors", real, shapes=[((4, 2),), ((2, 4, 3),)], kwargs={"start": 1, "stop": 3},
        ref=lambda x, start, stop: x[..., start:stop, :])
declare("svd", spd, shapes=[((2, 2),), ((3, 3),)], ref=_svd, dtypes=())
declare("qr", spd, shapes=[((2, 2),), ((3, 3),)], ref=lambda x: np.concatenate(np.linalg.qr(x), -2), dtypes=())
declare("pinv", spd, shapes=MATRICES, kwargs={"rcond": 1e-15, "hermitian": False}, ref=_gram_inverse)

"""Factors of a low rank, found by random projections; and a few extreme eigenvalues."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.arrays import constant
from autodiff.functions.index_keys import getitem
from autodiff.functions.linear_algebra import matmul
from autodiff.functions.reductions import mean
from autodiff.functions.shaping import contiguous
from autodiff.functions.splitting import flip
from autodiff.kernels.arrays import as_array
from autodiff.linalg.decompositions import cholesky, eigh, inv, qr, svd
from autodiff.ops.complex_numbers import adjoint
from autodiff.random import numpy_generator


def svd_lowrank(A: Any, q: int | None = 6, niter: int | None = 2, M: Any = None) -> tuple[Value, Value, Value]:
    """About the ``q`` largest singular values of a matrix, with their vectors: A is about U diag(S) V^H.

    Shapes: A (*, m, n); U (*, m, q), S (*, q), V (*, n, q).

    Args:
        A: the matrix, or a stack of them.
        q: how many; a little above the rank is exact.
        niter: how many times A and its adjoint refine the projection.
        M: what is subtracted from A first, broadcast.

    Raises OptionError where ``q`` or ``niter`` is below 0.

    Reference: Halko, Martinsson & Tropp 2011, "Finding structure with randomness", algorithms 4.4 and 5.1.

    >>> import autodiff
    >>> svd_lowrank(autodiff.ones(3, 2), q=1)[1]
    tensor([2.4495])
    """
    A = A if M is None else A - M
    wanted, rounds = 6 if q is None else q, 2 if niter is None else niter
    if A.ndim < 2:
        raise ShapeError(f"a factorisation is that of a matrix (*, m, n), not of shape {tuple(A.shape)}")
    if wanted < 0 or rounds < 0:
        raise OptionError(f"q and niter are from 0 up, not {q} and {niter}")
    wide = A.shape[-2] < A.shape[-1]
    tall = adjoint(A) if wide else A
    basis = qr(matmul(tall, _random(A, (tall.shape[-1], wanted))))[0]
    for _ in range(rounds):
        basis = qr(matmul(tall, qr(matmul(adjoint(tall), basis))[0]))[0]
    u, s, vh = svd(matmul(adjoint(basis), tall), full_matrices=False)
    left, right = matmul(basis, u), adjoint(vh)
    return (right, s, left) if wide else (left, s, right)


def pca_lowrank(A: Any, q: int | None = None, center: bool = True, niter: int = 2) -> tuple[Value, Value, Value]:
    """The principal components of the rows of A: ``svd_lowrank`` of A without the mean of each column.

    Shapes: A (*, m, n); U (*, m, q), S (*, q), V (*, n, q), whose columns are the directions. By default q is 6, or
    what the matrix has.

    Raises OptionError where the matrix has fewer than ``q`` rows or columns.

    >>> import autodiff
    >>> points = autodiff.tensor([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    >>> pca_lowrank(points, q=1)[1]
    tensor([2.])
    """
    if A.ndim < 2:
        raise ShapeError(f"pca_lowrank takes rows of numbers (*, m, n), not shape {tuple(A.shape)}")
    count = min(6, *A.shape[-2:]) if q is None else q
    if count > min(A.shape[-2:]):
        raise OptionError(f"q is from 0 to {min(A.shape[-2:])} for {tuple(A.shape)}, not {q}")
    return svd_lowrank(A, count, niter, mean(A, -2, True) if center else None)


def lobpcg(
    A: Any, k: int | None = None, B: Any = None, X: Any = None, n: int | None = None, iK: Any = None,
    niter: int | None = None, tol: float | None = None, largest: bool | None = None, method: str | None = None,
    tracker: Any = None, ortho_iparams: Any = None, ortho_fparams: Any = None, ortho_bparams: Any = None,
) -> tuple[Value, Value]:
    """The ``k`` largest (or smallest) eigenvalues of a symmetric matrix, and their vectors, exactly.

    They are those of ``linalg.eigh``; with a positive definite ``B`` those of A x = lambda B x. PyTorch goes on from
    ``X`` in steps, and stops near them; what governs the steps (``iK``, ``niter``, ``tol``, ``method``) says nothing
    here.

    Shapes: A and B (*, m, m), X (*, m, n); the eigenvalues (*, k), the vectors (*, m, k).

    Raises OptionError where the matrix has fewer than ``k`` eigenvalues.

    >>> import autodiff
    >>> lobpcg(autodiff.diag(autodiff.tensor([1.0, 3.0, 2.0])), k=2)[0]
    tensor([3., 2.])
    """
    count = k if k is not None else 1 if X is None else X.shape[-1]
    if A.ndim < 2 or not 1 <= count <= A.shape[-1]:
        given = f"shape {tuple(A.shape)} and k = {count}"
        raise OptionError(f"lobpcg takes a matrix (*, m, m) and k from 1 to m, not {given}")
    if B is None:
        values, vectors = eigh(A)
    else:
        root = inv(cholesky(B))
        values, vectors = eigh(matmul(matmul(root, A), adjoint(root)))
        vectors = matmul(adjoint(root), vectors)
    if largest is not False:
        values, vectors = flip(values, (-1,)), flip(vectors, (-1,))
    return getitem(values, (..., slice(count))), contiguous(getitem(vectors, (..., slice(count))))


def _random(A: Any, shape: tuple[int, int]) -> Any:
    """Normal random numbers in the dtype of A, the same for every matrix of a stack."""
    kind = np.dtype(A.dtype)
    drawn = numpy_generator(None).standard_normal((2, *shape))
    array = drawn[0] + 1j * drawn[1] if kind.kind == "c" else drawn[0]
    return constant(as_array(array.astype(kind)), A)

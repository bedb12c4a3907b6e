"""Products of Householder's reflections, by PyTorch's names, and the QR factors that come as such."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff import return_types
from autodiff.engine.values import Value
from autodiff.errors import ShapeError
from autodiff.functions.arrays import array_of, constant, one_dtype
from autodiff.functions.axes import also_called
from autodiff.functions.diagonals import tril, triu
from autodiff.functions.shaping import unsqueeze
from autodiff.kernels.precision import single
from autodiff.linalg.decompositions import by_columns, floating, matrices
from autodiff.ops.complex_numbers import adjoint
from autodiff.ops.decompositions import solve
from autodiff.ops.linear_algebra import matmul
from autodiff.ops.shaping import in_single

__all__ = ["householder_product"]


def _blocks(input: Any, tau: Any) -> tuple[Any, Any]:
    """V (..., m, k) and T (..., k, k) with H_1 ... H_k = 1 - V T V^H for H_i = 1 - tau_i v_i v_i^H.

    T^-1 has 1 / tau on its diagonal and V^H V above it (Joffrain et al. 2006, "Accumulating Householder
    transformations, revisited"); with tau multiplied in, a tau of 0 is no exception.
    """
    m, k = input.shape[-2], tau.shape[-1]
    vectors = tril(input[..., :k], -1) + np.eye(m, k, dtype=input.dtype)
    inner = triu(matmul(adjoint(vectors), vectors), 1)
    eye = np.eye(k, dtype=input.dtype)
    return vectors, solve(eye + unsqueeze(tau, -1) * inner, unsqueeze(tau, -1) * eye)


def _check(name: str, input: Any, tau: Any) -> None:
    m, n = matrices(name, input).shape[-2:]
    one_dtype(name, input, tau)
    if tuple(tau.shape[:-1]) != tuple(input.shape[:-2]) or not tau.ndim or tau.shape[-1] > n or n > m:
        raise ShapeError(
            f"{name} takes columns (..., m, n) with m >= n and tau (..., k) with k <= n, not shapes "
            f"{tuple(input.shape)} and {tuple(tau.shape)}"
        )


@also_called(A="input")
@in_single
def householder_product(input: Any, tau: Any) -> Value:
    """The first n columns of H_1 H_2 ... H_k, with H_i = 1 - tau_i v_i v_i^H.

    The vector v_i is column i of ``input`` (..., m, n) below the diagonal, a 1 on it and zeros above; ``tau`` is
    (..., k), with m >= n >= k. It is what ``geqrf`` gives, for which the product is Q.

    Raises ShapeError, DtypeError where the shapes or dtypes do not fit each other.

    Reference: Golub & Van Loan 2013, "Matrix Computations", sec. 5.1.

    >>> import autodiff
    >>> A = autodiff.tensor([[3.0, 1.0], [4.0, 2.0]])
    >>> autodiff.linalg.householder_product(*autodiff.geqrf(A))
    tensor([[-0.6000, -0.8000],
            [-0.8000,  0.6000]])
    """
    _check("householder_product", input, tau)
    m, n = input.shape[-2:]
    vectors, inner = _blocks(input, tau)
    return by_columns(np.eye(m, n, dtype=input.dtype) - matmul(vectors, matmul(inner, adjoint(vectors[..., :n, :]))))


@also_called(input2="tau")
def orgqr(input: Any, tau: Any) -> Value:
    """``linalg.householder_product``."""
    return householder_product(input, tau)


@also_called(input2="tau", input3="other")
@in_single
def ormqr(input: Any, tau: Any, other: Any, left: bool = True, transpose: bool = False) -> Value:
    """Q @ other, or other @ Q unless ``left``, for the whole Q (..., m, m) of which ``geqrf`` gives the reflections.

    Args:
        input: (..., m, k), columns as those of ``householder_product``.
        tau: (..., k).
        other: (..., m, n), or (..., n, m) unless ``left``.
        left: on which side Q stands.
        transpose: whether it is Q^H.

    Raises ShapeError, DtypeError where the shapes or dtypes do not fit each other.
    """
    m = matrices("ormqr", input).shape[-2]
    one_dtype("ormqr", input, other)
    one_dtype("ormqr", input, tau)
    k = min(input.shape[-2:])
    fits = tuple(tau.shape) == (*input.shape[:-2], k) and other.ndim > 1 and other.shape[-2 if left else -1] == m
    if not fits:
        raise ShapeError(
            f"ormqr takes input (..., m, k), tau (..., min(m, k)) and other (..., {'m, n' if left else 'n, m'}), not "
            f"shapes {tuple(input.shape)}, {tuple(tau.shape)} and {tuple(other.shape)}"
        )
    vectors, inner = _blocks(input, tau)
    inner = adjoint(inner) if transpose else inner
    if left:
        return by_columns(other - matmul(vectors, matmul(inner, matmul(adjoint(vectors), other))))
    return by_columns(other - matmul(matmul(matmul(other, vectors), inner), adjoint(vectors)))


def geqrf(input: Any) -> return_types.geqrf:
    """R of the QR factors of (..., m, n), with the reflections of Q below its diagonal, and their tau (..., min(m, n)).

    It is LAPACK's, and outside the graph as in PyTorch: ``linalg.qr`` has gradients.
    """
    input = floating(matrices("geqrf", input))
    if not math.prod(input.shape):
        shape = (*input.shape[:-2], min(input.shape[-2:]))
        return return_types.geqrf(constant(np.zeros(input.shape, input.dtype), input),
                           constant(np.zeros(shape, input.dtype), input))
    packed, tau = _raw(array_of(input))
    return return_types.geqrf(by_columns(constant(packed, input)), constant(tau, input))


def _raw(x: Any) -> tuple[Any, Any]:
    h, tau = np.linalg.qr(single(x), "raw")
    return h.mT.astype(x.dtype, copy=False), tau.astype(x.dtype, copy=False)

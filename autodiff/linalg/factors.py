"""LU factors and what is solved with them, by PyTorch's names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff import return_types
from autodiff.engine.values import Value
from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.functions.arrays import array_of, constant
from autodiff.functions.diagonals import tril, triu
from autodiff.functions.shaping import broadcast_to
from autodiff.kernels.lu import permutation
from autodiff.linalg.decompositions import by_columns, matrices
from autodiff.ops import lu as primitives
from autodiff.ops.complex_numbers import adjoint as adjoint_
from autodiff.ops.decompositions import solve
from autodiff.ops.shaping import in_single

__all__ = ["lu", "lu_factor", "lu_factor_ex", "lu_solve"]


@in_single
def _compact(A: Any) -> Any:
    both = primitives.lu(A)
    return by_columns(both[..., : A.shape[-2], :]), constant(primitives.pivots_of(both).astype(np.int32) + 1, A)


def _factored(name: str, A: Any, pivot: bool) -> Any:
    if not pivot:
        raise OptionError(f"{name} exchanges rows; without pivots the factors may not exist, or be of no use")
    return _compact(matrices(name, A))


def lu_factor_ex(A: Any, *, pivot: bool = True, check_errors: bool = False) -> return_types.linalg_lu_factor_ex:
    """``lu_factor``, and for each matrix 0, or the place (from 1) of the first zero on the diagonal of U.

    Raises:
        OptionError: ``pivot`` is False.
        ShapeError: ``check_errors`` is set and a matrix is singular.
    """
    factors, pivots = _factored("lu_factor_ex", A, pivot)
    zeros = np.diagonal(array_of(factors), axis1=-2, axis2=-1) == 0
    info = np.where(zeros.any(-1), zeros.argmax(-1) + 1 if zeros.shape[-1] else 0, 0).astype(np.int32)
    if check_errors:
        _raise_if_singular(A, info)
    return return_types.linalg_lu_factor_ex(factors, pivots, constant(info, A))


def _raise_if_singular(A: Any, info: Any) -> None:
    if (found := np.flatnonzero(info)).size:
        place = int(np.ravel(info)[found[0]])
        raise ShapeError(
            f"lu_factor of shape {tuple(A.shape)}: entry {place} of the diagonal of U is 0 in matrix {found[0]}, so "
            "that nothing can be solved with the factors; linalg.lu and lu_factor_ex give them all the same"
        )


def lu_factor(A: Any, *, pivot: bool = True) -> return_types.linalg_lu_factor:
    """L and U of A (..., m, n) in one matrix, and the pivots (..., min(m, n)), from which ``lu_solve`` solves.

    U stands on and above the diagonal, L below; the diagonal of L is 1. Row i was exchanged with row ``pivots[i]``,
    counted from 1, as LAPACK's. LU is differentiable to any order, of complex matrices too; where the leading square is
    singular the gradient is NaN.

    Raises:
        ShapeError: A has no two axes, or U has a zero on its diagonal.
        OptionError: ``pivot`` is False, which PyTorch has on GPUs alone.

    Reference: Golub & Van Loan 2013, "Matrix Computations", sec. 3.4.

    >>> import autodiff
    >>> autodiff.linalg.lu_factor(autodiff.tensor([[1.0, 2.0], [2.0, 6.0]])).LU
    tensor([[ 2.0000,  6.0000],
            [ 0.5000, -1.0000]])
    """
    factors, pivots, info = lu_factor_ex(A, pivot=pivot)
    _raise_if_singular(A, array_of(info))
    return return_types.linalg_lu_factor(factors, pivots)


def lu(A: Any, *, pivot: bool = True) -> return_types.linalg_lu:
    """P, L and U with A = P L U: (..., m, m), (..., m, k) and (..., k, n), for A of (..., m, n) and k = min(m, n).

    P is a permutation, a constant; L has ones on its diagonal and zeros above, U zeros below its own.

    Raises OptionError for ``pivot=False``.
    """
    return return_types.linalg_lu(*lu_unpack(*_factored("lu", A, pivot)))


def lu_unpack(
    LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True
) -> return_types.lu_unpack:
    """P, L and U of what ``lu_factor`` gives; what is not asked for is empty.

    Raises:
        DtypeError: the pivots are not int32.
        ShapeError: they do not fit the factors.
        OptionError: a pivot is no row of the matrix.

    >>> import autodiff
    >>> P, L, U = autodiff.lu_unpack(*autodiff.linalg.lu_factor(autodiff.tensor([[1.0, 2.0], [2.0, 6.0]])))
    >>> P @ L @ U
    tensor([[1., 2.],
            [2., 6.]])
    """
    m, n = matrices("lu_unpack", LU_data).shape[-2:]
    k = min(m, n)
    none = constant(np.zeros(0, LU_data.dtype), LU_data)
    P = L = U = none
    if unpack_pivots:
        order = permutation(_pivots("lu_unpack", LU_data, LU_pivots), m)
        P = constant(np.eye(m, dtype=LU_data.dtype)[order].mT.copy(), LU_data)
    if unpack_data:
        L = tril(LU_data, -1)[..., :k] + np.eye(m, k, dtype=LU_data.dtype)
        U = triu(LU_data[..., :k, :])
    return return_types.lu_unpack(P, L, U)


def _pivots(name: str, LU: Any, pivots: Any) -> Any:
    """The pivots, counted from 0; raises DtypeError or ShapeError where they do not belong to ``LU``."""
    numbers = array_of(pivots)
    shape = (*LU.shape[:-2], min(LU.shape[-2:]))
    if numbers.dtype != np.int32:
        raise DtypeError(f"{name} takes pivots of int32, as lu_factor gives them, not {numbers.dtype.name}")
    if tuple(numbers.shape) != tuple(shape):
        raise ShapeError(f"{name} of factors {tuple(LU.shape)} takes pivots {shape}, not {tuple(numbers.shape)}")
    if numbers.size and (numbers.min() < 1 or numbers.max() > LU.shape[-2]):
        raise OptionError(f"{name} takes pivots from 1 to {LU.shape[-2]}, as lu_factor gives them")
    return numbers.astype(np.int64) - 1


@in_single
def lu_solve(LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False) -> Value:
    """X with A X = B (X A = B unless ``left``; A^H in place of A if ``adjoint``), for the factors of A.

    Args:
        LU: (..., n, n), from ``lu_factor``.
        pivots: (..., n), int32.
        B: (..., n, k), or (..., k, n) unless ``left``; the stacks are broadcast.
        left: whether X stands to the right of A.
        adjoint: whether A is transposed and conjugated first.

    Raises:
        ShapeError, DtypeError: the factors are not square, or the pivots are not theirs, or B does not fit.

    >>> import autodiff
    >>> A, B = autodiff.tensor([[1.0, 2.0], [2.0, 6.0]]), autodiff.tensor([[5.0], [14.0]])
    >>> autodiff.linalg.lu_solve(*autodiff.linalg.lu_factor(A), B)
    tensor([[1.],
            [2.]])
    """
    n = matrices("lu_solve", LU).shape[-1]
    if LU.shape[-2] != n or B.ndim < 2 or B.shape[-2 if left else -1] != n:
        raise ShapeError(f"lu_solve takes LU (..., n, n) and B (..., n, k), not {tuple(LU.shape)}, {tuple(B.shape)}")
    if not left:  # X A = B is A^H X^H = B^H
        return adjoint_(lu_solve(LU, pivots, adjoint_(B), adjoint=not adjoint))
    order = permutation(_pivots("lu_solve", LU, pivots), n)
    _, L, U = lu_unpack(LU, pivots, unpack_pivots=False)
    if adjoint:
        solution = solve(adjoint_(L), solve(adjoint_(U), B))
        return by_columns(_ordered(solution, np.argsort(order, axis=-1)))
    return solve(U, solve(L, _ordered(B, order)))


def _ordered(x: Any, order: Any) -> Any:
    """The rows of ``x`` in an order for each matrix of the stack, of which either may lack axes."""
    try:
        stack = np.broadcast_shapes(x.shape[:-2], order.shape[:-1])
    except ValueError:
        raise ShapeError(f"lu_solve: stacks {tuple(order.shape[:-1])} of LU and {tuple(x.shape[:-2])} of B") from None
    if math.prod(order.shape[:-1]) == 1 and stack == tuple(x.shape[:-2]):
        return x[..., order.reshape(-1), :]
    return primitives.rows(broadcast_to(x, (*stack, *x.shape[-2:])), np.broadcast_to(order, (*stack, order.shape[-1])))

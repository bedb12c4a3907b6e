"""Linear algebra by the names PyTorch had before ``torch.linalg``."""

from __future__ import annotations

from typing import Any, Literal, overload

from autodiff import return_types
from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.arithmetic import where
from autodiff.functions.axes import also_called
from autodiff.functions.diagonals import tril, triu
from autodiff.functions.public import as_function, of_one
from autodiff.functions.shaping import broadcast_to
from autodiff.functions.splitting import flip
from autodiff.linalg import decompositions, factors, products
from autodiff.linalg.decompositions import DETERMINANT, EXPONENTIAL
from autodiff.linalg.factors import lu_unpack
from autodiff.linalg.householder import geqrf, orgqr, ormqr
from autodiff.linalg.low_rank import lobpcg, pca_lowrank, svd_lowrank
from autodiff.linalg.norms import cdist, dist, pdist, renorm, vector_norm
from autodiff.linalg.norms import torch_norm as norm
from autodiff.ops import decompositions as primitives
from autodiff.ops.complex_numbers import adjoint
from autodiff.ops.linear_algebra import matmul
from autodiff.ops.shaping import copy
from autodiff.ops.transcendental import log

__all__ = [
    "cdist", "cholesky", "cholesky_inverse", "cholesky_solve", "det", "dist", "frobenius_norm", "geqrf", "inverse",
    "lobpcg", "logdet", "lu", "lu_solve", "lu_unpack", "matrix_exp", "matrix_power", "norm", "nuclear_norm", "orgqr",
    "ormqr", "pca_lowrank", "pdist", "pinverse", "qr", "renorm", "slogdet", "svd", "svd_lowrank", "triangular_solve",
    "vander",
]

det = as_function(primitives.det, of_one, DETERMINANT)
matrix_exp = also_called(A="input")(as_function(primitives.matrix_exp, of_one, EXPONENTIAL))


@also_called(A="input")
def inverse(input: Any) -> Value:
    """``linalg.inv``."""
    return decompositions.inv(input)


@also_called(A="input")
def matrix_power(input: Any, n: int) -> Value:
    """``linalg.matrix_power``."""
    return decompositions.matrix_power(input, n)


@also_called(A="input")
def slogdet(input: Any) -> return_types.slogdet:
    """``linalg.slogdet``."""
    return return_types.slogdet(*decompositions.slogdet(input))


@also_called(A="input")
def logdet(input: Any) -> Value:
    """log of the determinant, which is -inf at 0; NaN below for real matrices, and complex for complex ones."""
    sign, size = slogdet(input)
    if input.dtype.kind == "c":
        return log(sign) + size
    return where(sign < 0, float("nan"), size)


def pinverse(input: Any, rcond: float = 1e-15) -> Value:
    """The pseudoinverse, with singular values up to ``rcond`` times the largest taken as 0."""
    return decompositions.pinv(input, rtol=rcond)


def cholesky(input: Any, upper: bool = False) -> Value:
    """The lower (or upper) triangular factor of a positive definite matrix."""
    return decompositions.cholesky(input, upper=upper)


@also_called(input="B", input1="B", input2="L")
def cholesky_solve(B: Any, L: Any, upper: bool = False) -> Value:
    """X with A X = B, for the factor ``L`` of A.

    Raises ShapeError for a factor that is not square, or a B that does not fit it.
    """
    if B.ndim < 2:
        raise ShapeError(f"cholesky_solve takes B (..., n, k), not shape {tuple(B.shape)}")
    triangle = _triangle(L, upper)
    first, second = (adjoint(triangle), triangle) if upper else (triangle, adjoint(triangle))
    return primitives.solve(second, primitives.solve(first, B))  # exact to the condition of the factor, not of A


@also_called(input="L")
def cholesky_inverse(L: Any, upper: bool = False) -> Value:
    """The inverse of the matrix of which ``L`` is the factor; raises ShapeError for a factor that is not square."""
    inverse = decompositions.inv(_triangle(L, upper))
    product = matmul(inverse, adjoint(inverse)) if upper else matmul(adjoint(inverse), inverse)
    return adjoint(product)  # the same numbers, by columns as in PyTorch


def _triangle(factor: Any, upper: bool) -> Any:
    """What is looked at of a Cholesky factor; raises ShapeError where it is not square."""
    if factor.ndim < 2 or factor.shape[-1] != factor.shape[-2]:
        raise ShapeError(f"a Cholesky factor is square (..., n, n), not of shape {tuple(factor.shape)}")
    return triu(factor) if upper else tril(factor)


@overload
def lu(A: Any, pivot: bool = True, get_infos: Literal[False] = False) -> return_types.linalg_lu_factor: ...
@overload
def lu(A: Any, pivot: bool = True, *, get_infos: Literal[True]) -> return_types.linalg_lu_factor_ex: ...
def lu(A: Any, pivot: bool = True, get_infos: bool = False) -> Any:
    """``linalg.lu_factor``, a tuple of the factors and the pivots; with ``get_infos`` ``linalg.lu_factor_ex``."""
    found = factors.lu_factor_ex(A, pivot=pivot)
    return found if get_infos else return_types.linalg_lu_factor(found.LU, found.pivots)


@also_called(input="b")
def lu_solve(b: Any, LU_data: Any, LU_pivots: Any) -> Value:
    """``linalg.lu_solve`` with the right side first: X with A X = b."""
    return factors.lu_solve(LU_data, LU_pivots, b)


def qr(input: Any, some: bool = True) -> return_types.qr:
    """``linalg.qr``, reduced if ``some``."""
    return return_types.qr(*decompositions.qr(input, "reduced" if some else "complete"))


def svd(input: Any, some: bool = True, compute_uv: bool = True) -> return_types.svd:
    """``linalg.svd``, reduced if ``some``, with V instead of its transpose.

    Raises OptionError for ``compute_uv=False``, which is ``linalg.svdvals``.
    """
    if not compute_uv:
        raise OptionError("svd without U and V is linalg.svdvals")
    u, s, vh = decompositions.svd(input, not some)
    return return_types.svd(u, s, adjoint(vh))


@also_called(input="b")
def triangular_solve(
    b: Any, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> return_types.triangular_solve:
    """X with A X = b (or A^T X = b), for a triangular A."""
    factor = A.mT if transpose else A
    solution = decompositions.solve_triangular(factor, b, upper=upper != transpose, unitriangular=unitriangular)
    whole = broadcast_to(A, (*solution.shape[:-2], *A.shape[-2:])) if solution.ndim > A.ndim else A
    return return_types.triangular_solve(solution, copy(whole, order="F"))


def frobenius_norm(input: Any, dim: Any, keepdim: bool = False) -> Value:
    """``linalg.vector_norm`` over ``dim``, or over all entries where that is empty.

    >>> import autodiff
    >>> autodiff.frobenius_norm(autodiff.ones(2, 2), (0, 1))
    tensor(2.)
    """
    return vector_norm(input, 2, dim if dim or dim == 0 else None, keepdim)


def nuclear_norm(input: Any, dim: Any = None, keepdim: bool = False) -> Value:
    """The sum of the singular values of the matrices in the two axes ``dim``, the last two by default.

    >>> import autodiff
    >>> autodiff.nuclear_norm(autodiff.eye(3))
    tensor(3.)
    """
    return norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim)


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Value:
    """The powers of the entries of a vector, a row for each, the highest first; as many as entries by default.

    Raises ShapeError for what is no vector.

    >>> import autodiff
    >>> autodiff.vander(autodiff.tensor([2, 3]), 3).tolist()
    [[4, 2, 1], [9, 3, 1]]
    """
    if x.ndim != 1:
        raise ShapeError(f"vander takes a vector, not shape {tuple(x.shape)}; linalg.vander takes stacks")
    powers = products.powers(x, x.shape[0] if N is None else N)
    return powers if increasing else flip(powers, (-1,))

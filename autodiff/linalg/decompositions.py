"""Inverses, determinants, factorisations and solutions by the names of ``torch.linalg``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff import return_types
from autodiff.dtypes import DIFFERENTIABLE, get_default_dtype, to_real
from autodiff.engine import modes
from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.arrays import array_of, constant, lent, one_dtype
from autodiff.functions.axes import also_called
from autodiff.functions.diagonals import tril, triu
from autodiff.functions.joining import cat
from autodiff.functions.public import as_function, of_matrix
from autodiff.functions.reductions import sum as sum_
from autodiff.functions.shaping import clone, contiguous, reshape, squeeze, unsqueeze
from autodiff.kernels.arrays import as_array
from autodiff.kernels.lending import owner_of
from autodiff.kernels.precision import single
from autodiff.ops import decompositions as primitives
from autodiff.ops import eigen, spectra
from autodiff.ops.complex_numbers import adjoint, conjugate, real_part
from autodiff.ops.linear_algebra import matmul
from autodiff.ops.shaping import cast, copy, in_single

__all__ = [
    "cholesky", "det", "eig", "eigh", "eigvals", "eigvalsh", "inv", "lstsq", "matrix_exp",
    "matrix_power", "matrix_rank", "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd", "svdvals",
]

DETERMINANT = "The determinants of (..., n, n), shape (...)."
EXPONENTIAL = "The matrix exponentials of (..., n, n), the sums of ``A**k / k!``."
det = as_function(primitives.det, of_matrix, DETERMINANT)
matrix_exp = also_called(input="A")(as_function(primitives.matrix_exp, of_matrix, EXPONENTIAL))


def square(name: str, A: Any) -> Any:
    """``A`` itself; raises ShapeError where it is not square."""
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise ShapeError(f"{name} takes square matrices (..., n, n), not shape {tuple(A.shape)}")
    return A


def matrices(name: str, A: Any) -> Any:
    """``A`` itself; raises ShapeError where it has not the two axes of a matrix."""
    if A.ndim < 2:
        raise ShapeError(f"{name} takes matrices (..., m, n), not shape {tuple(A.shape)}")
    return A


def floating(A: Any) -> Any:
    """``A``, or, of integers and booleans, ``A`` in the default dtype, in which the primitives compute."""
    return A if A.dtype.kind in DIFFERENTIABLE else cast(A, get_default_dtype())


def by_columns(x: Any) -> Any:
    """``x`` in memory of its own, column by column, as LAPACK's and PyTorch's."""
    if x.ndim < 2:
        return x
    return x if array_of(x).mT.flags.c_contiguous and _has_own_memory(x) else copy(x, order="F")


def _by_rows(x: Any) -> Any:
    """``x`` in memory of its own: no part of that in which several results were stacked."""
    return contiguous(x) if _has_own_memory(x) else copy(x, order="C")


def _has_own_memory(x: Any) -> bool:
    return bool(owner_of(array_of(x)).size == math.prod(x.shape))


@also_called(input="A")
def inv(A: Any) -> Value:
    """The inverse of (..., n, n); raises ShapeError where there is none.

    >>> import autodiff
    >>> autodiff.linalg.inv(autodiff.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return primitives.inv(square("inv", A))


@also_called(input="A")
def slogdet(A: Any) -> return_types.linalg_slogdet:
    """The sign of the determinant of (..., n, n), and log of its size; of complex matrices a sign has length 1."""
    return return_types.linalg_slogdet(primitives.sign_of_det(square("slogdet", A)), primitives.logabsdet(A))


def solve(A: Any, B: Any, *, left: bool = True) -> Value:
    """X with A X = B (or X A = B) for A of (..., n, n) and B of (..., n, k), or (..., n) where that fits the stack.

    Raises ShapeError where A is not square, or B does not fit it.
    """
    square("solve", A)
    vector = B.ndim == 1 or (B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape[:-1]))
    if not left:
        if vector:
            raise ShapeError(f"solve(left=False) takes B of (..., k, n), not a vector of shape {tuple(B.shape)}")
        return primitives.solve(A.mT, B.mT).mT
    return by_columns(squeeze(primitives.solve(A, unsqueeze(B, -1)), -1)) if vector else primitives.solve(A, B)


@also_called(input="A")
def solve_triangular(A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Value:
    """``solve`` for a matrix of which one triangle is looked at, with ones on its diagonal if ``unitriangular``."""
    if matrices("solve_triangular", B).dtype != A.dtype:
        one_dtype("solve_triangular", A, B)
    triangle = (triu if upper else tril)(square("solve_triangular", A), (1 if upper else -1) if unitriangular else 0)
    if unitriangular:
        triangle = triangle + np.eye(A.shape[-1], dtype=A.dtype)
    return primitives.solve(triangle, B) if left else by_columns(primitives.solve(triangle.mT, B.mT).mT)


@also_called(input="A")
def cholesky(A: Any, *, upper: bool = False) -> Value:
    """The lower triangular L (or L^H) with L L^H = A, for a positive definite A of (..., n, n)."""
    factor = primitives.cholesky(square("cholesky", A))
    return by_columns(adjoint(factor)) if upper else factor


@also_called(input="A")
def eigh(A: Any, UPLO: str = "L") -> return_types.linalg_eigh:
    """The real eigenvalues, rising, and orthonormal eigenvectors (columns) of A, or of its Hermitian part.

    Raises GraphError in the backward pass of a function that depends on the phases of complex eigenvectors.
    """
    if UPLO not in ("L", "U"):
        raise OptionError(f'UPLO is "L" or "U", not {UPLO!r}')
    both = spectra.eigh(square("eigh", A))
    return return_types.linalg_eigh(_row(both, 0), by_columns(spectra.vectors(both, start=1, stop=A.shape[-1] + 1)))


@also_called(input="A")
def eig(A: Any) -> return_types.linalg_eig:
    """The eigenvalues (..., n) of any square A, and eigenvectors of length 1 as columns (..., n, n): complex numbers.

    A has a real matrix, too. The order of the eigenvalues and the phases of the eigenvectors are LAPACK's. Where
    eigenvalues are equal, a function that treats them alike has its gradient, of first order; all else is NaN, and so
    is the gradient where A has no basis of eigenvectors.

    Raises:
        ShapeError: A is not square, or has entries that are not finite.
        GraphError: what is differentiated depends on the phases of eigenvectors (in the backward pass).

    Reference: Boeddeker et al. 2017, "On the computation of complex-valued gradients", arXiv:1701.00392.

    >>> import autodiff
    >>> autodiff.linalg.eig(autodiff.tensor([[0.0, 1.0], [-1.0, 0.0]])).eigenvalues
    tensor([0.+1.j, 0.-1.j])
    """
    both = eigen.eig(square("eig", A))
    return return_types.linalg_eig(_by_rows(both[..., 0, :]), by_columns(both[..., 1:, :]))


@also_called(input="A")
def eigvals(A: Any) -> Value:
    """The eigenvalues of any square A, complex numbers in LAPACK's order."""
    return eig(A).eigenvalues


def _row(stacked: Any, i: int) -> Any:
    """Row ``i`` of real numbers, by itself in memory."""
    return _by_rows(real_part(stacked[..., i, :]))


@also_called(input="A")
def eigvalsh(A: Any, UPLO: str = "L") -> Value:
    """The eigenvalues of a symmetric A, rising."""
    return eigh(A, UPLO).eigenvalues


def svd(A: Any, full_matrices: bool = True, *, driver: str | None = None) -> return_types.linalg_svd:
    """A of (..., m, n) as U diag(S) Vh; U and Vh square, or with k = min(m, n) columns and primitives.

    The columns that ``full_matrices`` adds are not determined by A: they are constants. Raises GraphError in the
    backward pass of a function that depends on the phases of complex singular vectors.
    """
    _no_driver(driver)
    A = floating(matrices("svd", A))
    m, n = A.shape[-2:]
    if full_matrices and m != n and not (math.prod(A.shape) and _is_tracked(A)):
        u, s, vh = (constant(x, A) for x in _svd(array_of(A)))
        return return_types.linalg_svd(by_columns(u), s, by_columns(vh))
    whole = spectra.svd(A)
    left, right = (spectra.vectors(whole, start=i, stop=j) for i, j in ((0, m), (m + 1, m + 1 + n)))
    if full_matrices:
        left, right = _completed(left), _completed(right)
    return return_types.linalg_svd(by_columns(left), _row(whole, m), by_columns(adjoint(right)))


def _is_tracked(A: Any) -> bool:
    """Whether what is computed of ``A`` now goes into the graph."""
    return getattr(A, "requires_grad", False) and modes.current().recording


def _completed(vectors: Any) -> Any:
    """Orthonormal columns (..., n, k), followed by n - k constant ones that make them a basis."""
    n, k = vectors.shape[-2:]
    return vectors if k == n else cat([vectors, constant(_complement(array_of(vectors)), vectors)], -1)


@in_single
def _svd(x: Any) -> Any:
    return tuple(np.linalg.svd(primitives.finite(x)))


@in_single
def _sizes(x: Any) -> Any:
    return np.linalg.svd(primitives.finite(x), compute_uv=False)


@in_single
def _whole_qr(x: Any) -> Any:
    return tuple(np.linalg.qr(x, "complete"))


def _complement(vectors: Any) -> Any:
    return _whole_qr(vectors)[0][..., vectors.shape[-1] :]


def _no_driver(driver: str | None) -> None:
    if driver is not None:
        raise OptionError(f"driver={driver!r} is for GPUs, where PyTorch has several; leave it out")


def svdvals(A: Any, *, driver: str | None = None) -> Value:
    """The singular values of A, falling; raises OptionError for a ``driver``: those are for GPUs."""
    _no_driver(driver)
    return svd(A, full_matrices=False).S


def qr(A: Any, mode: str = "reduced") -> return_types.linalg_qr:
    """A of (..., m, n) as Q R, Q of orthonormal columns and R upper triangular; with "r", Q is empty.

    Raises OptionError where there is no such ``mode``, and for a gradient of another mode than "reduced".
    """
    A = floating(matrices("qr", A))
    m, n = A.shape[-2:]
    if mode not in ("reduced", "complete", "r"):
        raise OptionError(f'mode is "reduced", "complete" or "r", not {mode!r}')
    if mode == "complete" and m > n:
        if _is_tracked(A):
            raise OptionError(f'qr of shape {tuple(A.shape)} has a gradient with mode="reduced" only')
        return return_types.linalg_qr(*(by_columns(constant(x, A)) for x in _whole_qr(array_of(A))))
    both = primitives.qr(A if m >= n else A[..., :m])
    k = min(m, n)
    q, r = both[..., :m, :], both[..., m:, :]
    if m < n:
        r = cat([r, matmul(adjoint(q), lent(A[..., k:]))], -1)
    return return_types.linalg_qr(constant(np.zeros(0, A.dtype), A) if mode == "r" else by_columns(q), by_columns(r))


@also_called(input="A", rcond="rtol")
def pinv(A: Any, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Value:
    """The pseudoinverse, with singular values up to max(atol, rtol * the largest) as 0; ``rcond`` is ``rtol`` too."""
    A = floating(matrices("pinv", A))
    sizes = _sizes(array_of(A))
    largest = sizes.max(-1, initial=0.0)
    rtol = _relative_tolerance(A, atol, rcond if rtol is None else rtol)
    absolute = 0.0 if atol is None else array_of(atol) / np.where(largest == 0, 1, largest)
    return primitives.pinv(A, rcond=np.maximum(array_of(rtol), absolute), hermitian=hermitian)


def _relative_tolerance(A: Any, atol: Any, rtol: Any) -> Any:
    """``rtol``; where it is missing, what rounding may leave, or 0 beside an absolute tolerance."""
    if rtol is None:
        return 0.0 if atol is not None else max(A.shape[-2:]) * float(np.finfo(A.dtype).eps)
    return rtol


@also_called(input="A", b="B")
def lstsq(A: Any, B: Any, rcond: Any = None, *, driver: str | None = None) -> return_types.linalg_lstsq:
    """X of the least squares of A X - B, for A of (..., m, n) and B of (..., m, k).

    All is computed with the pseudoinverse. ``driver`` says what comes besides, as from LAPACK's: "gelsy", the default,
    gives the rank, "gelsd" and "gelss" the singular values too, and all but "gelsy" the sums of the squares that are
    left, where m > n and the rank is n; "gels" gives these alone. What is not given is empty.

    Raises ShapeError where A and B do not fit each other, and OptionError for an unknown ``driver``.
    """
    one_dtype("lstsq", A, B)
    A, B = floating(matrices("lstsq", A)), floating(B)
    vector = B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape[:-1])
    if not (vector or B.ndim == A.ndim):
        raise ShapeError(f"lstsq of A {tuple(A.shape)} takes B of {A.ndim} axes, not of shape {tuple(B.shape)}")
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise OptionError(f'driver is "gels", "gelsy", "gelsd" or "gelss", not {driver!r}')
    right = unsqueeze(B, -1) if vector else B
    solution = matmul(pinv(A, rtol=rcond), right)
    m, n = A.shape[-2:]
    some = math.prod(A.shape) and math.prod(B.shape)  # of nothing PyTorch gives no residuals, and the rank 0
    rank = as_array(np.linalg.matrix_rank(single(array_of(A)))) if some else np.zeros(A.shape[:-2], np.int64)
    sizes = _sizes(array_of(A)) if driver in ("gelsd", "gelss") else np.zeros(0, to_real(A.dtype))
    rest = matmul(A, solution) - right
    whole = some and m > n and (rank == n).all() and driver not in (None, "gelsy")
    residuals = sum_(real_part(rest * conjugate(rest)), -2)
    residuals = residuals if whole else reshape(residuals, (-1,))[:0]
    solution = squeeze(solution, -1) if vector else by_columns(solution)
    rank = rank.ravel()[:0] if driver == "gels" else rank
    return return_types.linalg_lstsq(solution, residuals, constant(rank, A), constant(sizes, A))


@also_called(input="A")
def matrix_power(A: Any, n: int) -> Value:
    """A times itself ``n`` times, by squaring; of its inverse where ``n`` is below 0."""
    base, power = (square("matrix_power", A), n) if n >= 0 else (inv(A), -n)
    if n == 1:
        return clone(A)
    if n == 0:
        return A * 0 + np.eye(A.shape[-1], dtype=A.dtype)
    total: Any = None
    while power:
        if power & 1:
            total = base if total is None else matmul(total, base)
        power >>= 1
        base = matmul(base, base) if power else base
    return total


@also_called(input="A", tol="atol")
def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Value:
    """How many singular values are above max(atol, rtol * the largest); ``tol`` is ``atol``, by its old name."""
    atol = tol if atol is None else atol
    A = floating(matrices("matrix_rank", A))
    s = _sizes(array_of(A))
    bound = np.maximum(0.0 if atol is None else atol, _relative_tolerance(A, atol, rtol) * s.max(-1, initial=0.0))
    return constant((s > as_array(bound)[..., None]).sum(-1), A)

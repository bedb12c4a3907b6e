"""What functions with several results give: a named tuple for each, under PyTorch's names (``torch.return_types``)."""

from __future__ import annotations

from typing import Any, NamedTuple

from autodiff.engine.values import Value


class Named:
    """A named tuple that prints as PyTorch's do: the name of its function, then a line for each entry.

    >>> import autodiff
    >>> autodiff.max(autodiff.tensor([[1.0, 5.0], [7.0, 2.0]]), 1)
    autodiff.return_types.max(
    values=tensor([5., 7.]),
    indices=tensor([1, 0]))
    """

    __slots__ = ()

    def __repr__(self: Any) -> str:
        entries = ",\n".join(f"{name}={value!r}" for name, value in self._asdict().items())
        return f"autodiff.return_types.{type(self).__name__}(\n{entries})"


class _Picked(NamedTuple):
    values: Value
    indices: Value


class max(Named, _Picked):
    """Entries, and their positions along an axis."""

    __slots__ = ()


class min(Named, _Picked):
    """Entries, and their positions along an axis."""

    __slots__ = ()


class sort(Named, _Picked):
    """Entries, and their positions along an axis."""

    __slots__ = ()


class topk(Named, _Picked):
    """Entries, and their positions along an axis."""

    __slots__ = ()


class kthvalue(Named, _Picked):
    """Entries, and their positions along an axis."""

    __slots__ = ()


class median(Named, _Picked):
    """Entries, and their positions along an axis."""

    __slots__ = ()


class nanmedian(Named, _Picked):
    """Entries, and their positions along an axis."""

    __slots__ = ()


class mode(Named, _Picked):
    """Entries, and their positions along an axis."""

    __slots__ = ()


class cummax(Named, _Picked):
    """Entries, and their positions along an axis."""

    __slots__ = ()


class cummin(Named, _Picked):
    """Entries, and their positions along an axis."""

    __slots__ = ()


class _Range(NamedTuple):
    min: Value
    max: Value


class aminmax(Named, _Range):
    """The smallest and the largest entry."""

    __slots__ = ()


class _Split(NamedTuple):
    mantissa: Value
    exponent: Value


class frexp(Named, _Split):
    """A mantissa and an exponent of 2."""

    __slots__ = ()


class _Counts(NamedTuple):
    hist: Value
    bin_edges: Any


class histogram(Named, _Counts):
    """Counts, and the edges between them."""

    __slots__ = ()


class histogramdd(Named, _Counts):
    """Counts, and the edges between them, of each dimension."""

    __slots__ = ()


class _Eigen(NamedTuple):
    eigenvalues: Value
    eigenvectors: Value


class linalg_eig(Named, _Eigen):
    """Eigenvalues and eigenvectors."""

    __slots__ = ()


class linalg_eigh(Named, _Eigen):
    """Eigenvalues and eigenvectors."""

    __slots__ = ()


class _Singular(NamedTuple):
    U: Value
    S: Value
    Vh: Value


class linalg_svd(Named, _Singular):
    """Singular values and vectors."""

    __slots__ = ()


class _SingularV(NamedTuple):
    U: Value
    S: Value
    V: Value


class svd(Named, _SingularV):
    """Singular values and vectors, with V and not its conjugate transpose."""

    __slots__ = ()


class _Orthogonal(NamedTuple):
    Q: Value
    R: Value


class linalg_qr(Named, _Orthogonal):
    """An orthogonal and a triangular factor."""

    __slots__ = ()


class qr(Named, _Orthogonal):
    """An orthogonal and a triangular factor."""

    __slots__ = ()


class _Reflections(NamedTuple):
    a: Value
    tau: Value


class geqrf(Named, _Reflections):
    """Reflections and their factors."""

    __slots__ = ()


class _LogDet(NamedTuple):
    sign: Value
    logabsdet: Value


class linalg_slogdet(Named, _LogDet):
    """The sign of a determinant, and the logarithm of its size."""

    __slots__ = ()


class slogdet(Named, _LogDet):
    """The sign of a determinant, and the logarithm of its size."""

    __slots__ = ()


class _LeastSquares(NamedTuple):
    solution: Value
    residuals: Value
    rank: Value
    singular_values: Value


class linalg_lstsq(Named, _LeastSquares):
    """Solutions of the smallest residuals."""

    __slots__ = ()


class _Solution(NamedTuple):
    solution: Value
    cloned_coefficient: Value


class triangular_solve(Named, _Solution):
    """A solution, and the matrix it is of."""

    __slots__ = ()


class _Factors(NamedTuple):
    P: Value
    L: Value
    U: Value


class linalg_lu(Named, _Factors):
    """The factors of P L U."""

    __slots__ = ()


class lu_unpack(Named, _Factors):
    """The factors of P L U."""

    __slots__ = ()


class _Compact(NamedTuple):
    LU: Value
    pivots: Value


class linalg_lu_factor(Named, _Compact):
    """L and U in one matrix, and the rows exchanged."""

    __slots__ = ()


class _CompactInfo(NamedTuple):
    LU: Value
    pivots: Value
    info: Value


class linalg_lu_factor_ex(Named, _CompactInfo):
    """``linalg_lu_factor``, and 0 for each matrix where the factors can be solved with."""

    __slots__ = ()


class _InverseInfo(NamedTuple):
    inverse: Value
    info: Value


class linalg_inv_ex(Named, _InverseInfo):
    """An inverse, and 0 for each matrix that has one."""

    __slots__ = ()


class _CholeskyInfo(NamedTuple):
    L: Value
    info: Value


class linalg_cholesky_ex(Named, _CholeskyInfo):
    """A factor, and 0 for each matrix that has one."""

    __slots__ = ()


class _ResultInfo(NamedTuple):
    result: Value
    info: Value


class linalg_solve_ex(Named, _ResultInfo):
    """A solution, and 0 for each matrix that has one."""

    __slots__ = ()

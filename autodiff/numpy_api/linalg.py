"""NumPy's linear algebra for Tensors: for each function ours of that meaning, called with NumPy's arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff import return_types
from autodiff.functions import arithmetic, complex_names, diagonals, linear_algebra, reductions, shaping
from autodiff.functions.arrays import array_of
from autodiff.functions.einsum import einsum
from autodiff.linalg import decompositions, norms
from autodiff.numpy_api.arguments import Function, arrays_of, reduce
from autodiff.ops.linear_algebra import matmul


def _dot(a: Any, b: Any) -> Any:
    a, b = arrays_of(a, b)
    if a.ndim == 0 or b.ndim == 0:
        return arithmetic.multiply(a, b)
    return matmul(a, b) if b.ndim <= 2 else linear_algebra.tensordot(a, b, ([-1], [-2]))


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    if not isinstance(axes, int):
        axes = tuple([i] if isinstance(i, int) else list(i) for i in axes)
    a, b = arrays_of(a, b)
    return linear_algebra.tensordot(a, b, axes)


def _cross(a: Any, b: Any, axis: int = -1) -> Any:
    a, b = arrays_of(a, b)
    return linear_algebra.cross(a, b, axis)


def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return reductions.sum(diagonals.diagonal(a, offset, axis1, axis2), -1)


COMPLEX_EIG = tuple(map(int, np.__version__.split(".")[:2])) >= (2, 5)  # from then on NumPy's eig is always complex


def _eig(a: Any) -> Any:
    """Real numbers where all eigenvalues of a real matrix are, as those of NumPy before 2.5."""
    values, vectors = found = decompositions.eig(a)
    if COMPLEX_EIG or a.dtype.kind == "c" or array_of(values).imag.any():
        return found
    return return_types.linalg_eig(complex_names.real(values), complex_names.real(vectors))


def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    return decompositions.svd(a, full_matrices) if compute_uv else decompositions.svdvals(a)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    return norms.norm(x, ord, axis, bool(keepdims))


def _vector_norm(x: Any, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    return reduce(lambda x, dim, keepdim: norms.vector_norm(x, ord, dim, keepdim), x, axis, keepdims)


def _matrix_norm(x: Any, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return norms.matrix_norm(x, ord, (-2, -1), bool(keepdims))


MATRICES: dict[Any, Function] = {
    np.dot: _dot,
    np.inner: lambda a, b: linear_algebra.inner(*arrays_of(a, b)),
    np.outer: lambda a, b: linear_algebra.outer(*map(shaping.ravel, arrays_of(a, b))),
    np.vdot: lambda a, b: linear_algebra.vdot(*map(shaping.ravel, arrays_of(a, b))),
    np.tensordot: _tensordot,
    np.kron: lambda a, b: linear_algebra.kron(*arrays_of(a, b)),
    np.cross: _cross,
    np.trace: _trace,
    np.einsum: lambda *operands: einsum(*operands),
    np.linalg.norm: _norm,
    np.linalg.vector_norm: _vector_norm,
    np.linalg.matrix_norm: _matrix_norm,
    np.linalg.inv: lambda a: decompositions.inv(a),
    np.linalg.det: lambda a: decompositions.det(a),
    np.linalg.slogdet: lambda a: decompositions.slogdet(a),
    np.linalg.solve: lambda a, b: decompositions.solve(*arrays_of(a, b)),
    np.linalg.cholesky: lambda a, *, upper=False: decompositions.cholesky(a, upper=upper),
    np.linalg.eig: _eig,
    np.linalg.eigvals: lambda a: _eig(a)[0],
    np.linalg.eigh: lambda a, UPLO="L": decompositions.eigh(a, UPLO),
    np.linalg.eigvalsh: lambda a, UPLO="L": decompositions.eigvalsh(a, UPLO),
    np.linalg.svd: _svd,
    np.linalg.svdvals: lambda x: decompositions.svdvals(x),
    np.linalg.qr: lambda a, mode="reduced": decompositions.qr(a, mode),
    np.linalg.pinv: lambda a, *, rtol=None, hermitian=False: decompositions.pinv(a, rtol=rtol, hermitian=hermitian),
    np.linalg.matrix_power: lambda a, n: decompositions.matrix_power(a, n),
    np.linalg.multi_dot: lambda arrays: linear_algebra.chain_matmul(*arrays_of(*arrays)),
    np.linalg.trace: lambda x, *, offset=0: _trace(x, offset, -2, -1),
    np.linalg.diagonal: lambda x, *, offset=0: diagonals.diagonal(x, offset, -2, -1),
    np.linalg.matmul: lambda x1, x2, /: matmul(*arrays_of(x1, x2)),
    np.linalg.vecdot: lambda x1, x2, /, *, axis=-1: reductions.sum(arithmetic.multiply(np.conj(x1), x2), axis),
    np.linalg.outer: lambda x1, x2: linear_algebra.outer(*arrays_of(x1, x2)),
    np.linalg.tensordot: lambda x1, x2, *, axes=2: _tensordot(x1, x2, axes),
    np.linalg.cross: lambda x1, x2, *, axis=-1: _cross(x1, x2, axis),
    np.linalg.matrix_transpose: lambda x: shaping.transpose(x, -1, -2),
}

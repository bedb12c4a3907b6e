"""PyTorch's ``torch.sparse``: sparse tensors made of coordinates, and their functions.

>>> import autodiff
>>> x = autodiff.sparse_coo_tensor([[0, 1, 1], [2, 0, 2]], [3.0, 4.0, 5.0], (2, 3))
>>> autodiff.sparse.sum(x, 1)
tensor(indices=tensor([[0, 1]]),
       values=tensor([3., 9.]),
       size=(2,), nnz=2, layout=autodiff.sparse_coo)
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from autodiff.dtypes import float32, float64, int64
from autodiff.errors import DtypeError, ShapeError
from autodiff.functions import linear_algebra
from autodiff.functions.axes import axis_of
from autodiff.functions.indexing import integers
from autodiff.ops.indexing import index, scatter_add
from autodiff.ops.transcendental import exp, log
from autodiff.spelling import no_attribute
from autodiff.tensors.creation import as_tensor, leaf, zeros
from autodiff.tensors.leaves import array_from_data
from autodiff.tensors.sizes import Size
from autodiff.tensors.sparse import SparseTensor
from autodiff.tensors.tensor import Tensor


def sparse_coo_tensor(
    indices: Any = None, values: Any = None, size: Any = None, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False, check_invariants: bool | None = None, is_coalesced: bool = False,
) -> SparseTensor:  # fmt: skip
    """A tensor that is ``values`` at ``indices`` and 0 elsewhere.

    Args:
        indices: (k, nnz), the coordinates along the first k axes.
        values: (nnz, ...), a tensor, of which the gradient reaches it, or numbers.
        size: all lengths; the smallest that hold the indices where it is not given.
        dtype: of the values.
        device: the CPU.
        requires_grad: the tensor is a leaf, with values of its own.
        check_invariants: taken as in PyTorch; coordinates are always checked here.
        is_coalesced: the indices are in order, and different.

    Raises ShapeError, DtypeError where these do not fit.

    >>> sparse_coo_tensor([[0, 1], [1, 0]], [1.0, 2.0]).to_dense()
    tensor([[0., 1.],
            [2., 0.]])
    """
    if indices is None or values is None:
        lengths = tuple(indices if size is None else size)
        entries = zeros(0, dtype=dtype, device=device, requires_grad=requires_grad)
        return SparseTensor(np.zeros((len(lengths), 0), np.int64), entries, lengths)
    places = _integers(indices)
    if places.ndim != 2:
        raise ShapeError(f"indices are integers (k, nnz), not of shape {places.shape}")
    entries = as_tensor(values, dtype=dtype, device=device)
    if requires_grad:
        entries = leaf(np.array(entries._array), True)
    nnz = places.shape[1]
    if not entries.ndim or entries.shape[0] != nnz:
        raise ShapeError(f"indices {places.shape} are of {nnz} entries, and values have shape {tuple(entries.shape)}")
    lengths = (*(places.max(1, initial=-1) + 1).tolist(), *entries.shape[1:]) if size is None else tuple(size)
    _check(places, entries, lengths)
    return SparseTensor(places, entries, lengths, is_coalesced)


def _integers(data: Any) -> np.ndarray[Any, Any]:
    """Coordinates or the like, given as numbers, an array or a tensor; raises DtypeError for fractions."""
    return integers(array_from_data(data, None, None))


def _check(places: Any, entries: Tensor, lengths: tuple[int, ...]) -> None:
    """Raise ShapeError where a coordinate is outside the lengths, or the values do not fit those that are left."""
    axes = len(places)
    if lengths[axes:] != tuple(entries.shape[1:]) or len(lengths) < axes:
        raise ShapeError(f"indices {places.shape} and values {tuple(entries.shape)} do not make a tensor {lengths}")
    for axis, along in enumerate(places):
        if along.size and not 0 <= along.min() <= along.max() < lengths[axis]:
            wanted, found = f"from 0 to {lengths[axis] - 1}", f"from {along.min()} to {along.max()}"
            raise ShapeError(f"axis {axis} of a tensor {lengths} has coordinates {wanted}, not {found}")


def sparse_csr_tensor(
    crow_indices: Any, col_indices: Any, values: Any, size: Any = None, *, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False, check_invariants: bool | None = None,
) -> SparseTensor:  # fmt: skip
    """A matrix whose entries are given row by row; it is kept by coordinates.

    Args:
        crow_indices: (rows + 1,), where each row begins among the entries, and where the last ends.
        col_indices: (nnz,), their columns, rising within a row.
        values: (nnz,), a tensor, of which the gradient reaches it, or numbers.
        size: both lengths; the smallest that hold the columns where it is not given.
        dtype: of the values.
        layout: by rows.
        device: the CPU.
        pin_memory: changes nothing.
        requires_grad: the tensor is a leaf, with values of its own.
        check_invariants: taken as in PyTorch; all is always checked here.

    Raises ShapeError, DtypeError where these do not fit.

    >>> sparse_csr_tensor([0, 1, 3], [1, 0, 1], [2.0, 3.0, 4.0]).to_dense()
    tensor([[0., 2.],
            [3., 4.]])
    """
    starts, columns = _integers(crow_indices), _integers(col_indices)
    steps = np.diff(starts)
    if starts.ndim != 1 or not starts.size or starts[0] != 0 or (steps < 0).any() or columns.shape != (starts[-1],):
        raise ShapeError(f"row pointers rise from 0 to the number of columns, of shape {columns.shape}: not {starts}")
    rows = np.repeat(np.arange(len(steps)), steps)
    if ((np.diff(rows) == 0) & (np.diff(columns) <= 0)).any():
        raise ShapeError(f"the columns of a row rise: not {columns} in rows {rows}")
    lengths = (len(steps), int(columns.max(initial=-1)) + 1) if size is None else tuple(size)
    if lengths[:1] != (len(steps),):
        raise ShapeError(f"row pointers of {len(steps)} rows do not make a tensor {lengths}")
    places = np.stack([rows, columns])
    return sparse_coo_tensor(
        places, values, lengths, dtype=dtype, device=device, requires_grad=requires_grad, is_coalesced=True
    )


def spdiags(diagonals: Any, offsets: Any, shape: Any, layout: Any = None) -> SparseTensor:
    """The matrix with these diagonals, and 0 elsewhere.

    Args:
        diagonals: (k, n) or (n,); an entry stands in the column that it has here.
        offsets: (k,) or one number, how far above the main diagonal each is, or below where it is negative.
        shape: of the matrix.
        layout: ``sparse_coo`` or ``sparse_csr``.

    Raises ShapeError where there is not one offset for each diagonal, DtypeError where it is no whole number.

    >>> spdiags(as_tensor([[1.0, 2.0], [3.0, 4.0]]), [0, 1], (2, 2)).to_dense()
    tensor([[1., 4.],
            [0., 2.]])
    """
    entries = as_tensor(diagonals)
    entries = entries if entries.ndim == 2 else entries[None]
    above = _integers(offsets).reshape(-1)
    if entries.ndim != 2 or len(above) != entries.shape[0] or len(set(above.tolist())) != len(above):
        raise ShapeError(f"diagonals {tuple(entries.shape)} have each an offset of their own, not {above}")
    columns = np.broadcast_to(np.arange(entries.shape[1]), entries.shape)
    rows = columns - above[:, None]
    kept = np.nonzero((rows >= 0) & (rows < shape[0]) & (columns < shape[1]))
    return sparse_coo_tensor(np.stack([rows[kept], columns[kept]]), index(entries, key=kept), shape).coalesce()


def mm(input: Any, mat2: Any) -> Any:
    """The product of two matrices; sparse where both are."""
    return linear_algebra.mm(input, mat2)


spmm = mm


def addmm(mat: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """``beta * mat + alpha * mat1 @ mat2``."""
    return linear_algebra.addmm(mat, mat1, mat2, beta=beta, alpha=alpha)


def sum(input: SparseTensor, dim: Any = None, dtype: Any = None) -> Any:
    """The sum of all entries, dense; over some axes, sparse unless no sparse axis is left.

    Raises DtypeError for a dense tensor.
    """
    return _sparse("sum", input).sum(dim, dtype=dtype)


def softmax(input: SparseTensor, dim: int, dtype: Any = None) -> SparseTensor:
    """``softmax`` along a sparse axis over the entries that are kept; the others stay 0, as if they were -inf.

    Raises:
        DtypeError: the tensor is dense.
        ShapeError: ``dim`` is no sparse axis.

    >>> softmax(sparse_coo_tensor([[0, 1, 1], [2, 0, 2]], [3.0, 1.0, 1.0], (2, 3)), 1).values()
    tensor([1.0000, 0.5000, 0.5000])
    """
    x, shifted, total, places = _shares("softmax", input, dim, dtype)
    return x._with(exp(shifted) / index(total, key=places))


def log_softmax(input: SparseTensor, dim: int, dtype: Any = None) -> SparseTensor:
    """The logarithm of ``softmax``, at the entries that are kept.

    Raises:
        DtypeError: the tensor is dense.
        ShapeError: ``dim`` is no sparse axis.
    """
    x, shifted, total, places = _shares("log_softmax", input, dim, dtype)
    return x._with(shifted - index(log(total), key=places))


def _shares(name: str, input: Any, dim: int, dtype: Any) -> tuple[SparseTensor, Any, Any, Any]:
    """The tensor, its entries less the largest of their line, for each line the sum of their powers, and the lines."""
    x = _sparse(name, input).to(dtype=dtype).coalesce()
    axis = axis_of(dim, x.ndim)
    if axis >= x.sparse_dim():
        raise ShapeError(f"{name} is along a sparse axis, of which there are {x.sparse_dim()}, not along {dim}")
    flat, _ = x._flat([a for a in range(x.sparse_dim()) if a != axis])
    lines, places = np.unique(flat, return_inverse=True)
    shape = (len(lines), *x.entries.shape[1:])
    largest = np.full(shape, -np.inf, x.dtype)
    np.maximum.at(largest, places, x.entries._array)
    shifted = x.entries - largest[places]
    return x, shifted, scatter_add(exp(shifted), key=places, shape=shape), places


def _sparse(name: str, x: Any) -> SparseTensor:
    if not isinstance(x, SparseTensor):
        raise DtypeError(f"sparse.{name} takes a sparse tensor, not {x!r:.60}; to_sparse() makes one")
    return x


class _Old(type):
    """Makes sparse tensors of one dtype, of (indices, values, size) or of lengths; ``isinstance`` asks for both."""

    dtype: Any

    def __call__(cls, *given: Any) -> SparseTensor:
        if all(isinstance(x, int) for x in given) or isinstance(given[0], Size):
            return sparse_coo_tensor(size=given[0] if given and isinstance(given[0], Size) else given, dtype=cls.dtype)
        return sparse_coo_tensor(*given, dtype=cls.dtype)

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, SparseTensor) and bool(x.dtype == cls.dtype)


class FloatTensor(metaclass=_Old):
    """A sparse tensor in float32, as old PyTorch programs make it."""

    dtype = float32


class DoubleTensor(metaclass=_Old):
    """A sparse tensor in float64, as old PyTorch programs make it."""

    dtype = float64


class LongTensor(metaclass=_Old):
    """A sparse tensor of integers, as old PyTorch programs make it."""

    dtype = int64


if not TYPE_CHECKING:  # which would take any name for this one

    def __getattr__(name: str) -> Any:
        """The library itself as ``sparse.torch``: PyTorch leaves it there, and old programs take ``eye`` from it."""
        if name == "torch":
            return sys.modules["autodiff"]
        raise no_attribute(__name__, name)

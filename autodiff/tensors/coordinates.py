"""Coordinates: a sparse tensor as it is kept, its parts and what it can be turned into."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from autodiff.dtypes import get_default_dtype
from autodiff.engine.values import wrap
from autodiff.errors import DtypeError, GraphError, ShapeError
from autodiff.functions.axes import length_of
from autodiff.kernels.sparse import Pattern
from autodiff.ops.indexing import index as index_
from autodiff.ops.indexing import scatter_add
from autodiff.ops.shaping import reshape
from autodiff.tensors.formats import layout, sparse_coo
from autodiff.tensors.printing import array_text
from autodiff.tensors.sizes import Size

Array = np.ndarray[Any, Any]


class Coordinates:
    """A tensor of which only some entries are kept; all others are 0.

    Entries with the same coordinates count together, until ``coalesce`` adds them up.

    Attributes:
        coordinates: (k, nnz), integers, of the first k axes.
        entries: (nnz, ...), with the axes that are dense.
        shape: all lengths.
    """

    __slots__ = ("__weakref__", "_coalesced", "_pattern", "coordinates", "entries", "shape")
    __array_ufunc__ = None  # NumPy leaves operators to this class
    __hash__ = object.__hash__
    is_sparse, is_cuda = True, False

    def __init__(self, coordinates: Array, entries: Any, shape: Sequence[int], coalesced: bool = False) -> None:
        self.coordinates, self.entries, self.shape = coordinates, entries, Size(shape)
        self._coalesced = coalesced or coordinates.shape[1] < 2
        self._pattern: Pattern | None = None

    def _with(self, entries: Any) -> Self:
        """Other entries at the same coordinates."""
        result = type(self)(self.coordinates, entries, self.shape, self._coalesced)
        result._pattern = self._pattern
        return result

    # --- what it is -----------------------------------------------------------------------------------------------

    @property
    def layout(self) -> layout:
        """``sparse_coo``."""
        return sparse_coo

    @property
    def dtype(self) -> Any:
        """The dtype of the entries."""
        return self.entries.dtype

    @property
    def device(self) -> Any:
        """The CPU."""
        return self.entries.device

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def dim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the length of one axis."""
        return self.shape if dim is None else length_of(self, dim)[1]

    def numel(self) -> int:
        """The number of entries of the dense tensor."""
        return math.prod(self.shape)

    def sparse_dim(self) -> int:
        """How many axes have coordinates."""
        return len(self.coordinates)

    def dense_dim(self) -> int:
        """How many axes each entry has."""
        return len(self.shape) - len(self.coordinates)

    def _nnz(self) -> int:
        return int(self.coordinates.shape[1])

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        def beside(name: str, x: Array) -> str:
            return name + array_text(x, x.dtype).replace("\n", "\n" + " " * len(name))

        dtype = array_text(np.empty(0, self.dtype), get_default_dtype())[len("tensor([]") : -1]
        graph = ", requires_grad=True" if self.requires_grad else ""
        graph = graph if self.grad_fn is None else f", grad_fn=<{self.grad_fn.name()}>"
        values = beside("       values=", self.entries._array)
        size = f"       size={tuple(self.shape)}, nnz={self._nnz()}{dtype}, layout={self.layout}{graph})"
        return ",\n".join([beside("tensor(indices=", self.coordinates), values, size])

    def __getattr__(self, name: str) -> Any:
        repair = "to_dense() gives a tensor that may have"
        raise AttributeError(f"a sparse tensor has no {name!r}; {repair}", name=name, obj=self)

    def __reduce__(self) -> Any:
        return type(self), (self.coordinates, self.entries, tuple(self.shape), self._coalesced)

    # --- its parts ------------------------------------------------------------------------------------------------

    def is_coalesced(self) -> bool:
        """Whether each coordinate is there once, in order."""
        return self._coalesced

    def coalesce(self) -> Self:
        """The same tensor with its coordinates in order, each once, and its entries added up."""
        if self._coalesced:
            return self
        flat, lengths = self._flat(range(self.sparse_dim()))
        found, first, places = np.unique(flat, return_index=True, return_inverse=True)
        if len(found) == len(flat):
            entries = index_(self.entries, key=first)
        else:
            entries = scatter_add(self.entries, key=places.reshape(-1), shape=(len(found), *self.entries.shape[1:]))
        return type(self)(np.stack(np.unravel_index(found, lengths)), entries, self.shape, True)

    def _flat(self, axes: Any) -> tuple[Array, tuple[int, ...]]:
        """The coordinates along some axes as one number each, and the lengths of those axes."""
        lengths = tuple(self.shape[a] for a in axes)
        if not lengths:
            return np.zeros(self._nnz(), np.int64), (1,)
        return np.ravel_multi_index(tuple(self.coordinates[a] for a in axes), lengths), lengths

    def _indices(self) -> Any:
        return wrap(self.coordinates)

    def _values(self) -> Any:
        return self.entries.detach()

    def indices(self) -> Any:
        """The coordinates (k, nnz), of a coalesced tensor; raises ShapeError for a tensor that is not coalesced."""
        return wrap(self._once("indices").coordinates)

    def values(self) -> Any:
        """The entries (nnz, ...), of a coalesced tensor; raises ShapeError for a tensor that is not coalesced."""
        return self._once("values").entries

    def _once(self, name: str) -> Self:
        if not self._coalesced:
            raise ShapeError(f"{name}() are those of a tensor whose coordinates are there once; coalesce() it first")
        return self

    def to_dense(self, dtype: Any = None) -> Any:
        """All entries."""
        flat, lengths = self._flat(range(self.sparse_dim()))
        rows = scatter_add(self.entries, key=flat, shape=(math.prod(lengths), *self.entries.shape[1:]))
        dense = reshape(rows, shape=tuple(self.shape))
        return dense if dtype is None else dense.to(dtype)

    def crow_indices(self) -> Any:
        """Where each row of a coalesced matrix begins among its entries, and the last ends."""
        self._check_matrix("crow_indices")
        counts = np.bincount(self._once("crow_indices").coordinates[0], minlength=self.shape[0])
        return wrap(np.concatenate([[0], counts.cumsum()]))

    def col_indices(self) -> Any:
        """The columns of the entries of a coalesced matrix."""
        self._check_matrix("col_indices")
        return wrap(self._once("col_indices").coordinates[1])

    def _check_matrix(self, name: str) -> None:
        if self.ndim != 2 or self.sparse_dim() != 2:
            raise ShapeError(f"{name}() is of a matrix with two sparse axes, not of shape {tuple(self.shape)}")

    def to_sparse(self, sparse_dim: Any = None, *, layout: Any = None) -> Self:
        """The tensor itself."""
        return self

    to_sparse_coo = to_sparse

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """In another dtype, or as it is."""
        entries = self.entries.to(*args, **kwargs)
        return self if entries is self.entries else self._with(entries)

    def float(self) -> Self:
        """In float32."""
        return self.to(np.float32)

    def double(self) -> Self:
        """In float64."""
        return self.to(np.float64)

    def to_sparse_csr(self, dense_dim: Any = None) -> Self:
        """The coalesced matrix, which has ``crow_indices`` and ``col_indices``; it is kept by coordinates still."""
        self._check_matrix("to_sparse_csr")
        return self.coalesce()

    def cpu(self) -> Self:
        """The tensor itself: it is on the CPU."""
        return self

    def cuda(self, device: Any = None) -> Self:
        """Raises DeviceError: there is only the CPU."""
        return self.to("cuda")

    def clone(self) -> Self:
        """A copy."""
        return type(self)(self.coordinates.copy(), self.entries.clone(), self.shape, self._coalesced)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        """Raises DtypeError: ``to_dense`` gives all entries."""
        raise DtypeError("an array has all entries, and a sparse tensor has not; to_dense() gives them")

    numpy = tolist = __array__

    def __bool__(self) -> bool:
        raise ShapeError(f"a sparse tensor of shape {tuple(self.shape)} is neither true nor false")

    # --- in the graph ---------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient of the entries can be asked for."""
        return bool(self.entries.requires_grad)

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.entries.requires_grad = value

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set ``requires_grad``, and return the tensor."""
        self.entries.requires_grad = requires_grad
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether the entries were made by the user rather than by a recorded operation."""
        return bool(self.entries.is_leaf)

    @property
    def grad_fn(self) -> Any:
        """The node that made the entries; None for a leaf."""
        return self.entries.grad_fn

    @property
    def grad(self) -> Self | None:
        """What backward passes have added up for the entries, at their coordinates."""
        return None if self.entries.grad is None else self._with(self.entries.grad)

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            raise GraphError("the gradient of a sparse tensor is that of its entries; only None can be assigned here")
        self.entries.grad = None

    def detach(self) -> Self:
        """The same entries outside the graph."""
        return self._with(self.entries.detach())

    @property
    def data(self) -> Any:
        """The same numbers outside the graph, as of a tensor."""
        return self.detach()

    # --- rearranged -----------------------------------------------------------------------------------------------

    def transpose(self, dim0: int, dim1: int) -> Self:
        """With two of its sparse axes exchanged; raises ShapeError where one of the axes is dense."""
        a, b = (length_of(self, dim)[0] for dim in (dim0, dim1))
        if max(a, b) >= self.sparse_dim():
            raise ShapeError(f"axes {dim0} and {dim1} are not both sparse: only the first {self.sparse_dim()} are")
        order = list(range(self.ndim))
        order[a], order[b] = b, a
        coordinates = self.coordinates[order[: self.sparse_dim()]]
        result = type(self)(coordinates, self.entries, [self.shape[i] for i in order], self._coalesced and a == b)
        if self._pattern is not None and a != b:
            result._pattern = self._pattern.turned
        return result

    def t(self) -> Self:
        """The transposed matrix."""
        return self.transpose(0, self.ndim - 1)

    @property
    def T(self) -> Self:
        """The transposed matrix."""
        return self.t()

    def index_select(self, dim: int, index: Any) -> Self:
        """The parts at the numbers ``index`` along a sparse axis."""
        axis, picks = length_of(self, dim)[0], np.asarray(index).reshape(-1)
        order = np.argsort(self.coordinates[axis], kind="stable")
        along = self.coordinates[axis][order]
        starts, ends = np.searchsorted(along, picks), np.searchsorted(along, picks, "right")
        chosen = np.concatenate([order[:0], *(order[a:b] for a, b in zip(starts, ends, strict=True))])
        coordinates = self.coordinates[:, chosen]
        coordinates[axis] = np.repeat(np.arange(len(picks)), ends - starts)
        shape = (*self.shape[:axis], len(picks), *self.shape[axis + 1 :])
        return type(self)(coordinates, index_(self.entries, key=chosen), shape)

    def __getitem__(self, key: Any) -> Any:
        keys = key if isinstance(key, tuple) else (key,)
        part, axis = self, 0
        if len(keys) > self.ndim:
            raise ShapeError(f"{len(keys)} numbers for the {self.ndim} axes of a sparse tensor")
        for k in keys:
            if isinstance(k, slice) and k == slice(None):
                axis += 1
                continue
            if not hasattr(k, "__index__") or axis >= part.sparse_dim():
                raise ShapeError(f"a sparse tensor takes numbers and : along its sparse axes, not {key!r:.60}")
            number, length = k.__index__(), part.shape[axis]
            chosen = np.flatnonzero(part.coordinates[axis] == number % length)
            coordinates = np.delete(part.coordinates[:, chosen], axis, 0)
            shape = (*part.shape[:axis], *part.shape[axis + 1 :])
            part = type(self)(coordinates, index_(part.entries, key=chosen), shape, part._coalesced)
        return part if part.sparse_dim() else part.to_dense()

"""Shapes, axes and entries as methods: views, cuts, picking, filling and scattering."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff import named_dtypes
from autodiff.dtypes import as_dtype
from autodiff.engine.values import TensorBase, Value
from autodiff.functions import complex_names, diagonals, indexing, joining, shaping, splitting, view_copies
from autodiff.functions import scatter as scattering
from autodiff.functions.arithmetic import where
from autodiff.functions.axes import also_called
from autodiff.functions.index_keys import getitem
from autodiff.kinds import refusing


class ShapingMethods(TensorBase):
    """``x.reshape(2, -1)``, ``x[0]``, ``x.T``, ``x.gather(0, i)``."""

    __slots__ = ()

    __getitem__ = getitem
    reshape = shaping.reshape
    permute = shaping.permute
    transpose = shaping.transpose
    swapaxes = shaping.swapaxes
    swapdims = shaping.swapdims
    t = shaping.t
    adjoint = shaping.adjoint
    movedim = moveaxis = shaping.movedim
    flatten = shaping.flatten
    ravel = shaping.ravel
    unflatten = shaping.unflatten
    squeeze = shaping.squeeze
    unsqueeze = shaping.unsqueeze
    expand = shaping.expand
    broadcast_to = shaping.broadcast_to
    sum_to_size = shaping.sum_to_size
    clone = shaping.clone
    repeat = joining.repeat
    tile = joining.tile
    repeat_interleave = joining.repeat_interleave
    split = splitting.split
    split_with_sizes = splitting.split_with_sizes
    unsafe_split = splitting.unsafe_split
    unsafe_chunk = splitting.unsafe_chunk
    unsafe_split_with_sizes = splitting.split_with_sizes
    tensor_split = splitting.tensor_split
    hsplit = splitting.hsplit
    vsplit = splitting.vsplit
    dsplit = splitting.dsplit
    chunk = splitting.chunk
    unbind = splitting.unbind
    select = splitting.select
    narrow = splitting.narrow
    narrow_copy = view_copies.narrow_copy
    unfold = splitting.unfold
    flip = splitting.flip
    fliplr = splitting.fliplr
    flipud = splitting.flipud
    roll = splitting.roll
    rot90 = splitting.rot90
    as_strided = splitting.as_strided
    diag = diagonals.diag
    diag_embed = diagonals.diag_embed
    diagflat = diagonals.diagflat
    diagonal = diagonals.diagonal
    tril = diagonals.tril
    triu = diagonals.triu
    angle = complex_names.angle
    conj = conj_physical = complex_names.conj
    resolve_conj = resolve_neg = complex_names.resolve_conj
    is_conj = is_neg = complex_names.is_conj
    isreal = complex_names.isreal
    is_complex = complex_names.is_complex

    gather = indexing.gather
    index_select = indexing.index_select
    index_add = indexing.index_add
    index_copy = refusing(indexing.index_copy)
    index_fill = indexing.index_fill
    index_put = refusing(indexing.index_put)
    index_reduce = scattering.index_reduce
    take = indexing.take
    put = refusing(indexing.put)
    take_along_dim = indexing.take_along_dim
    masked_fill = refusing(indexing.masked_fill)
    masked_select = indexing.masked_select
    masked_scatter = refusing(indexing.masked_scatter)
    scatter = refusing(scattering.scatter)
    scatter_add = refusing(scattering.scatter_add)
    scatter_reduce = refusing(scattering.scatter_reduce)
    select_scatter = refusing(scattering.select_scatter)
    slice_scatter = refusing(scattering.slice_scatter)
    diagonal_scatter = refusing(scattering.diagonal_scatter)
    nonzero = indexing.nonzero
    argwhere = indexing.argwhere

    @property
    def real(self) -> Value:
        """The real parts, a view that can be written to; of a real tensor the tensor itself."""
        return complex_names.real(self)

    @real.setter
    def real(self, value: Any) -> None:
        complex_names.real(self)[...] = value

    @property
    def imag(self) -> Value:
        """The imaginary parts, a view that can be written to; raises DtypeError for a real tensor."""
        return complex_names.imag(self)

    @imag.setter
    def imag(self, value: Any) -> None:
        complex_names.imag(self)[...] = value

    def view(self, *shape: Any, size: Any = (), dtype: Any = None) -> Value:
        """The same memory in another shape, or read in another dtype; raises ShapeError where it does not fit.

        >>> import autodiff
        >>> autodiff.tensor([1.0]).view(autodiff.int32)
        tensor([1065353216], dtype=autodiff.int32)
        """
        given = shape or (size,)
        if dtype is None and not isinstance(given[0], (np.dtype, named_dtypes.dtype)):
            return shaping.view(self, *given)
        return shaping.read_as(self, as_dtype(given[0] if dtype is None else dtype))

    @refusing
    def view_as(self, other: Value) -> Value:
        """The same memory in the shape of ``other``; raises ShapeError where it does not fit."""
        return shaping.view(self, other.shape)

    @refusing
    def reshape_as(self, other: Value) -> Value:
        """The same entries in the shape of ``other``."""
        return shaping.reshape(self, other.shape)

    @refusing
    def expand_as(self, other: Value) -> Value:
        """Stretched to the shape of ``other``."""
        return self.expand(other.shape)

    @property
    def T(self) -> Value:
        """All axes in opposite order."""
        return shaping.permute(self, tuple(reversed(range(self._array.ndim))))

    @property
    def mT(self) -> Value:
        """The last two axes swapped."""
        return shaping.matrix_transpose(self)

    @property
    def H(self) -> Value:
        """A matrix transposed, and conjugated where it is complex."""
        return complex_names.conj(shaping.t(self))

    @property
    def mH(self) -> Value:
        """The last two axes swapped, and conjugated where they are complex."""
        return shaping.adjoint(self)

    @also_called(y="other")
    def where(self, condition: Any, other: Any) -> Value:
        """The tensor where ``condition`` holds and ``other`` elsewhere."""
        return where(condition, self, other)

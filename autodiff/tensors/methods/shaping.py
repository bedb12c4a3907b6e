"""Shapes and axes as methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autodiff.engine.values import Value
from autodiff.functions import complex_names, diagonals, joining, shaping, splitting
from autodiff.functions.index_keys import getitem


class ShapingMethods:
    """``x.reshape(2, -1)``, ``x[0]``, ``x.T``."""

    __slots__ = ()

    if TYPE_CHECKING:
        ndim: int

    __getitem__ = getitem
    reshape = view = shaping.reshape
    permute = shaping.permute
    transpose = swapaxes = swapdims = shaping.transpose
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
    tensor_split = splitting.tensor_split
    hsplit = splitting.hsplit
    vsplit = splitting.vsplit
    dsplit = splitting.dsplit
    chunk = splitting.chunk
    unbind = splitting.unbind
    select = splitting.select
    narrow = splitting.narrow
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
    conj = conj_physical = resolve_conj = resolve_neg = complex_names.conj
    is_complex = complex_names.is_complex

    @property
    def real(self) -> Value:
        """The tensor itself: its entries are real."""
        return complex_names.real(self)

    def view_as(self, other: Value) -> Value:
        """The same entries in the shape of ``other``."""
        return self.reshape(other.shape)

    reshape_as = view_as

    def expand_as(self, other: Value) -> Value:
        """Stretched to the shape of ``other``."""
        return self.expand(other.shape)

    @property
    def T(self) -> Value:
        """All axes in opposite order."""
        return shaping.permute(self, tuple(reversed(range(self.ndim))))

    @property
    def mT(self) -> Value:
        """The last two axes swapped."""
        return shaping.transpose(self, -2, -1)

    @property
    def H(self) -> Value:
        """A matrix transposed."""
        return shaping.t(self)

    mH = mT

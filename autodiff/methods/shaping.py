"""Shapes and axes as methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autodiff.functions import shaping
from autodiff.functions.keys import getitem

if TYPE_CHECKING:
    from autodiff.tensor import Tensor

__all__ = ["ShapingMethods"]


class ShapingMethods:
    """``x.reshape(2, -1)``, ``x[0]``, ``x.T``."""

    __slots__ = ()

    if TYPE_CHECKING:
        ndim: int

    __getitem__ = getitem
    reshape = view = shaping.reshape
    permute = shaping.permute
    transpose = swapaxes = shaping.transpose
    t = shaping.t
    movedim = shaping.movedim
    flatten = shaping.flatten
    ravel = shaping.ravel
    unflatten = shaping.unflatten
    squeeze = shaping.squeeze
    unsqueeze = shaping.unsqueeze
    expand = shaping.expand
    broadcast_to = shaping.broadcast_to
    split = shaping.split
    chunk = shaping.chunk
    unbind = shaping.unbind
    select = shaping.select
    narrow = shaping.narrow
    flip = shaping.flip
    gather = shaping.gather
    clone = shaping.clone

    def view_as(self, other: Tensor) -> Tensor:
        """The same entries in the shape of ``other``."""
        return self.reshape(other.shape)

    reshape_as = view_as

    def expand_as(self, other: Tensor) -> Tensor:
        """Stretched to the shape of ``other``."""
        return self.expand(other.shape)

    @property
    def T(self) -> Tensor:
        """All axes in opposite order."""
        return shaping.permute(self, tuple(reversed(range(self.ndim))))

    @property
    def mT(self) -> Tensor:
        """The last two axes swapped."""
        return shaping.transpose(self, -2, -1)

"""Reshaping as modules."""

from __future__ import annotations

from typing import Any

from autodiff.functions import shaping
from autodiff.tensors.tensor import Tensor
from nn.module import Module

__all__ = ["Flatten", "Unflatten"]


class Flatten(Module):
    """The axes from ``start_dim`` to ``end_dim`` as one: by default all but the batch.

    >>> import autodiff
    >>> Flatten()(autodiff.ones(2, 3, 4)).shape
    (2, 12)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Any) -> Tensor:
        """``Tensor.flatten``."""
        result: Tensor = shaping.flatten(input, self.start_dim, self.end_dim)
        return result

    def extra_repr(self) -> str:
        """The axes."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """The axis ``dim`` as several, of sizes ``unflattened_size``.

    >>> import autodiff
    >>> Unflatten(1, (3, 4))(autodiff.ones(2, 12)).shape
    (2, 3, 4)
    """

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        super().__init__()
        self.dim, self.unflattened_size = dim, unflattened_size

    def forward(self, input: Any) -> Tensor:
        """``Tensor.unflatten``."""
        result: Tensor = shaping.unflatten(input, self.dim, tuple(self.unflattened_size))
        return result

    def extra_repr(self) -> str:
        """The axis and the sizes."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"

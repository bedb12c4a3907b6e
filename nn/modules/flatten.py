"""Reshaping as modules."""

from __future__ import annotations

from typing import Any

from autodiff.functions import shaping
from nn.modules.function_module import FunctionModule, applies

__all__ = ["Flatten", "Unflatten"]


@applies(shaping.flatten)
class Flatten(FunctionModule):
    """The axes from ``start_dim`` to ``end_dim`` as one: by default all but the batch.

    >>> import autodiff
    >>> Flatten()(autodiff.ones(2, 3, 4)).shape
    (2, 12)
    """

    start_dim: int = 1
    end_dim: int = -1


@applies(shaping.unflatten)
class Unflatten(FunctionModule):
    """The axis ``dim`` as several, of sizes ``unflattened_size``.

    >>> import autodiff
    >>> Unflatten(1, (3, 4))(autodiff.ones(2, 12)).shape
    (2, 3, 4)
    """

    dim: int
    unflattened_size: Any

    def forward(self, input: Any) -> Any:
        """``Tensor.unflatten``."""
        return super().forward(input, sizes=tuple(self.unflattened_size))

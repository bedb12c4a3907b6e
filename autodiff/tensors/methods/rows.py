"""A row of one input or more as a method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autodiff.engine.primitive import Primitive

if TYPE_CHECKING:
    from autodiff.tensors.tensor import Tensor

__all__ = ["method"]


def method(row: Primitive) -> Any:
    """A row as a method: the tensor first, the other inputs behind it."""

    def call(self: Any, *others: Any) -> Tensor:
        return row(self, *others)

    call.__name__, call.__doc__ = row.name, f"The row ``{row.name}`` of this tensor (and of other inputs)."
    return call

"""A row of one input or more as a method."""

from __future__ import annotations

from typing import Any

from autodiff.engine.primitive import Primitive
from autodiff.engine.values import Value


def method(row: Primitive) -> Any:
    """A row as a method: the tensor first, the other inputs behind it."""

    def call(self: Any, *others: Any) -> Value:
        return row(self, *others)

    call.__name__, call.__doc__ = row.name, f"The row ``{row.name}`` of this tensor (and of other inputs)."
    return call

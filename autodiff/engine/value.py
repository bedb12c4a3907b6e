"""What functions take and give; ``value.pyi`` says it to checkers of types with Tensor, which is above this room."""

from __future__ import annotations

from typing import Any, TypeAlias

Operand: TypeAlias = Any  # a Tensor, an array or a number
Value: TypeAlias = Any  # a Tensor, or an array where all that a function of the library was given are arrays

"""Scalar: a number of an optimizer's state, which a step computes with in Python and a program sees as a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.dtypes import get_default_dtype
from autodiff.engine.modes import layer
from autodiff.errors import CompileError
from autodiff.tensors.tensor import Tensor

Array = np.ndarray[Any, Any]
looked_at: list[Scalar] = []  # those whose array somebody may have changed since the last step


class Scalar(Tensor):
    """A tensor of one number, whose array is made when somebody asks for it.

    So a step pays for a number of Python's only. ``settle`` takes over what was written into the array.

    Attributes:
        number: the number.
    """

    __slots__ = ("_shown",)
    number: Any
    _shown: Array | None

    def __init__(self, number: float) -> None:
        self._node = self._grad = self._shown = None
        self.number = number

    @property
    def _array(self) -> Array:
        if self._shown is None:
            if layer().value.capture is not None:
                raise CompileError("it reads a number of an optimizer's; read it outside of the step")
            narrow = float(np.float32(self.number)) == self.number
            self._shown = np.array(self.number, get_default_dtype() if narrow else np.float64)  # a file has all of it
            looked_at.append(self)
        return self._shown

    @_array.setter
    def _array(self, array: Array) -> None:
        self._shown = array
        looked_at.append(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Scalar:
        settle()
        twin = memo[id(self)] = Scalar(self.number)
        return twin

    def __reduce_ex__(self, protocol: Any) -> Any:
        return Tensor(self._array).__reduce_ex__(protocol)  # which needs no class of ours to be read


def scalar_in(state: dict[str, Any], name: str) -> Scalar:
    """The Scalar of that name; a program may have put a number or a tensor in its place."""
    found = state[name]
    if type(found) is not Scalar:
        found = state[name] = Scalar(float(found))
    return found


def settle() -> None:
    """Take over what was written into the arrays of Scalars, and drop these."""
    while looked_at:
        x = looked_at.pop()
        array, x._shown = x._shown, None
        if array is not None and array != np.array(x.number, array.dtype):
            value = array.item()
            x.number = int(value) if isinstance(x.number, int) and value == int(value) else value

"""Changes in place: each computes what the function without the underscore does, and the tensor becomes that."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from autodiff.functions import arithmetic
from autodiff.primitive import Primitive

__all__ = ["InPlaceMethods"]


def in_place(function: Callable[..., Any]) -> Any:
    """A function or row of a tensor as a method that changes it."""

    def change(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._become(function(self, *args, **kwargs))

    name = function.name if isinstance(function, Primitive) else function.__name__
    change.__name__, change.__doc__ = f"{name}_", f"``{name}``, written into this tensor, which is returned."
    return change


class InPlaceMethods:
    """``x.add_(y)``, ``x.zero_()``."""

    __slots__ = ()

    if TYPE_CHECKING:
        _array: np.ndarray[Any, Any]
        _node: Any
        __setitem__: Any
        _become: Any

    add_ = in_place(arithmetic.add)
    sub_ = subtract_ = in_place(arithmetic.sub)
    mul_ = multiply_ = in_place(arithmetic.mul)
    div_ = divide_ = true_divide_ = in_place(arithmetic.div)
    clamp_ = clip_ = in_place(arithmetic.clamp)

    def zero_(self) -> Self:
        """Set every entry to 0."""
        return self.fill_(0)

    def fill_(self, value: Any) -> Self:
        """Set every entry to ``value``."""
        return self.copy_(value)

    def copy_(self, src: Any) -> Self:
        """Take over the entries of ``src``, broadcast and converted."""
        if self._node is not None or getattr(src, "_node", None) is not None:
            self.__setitem__(..., src)
            return self
        self._become(np.asarray(src).astype(self._array.dtype, copy=False))
        return self

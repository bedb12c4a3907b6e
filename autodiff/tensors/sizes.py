"""The shape of a tensor as a type of its own, which old constructors read as sizes, not as numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, SupportsIndex, overload

import numpy as np

from autodiff.errors import AxisError

__all__ = ["Size"]

_item: Callable[..., Any] = tuple.__getitem__
_joined: Callable[..., Any] = tuple.__add__
_repeated: Callable[..., Any] = tuple.__mul__


class Size(tuple[int, ...]):
    """The shape of a tensor, a tuple: what is cut from it, or joined with it, is one too.

    >>> import autodiff
    >>> autodiff.zeros(2, 3).shape[1:] + (4,)
    autodiff.Size([3, 4])
    >>> autodiff.FloatTensor(autodiff.zeros(2, 3).shape).shape == (2, 3)
    True
    >>> autodiff.FloatTensor((2, 3))
    tensor([2., 3.])
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"autodiff.Size([{', '.join(map(str, self))}])"

    @overload
    def __getitem__(self, key: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, key: slice) -> Size: ...
    def __getitem__(self, key: Any) -> Any:
        try:
            found = _item(self, key)
        except IndexError:
            raise AxisError(f"a tensor of shape {tuple(self)} has no axis {key}") from None
        return Size(found) if type(key) is slice else found

    def __add__(self, other: Any) -> Any:
        joined = _joined(self, other)
        return joined if joined is NotImplemented else Size(joined)

    def __radd__(self, other: Any) -> Any:
        return Size(_joined(other, self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, times: SupportsIndex) -> Size:
        return Size(_repeated(self, times))

    __rmul__ = __mul__

    def numel(self) -> int:
        """The number of entries of a tensor of this size."""
        return math.prod(self)


def gives_sizes(data: tuple[Any, ...]) -> bool:
    """Whether the arguments of an old constructor are sizes: none, several, a whole number, NumPy's too, or a Size."""
    if len(data) != 1 or isinstance(data[0], (int, Size)):
        return True
    return isinstance(data[0], (np.integer, np.ndarray)) and data[0].ndim == 0 and data[0].dtype.kind in "iu"

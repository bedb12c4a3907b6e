"""The shape of a tensor as a type of its own, which old constructors read as sizes, not as numbers."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["Size"]


class Size(tuple[int, ...]):
    """The tuple that ``Tensor.size()`` returns: ``FloatTensor(x.size())`` is a tensor of that shape.

    >>> import autodiff
    >>> autodiff.FloatTensor(autodiff.zeros(2, 3).size()).shape
    (2, 3)
    >>> autodiff.FloatTensor((2, 3))
    tensor([2., 3.])
    """

    __slots__ = ()

    def numel(self) -> int:
        """The number of entries of a tensor of this size."""
        return math.prod(self)


def gives_sizes(data: tuple[Any, ...]) -> bool:
    """Whether the arguments of an old constructor are sizes: none, several, a number, or a Size."""
    return len(data) != 1 or isinstance(data[0], (int, Size))

"""Changes in place: each computes what the function without the underscore does, and the tensor becomes that."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from autodiff.engine.call_sites import place_of_user
from autodiff.engine.primitive import Primitive
from autodiff.engine.versions import changed
from autodiff.errors import GraphError
from autodiff.functions import diagonals, indexing, scatter, shaping
from autodiff.functions.axes import size_of


def in_place(function: Callable[..., Any]) -> Any:
    """A function or row of a tensor as a method that changes it."""

    def change(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._become(function(self, *args, **kwargs))

    name = function.name if isinstance(function, Primitive) else function.__name__
    change.__name__, change.__doc__ = f"{name}_", f"``{name}``, written into this tensor, which is returned."
    return change


def seen_as(function: Callable[..., Any]) -> Any:
    """A function that gives a view of a tensor as a method by which the tensor becomes that view."""

    def change(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._seen(function, *args, **kwargs)

    change.__name__, change.__doc__ = f"{function.__name__}_", f"``{function.__name__}`` of this tensor's own shape."
    return change


class InPlaceMethods:
    """``x.add_(y)``, ``x.zero_()``, ``x.t_()``."""

    __slots__ = ()

    if TYPE_CHECKING:
        _array: np.ndarray[Any, Any]
        _node: Any
        __setitem__: Any
        _become: Any
        _seen: Any

    tril_ = in_place(diagonals.tril)
    triu_ = in_place(diagonals.triu)
    masked_fill_ = in_place(indexing.masked_fill)
    masked_scatter_ = in_place(indexing.masked_scatter)
    index_fill_ = in_place(indexing.index_fill)
    index_add_ = in_place(indexing.index_add)
    index_copy_ = in_place(indexing.index_copy)
    index_put_ = in_place(indexing.index_put)
    index_reduce_ = in_place(scatter.index_reduce)
    put_ = in_place(indexing.put)
    scatter_ = in_place(scatter.scatter)
    scatter_add_ = in_place(scatter.scatter_add)
    scatter_reduce_ = in_place(scatter.scatter_reduce)

    squeeze_ = seen_as(shaping.squeeze)
    unsqueeze_ = seen_as(shaping.unsqueeze)
    transpose_ = swapaxes_ = swapdims_ = seen_as(shaping.transpose)
    t_ = seen_as(shaping.t)

    def zero_(self) -> Self:
        """Set every entry to 0."""
        return self.fill_(0)

    def fill_(self, value: Any) -> Self:
        """Set every entry to ``value``."""
        self.__setitem__(..., value)
        return self

    def copy_(self, src: Any, non_blocking: bool = False) -> Self:
        """Take over the entries of ``src``, broadcast and converted."""
        self.__setitem__(..., src if hasattr(src, "_node") else np.asarray(src).astype(self._array.dtype, copy=False))
        return self

    def detach_(self: Any) -> Any:
        """Take this tensor out of the graph; what was made from it stays there."""
        if hasattr(self, "_base"):
            raise GraphError("a view cannot be taken out of the graph in place; use detach()")
        self._node, self._untracked_because = None, ("went through detach_()", place_of_user())
        return self

    def set_(self: Any, source: Any) -> Any:
        """Take over the memory of ``source``, whatever its shape."""
        _outside(self, "set_")
        self._array = source._array
        return self

    def resize_(self: Any, *sizes: Any) -> Any:
        """Take another shape: the first entries stay, in their order, and what comes after them is undefined."""
        _outside(self, "resize_")
        shape = size_of(sizes)
        kept = self._array.reshape(-1)
        array = np.empty(shape, kept.dtype)
        if array.size <= kept.size:
            self._array = kept[: array.size].reshape(shape)
        else:
            array.reshape(-1)[: kept.size] = kept
            self._array = array
        changed(self._array)
        return self


def _outside(x: Any, name: str) -> None:
    """Raise GraphError for a tensor in the graph, whose node knows its shape."""
    if x._node is not None:
        raise GraphError(f"{name} gives a tensor other memory, of which the graph would not know; use it on a detach()")
    if hasattr(x, "_base"):
        del x._base

"""What a run of a step changes is put back: arrays, tensors, random numbers, and what Python's objects hold."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from functools import partial
from operator import setitem
from types import CellType, FunctionType
from typing import Any

import numpy as np

from autodiff.compiling.reach import variables_of
from autodiff.engine.values import TensorBase


class Undo:
    """Puts back what things held when they were kept: arrays, tensors, generators, functions' variables, dicts, lists.

    Args:
        things: what is kept from the beginning.
    """

    def __init__(self, things: Iterable[Any] = ()) -> None:
        self._backs: dict[int, Callable[[], Any]] = {}
        self.keep(*things)

    def keep(self, *things: Any) -> None:
        """Have what is not kept yet put back to what it is now."""
        for x in things:
            if id(x) not in self._backs:
                self._backs[id(x)] = _back(x)

    def __call__(self) -> None:
        """Put everything back."""
        for back in self._backs.values():
            back()


def _back(x: Any) -> Callable[[], Any]:
    """What puts a thing back to what it is now."""
    if isinstance(x, np.ndarray):
        return partial(np.copyto, x, x.copy())
    if isinstance(x, TensorBase):
        return partial(_restore, x, x._array, x._grad, x._node)
    if isinstance(x, dict):
        return partial(_refill, x, dict(x))
    if isinstance(x, list):
        return partial(setitem, x, slice(None), list(x))
    if isinstance(x, CellType):
        return partial(setattr, x, "cell_contents", x.cell_contents)
    if isinstance(x, FunctionType):
        return partial(x.__globals__.update, {name: x.__globals__[name] for name in variables_of(x)})
    if x is random:
        return partial(random.setstate, random.getstate())
    return partial(x.set_state, x.get_state())


def _restore(x: TensorBase, array: Any, grad: Any, node: Any) -> None:
    x._array, x._grad, x._node = array, grad, node


def _refill(held: dict[Any, Any], before: dict[Any, Any]) -> None:
    for key in held.keys() - before.keys():  # one by one: another thread may be reading
        del held[key]
    for key, value in before.items():
        if held.get(key, before) is not value:
            held[key] = value

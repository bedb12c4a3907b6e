"""One library and the variables of a program of views and writes that runs with it, and what can be seen of them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import lru_cache
from types import CodeType
from typing import Any

import numpy as np
from view_lines import NAMES

Failure = Exception | None


@lru_cache(maxsize=20_000)
def compiled(line: str) -> CodeType:
    return compile(line, "<program>", "exec")


def weights(shape: tuple[int, ...]) -> Any:
    return np.cos(np.arange(1.0, 1.0 + int(np.prod(shape)))).reshape(shape)


def plain(x: Any) -> Any:
    x = x.detach()
    return np.array(x.numpy() if hasattr(x, "_node") else x.numpy(force=True))  # of PyTorch's zeros without memory, too


def of_graph(see: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """``see``, or the words with which PyTorch refuses to look at a view that it has lost track of."""

    def seen(x: Any) -> Any:
        try:
            return see(x)
        except RuntimeError as error:
            return error

    return seen


def gradient_of(x: Any) -> Any:
    grad = x.grad if x.is_leaf or x.retains_grad else None  # PyTorch warns where neither
    return None if grad is None else plain(grad)


SEEN: dict[str, Callable[[Any], Any]] = {
    "value": plain,
    "dtype": lambda x: str(x.dtype).rpartition(".")[2],
    "requires_grad": of_graph(lambda x: x.requires_grad),
    "is_leaf": of_graph(lambda x: x.is_leaf),
    "grad": of_graph(gradient_of),
    "retains_grad": of_graph(lambda x: x.retains_grad),
}


class Lane:
    """One library and the variables of a program that runs with it."""

    def __init__(self, lib: Any, sgd: Any) -> None:
        self.lib, self.scope = lib, {
            "T": lib, "SGD": sgd, "deepcopy": copy.deepcopy, "values": self.values, "weighted": self.weighted,
            "check": lambda: None,
        }  # fmt: skip

    def values(self, shape: tuple[int, ...], seed: int, dtype: Any, requires_grad: bool = False) -> Any:
        """A leaf of numbers none of which stand at a kink."""
        numbers = np.round(1.7 * np.sin(np.arange(1.0, 1.0 + int(np.prod(shape))) * (seed + 1)), 3).reshape(shape)
        return self.lib.tensor(numbers, dtype=dtype, requires_grad=requires_grad)

    def weighted(self, x: Any) -> Any:
        return (x * self.lib.tensor(weights(tuple(x.shape)), dtype=x.dtype)).sum()

    def run(self, line: str) -> Failure:
        try:
            exec(compiled(line), self.scope)
        except Exception as error:  # compared with the other lane's
            return error
        return None

    def tensors(self) -> dict[str, Any]:
        return {name: x for name in NAMES if hasattr(x := self.scope.get(name), "detach")}

    def state(self, blind: bool = False) -> dict[str, Any]:
        """What can be seen of each tensor; if blind only what its memory shows."""
        seen = {what: SEEN[what] for what in ("value", "dtype")} if blind else SEEN
        return {name: {what: see(x) for what, see in seen.items()} for name, x in self.tensors().items()}

    def gradients(self, name: str, targets: list[str], order: int) -> Any:
        """Gradients of one tensor for the targets, and for order 2 those of their sum; or the error."""
        tracked = [self.scope[target] for target in targets]
        grad = self.lib.autograd.grad
        try:
            total = self.weighted(self.scope[name])
            found = grad(total, tracked, retain_graph=True, create_graph=order == 2, allow_unused=True)
            if order == 2:
                ends = [self.weighted(g) for g in found if g is not None and g.requires_grad]
                if not ends:
                    return [None] * len(tracked)
                found = grad(sum(ends[1:], ends[0]), tracked, retain_graph=True, allow_unused=True)
        except Exception as error:  # compared with the other lane's
            return error
        return [None if g is None else plain(g) for g in found]

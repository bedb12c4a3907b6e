"""Rprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autodiff.engine.values import wrap
from optim import rules
from optim.optimizer import Array, Group, Optimizer, State, not_negative, required

__all__ = ["Rprop"]


class Rprop(Optimizer):
    """Goes by the signs of the gradient only, with a step size of each entry's own; ``rules.rprop`` has the law.

    Args:
        params: parameters, pairs of names and parameters, or groups of them with options of their own.
        lr: the first step size.
        etas: what a step size is multiplied by where the sign turns, and where it stays.
        step_sizes: the smallest and the largest step size.
        maximize: go uphill.
        foreach, capturable, differentiable: see ``Optimizer``.

    Reference: Riedmiller & Braun 1993, "A direct adaptive method for faster backpropagation learning: the RPROP
    algorithm".
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _check(self, group: Group) -> None:
        not_negative(group, "lr")
        etas = group["etas"]
        required(0 < etas[0] < 1 < etas[1], "etas", etas, "a pair: one between 0 and 1, and one above 1")

    def _begin(self, state: State, x: Array, group: Group) -> None:
        state["prev"], state["step_size"] = wrap(np.zeros_like(x)), wrap(np.full_like(x, float(group["lr"])))

    def _update(self, group: Group, touched: list[Array]) -> None:
        for x, g, state in self._changing(group, touched):
            arrays = (x, g, state["prev"]._array, state["step_size"]._array)
            rules.by_block(rules.rprop, arrays, group["etas"], group["step_sizes"])

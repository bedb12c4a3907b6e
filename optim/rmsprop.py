"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autodiff.engine.values import wrap
from optim import rules
from optim.optimizer import Array, Group, Optimizer, State, not_negative

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """Divides each entry of the gradient by the root of its mean square; ``rules.rms`` has the law.

    Args:
        params: parameters, pairs of names and parameters, or groups of them with options of their own.
        lr: the learning rate.
        alpha: how much of the mean square is kept.
        eps: added to the root.
        weight_decay: added to the gradient, times the parameter.
        momentum: how much of the velocity is kept.
        centered: divide by the standard deviation of the gradient instead.
        maximize: go uphill.
        foreach, capturable, differentiable: see ``Optimizer``.

    Reference: Tieleman & Hinton 2012, "Lecture 6.5: RMSProp"; Graves 2013, "Generating sequences with recurrent neural
    networks" (centered).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _check(self, group: Group) -> None:
        not_negative(group, "lr", "eps", "momentum", "weight_decay", "alpha")

    def _begin(self, state: State, x: Array, group: Group) -> None:
        state["square_avg"] = wrap(np.zeros_like(x))
        if group["momentum"]:
            state["momentum_buffer"] = wrap(np.zeros_like(x))
        if group["centered"]:
            state["grad_avg"] = wrap(np.zeros_like(x))

    def _update(self, group: Group, touched: list[Array]) -> None:
        numbers = group["alpha"], group["momentum"], group["eps"], float(group["lr"])
        for x, g, state in self._changing(group, touched):
            mean = state["grad_avg"]._array if group["centered"] else None
            velocity = state["momentum_buffer"]._array if group["momentum"] else None
            rules.by_block(rules.rms, (x, g, state["square_avg"]._array, mean, velocity), *numbers)

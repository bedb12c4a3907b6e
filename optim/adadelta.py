"""Adadelta."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autodiff.engine.values import wrap
from optim import rules
from optim.optimizer import Array, Group, Optimizer, State, not_negative, required

__all__ = ["Adadelta"]


class Adadelta(Optimizer):
    """Steps in the unit of the parameter, from the mean squares of steps and gradients; ``rules.adadelta`` has the law.

    Args:
        params: parameters, pairs of names and parameters, or groups of them with options of their own.
        lr: the learning rate, 1 in the paper.
        rho: how much of the mean squares is kept.
        eps: added to the mean squares under their roots.
        weight_decay: added to the gradient, times the parameter.
        maximize: go uphill.
        foreach, capturable, differentiable: see ``Optimizer``.

    Reference: Zeiler 2012, "ADADELTA: an adaptive learning rate method".
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _check(self, group: Group) -> None:
        not_negative(group, "lr", "eps", "weight_decay")
        required(0 <= group["rho"] <= 1, "rho", group["rho"], "from 0 to 1")

    def _begin(self, state: State, x: Array, group: Group) -> None:
        state["square_avg"], state["acc_delta"] = wrap(np.zeros_like(x)), wrap(np.zeros_like(x))

    def _update(self, group: Group, touched: list[Array]) -> None:
        numbers = group["rho"], group["eps"], float(group["lr"])
        for x, g, state in self._changing(group, touched):
            arrays = (x, g, state["square_avg"]._array, state["acc_delta"]._array)
            rules.by_block(rules.adadelta, arrays, *numbers)

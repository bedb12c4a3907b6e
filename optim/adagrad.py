"""Adagrad."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autodiff.engine.values import wrap
from optim import rules
from optim.optimizer import Array, Group, Optimizer, State, not_negative

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
    """Divides each entry's steps by the root of the sum of its squared gradients; ``rules.adagrad`` has the law.

    Args:
        params: parameters, pairs of names and parameters, or groups of them with options of their own.
        lr: the learning rate.
        lr_decay: the rate of step t is lr / (1 + (t - 1) lr_decay).
        weight_decay: added to the gradient, times the parameter.
        initial_accumulator_value: where the sums start.
        eps: added to the root.
        maximize: go uphill.
        foreach, differentiable, fused: see ``Optimizer``.

    Reference: Duchi, Hazan & Singer 2011, "Adaptive subgradient methods for online learning and stochastic
    optimization".
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["step"] = 0
                self._begin(self.state[p], p._array, group)

    def _check(self, group: Group) -> None:
        not_negative(group, "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")

    def _begin(self, state: State, x: Array, group: Group) -> None:
        state["sum"] = wrap(np.full_like(x, group["initial_accumulator_value"]))

    def _update(self, group: Group, touched: list[Array]) -> None:
        for x, g, state in self._changing(group, touched):
            rate = float(group["lr"]) / (1 + (state["step"] - 1) * group["lr_decay"])
            rules.by_block(rules.adagrad, (x, g, state["sum"]._array), rate, group["eps"])

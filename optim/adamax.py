"""Adamax."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autodiff.engine.values import wrap
from optim import rules
from optim.optimizer import Array, Group, Optimizer, State, check_betas, not_negative

__all__ = ["Adamax"]


class Adamax(Optimizer):
    """Adam that divides by the largest gradient it remembers; ``rules.adamax`` has the law.

    Args:
        params: parameters, pairs of names and parameters, or groups of them with options of their own.
        lr: the learning rate.
        betas: how much of the mean gradient, and of the largest one, is kept.
        eps: added to the size of each gradient.
        weight_decay: added to the gradient, times the parameter.
        maximize: go uphill.
        foreach, capturable, differentiable: see ``Optimizer``.

    Reference: Kingma & Ba 2015, "Adam: a method for stochastic optimization", section 7.1.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _check(self, group: Group) -> None:
        not_negative(group, "lr", "eps", "weight_decay")
        check_betas(group)

    def _begin(self, state: State, x: Array, group: Group) -> None:
        state["exp_avg"], state["exp_inf"] = wrap(np.zeros_like(x)), wrap(np.zeros_like(x))

    def _update(self, group: Group, touched: list[Array]) -> None:
        for x, g, state in self._changing(group, touched):
            rate = float(group["lr"]) / (1 - group["betas"][0] ** state["step"])
            arrays = (x, g, state["exp_avg"]._array, state["exp_inf"]._array)
            rules.by_block(rules.adamax, arrays, group["betas"], rate, group["eps"])

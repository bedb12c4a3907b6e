"""NAdam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autodiff.engine.values import wrap
from optim import rules
from optim.optimizer import Array, Group, Optimizer, State, check_betas, not_negative

__all__ = ["NAdam"]


class NAdam(Optimizer):
    """Adam with Nesterov's momentum, whose momentum warms up.

    Law: mu_t = b1 (1 - 0.96^(t momentum_decay) / 2); the step is lr / (sqrt(square / (1 - b2^t)) + eps) times
    (1 - mu_t) / (1 - mu_1 ... mu_t) g + mu_{t+1} / (1 - mu_1 ... mu_{t+1}) mean; ``rules.nadam`` has the rest.

    Args:
        params: parameters, pairs of names and parameters, or groups of them with options of their own.
        lr: the learning rate.
        betas: how much of the mean gradient, and of the mean square, is kept.
        eps: added to the root.
        weight_decay: added to the gradient, times the parameter; with ``decoupled_weight_decay`` the parameter is
            multiplied by 1 - lr * weight_decay instead.
        momentum_decay: how fast the momentum warms up.
        maximize: go uphill.
        foreach, capturable, differentiable: see ``Optimizer``.

    Reference: Dozat 2016, "Incorporating Nesterov momentum into Adam".
    """

    _numbers = ("mu_product",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _check(self, group: Group) -> None:
        not_negative(group, "lr", "eps", "weight_decay", "momentum_decay")
        check_betas(group)

    def _begin(self, state: State, x: Array, group: Group) -> None:
        state["mu_product"] = 1.0
        state["exp_avg"], state["exp_avg_sq"] = wrap(np.zeros_like(x)), wrap(np.zeros_like(x))

    def _update(self, group: Group, touched: list[Array]) -> None:
        lr, (one, two), decay = float(group["lr"]), group["betas"], group["momentum_decay"]
        for x, g, state in self._changing(group, touched, group["decoupled_weight_decay"]):
            step = state["step"]
            now, later = (one * (1 - 0.5 * 0.96 ** (t * decay)) for t in (step, step + 1))
            state["mu_product"] *= now
            root = (1 - two**step) ** 0.5  # of the bias correction, in the rates instead of under the mean square
            weights = (
                lr * root * (1 - now) / (1 - state["mu_product"]),
                lr * root * later / (1 - state["mu_product"] * later),
            )
            arrays = (x, g, state["exp_avg"]._array, state["exp_avg_sq"]._array)
            rules.by_block(rules.nadam, arrays, (one, two), weights, group["eps"] * root)

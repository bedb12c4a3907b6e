"""Adamax."""

from __future__ import annotations

from optim import rules
from optim.optimizer import Array, Group, Optimizer
from optim.options import Betas, NotNegative, Params, options

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

    _memory = ("exp_avg", "exp_inf")

    def __init__(
        self,
        params: Params,
        lr: NotNegative = 2e-3,
        betas: Betas = (0.9, 0.999),
        eps: NotNegative = 1e-8,
        weight_decay: NotNegative = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def _update(self, group: Group, touched: list[Array]) -> None:
        for state, arrays in self._with_gradients(group, touched):
            rate = float(group["lr"]) / (1 - group["betas"][0] ** state["step"])
            rules.by_block(rules.adamax, arrays, group["betas"], rate, group["eps"])

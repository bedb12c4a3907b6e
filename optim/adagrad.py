"""Adagrad."""

from __future__ import annotations

from optim import rules
from optim.optimizer import Array, Group, Optimizer, State, filled
from optim.options import NotNegative, Params, options

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

    _memory = ("sum",)

    def __init__(
        self,
        params: Params,
        lr: NotNegative = 1e-2,
        lr_decay: NotNegative = 0,
        weight_decay: NotNegative = 0,
        initial_accumulator_value: NotNegative = 0,
        eps: NotNegative = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, options(locals()))
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["step"] = 0
                self._begin(self.state[p], p._array, group)

    def _begin(self, state: State, x: Array, group: Group) -> None:
        state["sum"] = filled(x, group["initial_accumulator_value"])

    def _update(self, group: Group, touched: list[Array]) -> None:
        for state, arrays in self._with_gradients(group, touched):
            rate = float(group["lr"]) / (1 + (state["step"] - 1) * group["lr_decay"])
            rules.by_block(rules.adagrad, arrays, rate, group["eps"])

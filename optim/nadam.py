"""NAdam."""

from __future__ import annotations

from optim import rules
from optim.optimizer import Array, Group, Optimizer, State
from optim.options import Betas, NotNegative, Params, options

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

    _memory, _numbers = ("exp_avg", "exp_avg_sq"), ("mu_product",)

    def __init__(
        self,
        params: Params,
        lr: NotNegative = 2e-3,
        betas: Betas = (0.9, 0.999),
        eps: NotNegative = 1e-8,
        weight_decay: NotNegative = 0,
        momentum_decay: NotNegative = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def _begin(self, state: State, x: Array, group: Group) -> None:
        state["mu_product"] = 1.0
        super()._begin(state, x, group)

    def _update(self, group: Group, touched: list[Array]) -> None:
        lr, (one, two), decay = float(group["lr"]), group["betas"], group["momentum_decay"]
        for state, arrays in self._with_gradients(group, touched, group["decoupled_weight_decay"]):
            step = state["step"]
            now, later = (one * (1 - 0.5 * 0.96 ** (t * decay)) for t in (step, step + 1))
            state["mu_product"] *= now
            root = (1 - two**step) ** 0.5  # of the bias correction, in the rates instead of under the mean square
            weights = (
                lr * root * (1 - now) / (1 - state["mu_product"]),
                lr * root * later / (1 - state["mu_product"] * later),
            )
            rules.by_block(rules.nadam, arrays, (one, two), weights, group["eps"] * root)

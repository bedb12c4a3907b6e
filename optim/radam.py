"""RAdam."""

from __future__ import annotations

from optim import rules
from optim.optimizer import Array, Group, Optimizer
from optim.options import Betas, NotNegative, Params, options

__all__ = ["RAdam"]


class RAdam(Optimizer):
    """Adam with its rate rectified for how little is known of the mean square in the first steps.

    Law: rho = 2 / (1 - b2) - 1, rho_t = rho - 2 t b2^t / (1 - b2^t). Where rho_t > 5 the rate has the factor
    sqrt((rho_t - 4) (rho_t - 2) rho / ((rho - 4) (rho - 2) rho_t)); before, the mean is not divided by the root.

    Args:
        params: parameters, pairs of names and parameters, or groups of them with options of their own.
        lr: the learning rate.
        betas: how much of the mean gradient, and of the mean square, is kept.
        eps: added to the root.
        weight_decay: added to the gradient, times the parameter; with ``decoupled_weight_decay`` the parameter is
            multiplied by 1 - lr * weight_decay instead.
        maximize: go uphill.
        foreach, capturable, differentiable: see ``Optimizer``.

    Reference: Liu et al. 2020, "On the variance of the adaptive learning rate and beyond".
    """

    _memory = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Params,
        lr: NotNegative = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: NotNegative = 1e-8,
        weight_decay: NotNegative = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def _update(self, group: Group, touched: list[Array]) -> None:
        one, two = group["betas"]
        rho = 2 / (1 - two) - 1
        for state, arrays in self._with_gradients(group, touched, group["decoupled_weight_decay"]):
            step = state["step"]
            rate, correction, eps = float(group["lr"]) / (1 - one**step), 1 - two**step, None
            now = rho - 2 * step * two**step / correction
            if now > 5:
                rate *= (correction * (now - 4) * (now - 2) * rho / ((rho - 4) * (rho - 2) * now)) ** 0.5
                eps = group["eps"]
            rules.by_block(rules.radam, arrays, (one, two), rate, eps)

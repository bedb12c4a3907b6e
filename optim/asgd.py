"""ASGD."""

from __future__ import annotations

from optim import rules
from optim.optimizer import Array, Group, Optimizer, State
from optim.options import NotNegative, Params, options

__all__ = ["ASGD"]


class ASGD(Optimizer):
    """Gradient descent with a falling rate, and beside it the mean of the parameters on their way, ``state["ax"]``.

    Law: x <- (1 - lambd eta_t) x - eta_t g, ax <- ax + mu_t (x - ax), with eta_1 = lr, mu_1 = 1 and then
    eta_{t+1} = lr / (1 + lambd lr t)^alpha, mu_{t+1} = 1 / max(1, t - t0).

    Args:
        params: parameters, pairs of names and parameters, or groups of them with options of their own.
        lr: the first rate.
        lambd: how fast the parameters decay, and the rate falls.
        alpha: the power by which it falls.
        t0: the step at which the mean starts.
        weight_decay: added to the gradient, times the parameter.
        maximize: go uphill.
        foreach, capturable, differentiable: see ``Optimizer``.

    Reference: Polyak & Juditsky 1992, "Acceleration of stochastic approximation by averaging".
    """

    _memory, _numbers = ("ax",), ("eta", "mu")

    def __init__(
        self,
        params: Params,
        lr: NotNegative = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: NotNegative = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def _begin(self, state: State, x: Array, group: Group) -> None:
        state["eta"], state["mu"] = float(group["lr"]), 1.0
        super()._begin(state, x, group)

    def _update(self, group: Group, touched: list[Array]) -> None:
        lr, lambd = float(group["lr"]), group["lambd"]
        for state, arrays in self._with_gradients(group, touched):
            eta = state["eta"]
            rules.by_block(rules.averaged_descent, arrays, 1 - lambd * eta, eta, state["mu"])
            state["eta"] = lr / (1 + lambd * lr * state["step"]) ** group["alpha"]
            state["mu"] = 1 / max(1, state["step"] - group["t0"])

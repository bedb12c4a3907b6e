"""RMSprop."""

from __future__ import annotations

from optim import rules
from optim.optimizer import Array, Group, Optimizer, State, filled
from optim.options import NotNegative, Params, options

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

    _memory = ("square_avg",)

    def __init__(
        self,
        params: Params,
        lr: NotNegative = 1e-2,
        alpha: NotNegative = 0.99,
        eps: NotNegative = 1e-8,
        weight_decay: NotNegative = 0,
        momentum: NotNegative = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def _begin(self, state: State, x: Array, group: Group) -> None:
        super()._begin(state, x, group)
        if group["momentum"]:
            state["momentum_buffer"] = filled(x)
        if group["centered"]:
            state["grad_avg"] = filled(x)

    def _update(self, group: Group, touched: list[Array]) -> None:
        numbers = group["alpha"], group["momentum"], group["eps"], float(group["lr"])
        for state, arrays in self._with_gradients(group, touched):
            mean = state["grad_avg"]._array if group["centered"] else None
            velocity = state["momentum_buffer"]._array if group["momentum"] else None
            rules.by_block(rules.rms, (*arrays, mean, velocity), *numbers)

"""Adadelta."""

from __future__ import annotations

from typing import Annotated

from optim import rules
from optim.optimizer import Array, Group, Optimizer
from optim.options import Limit, NotNegative, Params, options

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

    _memory = ("square_avg", "acc_delta")

    def __init__(
        self,
        params: Params,
        lr: NotNegative = 1.0,
        rho: Annotated[float, Limit(lambda rho: 0 <= rho <= 1, "from 0 to 1")] = 0.9,
        eps: NotNegative = 1e-6,
        weight_decay: NotNegative = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def _update(self, group: Group, touched: list[Array]) -> None:
        numbers = group["rho"], group["eps"], float(group["lr"])
        for _, arrays in self._with_gradients(group, touched):
            rules.by_block(rules.adadelta, arrays, *numbers)

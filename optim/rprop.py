"""Rprop."""

from __future__ import annotations

from typing import Annotated

from optim import rules
from optim.optimizer import Array, Group, Optimizer, State, filled
from optim.options import Limit, NotNegative, Params, options

__all__ = ["Rprop"]

Etas = Annotated[
    tuple[float, float], Limit(lambda etas: 0 < etas[0] < 1 < etas[1], "a pair: one between 0 and 1, and one above 1")
]


class Rprop(Optimizer):
    """Goes by the signs of the gradient only, with a step size of each entry's own; ``rules.rprop`` has the law.

    Args:
        params: parameters, pairs of names and parameters, or groups of them with options of their own.
        lr: the first step size.
        etas: what a step size is multiplied by where the sign turns, and where it stays.
        step_sizes: the smallest and the largest step size.
        maximize: go uphill.
        foreach, capturable, differentiable: see ``Optimizer``.

    Reference: Riedmiller & Braun 1993, "A direct adaptive method for faster backpropagation learning: the RPROP
    algorithm".
    """

    _memory = ("prev", "step_size")

    def __init__(
        self,
        params: Params,
        lr: NotNegative = 1e-2,
        etas: Etas = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def _begin(self, state: State, x: Array, group: Group) -> None:
        state["prev"], state["step_size"] = filled(x), filled(x, float(group["lr"]))

    def _update(self, group: Group, touched: list[Array]) -> None:
        for _, arrays in self._with_gradients(group, touched):
            rules.by_block(rules.rprop, arrays, group["etas"], group["step_sizes"])

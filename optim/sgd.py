"""Stochastic gradient descent, with or without momentum."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.engine.apply import wrap
from optim import rules
from optim.optimizer import Array, Group, Optimizer
from optim.options import NotNegative, Params, options, required

__all__ = ["SGD"]


class SGD(Optimizer):
    """x <- x - lr v, with the velocity v <- momentum v + (1 - dampening) g; without momentum v is g.

    Args:
        params: parameters, pairs of names and parameters, or groups of them with options of their own.
        lr: the learning rate.
        momentum: how much of the velocity is kept; it starts as the first gradient.
        dampening: how much of a gradient does not go into the velocity.
        weight_decay: added to g, times x.
        nesterov: step along g + momentum v, as if looking ahead.
        maximize: go uphill.
        foreach, differentiable, fused: see ``Optimizer``.

    Reference: Polyak 1964, "Some methods of speeding up the convergence of iteration methods"; Nesterov 1983, "A method
    for solving the convex programming problem with convergence rate O(1/k^2)", as in Sutskever et al. 2013, "On the
    importance of initialization and momentum in deep learning".

    >>> import autodiff
    >>> x = autodiff.tensor([1.0], requires_grad=True)
    >>> optimizer = SGD([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: NotNegative = 1e-3,
        momentum: NotNegative = 0,
        dampening: float = 0,
        weight_decay: NotNegative = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, options(locals()))

    def _check(self, group: Group) -> None:
        if group["nesterov"]:
            required(group["momentum"] > 0, "momentum", group["momentum"], "above 0 with nesterov=True")
            required(group["dampening"] == 0, "dampening", group["dampening"], "0 with nesterov=True")

    def _update(self, group: Group, touched: list[Array]) -> None:
        lr, decay, momentum, uphill = group["lr"], group["weight_decay"], group["momentum"], group["maximize"]
        dtype, rate, descend, block = None, lr, rules.descend, rules.BLOCK
        for p in group["params"]:
            grad = p._grad
            if grad is None:
                continue
            x, g = p._array, grad._array
            if x.dtype is not dtype:
                dtype = x.dtype
                rate = np.array(lr, dtype)
            if uphill:
                g = -g
            if decay:
                g = rules.added(g, decay, x)
            if momentum:
                g = self._velocity(p, g, group)
            if x.size > block:
                rules.by_block(descend, (x, g), rate)
            else:
                descend(x, g, rate)
            touched.append(x)

    def _velocity(self, p: Any, g: Array, group: Group) -> Array:
        """The direction that momentum makes of a gradient."""
        state, momentum = self.state[p], group["momentum"]
        buffer = state.get("momentum_buffer")
        if buffer is None:
            buffer = state["momentum_buffer"] = wrap(np.array(g))
        else:
            rules.by_block(rules.update_moment, (buffer._array, g), momentum, 1 - group["dampening"])
        velocity: Array = buffer._array
        return rules.added(g, momentum, velocity) if group["nesterov"] else velocity

"""Gradient descent: with momentum, with an average of the parameters, and by the signs of the gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np

from autodiff.engine.values import wrap
from autodiff.tensors.scalars import Scalar, scalar_in
from autodiff.tensors.tensor import Tensor

from . import rules
from .optimizer import Array, Group, Optimizer, State, filled, number
from .options import Limit, NotNegative, Params, options, required
from .states import Slot

__all__ = ["ASGD", "SGD", "Rprop"]

Etas = Annotated[
    tuple[float, float], Limit(lambda etas: 0 < etas[0] < 1 < etas[1], "a pair: one between 0 and 1, and one above 1")
]


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
        self, params: Params, lr: NotNegative = 1e-3, momentum: NotNegative = 0, dampening: float = 0,
        weight_decay: NotNegative = 0, nesterov: bool = False, *, maximize: bool = False, foreach: bool | None = None,
        differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, options(locals()))

    def _check(self, group: Group) -> None:
        if group["nesterov"]:
            required(group["momentum"] > 0, "momentum", group["momentum"], "above 0 with nesterov=True")
            required(group["dampening"] == 0, "dampening", group["dampening"], "0 with nesterov=True")

    def _slots(self, p: Tensor, group: Group, saved: Mapping[str, Any]) -> dict[str, Slot]:
        return {"momentum_buffer": Slot(shape=p.shape, dtype=p.dtype, needed=False)}  # the first step makes it

    def _update(self, group: Group, touched: list[Array]) -> None:
        # By hand: _with_gradients, which the others use, would take most of so short a law's time.
        lr, decay, momentum, uphill = group["lr"], group["weight_decay"] or None, group["momentum"], group["maximize"]
        is_plain, dtype, rate, keep = not (decay or momentum or uphill), None, lr, momentum
        block, descend = rules.BLOCK, rules.descend
        for p in group["params"]:
            if (grad := p._grad) is None:
                continue
            x, g = p._array, grad._array
            if x.dtype is not dtype:
                dtype = x.dtype
                rate, keep = np.array(lr, dtype), momentum and np.array(momentum, dtype)
            if is_plain and x.size <= block:
                descend(x, g, rate)
            else:
                law, velocity = self._velocity(p, g) if momentum else (rules.sgd, None)
                numbers = decay, keep, 1 - group["dampening"], rate, group["nesterov"]
                rules.by_block(law, (x, -g if uphill else g, velocity), *numbers)
            touched.append(x)

    def _velocity(self, p: Tensor, g: Array) -> tuple[Callable[..., None], Array]:
        """The law of this step of ``p``, and the velocity that it changes."""
        state = self.state[p]
        if (velocity := state.get("momentum_buffer")) is not None:
            return rules.sgd, velocity._array
        state["momentum_buffer"] = velocity = wrap(np.empty_like(g))
        return rules.first_sgd, velocity._array


class ASGD(Optimizer):
    """Gradient descent with a falling rate, which also averages the parameters of all steps, in ``state["ax"]``.

    Law: x <- (1 - lambd eta_t) x - eta_t g, ax <- ax + mu_t (x - ax), with eta_1 = lr, mu_1 = 1 and then
    eta_{t+1} = lr / (1 + lambd lr t)^alpha, mu_{t+1} = 1 / max(1, t - t0).

    Args:
        params: parameters, pairs of names and parameters, or groups of them with options of their own.
        lr: the first rate.
        lambd: how fast the parameters decay, and the rate falls.
        alpha: the power by which it falls.
        t0: the step at which averaging starts.
        weight_decay: added to the gradient, times the parameter.
        maximize: go uphill.
        foreach, capturable, differentiable: see ``Optimizer``.

    Reference: Polyak & Juditsky 1992, "Acceleration of stochastic approximation by averaging".

    >>> from autodiff import optim, tensor
    >>> w = tensor([1.0], requires_grad=True)
    >>> w.square().sum().backward()
    >>> optim.ASGD([w], lr=0.1).step()
    >>> w
    tensor([0.8000], requires_grad=True)
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
        state["eta"], state["mu"] = Scalar(number(group["lr"])), Scalar(1.0)
        super()._begin(state, x, group)

    def _update(self, group: Group, touched: list[Array]) -> None:
        lr, lambd = number(group["lr"]), group["lambd"]
        for state, arrays in self._with_gradients(group, touched):
            step, eta, mu = state["step"].number, scalar_in(state, "eta"), scalar_in(state, "mu")
            rules.by_block(rules.averaged_descent, arrays, 1 - lambd * eta.number, eta.number, mu.number)
            eta.number = lr / (1 + lambd * lr * step) ** group["alpha"]
            mu.number = 1 / max(1, step - group["t0"])


class Rprop(Optimizer):
    """Steps by the sign of the gradient, with a step size for each entry; ``rules.rprop`` has the law.

    Args:
        params: parameters, pairs of names and parameters, or groups of them with options of their own.
        lr: the first step size.
        etas: what a step size is multiplied by where the sign turns, and where it stays.
        step_sizes: the smallest and the largest step size.
        maximize: go uphill.
        foreach, capturable, differentiable: see ``Optimizer``.

    Reference: Riedmiller & Braun 1993, "A direct adaptive method for faster backpropagation learning: the RPROP
    algorithm".

    >>> from autodiff import optim, tensor
    >>> w = tensor([1.0], requires_grad=True)
    >>> w.square().sum().backward()
    >>> optim.Rprop([w], lr=0.1).step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    _memory = ("prev", "step_size")

    def __init__(
        self, params: Params, lr: NotNegative = 1e-2, etas: Etas = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, options(locals(), "lr etas step_sizes foreach maximize differentiable"))

    def _begin(self, state: State, x: Array, group: Group) -> None:
        state["prev"], state["step_size"] = filled(x), filled(x, number(group["lr"]))

    def _update(self, group: Group, touched: list[Array]) -> None:
        for _, arrays in self._with_gradients(group, touched):
            rules.by_block(rules.rprop, arrays, group["etas"], group["step_sizes"])

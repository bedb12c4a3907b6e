"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autodiff.engine.values import wrap
from optim import rules
from optim.optimizer import Array, Group, Optimizer, State, check_betas, not_negative

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    """Steps along the mean gradient, each entry over the root of its mean square; ``rules.adam`` has the law.

    Args:
        params: parameters, pairs of names and parameters, or groups of them with options of their own.
        lr: the learning rate.
        betas: how much of the mean gradient, and of the mean square, is kept.
        eps: added to the root.
        weight_decay: added to the gradient, times the parameter; with ``decoupled_weight_decay`` the parameter is
            multiplied by 1 - lr * weight_decay instead, as in AdamW.
        amsgrad: divide by the largest mean square so far.
        maximize: go uphill.
        foreach, capturable, differentiable, fused: see ``Optimizer``.

    Reference: Kingma & Ba 2015, "Adam: a method for stochastic optimization".

    >>> import autodiff
    >>> x = autodiff.tensor([1.0], requires_grad=True)
    >>> optimizer = Adam([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def _check(self, group: Group) -> None:
        not_negative(group, "lr", "eps", "weight_decay")
        check_betas(group)

    def _begin(self, state: State, x: Array, group: Group) -> None:
        state["exp_avg"], state["exp_avg_sq"] = wrap(np.zeros_like(x)), wrap(np.zeros_like(x))
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = wrap(np.zeros_like(x))

    def _update(self, group: Group, touched: list[Array]) -> None:
        numbers: dict[Any, rules.AdamNumbers] = {}
        lr, betas, eps, amsgrad = float(group["lr"]), group["betas"], group["eps"], group["amsgrad"]
        for x, g, state in self._changing(group, touched, group["decoupled_weight_decay"]):
            key = state["step"], x.dtype
            if key not in numbers:
                numbers[key] = rules.AdamNumbers.at(state["step"], lr, betas, eps, x.dtype)
            largest = state["max_exp_avg_sq"]._array if amsgrad else None
            mean, square = state["exp_avg"]._array, state["exp_avg_sq"]._array
            rules.by_block(rules.adam, (x, g, mean, square, largest), numbers[key])


class AdamW(Adam):
    """Adam with weight decay beside the step instead of in the gradient: x <- (1 - lr * weight_decay) x first.

    Reference: Loshchilov & Hutter 2019, "Decoupled weight decay regularization".
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

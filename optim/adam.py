"""Adam and AdamW."""

from __future__ import annotations

from optim import rules
from optim.optimizer import Array, Group, Optimizer, State, filled
from optim.options import Betas, NotNegative, Params, options

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

    _memory = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Params,
        lr: NotNegative = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: NotNegative = 1e-8,
        weight_decay: NotNegative = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def _begin(self, state: State, x: Array, group: Group) -> None:
        super()._begin(state, x, group)
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = filled(x)

    def _update(self, group: Group, touched: list[Array]) -> None:
        lr, betas, eps, amsgrad = float(group["lr"]), group["betas"], group["eps"], group["amsgrad"]
        step = dtype = None
        for state, arrays in self._with_gradients(group, touched, group["decoupled_weight_decay"]):
            if state["step"] != step or arrays[0].dtype is not dtype:
                step, dtype = state["step"], arrays[0].dtype
                numbers = rules.AdamNumbers.at(step, lr, betas, eps, dtype)
            largest = state["max_exp_avg_sq"]._array if amsgrad else None
            rules.by_block(rules.adam, (*arrays, largest), numbers)


class AdamW(Adam):
    """Adam with weight decay beside the step instead of in the gradient: x <- (1 - lr * weight_decay) x first.

    Reference: Loshchilov & Hutter 2019, "Decoupled weight decay regularization".
    """

    def __init__(
        self,
        params: Params,
        lr: NotNegative = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: NotNegative = 1e-8,
        weight_decay: NotNegative = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, **options(locals()), decoupled_weight_decay=True)

"""Adam and the optimizers that vary it."""

from __future__ import annotations

from autodiff.kernels.layout import pairs
from autodiff.tensors.scalars import Scalar, scalar_in

from . import rules
from .optimizer import Array, Group, Optimizer, State, number
from .options import Betas, NotNegative, Params, options, required

__all__ = ["Adam", "AdamW", "Adamax", "NAdam", "RAdam"]


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

    _memory, _further = ("exp_avg", "exp_avg_sq"), {"max_exp_avg_sq": "amsgrad"}

    def __init__(
        self, params: Params, lr: NotNegative = 1e-3, betas: Betas = (0.9, 0.999), eps: NotNegative = 1e-8,
        weight_decay: NotNegative = 0, amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, options(locals(), "lr betas eps weight_decay amsgrad maximize"))

    def _update(self, group: Group, touched: list[Array]) -> None:
        lr, betas, eps, amsgrad = number(group["lr"]), group["betas"], group["eps"], group["amsgrad"]
        step = dtype = None
        for state, arrays in self._with_gradients(group, touched, group["decoupled_weight_decay"]):
            if state["step"].number != step or arrays[0].dtype is not dtype:
                step, dtype = state["step"].number, arrays[0].dtype
                numbers = rules.AdamNumbers.at(step, lr, betas, eps, dtype)
            largest = pairs(state["max_exp_avg_sq"]._array) if amsgrad else None
            rules.by_block(rules.adam, (*arrays, largest), numbers)


class AdamW(Adam):
    """Adam that decays the weights apart from the gradient: x <- (1 - lr * weight_decay) x before each step.

    Args: those of ``Adam``, but for ``decoupled_weight_decay``, which is True.

    Reference: Loshchilov & Hutter 2019, "Decoupled weight decay regularization".

    >>> from autodiff import optim, tensor
    >>> w = tensor([1.0], requires_grad=True)
    >>> w.square().sum().backward()
    >>> optim.AdamW([w], lr=0.1).step()
    >>> w
    tensor([0.8990], requires_grad=True)
    """

    def __init__(
        self, params: Params, lr: NotNegative = 1e-3, betas: Betas = (0.9, 0.999), eps: NotNegative = 1e-8,
        weight_decay: NotNegative = 1e-2, amsgrad: bool = False, *, maximize: bool = False,
        foreach: bool | None = None, capturable: bool = False, differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, **options(locals()), decoupled_weight_decay=True)

    def _check(self, group: Group) -> None:
        apart = group["decoupled_weight_decay"]
        required(bool(apart), "decoupled_weight_decay of AdamW", apart, "True; in Adam it may be False")


class Adamax(Optimizer):
    """Adam that divides by a decaying maximum of past gradients; ``rules.adamax`` has the law.

    Args:
        params: parameters, pairs of names and parameters, or groups of them with options of their own.
        lr: the learning rate.
        betas: how much of the mean gradient, and of the maximum, is kept.
        eps: added to the size of each gradient.
        weight_decay: added to the gradient, times the parameter.
        maximize: go uphill.
        foreach, capturable, differentiable: see ``Optimizer``.

    Reference: Kingma & Ba 2015, "Adam: a method for stochastic optimization", section 7.1.

    >>> from autodiff import optim, tensor
    >>> w = tensor([1.0], requires_grad=True)
    >>> w.square().sum().backward()
    >>> optim.Adamax([w], lr=0.1).step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    _memory = ("exp_avg", "exp_inf")

    def __init__(
        self, params: Params, lr: NotNegative = 2e-3, betas: Betas = (0.9, 0.999), eps: NotNegative = 1e-8,
        weight_decay: NotNegative = 0, foreach: bool | None = None, *, maximize: bool = False,
        differentiable: bool = False, capturable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, options(locals()))

    def _update(self, group: Group, touched: list[Array]) -> None:
        for state, arrays in self._with_gradients(group, touched):
            rate = number(group["lr"]) / (1 - group["betas"][0] ** state["step"].number)
            rules.by_block(rules.adamax, arrays, group["betas"], rate, group["eps"])


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

    >>> from autodiff import optim, tensor
    >>> w = tensor([1.0], requires_grad=True)
    >>> w.square().sum().backward()
    >>> optim.NAdam([w], lr=0.1).step()
    >>> w
    tensor([0.8944], requires_grad=True)
    """

    _memory, _numbers = ("exp_avg", "exp_avg_sq"), ("mu_product",)

    def __init__(
        self, params: Params, lr: NotNegative = 2e-3, betas: Betas = (0.9, 0.999), eps: NotNegative = 1e-8,
        weight_decay: NotNegative = 0, momentum_decay: NotNegative = 4e-3, decoupled_weight_decay: bool = False, *,
        foreach: bool | None = None, maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, options(locals(), "lr betas eps weight_decay momentum_decay decoupled_weight_decay maximize")
        )

    def _begin(self, state: State, x: Array, group: Group) -> None:
        state["mu_product"] = Scalar(1.0)
        super()._begin(state, x, group)

    def _update(self, group: Group, touched: list[Array]) -> None:
        lr, (one, two), decay = number(group["lr"]), group["betas"], group["momentum_decay"]
        for state, arrays in self._with_gradients(group, touched, group["decoupled_weight_decay"]):
            step = state["step"].number
            now, later = (one * (1 - 0.5 * 0.96 ** (t * decay)) for t in (step, step + 1))
            product = scalar_in(state, "mu_product")
            product.number *= now
            root = (1 - two**step) ** 0.5  # of the bias correction, in the rates instead of under the mean square
            weights = (
                lr * root * (1 - now) / (1 - product.number),
                lr * root * later / (1 - product.number * later),
            )
            rules.by_block(rules.nadam, arrays, (one, two), weights, group["eps"] * root)


class RAdam(Optimizer):
    """Adam with its rate rectified for the variance of the mean square, which is large in the first steps.

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

    >>> from autodiff import optim, tensor
    >>> w = tensor([1.0], requires_grad=True)
    >>> w.square().sum().backward()
    >>> optim.RAdam([w], lr=0.1).step()
    >>> w
    tensor([0.8000], requires_grad=True)
    """

    _memory = ("exp_avg", "exp_avg_sq")

    def __init__(
        self, params: Params, lr: NotNegative = 1e-3, betas: Betas = (0.9, 0.999), eps: NotNegative = 1e-8,
        weight_decay: NotNegative = 0, decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
        maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, options(locals(), "lr betas eps weight_decay maximize foreach capturable"))

    def _update(self, group: Group, touched: list[Array]) -> None:
        one, two = group["betas"]
        rho = 2 / (1 - two) - 1
        for state, arrays in self._with_gradients(group, touched, group["decoupled_weight_decay"]):
            step = state["step"].number
            rate, correction, eps = number(group["lr"]) / (1 - one**step), 1 - two**step, None
            now = rho - 2 * step * two**step / correction
            if now > 5:
                rate *= (correction * (now - 4) * (now - 2) * rho / ((rho - 4) * (rho - 2) * now)) ** 0.5
                eps = group["eps"]
            rules.by_block(rules.radam, arrays, (one, two), rate, eps)

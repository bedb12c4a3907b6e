"""Optimizers that scale each entry's steps by the sizes of its past gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np

from autodiff.kernels.layout import pairs
from autodiff.tensors.scalars import Scalar
from autodiff.tensors.tensor import Tensor

from . import rules
from .optimizer import Array, Group, Optimizer, State, filled, number
from .options import Limit, NotNegative, Params, options
from .states import Slot

__all__ = ["Adadelta", "Adafactor", "Adagrad", "RMSprop"]

Epsilons = Annotated[
    tuple[float | None, float],
    Limit(lambda eps: len(eps) == 2 and (eps[0] is None or eps[0] >= 0) and eps[1] >= 0, "a pair, 0 or more"),
]


class Adagrad(Optimizer):
    """Divides each entry's steps by the root of the sum of its squared gradients; ``rules.adagrad`` has the law.

    Args:
        params: parameters, pairs of names and parameters, or groups of them with options of their own.
        lr: the learning rate.
        lr_decay: the rate of step t is lr / (1 + (t - 1) lr_decay).
        weight_decay: added to the gradient, times the parameter.
        initial_accumulator_value: where the sums start.
        eps: added to the root.
        maximize: go uphill.
        foreach, differentiable, fused: see ``Optimizer``.

    Reference: Duchi, Hazan & Singer 2011, "Adaptive subgradient methods for online learning and stochastic
    optimization".

    >>> from autodiff import optim, tensor
    >>> w = tensor([1.0], requires_grad=True)
    >>> w.square().sum().backward()
    >>> optim.Adagrad([w], lr=0.1).step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    _memory, _takes_sparse = ("sum",), True

    def __init__(
        self, params: Params, lr: NotNegative = 1e-2, lr_decay: NotNegative = 0, weight_decay: NotNegative = 0,
        initial_accumulator_value: NotNegative = 0, eps: NotNegative = 1e-10, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, options(locals(), "lr lr_decay eps"))
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["step"] = Scalar(0)
                self._begin(self.state[p], p._array, group)

    def _begin(self, state: State, x: Array, group: Group) -> None:
        state["sum"] = filled(x, group["initial_accumulator_value"])

    def _update(self, group: Group, touched: list[Array]) -> None:
        for state, arrays in self._with_gradients(group, touched):
            rate = number(group["lr"]) / (1 + (state["step"].number - 1) * group["lr_decay"])
            rules.by_block(rules.adagrad, arrays, rate, group["eps"])


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

    >>> from autodiff import optim, tensor
    >>> w = tensor([1.0], requires_grad=True)
    >>> w.square().sum().backward()
    >>> optim.RMSprop([w], lr=0.01).step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    _memory, _further = ("square_avg",), {"momentum_buffer": "momentum", "grad_avg": "centered"}

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
        super().__init__(params, options(locals(), "lr momentum alpha eps centered"))

    def _update(self, group: Group, touched: list[Array]) -> None:
        numbers = group["alpha"], group["momentum"], group["eps"], number(group["lr"])
        for state, arrays in self._with_gradients(group, touched):
            mean = pairs(state["grad_avg"]._array) if group["centered"] else None
            velocity = pairs(state["momentum_buffer"]._array) if group["momentum"] else None
            rules.by_block(rules.rms, (*arrays, mean, velocity), *numbers)


class Adadelta(Optimizer):
    """Scales steps by the mean squares of past steps and gradients; ``rules.adadelta`` has the law.

    Args:
        params: parameters, pairs of names and parameters, or groups of them with options of their own.
        lr: the learning rate, 1 in the paper.
        rho: how much of the mean squares is kept.
        eps: added to the mean squares under their roots.
        weight_decay: added to the gradient, times the parameter.
        maximize: go uphill.
        foreach, capturable, differentiable: see ``Optimizer``.

    Reference: Zeiler 2012, "ADADELTA: an adaptive learning rate method".

    >>> from autodiff import optim, tensor
    >>> w = tensor([1.0], requires_grad=True)
    >>> w.square().sum().backward()
    >>> optim.Adadelta([w], lr=1.0).step()
    >>> w
    tensor([0.9968], requires_grad=True)
    """

    _memory = ("square_avg", "acc_delta")

    def __init__(
        self, params: Params, lr: NotNegative = 1.0,
        rho: Annotated[float, Limit(lambda rho: 0 <= rho <= 1, "from 0 to 1")] = 0.9, eps: NotNegative = 1e-6,
        weight_decay: NotNegative = 0, foreach: bool | None = None, *, capturable: bool = False,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, options(locals(), "lr rho eps weight_decay maximize capturable"))

    def _update(self, group: Group, touched: list[Array]) -> None:
        numbers = group["rho"], group["eps"], number(group["lr"])
        for _, arrays in self._with_gradients(group, touched):
            rules.by_block(rules.adadelta, arrays, *numbers)


class Adafactor(Optimizer):
    """Adam's scaling without its memory, with steps in proportion to the parameter; ``rules.adafactor`` has the law.

    Args:
        params: parameters, pairs of names and parameters, or groups of them with options of their own.
        lr: the largest relative step; in step t it is 1 / sqrt(t) where that is smaller.
        beta2_decay: a new mean square counts for t to this power in step t.
        eps: the smallest root mean square of a gradient (None: of the dtype) and of a parameter.
        d: the root mean square above which a step is shortened.
        weight_decay: the parameter is multiplied by 1 - lr * weight_decay.
        maximize: go uphill.
        foreach: see ``Optimizer``.

    Reference: Shazeer & Stern 2018, "Adafactor: adaptive learning rates with sublinear memory cost".

    >>> from autodiff import optim, tensor
    >>> w = tensor([1.0], requires_grad=True)
    >>> w.square().sum().backward()
    >>> optim.Adafactor([w], lr=0.1).step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    _takes_complex = False

    def __init__(
        self,
        params: Params,
        lr: NotNegative = 1e-2,
        beta2_decay: Annotated[float, Limit(lambda power: power <= 0, "0 or less")] = -0.8,
        eps: Epsilons = (None, 1e-3),
        d: Annotated[float, Limit(lambda d: d >= 1, "1 or more")] = 1.0,
        weight_decay: NotNegative = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def _slots(self, p: Tensor, group: Group, saved: Mapping[str, Any]) -> dict[str, Slot]:
        shape, count = p.shape, {"step": Slot("count", is_scalar=True)}
        if len(shape) < 2:
            return {**count, "variance": Slot(shape=shape, dtype=p.dtype)}
        shapes = {"row_var": (*shape[:-1], 1), "col_var": (*shape[:-2], 1, shape[-1])}
        return {**count, **{name: Slot(shape=shape, dtype=p.dtype) for name, shape in shapes.items()}}

    def _begin(self, state: State, x: Array, group: Group) -> None:
        if x.ndim > 1:
            state["row_var"], state["col_var"] = filled(x[..., :1]), filled(x[..., :1, :])
        else:
            state["variance"] = filled(x)

    def _update(self, group: Group, touched: list[Array]) -> None:
        lr, (smallest, least_size) = number(group["lr"]), group["eps"]
        for state, (x, g) in self._with_gradients(group, touched, decay=0):
            step, names = state["step"].number, ("row_var", "col_var") if x.ndim > 1 else ("variance",)
            averages = tuple(np.atleast_1d(state[name]._array) for name in names)
            fresh, rate = step ** group["beta2_decay"], min(lr, step**-0.5)
            eps = float(np.finfo(x.dtype).eps) if smallest is None else smallest, least_size
            decay = 1 - lr * group["weight_decay"]
            rules.adafactor(np.atleast_1d(x), np.atleast_1d(g), averages, fresh, rate, group["d"], eps, decay)

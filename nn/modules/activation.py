"""Activations as modules."""

from __future__ import annotations

from typing import Any

from autodiff.errors import ShapeError
from autodiff.tensors.tensor import Tensor

from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import Parameter
from .attention import MultiheadAttention as MultiheadAttention
from .function_module import FunctionModule
from .new_parameters import add_parameters

__all__ = [
    "CELU", "ELU", "GELU", "GLU", "SELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU",
    "LogSigmoid", "LogSoftmax", "Mish", "PReLU", "RReLU", "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softmax", "Softmax2d",
    "Softmin", "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold",
]  # fmt: skip


class _Plain(FunctionModule):
    """An activation whose function takes no option."""

    def forward(self, input: Any) -> Tensor:
        """The function of the input."""
        return type(self).function(input)


class _InPlace(_Plain, options=True):
    """An activation that takes ``inplace`` only."""

    inplace: bool = False

    def forward(self, input: Any) -> Tensor:
        """The function of the input, with ``inplace`` written into it."""
        return type(self).function(input, self.inplace)


class ReLU(_InPlace, function=F.relu):
    """max(x, 0), with gradient 0 at 0."""


class Sigmoid(_Plain, function=F.sigmoid):
    """1 / (1 + exp(-x))."""


class Tanh(_Plain, function=F.tanh):
    """The hyperbolic tangent."""


class LogSigmoid(_Plain, function=F.logsigmoid):
    """log of the sigmoid, without overflow."""


class SiLU(_InPlace, function=F.silu):
    """x * sigmoid(x)."""


class LeakyReLU(FunctionModule, function=F.leaky_relu):
    """x where it is positive, ``negative_slope`` * x elsewhere."""

    negative_slope: float = 0.01
    inplace: bool = False


class Softplus(FunctionModule, function=F.softplus):
    """log(1 + exp(beta x)) / beta."""

    beta: float = 1.0
    threshold: float = 20.0


class GELU(FunctionModule, function=F.gelu):
    """x * P(N <= x) for a standard normal N."""

    approximate: str = "none"

    def extra_repr(self) -> str:
        """The form, in quotes."""
        return f"approximate={self.approximate!r}"


class Softmax(FunctionModule, function=F.softmax):
    """exp(x) over its sum along ``dim``."""

    dim: int | None = None


class LogSoftmax(FunctionModule, function=F.log_softmax):
    """log of the softmax along ``dim``."""

    dim: int | None = None


class ReLU6(_InPlace, function=F.relu6):
    """min(max(x, 0), 6)."""


class Hardsigmoid(_InPlace, function=F.hardsigmoid):
    """The line x / 6 + 1 / 2 between 0 and 1."""

    shown = ()


class Hardswish(_InPlace, function=F.hardswish):
    """x * hardsigmoid(x)."""

    shown = ()


class Mish(_InPlace, function=F.mish):
    """x * tanh(softplus(x))."""


class SELU(_InPlace, function=F.selu):
    """``ELU`` with the two constants that keep mean 0 and variance 1."""


class ELU(FunctionModule, function=F.elu):
    """x where it is positive, ``alpha`` * (exp(x) - 1) elsewhere."""

    alpha: float = 1.0
    inplace: bool = False


class CELU(FunctionModule, function=F.celu):
    """``ELU`` of x / alpha times alpha."""

    alpha: float = 1.0
    inplace: bool = False


class Hardtanh(FunctionModule, function=F.hardtanh):
    """x clamped to between ``min_val`` and ``max_val``."""

    min_val: float = -1.0
    max_val: float = 1.0
    inplace: bool = False


class Threshold(FunctionModule, function=F.threshold):
    """x where it is above ``threshold``, ``value`` elsewhere."""

    threshold: float
    value: float
    inplace: bool = False


class RReLU(FunctionModule, function=F.rrelu):
    """``LeakyReLU`` with slopes drawn anew for each entry while training."""

    lower: float = 1.0 / 8
    upper: float = 1.0 / 3
    inplace: bool = False


class _Shrink(FunctionModule, options=True):
    lambd: float = 0.5

    def extra_repr(self) -> str:
        """The bound."""
        return str(self.lambd)


class Hardshrink(_Shrink, function=F.hardshrink):
    """x, but 0 where its size is at most ``lambd``."""


class Softshrink(_Shrink, function=F.softshrink):
    """x moved towards 0 by ``lambd``."""


class Softsign(_Plain, function=F.softsign):
    """x / (1 + abs(x))."""


class Tanhshrink(_Plain, function=F.tanhshrink):
    """x - tanh(x)."""


class GLU(FunctionModule, function=F.glu):
    """The first half along ``dim`` times the sigmoid of the second."""

    dim: int = -1


class Softmin(FunctionModule, function=F.softmin):
    """``Softmax`` of -x."""

    dim: int | None = None


class Softmax2d(Module):
    """The softmax over the channels of each pixel.

    Shapes: input (N, C, H, W) or (C, H, W), output the same.

    Raises ShapeError for other inputs.
    """

    def forward(self, input: Any) -> Tensor:
        """``functional.softmax`` along the channels."""
        if len(input.shape) not in (3, 4):
            raise ShapeError(f"Softmax2d takes inputs (N, C, H, W) or (C, H, W), not of shape {tuple(input.shape)}")
        return F.softmax(input, -3)


class PReLU(Module):
    """``LeakyReLU`` whose slope is learnt: one for all, or one for each of ``num_parameters`` channels."""

    weight: Parameter

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        add_parameters(self, dtype, weight=(num_parameters,))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set all slopes to ``init``."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Any) -> Tensor:
        """``functional.prelu``."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """How many slopes."""
        return f"num_parameters={self.num_parameters}"

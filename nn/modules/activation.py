"""Activations as modules."""

from __future__ import annotations

from typing import Any

from autodiff.errors import ShapeError
from nn import functional as F
from nn import init
from nn.module import Module
from nn.modules.function_module import FunctionModule, applies, with_options
from nn.modules.initial import empty_parameter
from nn.parameter import Parameter

__all__ = [
    "CELU", "ELU", "GELU", "GLU", "SELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU",
    "LogSigmoid", "LogSoftmax", "Mish", "PReLU", "RReLU", "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softmax", "Softmax2d",
    "Softmin", "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold",
]  # fmt: skip


class _Plain(FunctionModule):
    """An activation whose function takes no option."""

    def forward(self, input: Any) -> Any:
        """The function of the input."""
        return type(self).function(input)


@with_options
class _InPlace(_Plain):
    """An activation that takes PyTorch's ``inplace`` only, which changes no number here."""

    inplace: bool = False


@applies(F.relu)
class ReLU(_InPlace):
    """max(x, 0), with gradient 0 at 0."""


@applies(F.sigmoid)
class Sigmoid(_Plain):
    """1 / (1 + exp(-x))."""


@applies(F.tanh)
class Tanh(_Plain):
    """The hyperbolic tangent."""


@applies(F.logsigmoid)
class LogSigmoid(_Plain):
    """log of the sigmoid, without overflow."""


@applies(F.silu)
class SiLU(_InPlace):
    """x * sigmoid(x)."""


@applies(F.leaky_relu)
class LeakyReLU(FunctionModule):
    """x where it is positive, ``negative_slope`` * x elsewhere."""

    negative_slope: float = 0.01
    inplace: bool = False


@applies(F.softplus)
class Softplus(FunctionModule):
    """log(1 + exp(beta x)) / beta."""

    beta: float = 1.0
    threshold: float = 20.0


@applies(F.gelu)
class GELU(FunctionModule):
    """x * P(N <= x) for a standard normal N."""

    approximate: str = "none"

    def extra_repr(self) -> str:
        """The form, in quotes."""
        return f"approximate={self.approximate!r}"


@applies(F.softmax)
class Softmax(FunctionModule):
    """exp(x) over its sum along ``dim``."""

    dim: int | None = None


@applies(F.log_softmax)
class LogSoftmax(FunctionModule):
    """log of the softmax along ``dim``."""

    dim: int | None = None


@applies(F.relu6)
class ReLU6(_InPlace):
    """min(max(x, 0), 6)."""


@applies(F.hardsigmoid)
class Hardsigmoid(_InPlace):
    """The line x / 6 + 1 / 2 between 0 and 1."""

    shown = ()


@applies(F.hardswish)
class Hardswish(_InPlace):
    """x * hardsigmoid(x)."""

    shown = ()


@applies(F.mish)
class Mish(_InPlace):
    """x * tanh(softplus(x))."""


@applies(F.selu)
class SELU(_InPlace):
    """``ELU`` with the two constants that keep mean 0 and variance 1."""


@applies(F.elu)
class ELU(FunctionModule):
    """x where it is positive, ``alpha`` * (exp(x) - 1) elsewhere."""

    alpha: float = 1.0
    inplace: bool = False


@applies(F.celu)
class CELU(FunctionModule):
    """``ELU`` of x / alpha times alpha."""

    alpha: float = 1.0
    inplace: bool = False


@applies(F.hardtanh)
class Hardtanh(FunctionModule):
    """x held between ``min_val`` and ``max_val``."""

    min_val: float = -1.0
    max_val: float = 1.0
    inplace: bool = False


@applies(F.threshold)
class Threshold(FunctionModule):
    """x where it is above ``threshold``, ``value`` elsewhere."""

    threshold: float
    value: float
    inplace: bool = False


@applies(F.rrelu)
class RReLU(FunctionModule):
    """``LeakyReLU`` with slopes drawn anew for each entry while training."""

    lower: float = 1.0 / 8
    upper: float = 1.0 / 3
    inplace: bool = False


@with_options
class _Shrink(FunctionModule):
    lambd: float = 0.5

    def extra_repr(self) -> str:
        """The bound."""
        return str(self.lambd)


@applies(F.hardshrink)
class Hardshrink(_Shrink):
    """x, but 0 where its size is at most ``lambd``."""


@applies(F.softshrink)
class Softshrink(_Shrink):
    """x moved towards 0 by ``lambd``."""


@applies(F.softsign)
class Softsign(_Plain):
    """x / (1 + abs(x))."""


@applies(F.tanhshrink)
class Tanhshrink(_Plain):
    """x - tanh(x)."""


@applies(F.glu)
class GLU(FunctionModule):
    """The first half along ``dim`` times the sigmoid of the second."""

    dim: int = -1


@applies(F.softmin)
class Softmin(FunctionModule):
    """``Softmax`` of -x."""

    dim: int | None = None


class Softmax2d(Module):
    """The softmax over the channels of each pixel.

    Shapes: input (N, C, H, W) or (C, H, W), output the same.
    """

    def forward(self, input: Any) -> Any:
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
        self.weight = empty_parameter(num_parameters, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set all slopes to ``init``."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Any) -> Any:
        """``functional.prelu``."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """How many slopes."""
        return f"num_parameters={self.num_parameters}"

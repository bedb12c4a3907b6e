"""Activations as modules."""

from __future__ import annotations

from typing import Any

from autodiff.errors import ShapeError
from autodiff.tensors.tensor import Tensor
from nn import functional as F
from nn import init
from nn.module import Module
from nn.modules.initial import empty_parameter
from nn.modules.shell import Shell
from nn.parameter import Parameter

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]


class _InPlace(Module):
    """An activation that takes PyTorch's ``inplace``, which changes no number here."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        """``inplace``, where it was asked for."""
        return "inplace=True" if self.inplace else ""


class ReLU(_InPlace):
    """max(x, 0), with gradient 0 at 0."""

    def forward(self, input: Any) -> Tensor:
        """``functional.relu``."""
        return F.relu(input)


class Sigmoid(Module):
    """1 / (1 + exp(-x))."""

    def forward(self, input: Any) -> Tensor:
        """``functional.sigmoid``."""
        return F.sigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, input: Any) -> Tensor:
        """``functional.tanh``."""
        return F.tanh(input)


class LogSigmoid(Module):
    """log of the sigmoid, without overflow."""

    def forward(self, input: Any) -> Tensor:
        """``functional.logsigmoid``."""
        return F.logsigmoid(input)


class SiLU(_InPlace):
    """x * sigmoid(x)."""

    def forward(self, input: Any) -> Tensor:
        """``functional.silu``."""
        return F.silu(input)


class LeakyReLU(_InPlace):
    """x where it is positive, ``negative_slope`` * x elsewhere."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope

    def forward(self, input: Any) -> Tensor:
        """``functional.leaky_relu``."""
        return F.leaky_relu(input, self.negative_slope)

    def extra_repr(self) -> str:
        """The slope."""
        return f"negative_slope={self.negative_slope}" + (", inplace=True" if self.inplace else "")


class Softplus(Module):
    """log(1 + exp(beta x)) / beta."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Any) -> Tensor:
        """``functional.softplus``."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """Both options."""
        return f"beta={self.beta}, threshold={self.threshold}"


class GELU(Module):
    """x * P(N <= x) for a standard normal N."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Any) -> Tensor:
        """``functional.gelu``."""
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        """The form."""
        return f"approximate={self.approximate!r}"


class Softmax(Module):
    """exp(x) over its sum along ``dim``."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Tensor:
        """``functional.softmax``."""
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """log of the softmax along ``dim``."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Tensor:
        """``functional.log_softmax``."""
        return F.log_softmax(input, self.dim)

    def extra_repr(self) -> str:
        """The axis, which PyTorch shows for Softmax only."""
        return f"dim={self.dim}"


class _Curve(Shell):
    """An elementwise function that takes PyTorch's ``inplace``."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        """The options, and ``inplace`` where it was asked for."""
        text = super().extra_repr()
        return ", ".join(part for part in (text, "inplace=True" if self.inplace else "") if part)


class ReLU6(_Curve):
    """min(max(x, 0), 6)."""

    function = F.relu6


class Hardsigmoid(_Curve):
    """The line x / 6 + 1 / 2 between 0 and 1."""

    function = F.hardsigmoid

    def extra_repr(self) -> str:
        """Nothing, as in PyTorch."""
        return ""


class Hardswish(Hardsigmoid):
    """x * hardsigmoid(x)."""

    function = F.hardswish


class Mish(_Curve):
    """x * tanh(softplus(x))."""

    function = F.mish


class SELU(_Curve):
    """``ELU`` with the two constants that keep mean 0 and variance 1."""

    function = F.selu


class ELU(_Curve):
    """x where it is positive, ``alpha`` * (exp(x) - 1) elsewhere."""

    function, options, shown = F.elu, ("alpha",), ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha


class CELU(ELU):
    """``ELU`` of x / alpha times alpha."""

    function = F.celu


class Hardtanh(_Curve):
    """x held between ``min_val`` and ``max_val``."""

    function, options, shown = F.hardtanh, ("min_val", "max_val"), ("min_val", "max_val")

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.min_val, self.max_val = min_val, max_val


class Threshold(_Curve):
    """x where it is above ``threshold``, ``value`` elsewhere."""

    function, options, shown = F.threshold, ("threshold", "value"), ("threshold", "value")

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold, self.value = threshold, value


class RReLU(_Curve):
    """``LeakyReLU`` with slopes drawn anew for each entry while training."""

    function, options, shown = F.rrelu, ("lower", "upper", "training"), ("lower", "upper")

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.lower, self.upper = lower, upper


class Hardshrink(Shell):
    """x, but 0 where its size is at most ``lambd``."""

    function, options = F.hardshrink, ("lambd",)

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        """The bound."""
        return str(self.lambd)


class Softshrink(Hardshrink):
    """x moved towards 0 by ``lambd``."""

    function = F.softshrink


class Softsign(Shell):
    """x / (1 + abs(x))."""

    function = F.softsign


class Tanhshrink(Shell):
    """x - tanh(x)."""

    function = F.tanhshrink


class GLU(Shell):
    """The first half along ``dim`` times the sigmoid of the second."""

    function, options, shown = F.glu, ("dim",), ("dim",)

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim


class Softmin(Shell):
    """``Softmax`` of -x."""

    function, options, shown = F.softmin, ("dim",), ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim


class Softmax2d(Module):
    """The softmax over the channels of each pixel.

    Shapes: input (N, C, H, W) or (C, H, W), output the same.
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
        self.weight = empty_parameter(num_parameters, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """All slopes as at first."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Any) -> Tensor:
        """``functional.prelu``."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """How many slopes."""
        return f"num_parameters={self.num_parameters}"

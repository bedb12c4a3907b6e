"""Dense layers, and the layer that does nothing."""

from __future__ import annotations

from typing import Any

from autodiff.errors import OptionError
from autodiff.tensors.tensor import Tensor

from .. import functional as F
from .. import init
from ..functional.dense import linear  # itself: a weight is always a tensor
from ..module import Module
from ..parameter import Parameter
from .new_parameters import add_parameters, uniform_by_fan

__all__ = ["Bilinear", "Dense", "Identity", "Linear"]


class Linear(Module):
    """x W^T + b.

    Shapes: input (..., in_features), weight (out_features, in_features), bias (out_features,), output
    (..., out_features).

    Raises OptionError for a negative number of features.

    >>> import autodiff
    >>> Linear(3, 2)(autodiff.ones(5, 3)).shape
    autodiff.Size([5, 2])
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        integers = hasattr(in_features, "__index__") and hasattr(out_features, "__index__")
        if integers and (in_features < 0 or out_features < 0):
            raise OptionError(f"a {type(self).__name__} has 0 or more features, not {in_features} and {out_features}")
        self.in_features, self.out_features = in_features, out_features
        add_parameters(self, dtype, weight=(out_features, in_features), bias=(out_features,) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        uniform_by_fan(self.weight, self.bias)

    def forward(self, input: Any) -> Tensor:
        """``functional.linear``."""
        return linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The features, and whether there is a bias."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"

    def _brief(self) -> str:
        return f" ({type(self).__name__}({self.in_features}, {self.out_features}))"


Dense = Linear


class Bilinear(Module):
    """x1^T W[o] x2 + b[o] for each output o.

    Shapes: inputs (*, in1_features) and (*, in2_features), weight (out_features, in1_features, in2_features), bias
    (out_features,), output (*, out_features).

    Raises OptionError for an ``in1_features`` below 1.
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if in1_features < 1:
            raise OptionError(f"Bilinear needs in1_features of at least 1, not {in1_features}")
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        weight, features = (out_features, in1_features, in2_features), (out_features,)
        add_parameters(self, dtype, weight=weight, bias=features if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, uniform up to 1 / sqrt(in1_features)."""
        bound = self.in1_features**-0.5
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def forward(self, input1: Any, input2: Any) -> Tensor:
        """``functional.bilinear``."""
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The features, and whether there is a bias."""
        inputs = f"in1_features={self.in1_features}, in2_features={self.in2_features}"
        return f"{inputs}, out_features={self.out_features}, bias={self.bias is not None}"


class Identity(Module):
    """The input unchanged; arguments of the constructor are ignored."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Tensor:
        """The input."""
        return input

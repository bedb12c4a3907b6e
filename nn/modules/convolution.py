"""Convolution layers."""

from __future__ import annotations

from typing import Any

from autodiff.errors import OptionError
from autodiff.tensor import Tensor
from nn import functional as F
from nn.functional.arguments import several
from nn.module import Module
from nn.modules.initial import empty_parameter, uniform_by_fan
from nn.parameter import Parameter

__all__ = ["Conv1d", "Conv2d"]


class _Conv(Module):
    """Kernels (out_channels, in_channels / groups, *kernel_size) that slide along ``axes`` axes."""

    axes: int
    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise OptionError(f"groups={groups} is to divide in_channels={in_channels} and out_channels={out_channels}")
        if padding_mode != "zeros":
            raise OptionError(f"padding_mode is 'zeros', not {padding_mode!r}; pad the input first for others")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = several(kernel_size, self.axes, "kernel_size")
        self.stride = several(stride, self.axes, "stride")
        self.padding = padding if isinstance(padding, str) else several(padding, self.axes, "padding", 0)
        self.dilation = several(dilation, self.axes, "dilation")
        if self.padding not in ("same", "valid") and isinstance(self.padding, str):
            raise OptionError(f"padding is 'same', 'valid' or numbers, not {padding!r}")
        if self.padding == "same" and set(self.stride) != {1}:
            raise OptionError(f"padding='same' needs stride 1, not {stride}; give the padding as numbers")
        self.padding_mode = padding_mode
        self.weight = empty_parameter(out_channels, in_channels // groups, *self.kernel_size, dtype=dtype)
        self.register_parameter("bias", empty_parameter(out_channels, dtype=dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        uniform_by_fan(self.weight, self.bias)

    def extra_repr(self) -> str:
        """The channels and the kernel, and what differs from the defaults."""
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * self.axes:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self.axes:
            text += f", dilation={self.dilation}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        return text if self.bias is not None else text + ", bias=False"


class Conv1d(_Conv):
    """Kernels that slide along signals.

    Shapes: input (N, in_channels, L), output (N, out_channels, ol).
    """

    axes = 1

    def forward(self, input: Any) -> Tensor:
        """``functional.conv1d``."""
        return F.conv1d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Conv2d(_Conv):
    """Kernels that slide over images.

    Shapes: input (N, in_channels, H, W), output (N, out_channels, oh, ow).

    >>> import autodiff
    >>> Conv2d(1, 4, 3, padding="same")(autodiff.ones(2, 1, 8, 8)).shape
    (2, 4, 8, 8)
    """

    axes = 2

    def forward(self, input: Any) -> Tensor:
        """``functional.conv2d``."""
        return F.conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

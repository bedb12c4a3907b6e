"""Convolution layers and their transposes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from autodiff.errors import OptionError, ShapeError
from autodiff.tensors.tensor import Tensor

from .. import functional as F
from ..functional.arguments import as_tuple
from ..functional.convolution import pads_of
from ..module import Module, changed_options
from ..parameter import Parameter
from .new_parameters import add_parameters, uniform_by_fan
from .utils import _pair as _pair  # which programs import from PyTorch's file of convolutions
from .utils import _reverse_repeat_tuple as _reverse_repeat_tuple
from .utils import _single as _single
from .utils import _triple as _triple

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


class ConvBase(Module):
    """Kernels (out_channels, in_channels / groups, *kernel_size), or with inputs first if they are transposed.

    Raises OptionError where ``groups`` does not divide both numbers of channels, and for an unknown ``padding`` or
    ``padding_mode``.

    A subclass of a program calls this constructor with all options, and has as many axes as ``kernel_size``.
    """

    axes: int
    function: ClassVar[Callable[..., Any]]
    padding: Any
    weight: Parameter
    bias: Parameter | None

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
        transposed: bool, output_padding: Any, groups: int, bias: bool, padding_mode: str, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.transposed = transposed
        if not hasattr(self, "axes"):
            self.axes = len(kernel_size)
        (in_channels,) = as_tuple(in_channels, 1, "in_channels", 0)
        (out_channels,) = as_tuple(out_channels, 1, "out_channels", 0)
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise OptionError(f"groups={groups} is to divide in_channels={in_channels} and out_channels={out_channels}")
        if padding_mode not in _MODES or (self.transposed and padding_mode != "zeros"):
            known = "'zeros'" if self.transposed else ", ".join(map(repr, _MODES))
            raise OptionError(f"padding_mode of {type(self).__name__} is {known}, not {padding_mode!r}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = as_tuple(kernel_size, self.axes, "kernel_size")
        self.stride = as_tuple(stride, self.axes, "stride")
        self.padding = padding if isinstance(padding, str) else as_tuple(padding, self.axes, "padding", 0)
        self.dilation = as_tuple(dilation, self.axes, "dilation")
        pads_of(self.padding, self.kernel_size, self.stride, self.dilation)  # raises where there is no such padding
        self.output_padding, self.padding_mode = as_tuple(output_padding, self.axes, "output_padding", 0), padding_mode
        add_parameters(self, dtype, weight=self._weight_shape(), bias=(out_channels,) if bias else None)
        self.reset_parameters()

    def _weight_shape(self) -> tuple[int, ...]:
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        return first, second // self.groups, *self.kernel_size

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        uniform_by_fan(self.weight, self.bias)

    def extra_repr(self) -> str:
        """The channels, the kernel, and the options that are not the default."""
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        zeros, ones = (0,) * self.axes, (1,) * self.axes
        text += changed_options(self, padding=zeros, dilation=ones, output_padding=zeros, groups=1)
        text += ", bias=False" if self.bias is None else ""
        return text + changed_options(self, padding_mode="zeros")


class _Conv(ConvBase):
    """Kernels that slide over an input."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        options = groups, bias, padding_mode, device, dtype
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, False, 0, *options)

    @property
    def _reversed_padding_repeated_twice(self) -> list[int]:
        """What ``functional.pad`` takes, by the name that subclasses know."""
        pads = pads_of(self.padding, self.kernel_size, self.stride, self.dilation)
        return [n for pair in reversed(pads) for n in pair]

    def forward(self, input: Any) -> Tensor:
        """The convolution of ``nn.functional``, of an input padded as ``padding_mode`` says."""
        return self._conv_forward(input, self.weight, self.bias)

    def _conv_forward(self, input: Any, weight: Any, bias: Any) -> Tensor:
        """The same with other weights, which subclasses compute."""
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, _MODES[self.padding_mode])
            padding = 0
        options = self.stride, padding, self.dilation, self.groups
        return type(self).function(input, weight, bias, *options)


class Conv1d(_Conv):
    """Kernels that slide along signals.

    Shapes: input (N, in_channels, L), output (N, out_channels, ol).
    """

    axes, function = 1, F.conv1d


class Conv2d(_Conv):
    """Kernels that slide over images.

    Shapes: input (N, in_channels, H, W), output (N, out_channels, oh, ow).

    >>> import autodiff
    >>> Conv2d(1, 4, 3, padding="same")(autodiff.ones(2, 1, 8, 8)).shape
    autodiff.Size([2, 4, 8, 8])
    """

    axes, function = 2, F.conv2d


class Conv3d(_Conv):
    """Kernels that slide through volumes.

    Shapes: input (N, in_channels, D, H, W), output (N, out_channels, od, oh, ow).
    """

    axes, function = 3, F.conv3d


class _ConvTranspose(ConvBase):
    """Kernels that are added up, each times an entry of the input, at the places of the entries."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1, padding_mode: str = "zeros",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if isinstance(padding, str):
            raise OptionError(f"the padding of {type(self).__name__} is given as numbers, not {padding!r}")
        options = output_padding, groups, bias, padding_mode, device, dtype
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, True, *options)

    def forward(self, input: Any, output_size: Any = None) -> Tensor:
        """The transposed convolution of ``nn.functional``; ``output_size`` chooses among the sizes a stride allows.

        Raises ShapeError where ``output_size`` is none of these sizes.
        """
        more = self.output_padding if output_size is None else self._more(input, tuple(output_size)[-self.axes :])
        options = self.stride, self.padding, more, self.groups, self.dilation
        return type(self).function(input, self.weight, self.bias, *options)

    def _more(self, input: Any, wanted: tuple[int, ...]) -> tuple[int, ...]:
        """The ``output_padding`` with which an output has the size ``wanted``."""
        least = [
            (n - 1) * s - 2 * p + d * (k - 1) + 1
            for n, s, p, d, k in zip(
                input.shape[-self.axes :], self.stride, self.padding, self.dilation, self.kernel_size, strict=True
            )
        ]
        if any(not m <= w < m + s for m, w, s in zip(least, wanted, self.stride, strict=True)):
            raise ShapeError(f"{self} makes sizes from {tuple(least)} on, less than the stride beyond it, not {wanted}")
        return tuple(w - m for m, w in zip(least, wanted, strict=True))


class ConvTranspose1d(_ConvTranspose):
    """The adjoint of ``Conv1d``, which makes signals longer.

    Shapes: input (N, in_channels, L), output (N, out_channels, ol).
    """

    axes, function = 1, F.conv_transpose1d


class ConvTranspose2d(_ConvTranspose):
    """The adjoint of ``Conv2d``, which makes images larger.

    Shapes: input (N, in_channels, H, W), output (N, out_channels, oh, ow).
    """

    axes, function = 2, F.conv_transpose2d


class ConvTranspose3d(_ConvTranspose):
    """The adjoint of ``Conv3d``, which makes volumes larger.

    Shapes: input (N, in_channels, D, H, W), output (N, out_channels, od, oh, ow).
    """

    axes, function = 3, F.conv_transpose3d


_ConvNd, _ConvTransposeNd = ConvBase, _ConvTranspose  # for programs that ask isinstance(module, _ConvNd)

"""Layers that learn the size of their input from the first one they see."""

from __future__ import annotations

from typing import Any, ClassVar

from autodiff.errors import OptionError
from nn.module import Module
from nn.modules.convolution import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    Kernels,
)
from nn.modules.dense import Linear
from nn.modules.normalization import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    Tracking,
)
from nn.parameter import UninitializedBuffer, UninitializedParameter

__all__ = [
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
    "LazyLinear",
]


class _Lazy(Module):
    """A layer without parameters yet; at its first call it makes them and becomes a layer of ``becomes``."""

    becomes: ClassVar[type[Module]]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Make the parameters, then be called as the layer that has them."""
        if self.has_uninitialized_params():
            self.initialize_parameters(*args, **kwargs)
        self.__class__ = self.becomes  # type: ignore[assignment]  # PyTorch's programs hold the object
        return self(*args, **kwargs)

    def has_uninitialized_params(self) -> bool:
        """Whether some parameters or buffers have no shape yet."""
        own = (*self._parameters.values(), *self._buffers.values())
        return any(isinstance(x, (UninitializedParameter, UninitializedBuffer)) for x in own)

    def initialize_parameters(self, input: Any) -> None:
        """Give parameters and buffers the shapes that ``input`` asks for, and their first values."""
        raise NotImplementedError

    def _forget(self) -> None:
        """Put parameters and buffers without a shape in the place of those that depend on the input."""
        for name, parameter in tuple(self._parameters.items()):
            if parameter is not None:
                self.register_parameter(name, UninitializedParameter(dtype=parameter.dtype))
        for name, buffer in tuple(self._buffers.items()):
            if buffer is not None and buffer.shape:
                self.register_buffer(name, UninitializedBuffer(dtype=buffer.dtype))

    def _materialize(self, **shapes: tuple[int, ...]) -> None:
        for name, shape in shapes.items():
            tensor = self._parameters.get(name, self._buffers.get(name))
            if isinstance(tensor, (UninitializedParameter, UninitializedBuffer)):
                tensor.materialize(shape)


class LazyLinear(_Lazy, Linear):
    """``Linear`` that learns ``in_features`` from its first input.

    >>> import autodiff
    >>> layer = LazyLinear(2)
    >>> layer(autodiff.ones(5, 3)).shape, layer
    ((5, 2), Linear(in_features=3, out_features=2, bias=True))
    """

    becomes = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, out_features, bias, device, dtype)
        self._forget()

    def initialize_parameters(self, input: Any) -> None:
        """``in_features`` is the length of the last axis."""
        self.in_features = input.shape[-1]
        self._materialize(weight=(self.out_features, self.in_features), bias=(self.out_features,))
        self.reset_parameters()


class _LazyKernels(_Lazy, Kernels):
    def __init__(self, out_channels: int, kernel_size: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(0, out_channels, kernel_size, *args, **kwargs)
        self._forget()

    def initialize_parameters(self, input: Any, output_size: Any = None) -> None:
        """``in_channels`` is the length of the axis before those the kernels move along."""
        self.in_channels = input.shape[-1 - self.axes]
        if self.in_channels % self.groups:
            raise OptionError(f"groups={self.groups} does not divide the {self.in_channels} channels of the input")
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        self._materialize(weight=(first, second // self.groups, *self.kernel_size), bias=(self.out_channels,))
        self.reset_parameters()


class _LazyTracking(_Lazy, Tracking):
    def __init__(
        self,
        eps: float = 1e-05,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        options: Any = (eps, momentum, affine, track_running_stats, device, dtype)
        super().__init__(0, *options, bias=bias)
        self._forget()

    def initialize_parameters(self, input: Any) -> None:
        """``num_features`` is the number of channels; an input of the fewest axes has no N before them, if it may."""
        unbatched = len(self.ranks) == 2 and len(input.shape) == self.ranks[0] and not issubclass(
            self.becomes, BatchNorm1d
        )
        count = self.num_features = input.shape[0 if unbatched else 1]
        self._materialize(weight=(count,), bias=(count,), running_mean=(count,), running_var=(count,))
        self.reset_parameters()


class LazyConv1d(_LazyKernels, Conv1d):
    """``Conv1d`` that learns ``in_channels`` from its first input."""

    becomes = Conv1d


class LazyConv2d(_LazyKernels, Conv2d):
    """``Conv2d`` that learns ``in_channels`` from its first input."""

    becomes = Conv2d


class LazyConv3d(_LazyKernels, Conv3d):
    """``Conv3d`` that learns ``in_channels`` from its first input."""

    becomes = Conv3d


class LazyConvTranspose1d(_LazyKernels, ConvTranspose1d):
    """``ConvTranspose1d`` that learns ``in_channels`` from its first input."""

    becomes = ConvTranspose1d


class LazyConvTranspose2d(_LazyKernels, ConvTranspose2d):
    """``ConvTranspose2d`` that learns ``in_channels`` from its first input."""

    becomes = ConvTranspose2d


class LazyConvTranspose3d(_LazyKernels, ConvTranspose3d):
    """``ConvTranspose3d`` that learns ``in_channels`` from its first input."""

    becomes = ConvTranspose3d


class LazyBatchNorm1d(_LazyTracking, BatchNorm1d):
    """``BatchNorm1d`` that learns ``num_features`` from its first input."""

    becomes = BatchNorm1d


class LazyBatchNorm2d(_LazyTracking, BatchNorm2d):
    """``BatchNorm2d`` that learns ``num_features`` from its first input."""

    becomes = BatchNorm2d


class LazyBatchNorm3d(_LazyTracking, BatchNorm3d):
    """``BatchNorm3d`` that learns ``num_features`` from its first input."""

    becomes = BatchNorm3d


class LazyInstanceNorm1d(_LazyTracking, InstanceNorm1d):
    """``InstanceNorm1d`` that learns ``num_features`` from its first input."""

    becomes = InstanceNorm1d


class LazyInstanceNorm2d(_LazyTracking, InstanceNorm2d):
    """``InstanceNorm2d`` that learns ``num_features`` from its first input."""

    becomes = InstanceNorm2d


class LazyInstanceNorm3d(_LazyTracking, InstanceNorm3d):
    """``InstanceNorm3d`` that learns ``num_features`` from its first input."""

    becomes = InstanceNorm3d

"""Layers that take the size of their input from the first input."""

from __future__ import annotations

from typing import Any

from autodiff.errors import OptionError

from ..module import Module
from ..parameter import UninitializedBuffer, UninitializedParameter
from . import convolution, normalization
from .dense import Linear

__all__ = [
    "LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d", "LazyConv1d", "LazyConv2d", "LazyConv3d",
    "LazyConvTranspose1d", "LazyConvTranspose2d", "LazyConvTranspose3d", "LazyInstanceNorm1d", "LazyInstanceNorm2d",
    "LazyInstanceNorm3d", "LazyLinear",
]  # fmt: skip


class LazyModuleMixin(Module):
    """A layer without parameters yet; its first call makes them, and makes it a layer of the class behind it.

    A subclass of a program names in ``cls_to_become`` what it becomes, and registers parameters without a shape itself.
    """

    cls_to_become: type[Module] | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Make the parameters, change the class, and call the layer."""
        if self.has_uninitialized_params():
            self.initialize_parameters(*args, **kwargs)
        bases: Any = type(self).__mro__
        become: Any = self.cls_to_become or bases[bases.index(LazyModuleMixin) + 1]
        if become is not Module:  # of a mixin alone, which stays what it is
            self.__class__ = become  # not a new layer, for PyTorch's programs hold the object
            return self(*args, **kwargs)
        return super().__call__(*args, **kwargs)

    def has_uninitialized_params(self) -> bool:
        """Whether some parameters or buffers have no shape yet."""
        own = (*self._parameters.values(), *self._buffers.values())
        return any(isinstance(x, (UninitializedParameter, UninitializedBuffer)) for x in own)

    def initialize_parameters(self, input: Any) -> None:
        """Give parameters and buffers the shapes that fit ``input``, and their first values."""
        raise NotImplementedError

    def _forget(self) -> None:
        """Replace the parameters and the buffers of channels by ones without a shape."""
        for name, parameter in tuple(self._parameters.items()):
            if parameter is not None:
                self.register_parameter(name, UninitializedParameter(dtype=parameter.dtype))
        for name, buffer in tuple(self._buffers.items()):
            if buffer is not None and buffer.shape:
                self.register_buffer(name, UninitializedBuffer(dtype=buffer.dtype))

    def _materialize(self, **shapes: tuple[int, ...]) -> None:
        """Give shapes to the tensors that have none, and first values to all."""
        for name, shape in shapes.items():
            tensor = self._parameters.get(name, self._buffers.get(name))
            if isinstance(tensor, (UninitializedParameter, UninitializedBuffer)):
                tensor.materialize(shape)
        self.reset_parameters()


class LazyLinear(LazyModuleMixin, Linear):
    """``Linear`` that takes ``in_features`` from its first input.

    >>> import autodiff
    >>> layer = LazyLinear(2)
    >>> layer(autodiff.ones(5, 3)).shape, layer
    (autodiff.Size([5, 2]), Linear(in_features=3, out_features=2, bias=True))
    """

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, out_features, bias, device, dtype)
        self._forget()

    def initialize_parameters(self, input: Any) -> None:
        """``in_features`` is the length of the last axis."""
        self.in_features = input.shape[-1]
        self._materialize(weight=(self.out_features, self.in_features), bias=(self.out_features,))


class _LazyConv(LazyModuleMixin, convolution.ConvBase):
    def __init__(self, out_channels: int, kernel_size: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(0, out_channels, kernel_size, *args, **kwargs)
        self._forget()

    def initialize_parameters(self, input: Any, output_size: Any = None) -> None:
        """``in_channels`` is the length of the axis before those the kernels move along.

        Raises OptionError where ``groups`` does not divide the channels.
        """
        self.in_channels = input.shape[-1 - self.axes]
        if self.in_channels % self.groups:
            raise OptionError(f"groups={self.groups} does not divide the {self.in_channels} channels of the input")
        self._materialize(weight=self._weight_shape(), bias=(self.out_channels,))


class _LazyNorm(LazyModuleMixin, normalization.RunningStats):
    def __init__(
        self, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True,
        device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        options: Any = (eps, momentum, affine, track_running_stats, device, dtype)
        super().__init__(0, *options, bias=bias)
        self._forget()

    def initialize_parameters(self, input: Any) -> None:
        """``num_features`` is the number of channels."""
        shape = (input.shape[self._channel_axis(input)],)
        self.num_features = shape[0]
        self._materialize(weight=shape, bias=shape, running_mean=shape, running_var=shape)


class LazyConv1d(_LazyConv, convolution.Conv1d):
    """``Conv1d`` that takes ``in_channels`` from its first input."""


class LazyConv2d(_LazyConv, convolution.Conv2d):
    """``Conv2d`` that takes ``in_channels`` from its first input."""


class LazyConv3d(_LazyConv, convolution.Conv3d):
    """``Conv3d`` that takes ``in_channels`` from its first input."""


class LazyConvTranspose1d(_LazyConv, convolution.ConvTranspose1d):
    """``ConvTranspose1d`` that takes ``in_channels`` from its first input."""


class LazyConvTranspose2d(_LazyConv, convolution.ConvTranspose2d):
    """``ConvTranspose2d`` that takes ``in_channels`` from its first input."""


class LazyConvTranspose3d(_LazyConv, convolution.ConvTranspose3d):
    """``ConvTranspose3d`` that takes ``in_channels`` from its first input."""


class LazyBatchNorm1d(_LazyNorm, normalization.BatchNorm1d):
    """``BatchNorm1d`` that takes ``num_features`` from its first input."""


class LazyBatchNorm2d(_LazyNorm, normalization.BatchNorm2d):
    """``BatchNorm2d`` that takes ``num_features`` from its first input."""


class LazyBatchNorm3d(_LazyNorm, normalization.BatchNorm3d):
    """``BatchNorm3d`` that takes ``num_features`` from its first input."""


class LazyInstanceNorm1d(_LazyNorm, normalization.InstanceNorm1d):
    """``InstanceNorm1d`` that takes ``num_features`` from its first input."""


class LazyInstanceNorm2d(_LazyNorm, normalization.InstanceNorm2d):
    """``InstanceNorm2d`` that takes ``num_features`` from its first input."""


class LazyInstanceNorm3d(_LazyNorm, normalization.InstanceNorm3d):
    """``InstanceNorm3d`` that takes ``num_features`` from its first input."""

"""Pooling layers."""

from __future__ import annotations

from dataclasses import InitVar
from typing import Any, ClassVar

from autodiff.errors import OptionError
from autodiff.tensors.tensor import Tensor

from .. import functional as F
from ..functional.arguments import as_tuple
from .function_module import FunctionModule

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "FractionalMaxPool2d", "FractionalMaxPool3d",
    "LPPool1d", "LPPool2d", "LPPool3d", "MaxPool1d", "MaxPool2d", "MaxPool3d", "MaxUnpool1d", "MaxUnpool2d",
    "MaxUnpool3d",
]  # fmt: skip


class _MaxPool(FunctionModule, options=True):
    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    dilation: Any = 1
    return_indices: bool = False
    ceil_mode: bool = False

    shown = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

    def __post_init__(self) -> None:
        self.stride = self.kernel_size if self.stride is None else self.stride


class MaxPool1d(_MaxPool, function=F.max_pool1d):
    """The maximum of each window of a signal."""


class MaxPool2d(_MaxPool, function=F.max_pool2d):
    """The maximum of each window of an image.

    >>> import autodiff
    >>> MaxPool2d(2)(autodiff.ones(1, 1, 4, 4)).shape
    autodiff.Size([1, 1, 2, 2])
    """


class MaxPool3d(_MaxPool, function=F.max_pool3d):
    """The maximum of each window of a volume."""


class _AvgPool(FunctionModule, options=True):
    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    ceil_mode: bool = False
    count_include_pad: bool = True

    shown = ("kernel_size", "stride", "padding")

    def __post_init__(self) -> None:
        self.stride = self.kernel_size if self.stride is None else self.stride


class AvgPool1d(_AvgPool, function=F.avg_pool1d):
    """The mean of each window of a signal."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.kernel_size = as_tuple(self.kernel_size, 1, "kernel_size")
        self.stride = as_tuple(self.stride, 1, "stride")
        self.padding = as_tuple(self.padding, 1, "padding", 0)


class AvgPool2d(_AvgPool, function=F.avg_pool2d):
    """The mean of each window of an image."""

    divisor_override: int | None = None


class AvgPool3d(_AvgPool, function=F.avg_pool3d):
    """The mean of each window of a volume."""

    divisor_override: int | None = None


class _LPPool(FunctionModule, options=True):
    norm_type: float
    kernel_size: Any
    stride: Any = None
    ceil_mode: bool = False


class LPPool1d(_LPPool, function=F.lp_pool1d):
    """The p-norm of each window of a signal."""


class LPPool2d(_LPPool, function=F.lp_pool2d):
    """The p-norm of each window of an image."""


class LPPool3d(_LPPool, function=F.lp_pool3d):
    """The p-norm of each window of a volume."""


class _MaxUnpool(FunctionModule, options=True):
    axes: ClassVar[int]
    kernel_size: Any
    stride: Any = None
    padding: Any = 0

    def __post_init__(self) -> None:
        self.kernel_size = as_tuple(self.kernel_size, self.axes, "kernel_size")
        self.stride = self.kernel_size if self.stride is None else as_tuple(self.stride, self.axes, "stride")
        self.padding = as_tuple(self.padding, self.axes, "padding", 0)

    def forward(self, input: Any, indices: Any, output_size: Any = None) -> Tensor:
        """Each maximum back at its index, and zeros elsewhere."""
        return super().forward(input, indices, output_size=output_size)


class MaxUnpool1d(_MaxUnpool, function=F.max_unpool1d):
    """The inverse of ``MaxPool1d`` as far as there is one."""

    axes = 1


class MaxUnpool2d(_MaxUnpool, function=F.max_unpool2d):
    """The inverse of ``MaxPool2d`` as far as there is one."""

    axes = 2


class MaxUnpool3d(_MaxUnpool, function=F.max_unpool3d):
    """The inverse of ``MaxPool3d`` as far as there is one."""

    axes = 3


class _AdaptiveAvgPool(FunctionModule, options=True):
    output_size: Any


class AdaptiveAvgPool1d(_AdaptiveAvgPool, function=F.adaptive_avg_pool1d):
    """The mean of each of ``output_size`` windows of a signal."""


class AdaptiveAvgPool2d(_AdaptiveAvgPool, function=F.adaptive_avg_pool2d):
    """The mean of each of ``output_size`` windows of an image."""


class AdaptiveAvgPool3d(_AdaptiveAvgPool, function=F.adaptive_avg_pool3d):
    """The mean of each of ``output_size`` windows of a volume."""


class _AdaptiveMaxPool(FunctionModule, options=True):
    output_size: Any
    return_indices: bool = False

    shown = ("output_size",)


class AdaptiveMaxPool1d(_AdaptiveMaxPool, function=F.adaptive_max_pool1d):
    """The maximum of each of ``output_size`` windows of a signal."""


class AdaptiveMaxPool2d(_AdaptiveMaxPool, function=F.adaptive_max_pool2d):
    """The maximum of each of ``output_size`` windows of an image."""


class AdaptiveMaxPool3d(_AdaptiveMaxPool, function=F.adaptive_max_pool3d):
    """The maximum of each of ``output_size`` windows of a volume."""


class _FractionalMaxPool(FunctionModule, options=True):
    kernel_size: Any
    output_size: Any = None
    output_ratio: Any = None
    return_indices: bool = False
    _random_samples: InitVar[Any] = None

    shown = ()

    def __post_init__(self, _random_samples: Any) -> None:
        if (self.output_size is None) == (self.output_ratio is None):
            raise OptionError(f"{type(self).__name__} takes output_size or output_ratio, one of them")
        self.register_buffer("_random_samples", _random_samples)


class FractionalMaxPool2d(_FractionalMaxPool, function=F.fractional_max_pool2d):
    """The maximum of windows of an image at random places."""


class FractionalMaxPool3d(_FractionalMaxPool, function=F.fractional_max_pool3d):
    """The maximum of windows of a volume at random places."""


# For programs that ask isinstance(module, _MaxPoolNd).
_MaxPoolNd, _AvgPoolNd, _AdaptiveAvgPoolNd, _AdaptiveMaxPoolNd = _MaxPool, _AvgPool, _AdaptiveAvgPool, _AdaptiveMaxPool

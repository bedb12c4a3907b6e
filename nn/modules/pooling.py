"""Pooling layers."""

from __future__ import annotations

from typing import Any, ClassVar

from autodiff.errors import OptionError
from nn import functional as F
from nn.functional.arguments import as_tuple
from nn.modules.shell import Shell

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "FractionalMaxPool2d",
    "FractionalMaxPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
]


class _MaxPool(Shell):
    options = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
    shown = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode


class MaxPool2d(_MaxPool):
    """The maximum of each window of an image.

    >>> import autodiff
    >>> MaxPool2d(2)(autodiff.ones(1, 1, 4, 4)).shape
    (1, 1, 2, 2)
    """

    function = F.max_pool2d


class MaxPool1d(_MaxPool):
    """The maximum of each window of a signal."""

    function = F.max_pool1d


class MaxPool3d(_MaxPool):
    """The maximum of each window of a volume."""

    function = F.max_pool3d


class AvgPool1d(Shell):
    """The mean of each window of a signal."""

    function = F.avg_pool1d
    options = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")
    shown = ("kernel_size", "stride", "padding")

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = as_tuple(kernel_size, 1, "kernel_size")
        self.stride = self.kernel_size if stride is None else as_tuple(stride, 1, "stride")
        self.padding = as_tuple(padding, 1, "padding", 0)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad


class AvgPool2d(Shell):
    """The mean of each window of an image."""

    function = F.avg_pool2d
    options = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    shown = ("kernel_size", "stride", "padding")

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override


class AvgPool3d(AvgPool2d):
    """The mean of each window of a volume."""

    function = F.avg_pool3d


class LPPool1d(Shell):
    """The p-norm of each window of a signal."""

    function = F.lp_pool1d
    options: ClassVar[tuple[str, ...]] = ("norm_type", "kernel_size", "stride", "ceil_mode")
    shown: ClassVar[tuple[str, ...]] = options

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode


class LPPool2d(LPPool1d):
    """The p-norm of each window of an image."""

    function = F.lp_pool2d


class LPPool3d(LPPool1d):
    """The p-norm of each window of a volume."""

    function = F.lp_pool3d


class _MaxUnpool(Shell):
    axes: ClassVar[int]
    shown = ("kernel_size", "stride", "padding")

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = as_tuple(kernel_size, self.axes, "kernel_size")
        self.stride = self.kernel_size if stride is None else as_tuple(stride, self.axes, "stride")
        self.padding = as_tuple(padding, self.axes, "padding", 0)

    def forward(self, input: Any, indices: Any, output_size: Any = None) -> Any:
        """Each maximum back at its index, and zeros elsewhere."""
        return type(self).function(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool1d(_MaxUnpool):
    """The inverse of ``MaxPool1d`` as far as there is one."""

    axes, function = 1, F.max_unpool1d


class MaxUnpool2d(_MaxUnpool):
    """The inverse of ``MaxPool2d`` as far as there is one."""

    axes, function = 2, F.max_unpool2d


class MaxUnpool3d(_MaxUnpool):
    """The inverse of ``MaxPool3d`` as far as there is one."""

    axes, function = 3, F.max_unpool3d


class AdaptiveAvgPool1d(Shell):
    """The mean over as many windows of a signal as ``output_size`` says."""

    function, options, shown = F.adaptive_avg_pool1d, ("output_size",), ("output_size",)

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size


class AdaptiveAvgPool2d(AdaptiveAvgPool1d):
    """The mean over as many windows of an image as ``output_size`` says."""

    function = F.adaptive_avg_pool2d


class AdaptiveAvgPool3d(AdaptiveAvgPool1d):
    """The mean over as many windows of a volume as ``output_size`` says."""

    function = F.adaptive_avg_pool3d


class AdaptiveMaxPool1d(Shell):
    """The maximum of as many windows of a signal as ``output_size`` says."""

    function, options, shown = F.adaptive_max_pool1d, ("output_size", "return_indices"), ("output_size",)

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices


class AdaptiveMaxPool2d(AdaptiveMaxPool1d):
    """The maximum of as many windows of an image as ``output_size`` says."""

    function = F.adaptive_max_pool2d


class AdaptiveMaxPool3d(AdaptiveMaxPool1d):
    """The maximum of as many windows of a volume as ``output_size`` says."""

    function = F.adaptive_max_pool3d


class FractionalMaxPool2d(Shell):
    """The maximum of windows of an image at random places."""

    function = F.fractional_max_pool2d
    options = ("kernel_size", "output_size", "output_ratio", "return_indices", "_random_samples")

    def __init__(
        self,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Any = None,
    ) -> None:
        super().__init__()
        if (output_size is None) == (output_ratio is None):
            raise OptionError(f"{type(self).__name__} takes output_size or output_ratio, one of them")
        self.kernel_size, self.output_size, self.output_ratio = kernel_size, output_size, output_ratio
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)


class FractionalMaxPool3d(FractionalMaxPool2d):
    """The maximum of windows of a volume at random places."""

    function = F.fractional_max_pool3d

"""Normalisation layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from autodiff.engine.values import wrap
from autodiff.engine.versions import changed
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.axes import shape_of
from autodiff.tensors.creation import empty
from autodiff.tensors.tensor import Tensor

from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import Parameter
from .function_module import FunctionModule
from .new_parameters import add_parameters

__all__ = [
    "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "GroupNorm", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d",
    "LayerNorm", "LocalResponseNorm", "RMSNorm", "SyncBatchNorm",
]  # fmt: skip


class _Scaled(Module):
    """A normalisation behind which a learnt weight scales and a learnt bias shifts, where they are wanted."""

    weight: Parameter | None
    bias: Parameter | None

    def reset_parameters(self) -> None:
        """Set weight to 1 and bias to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        bias = self._parameters.get("bias")
        if bias is not None:
            init.zeros_(bias)


class RunningStats(_Scaled):
    """A normalisation of channels that keeps running statistics while training.

    ``ranks`` are the numbers of axes of the inputs.
    """

    ranks: ClassVar[tuple[int, ...]]
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self, num_features: int, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        for name in ("running_mean", "running_var"):
            self.register_buffer(name, empty((num_features,), dtype=dtype) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", wrap(np.zeros((), np.int64)) if track_running_stats else None)
        shape = (num_features,) if affine else None
        add_parameters(self, dtype, weight=shape, bias=shape if bias else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Set the statistics to those before the first batch: mean 0, variance 1."""
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Set weight to 1, bias to 0, and the statistics to those before the first batch."""
        self.reset_running_stats()
        super().reset_parameters()

    def _check_input_dim(self, input: Any) -> None:
        """Raise ShapeError for an input whose number of axes is not in ``ranks``; subclasses of programs do without."""
        if len(input.shape) not in self.ranks:
            ranks = " or ".join(map(str, self.ranks))
            raise ShapeError(f"{type(self).__name__} takes inputs of {ranks} axes, not of shape {tuple(input.shape)}")

    def _channel_axis(self, input: Any) -> int:
        return 1

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(RunningStats):
    """Batch normalisation; with ``momentum=None`` the running statistics are means over all batches."""

    def forward(self, input: Any) -> Tensor:
        """``functional.batch_norm`` by the batch while training, and by the running statistics in evaluation."""
        self._check_input_dim(input)
        momentum = 0.0 if self.momentum is None else self.momentum
        counted = self.num_batches_tracked
        if self.training and counted is not None:
            counted._array[...] += 1
            changed(counted._array)
            momentum = 1 / int(counted) if self.momentum is None else momentum
        own = self.training or self.running_mean is None
        mean, var = (self.running_mean, self.running_var) if not own or self.track_running_stats else (None, None)
        return F.batch_norm(input, mean, var, self.weight, self.bias, own, momentum, self.eps)


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of features or signals.

    Shapes: input (N, C) or (N, C, L), output the same.
    """

    ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of images.

    Shapes: input (N, C, H, W), output the same.

    >>> import autodiff
    >>> BatchNorm2d(3)(autodiff.rand(2, 3, 4, 4)).shape
    autodiff.Size([2, 3, 4, 4])
    """

    ranks = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of volumes.

    Shapes: input (N, C, D, H, W), output the same.
    """

    ranks = (5,)


class SyncBatchNorm(_BatchNorm):
    """Batch normalisation of any number of axes, by the statistics of this process's batch.

    PyTorch's, with several processes, takes those of all batches together.

    Shapes: input and output (N, num_features, *).
    """

    def __init__(
        self, num_features: int, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, process_group: Any = None, device: Any = None, dtype: Any = None, *,
        bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = process_group

    def _check_input_dim(self, input: Any) -> None:
        if len(input.shape) < 2:
            raise ShapeError(f"SyncBatchNorm takes inputs (N, C, *), not of shape {tuple(input.shape)}")

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """``module`` with a SyncBatchNorm of the same state in place of each batch normalisation in it."""
        converted: Any = module
        if isinstance(module, _BatchNorm) and not isinstance(module, SyncBatchNorm):
            options = module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats
            converted = cls(*options, process_group)
            for name, tensor in {**module._parameters, **module._buffers}.items():
                taken = converted.register_parameter if name in module._parameters else converted.register_buffer
                taken(name, tensor)
            converted.training = module.training
        for name, child in module.named_children():
            converted.register_module(name, cls.convert_sync_batchnorm(child, process_group))
        return converted


class _InstanceNorm(RunningStats):
    """Normalisation of each sample by itself."""

    def __init__(
        self, num_features: int, eps: float = 1e-05, momentum: float = 0.1, affine: bool = False,
        track_running_stats: bool = False, device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _channel_axis(self, input: Any) -> int:
        """An input of the fewest axes has no N before its channels."""
        return 0 if len(input.shape) == self.ranks[0] else 1

    def forward(self, input: Any) -> Tensor:
        """``functional.instance_norm``; an input without N is one sample.

        Raises ShapeError for another number of channels, where the module has weights or statistics of them.
        """
        self._check_input_dim(input)
        single = self._channel_axis(input) == 0
        x = input[None] if single else input
        if x.shape[1] != self.num_features and (self.affine or self.track_running_stats):
            raise ShapeError(f"{self} takes {self.num_features} channels, not shape {tuple(input.shape)}")
        own = self.training or not self.track_running_stats
        momentum = 0.0 if self.momentum is None else self.momentum
        out = F.instance_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, own, momentum, self.eps
        )
        return out[0] if single else out


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of signals.

    Shapes: input (N, C, L) or (C, L), output the same.
    """

    ranks = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation of images.

    Shapes: input (N, C, H, W) or (C, H, W), output the same.
    """

    ranks = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation of volumes.

    Shapes: input (N, C, D, H, W) or (C, D, H, W), output the same.
    """

    ranks = (4, 5)


class LayerNorm(_Scaled):
    """Normalisation over the last axes.

    Shapes: input (*, normalized_shape), weight and bias normalized_shape, output as input.

    >>> import autodiff
    >>> LayerNorm(4)(autodiff.rand(2, 4)).shape
    autodiff.Size([2, 4])
    """

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float = 1e-05, elementwise_affine: bool = True,
        bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.normalized_shape = shape_of((normalized_shape,))
        self.eps, self.elementwise_affine = eps, elementwise_affine
        shape = self.normalized_shape if elementwise_affine else None
        add_parameters(self, dtype, weight=shape, bias=shape if bias else None)
        self.reset_parameters()

    def forward(self, input: Any) -> Tensor:
        """``functional.layer_norm``."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The options."""
        text = f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        return f"{text}, bias={self.bias is not None}"


class RMSNorm(_Scaled):
    """Scaling by the root mean square over the last axes.

    Shapes: input (*, normalized_shape), weight normalized_shape, output as input.
    """

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float | None = None, elementwise_affine: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.normalized_shape = shape_of((normalized_shape,))
        self.eps, self.elementwise_affine = eps, elementwise_affine
        add_parameters(self, dtype, weight=self.normalized_shape if elementwise_affine else None)
        self.reset_parameters()

    def forward(self, input: Any) -> Tensor:
        """``functional.rms_norm``."""
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """The options."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(_Scaled):
    """Normalisation of each sample over groups of channels.

    Shapes: input (N, num_channels, *), weight and bias (num_channels,), output as input.

    Raises OptionError where ``num_groups`` does not divide ``num_channels``.
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-05, affine: bool = True, device: Any = None,
        dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise OptionError(f"GroupNorm: num_groups={num_groups} does not divide num_channels={num_channels}")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        shape = (num_channels,) if affine else None
        add_parameters(self, dtype, weight=shape, bias=shape if bias else None)
        self.reset_parameters()

    def forward(self, input: Any) -> Tensor:
        """``functional.group_norm``."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The options."""
        bias = self.bias is not None
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, bias={bias}"


class LocalResponseNorm(FunctionModule, function=F.local_response_norm):
    """Each channel divided by the size of its neighbours."""

    size: int
    alpha: float = 0.0001
    beta: float = 0.75
    k: float = 1.0

    def extra_repr(self) -> str:
        """The options."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


_NormBase = RunningStats  # by PyTorch's name

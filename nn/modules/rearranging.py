"""Layers that reshape, rearrange or resize, and distances between vectors."""

from __future__ import annotations

from typing import Any

import autodiff
from autodiff.tensors.tensor import Tensor

from .. import functional as F
from .function_module import FunctionModule

__all__ = [
    "ChannelShuffle", "CosineSimilarity", "Flatten", "Fold", "PairwiseDistance", "PixelShuffle", "PixelUnshuffle",
    "Unflatten", "Unfold", "Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d",
]  # fmt: skip


class Flatten(FunctionModule, function=autodiff.flatten):
    """The axes from ``start_dim`` to ``end_dim`` as one: by default all but the batch.

    >>> import autodiff
    >>> Flatten()(autodiff.ones(2, 3, 4)).shape
    autodiff.Size([2, 12])
    """

    start_dim: int = 1
    end_dim: int = -1


class Unflatten(FunctionModule, function=autodiff.unflatten):
    """The axis ``dim`` as several, of sizes ``unflattened_size``.

    >>> import autodiff
    >>> Unflatten(1, (3, 4))(autodiff.ones(2, 12)).shape
    autodiff.Size([2, 3, 4])
    """

    dim: int
    unflattened_size: Any

    def forward(self, input: Any) -> Tensor:
        """``Tensor.unflatten``."""
        return super().forward(input, sizes=tuple(self.unflattened_size))


class PixelShuffle(FunctionModule, function=F.pixel_shuffle):
    """Groups of r * r channels as blocks of r * r pixels."""

    upscale_factor: int


class PixelUnshuffle(FunctionModule, function=F.pixel_unshuffle):
    """The inverse of ``PixelShuffle``."""

    downscale_factor: int


class ChannelShuffle(FunctionModule, function=F.channel_shuffle):
    """The channels of ``groups`` groups dealt out in turn."""

    groups: int


class Unfold(FunctionModule, function=F.unfold):
    """All windows of images as columns."""

    kernel_size: Any
    dilation: Any = 1
    padding: Any = 0
    stride: Any = 1


class Fold(FunctionModule, function=F.fold):
    """Columns added up where ``Unfold`` took them from."""

    output_size: Any
    kernel_size: Any
    dilation: Any = 1
    padding: Any = 0
    stride: Any = 1


class Upsample(FunctionModule, function=F.interpolate):
    """The input resized."""

    size: Any = None
    scale_factor: Any = None
    mode: str = "nearest"
    align_corners: bool | None = None
    recompute_scale_factor: bool | None = None

    def __post_init__(self) -> None:
        if isinstance(self.scale_factor, (tuple, list)):
            self.scale_factor = tuple(map(float, self.scale_factor))
        elif self.scale_factor is not None:
            self.scale_factor = float(self.scale_factor)

    def extra_repr(self) -> str:
        """The new size and the mode."""
        size = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{size}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """``Upsample`` with mode "nearest"."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """``Upsample`` with mode "bilinear" and aligned corners."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


class CosineSimilarity(FunctionModule, function=F.cosine_similarity):
    """The cosine of the angle between vectors along ``dim``."""

    dim: int = 1
    eps: float = 1e-08

    shown = ()


class PairwiseDistance(FunctionModule, function=F.pairwise_distance):
    """The p-norm of the difference of vectors."""

    p: float = 2.0
    eps: float = 1e-06
    keepdim: bool = False

    shown = ()

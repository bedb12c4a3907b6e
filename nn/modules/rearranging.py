"""Layers that rearrange or resize, and distances between vectors."""

from __future__ import annotations

from typing import Any

from nn import functional as F
from nn.modules.function_module import FunctionModule, applies

__all__ = [
    "ChannelShuffle", "CosineSimilarity", "Fold", "PairwiseDistance", "PixelShuffle", "PixelUnshuffle", "Unfold",
    "Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d",
]  # fmt: skip


@applies(F.pixel_shuffle)
class PixelShuffle(FunctionModule):
    """Groups of r * r channels as blocks of r * r pixels."""

    upscale_factor: int


@applies(F.pixel_unshuffle)
class PixelUnshuffle(FunctionModule):
    """The inverse of ``PixelShuffle``."""

    downscale_factor: int


@applies(F.channel_shuffle)
class ChannelShuffle(FunctionModule):
    """The channels of ``groups`` groups dealt out in turn."""

    groups: int


@applies(F.unfold)
class Unfold(FunctionModule):
    """All windows of images as columns."""

    kernel_size: Any
    dilation: Any = 1
    padding: Any = 0
    stride: Any = 1


@applies(F.fold)
class Fold(FunctionModule):
    """Columns added up where ``Unfold`` took them from."""

    output_size: Any
    kernel_size: Any
    dilation: Any = 1
    padding: Any = 0
    stride: Any = 1


@applies(F.interpolate)
class Upsample(FunctionModule):
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


@applies(F.cosine_similarity)
class CosineSimilarity(FunctionModule):
    """The cosine of the angle between vectors along ``dim``."""

    dim: int = 1
    eps: float = 1e-08

    shown = ()


@applies(F.pairwise_distance)
class PairwiseDistance(FunctionModule):
    """The p-norm of the difference of vectors."""

    p: float = 2.0
    eps: float = 1e-06
    keepdim: bool = False

    shown = ()

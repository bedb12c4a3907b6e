"""Layers that rearrange or resize, and distances between vectors."""

from __future__ import annotations

from typing import Any

from nn import functional as F
from nn.modules.shell import Shell

__all__ = [
    "ChannelShuffle",
    "CosineSimilarity",
    "Fold",
    "PairwiseDistance",
    "PixelShuffle",
    "PixelUnshuffle",
    "Unfold",
    "Upsample",
    "UpsamplingBilinear2d",
    "UpsamplingNearest2d",
]


class PixelShuffle(Shell):
    """Groups of r * r channels as blocks of r * r pixels."""

    function, options, shown = F.pixel_shuffle, ("upscale_factor",), ("upscale_factor",)

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor


class PixelUnshuffle(Shell):
    """The inverse of ``PixelShuffle``."""

    function, options, shown = F.pixel_unshuffle, ("downscale_factor",), ("downscale_factor",)

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor


class ChannelShuffle(Shell):
    """The channels of ``groups`` groups dealt out in turn."""

    function, options, shown = F.channel_shuffle, ("groups",), ("groups",)

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups


class Unfold(Shell):
    """All windows of images as columns."""

    function = F.unfold
    options = ("kernel_size", "dilation", "padding", "stride")
    shown = options

    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride


class Fold(Shell):
    """Columns added up where ``Unfold`` took them from."""

    function = F.fold
    options = ("output_size", "kernel_size", "dilation", "padding", "stride")
    shown = options

    def __init__(
        self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
    ) -> None:
        super().__init__()
        self.output_size, self.kernel_size = output_size, kernel_size
        self.dilation, self.padding, self.stride = dilation, padding, stride


class Upsample(Shell):
    """The input resized."""

    function = F.interpolate
    options = ("size", "scale_factor", "mode", "align_corners", "recompute_scale_factor")

    def __init__(
        self,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.size, self.mode, self.align_corners = size, mode, align_corners
        self.scale_factor = scale_factor
        if scale_factor is not None:
            several = isinstance(scale_factor, (tuple, list))
            self.scale_factor = tuple(map(float, scale_factor)) if several else float(scale_factor)
        self.recompute_scale_factor = recompute_scale_factor

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


class CosineSimilarity(Shell):
    """The cosine of the angle between vectors along ``dim``."""

    function, options = F.cosine_similarity, ("dim", "eps")

    def __init__(self, dim: int = 1, eps: float = 1e-08) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps


class PairwiseDistance(Shell):
    """The p-norm of the difference of vectors."""

    function, options = F.pairwise_distance, ("p", "eps", "keepdim")

    def __init__(self, p: float = 2.0, eps: float = 1e-06, keepdim: bool = False) -> None:
        super().__init__()
        self.p, self.eps, self.keepdim = p, eps, keepdim

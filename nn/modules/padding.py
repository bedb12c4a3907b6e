"""Padding layers."""

from __future__ import annotations

from typing import Any, ClassVar

from autodiff.tensors.tensor import Tensor

from .. import functional as F
from .function_module import FunctionModule

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d",
    "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip


class _Pad(FunctionModule, options=True):
    """Padding (before, after) of the last axis, then of the one before it; a single number is that of all sides."""

    axes: ClassVar[int]
    mode: ClassVar[str]
    padding: Any

    def __post_init__(self) -> None:
        given = self.padding
        self.padding = tuple(given) if isinstance(given, (tuple, list)) else (given,) * (2 * self.axes)

    def forward(self, input: Any) -> Tensor:
        """``functional.pad``."""
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        """The widths."""
        return str(self.padding)


class _ConstantPad(_Pad, options=True):
    value: float

    def forward(self, input: Any) -> Tensor:
        """``functional.pad``."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """The widths and the value."""
        return f"padding={self.padding}, value={self.value}"


class CircularPad1d(_Pad, options=True):
    """Pad a signal with entries from its other end."""

    axes, mode = 1, "circular"


class CircularPad2d(_Pad, options=True):
    """Pad an image with entries from its other end."""

    axes, mode = 2, "circular"


class CircularPad3d(_Pad, options=True):
    """Pad a volume with entries from its other end."""

    axes, mode = 3, "circular"


class ConstantPad1d(_ConstantPad, options=True):
    """Pad a signal with ``value``."""

    axes = 1


class ConstantPad2d(_ConstantPad, options=True):
    """Pad an image with ``value``."""

    axes = 2


class ConstantPad3d(_ConstantPad, options=True):
    """Pad a volume with ``value``."""

    axes = 3


class ReflectionPad1d(_Pad, options=True):
    """Pad a signal with its entries mirrored at the edge."""

    axes, mode = 1, "reflect"


class ReflectionPad2d(_Pad, options=True):
    """Pad an image with its entries mirrored at the edge."""

    axes, mode = 2, "reflect"


class ReflectionPad3d(_Pad, options=True):
    """Pad a volume with its entries mirrored at the edge."""

    axes, mode = 3, "reflect"


class ReplicationPad1d(_Pad, options=True):
    """Pad a signal with copies of its edge."""

    axes, mode = 1, "replicate"


class ReplicationPad2d(_Pad, options=True):
    """Pad an image with copies of its edge."""

    axes, mode = 2, "replicate"


class ReplicationPad3d(_Pad, options=True):
    """Pad a volume with copies of its edge."""

    axes, mode = 3, "replicate"


class ZeroPad1d(_Pad, options=True):
    """Pad a signal with zeros."""

    axes, mode = 1, "constant"


class ZeroPad2d(_Pad, options=True):
    """Pad an image with zeros."""

    axes, mode = 2, "constant"


class ZeroPad3d(_Pad, options=True):
    """Pad a volume with zeros."""

    axes, mode = 3, "constant"

"""Options of sliding windows: one number for all axes or one for each, checked."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autodiff.errors import OptionError, ShapeError
from autodiff.kernels.pooling import Window
from autodiff.ops.shaping import reshape

__all__ = ["Windows", "check_output", "check_probability", "several", "windows_of", "with_batch"]


def several(value: Any, count: int, name: str, least: int = 1) -> tuple[int, ...]:
    """``value`` as ``count`` integers, each at least ``least``.

    >>> several(3, 2, "kernel_size")
    (3, 3)
    """
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * count
    if len(values) == 1:
        values *= count
    try:
        sizes = tuple(int(n.__index__()) for n in values)
    except AttributeError:
        sizes = ()
    if len(sizes) != count or min(sizes) < least:
        number = f"an integer or {count} integers" if count > 1 else "an integer"
        raise OptionError(f"{name} is {number}, each at least {least}, not {value!r}")
    return sizes


def with_batch(input: Any, axes: int, name: str) -> tuple[Any, bool]:
    """``input`` (N, C, *) with ``axes`` axes at *, and whether it came without N, which then is 1.

    Raises ShapeError for any other number of axes.
    """
    shape = tuple(input.shape)
    if len(shape) == axes + 2:
        return input, False
    spatial = "D, H, W"[-1 - 3 * (axes - 1) :] if axes > 1 else "L"
    if len(shape) != axes + 1:
        raise ShapeError(f"{name} takes inputs (N, C, {spatial}) or (C, {spatial}), not of shape {shape}")
    return reshape(input, shape=(1, *shape)), True


def check_output(output: tuple[int, ...], input: Any, name: str, why: str) -> None:
    """Raise ShapeError where windows do not fit even once."""
    if min(output) < 1:
        raise ShapeError(f"{name} of an input of shape {tuple(input.shape)} would have the size {output}: {why}")


def check_probability(p: float) -> None:
    """Raise OptionError where ``p`` is no probability."""
    if not 0 <= p <= 1:
        raise OptionError(f"the probability of dropout lies between 0 and 1; p is {p}")


class Windows(NamedTuple):
    """Pooling windows of signals, images (``plane``) or volumes (``depth`` too, as windows of one column)."""

    plane: Window
    depth: Window | None

    def output_size(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """How many windows there are along each axis of ``size``."""
        if self.depth is None:
            return self.plane.output_size((1, *size)[-2:])[-len(size) :]  # type: ignore[arg-type]
        return (self.depth.output_size((size[0], 1))[0], *self.plane.output_size((size[1], size[2])))

    def _place(self, axis: int, axes: int) -> tuple[Window, int]:
        """The window that an axis of several belongs to, and which of its two it is."""
        return (self.depth, 0) if self.depth is not None and axis == 0 else (self.plane, 2 + axis - axes)

    def counts(self, axis: int, axes: int, size: int, around: int, include_pad: bool) -> Any:
        """How many entries of the input, or of input and padding, each window meets along an axis of so many."""
        window, place = self._place(axis, axes)
        start = np.arange(window.output_size((size, size))[place]) * window.stride[place] - around
        stop = np.minimum(start + window.kernel[place], size + around)
        return stop - start if include_pad else np.minimum(stop, size) - np.maximum(start, 0)


def windows_of(
    name: str, shape: tuple[int, ...], kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Windows:
    """The windows over an input of ``shape`` (N, C, *), checked; without a stride they lie side by side."""
    axes = len(shape) - 2
    kernel = several(kernel_size, axes, "kernel_size")
    steps = kernel if stride is None or stride == [] else several(stride, axes, "stride")
    around = several(padding, axes, "padding", 0)
    spread = several(dilation, axes, "dilation")
    if any(2 * p > d * (k - 1) + 1 for p, k, d in zip(around, kernel, spread, strict=True)):
        raise OptionError(f"{name}: with padding {padding}, more than half the kernel {kernel_size}, a window is empty")
    each = [*zip(kernel, steps, ((p, p) for p in around), spread, strict=True)]
    one = (1, 1, (0, 0), 1)
    plane = _window([one, *each][-2:], (1, *shape[2:])[-2:], ceil_mode)
    depth = _window([each[0], one], (shape[2], 1), ceil_mode) if axes == 3 else None
    windows = Windows(plane, depth)
    output = windows.output_size(shape[2:])
    if min(output) < 1:
        raise ShapeError(
            f"{name} of an input of shape {shape} would have the size {output}: its windows of size {kernel} are "
            "larger than the padded input"
        )
    return windows


def _window(axes: list[Any], size: tuple[int, ...], ceil_mode: bool) -> Window:
    window = Window(*zip(*axes, strict=True))
    return window.ceil_padding(size) if ceil_mode else window  # type: ignore[arg-type]

"""Where sliding windows lie, along any number of axes: those of convolution, pooling and unfolding."""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
Sizes = tuple[int, ...]
Pads = tuple[tuple[int, int], ...]
Overlap = tuple[slice, slice]


class Geometry(NamedTuple):
    """Where the windows of a convolution lie; padding counts zeros (before, after) on each axis.

    >>> Geometry(padding=((2, 2), (2, 2))).output_size((28, 28), (5, 5))
    (28, 28)
    >>> Geometry((2, 2)).input_size((14, 14), (3, 3))
    (29, 29)
    """

    stride: Sizes = (1, 1)
    padding: Pads = ((0, 0), (0, 0))
    dilation: Sizes = (1, 1)
    groups: int = 1

    def window(self, kernel: Sizes) -> Window:
        """Return where the windows of a kernel lie."""
        return Window(kernel, self.stride, self.padding, self.dilation)

    @lru_cache(maxsize=256)  # noqa: B019  # a geometry is a value: equal ones share an entry
    def output_size(self, size: Sizes, kernel: Sizes) -> Sizes:
        """Return how many windows there are on each axis, which is the size that a convolution makes."""
        return self.window(kernel).output_size(size)

    def input_size(self, output: Sizes, kernel: Sizes) -> Sizes:
        """Return the least size that has ``output`` windows, which is the size that a transposed convolution makes."""
        return self.window(kernel).input_size(output)

    @lru_cache(maxsize=256)  # noqa: B019  # as above
    def gathered(self, size: Sizes, output: Sizes, kernel: Sizes) -> list[tuple[Overlap, Overlap, Geometry]]:
        """List the convolutions of the output's cotangent that make the input's: its places, the taps, the windows.

        There is one for each residue of the strides. It makes every ``stride``-th place, with some taps, flipped.

        >>> [places for places, _, _ in Geometry((2, 1)).gathered((5, 5), (2, 3), (3, 3))]
        [(slice(0, 5, 2), slice(0, 5, 1)), (slice(1, 5, 2), slice(0, 5, 1))]
        """
        axes: list[list[Any]] = []
        for n, count, k, s, (before, _), d in zip(size, output, kernel, *self[:3], strict=True):
            every, axis = s // math.gcd(s, d), []
            for place in range(min(s, n)):
                # The window of output p meets the place s t + place by tap i where s p + d i - before = s t + place.
                first = [i for i in range(min(k, every)) if (place + before - d * i) % s == 0]
                if first:
                    taps, apart = len(range(first[0], k, every)), d * every // s
                    pad = apart * (taps - 1) - (place + before - d * first[0]) // s
                    after = len(range(place, n, s)) - count - pad + apart * (taps - 1)
                    axis.append((slice(place, n, s), slice(first[0], k, every), (pad, after), apart))
            axes.append(axis)
        found = []
        for pair in itertools.product(*axes):
            places, some, pads, dilation = zip(*pair, strict=True)
            found.append((places, some, Geometry((1, 1), pads, dilation, self.groups)))
        return found


class Window(NamedTuple):
    """Where windows of one size lie; padding counts entries (before, after) on each axis.

    >>> Window((3, 3), (2, 2), ((1, 1), (1, 1))).output_size((28, 28))
    (14, 14)
    """

    kernel: Sizes
    stride: Sizes
    padding: Pads = ((0, 0), (0, 0))
    dilation: Sizes = (1, 1)

    @lru_cache(maxsize=256)  # noqa: B019  # as above
    def output_size(self, size: Sizes) -> Sizes:
        """Return (I - F + P) // S + 1 for each axis, with F = dilation * (kernel - 1) + 1."""
        axes = zip(size, *self, strict=True)
        return tuple([(n - d * (k - 1) - 1 + before + after) // s + 1 for n, k, s, (before, after), d in axes])

    def input_size(self, output: Sizes) -> Sizes:
        """Return the least size that has ``output`` windows."""
        axes = zip(output, *self, strict=True)
        return tuple([(n - 1) * s + d * (k - 1) + 1 - before - after for n, k, s, (before, after), d in axes])

    def taps(self, size: Sizes) -> list[list[Overlap]]:
        """List for each axis, and each entry of the kernel on it, which windows meet which positions of the input."""
        axes = zip(*self, size, self.output_size(size), strict=True)
        return [[overlap(i * d - before, s, n, count) for i in range(k)] for k, s, (before, _), d, n, count in axes]

    def ceil_padding(self, size: Sizes) -> Window:
        """Return the window with as much more padding after as makes ``output_size`` round up.

        As in PyTorch's ``ceil_mode`` the last window must start inside the input or the padding before it.

        >>> Window((2, 2), (2, 2)).ceil_padding((5, 4)).padding
        ((0, 1), (0, 0))
        """
        padding = []
        for n, k, s, (before, after), d in zip(size, *self, strict=True):
            reach = d * (k - 1) + 1
            last = -(-(n + before + after - reach) // s)
            if last * s >= n + before:
                last -= 1
            padding.append((before, max(after, last * s + reach - n - before)))
        return self._replace(padding=tuple(padding))


@lru_cache(maxsize=1024)
def overlap(offset: int, step: int, size: int, count: int) -> Overlap:
    """Pair the k in range(count) with offset + step * k inside range(size): (slice of k, slice of positions).

    >>> overlap(-1, 2, 5, 4)
    (slice(1, 3, None), slice(1, 4, 2))
    """
    first = max(0, -(offset // step))
    last = max(first, min(count, (size - offset + step - 1) // step))
    begin = offset + step * first
    return slice(first, last), slice(begin, begin + step * (last - first - 1) + 1 if last > first else begin, step)


def padded(x: Array, padding: Pads) -> Array:
    """Return the images x (N, C, H, W) with zeros around them; negative padding crops."""
    (top, bottom), (left, right) = padding
    if not (top or bottom or left or right):
        return x
    n, c, height, width = x.shape
    tall, wide = height + top + bottom, width + left + right
    (to_row, row), (to_column, column) = overlap(-top, 1, height, tall), overlap(-left, 1, width, wide)
    out = np.zeros((n, c, tall, wide), x.dtype, like=x)
    out[:, :, to_row, to_column] = x[:, :, row, column]
    return out

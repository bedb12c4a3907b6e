"""Where the windows of a convolution lie."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Geometry", "overlap"]


class Geometry(NamedTuple):
    """Where the windows of a two-dimensional convolution lie; padding counts zeros (before, after) on each axis.

    >>> Geometry(padding=((2, 2), (2, 2))).output_size((28, 28), (5, 5))
    (28, 28)
    """

    stride: tuple[int, int] = (1, 1)
    padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def output_size(self, size: tuple[int, int], kernel: tuple[int, int]) -> tuple[int, int]:
        """Return (I - F + P) // S + 1 for both axes, with F = dilation * (kernel - 1) + 1."""
        (sh, sw), ((top, bottom), (left, right)), (dh, dw), _ = self
        return (
            (size[0] - dh * (kernel[0] - 1) - 1 + top + bottom) // sh + 1,
            (size[1] - dw * (kernel[1] - 1) - 1 + left + right) // sw + 1,
        )


def overlap(offset: int, step: int, size: int, count: int) -> tuple[slice, slice]:
    """Pair the k in range(count) with offset + step * k inside range(size): (slice of k, slice of positions).

    >>> overlap(-1, 2, 5, 4)
    (slice(1, 3, None), slice(1, 4, 2))
    """
    first = max(0, -(offset // step))
    last = max(first, min(count, (size - offset + step - 1) // step))
    begin = offset + step * first
    return slice(first, last), slice(begin, begin + step * (last - first - 1) + 1 if last > first else begin, step)

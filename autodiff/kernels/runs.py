"""Images laid out so that one tap of all windows of a convolution is one unbroken run of each plane.

The padded images are sorted by the residues of row and column modulo the stride. Between the rows of windows a run has
a few columns too many; what is computed from those is left out in the end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

import numpy as np

from .geometry import Array, Geometry, Sizes, overlap


class Runs:
    """A tile of images laid out for runs, or the sums of what came back to them; owned by one thread."""

    def __init__(self, x: Array, kernel: Sizes, output: Sizes, geometry: Geometry, tile: int) -> None:
        _, channels, height, width = x.shape
        (kh, kw), (oh, ow), (sh, sw), (dh, dw) = kernel, output, geometry.stride, geometry.dilation
        (top, _), (left, _) = geometry.padding
        rows, self.columns = oh + dh * (kh - 1) // sh, ow + dw * (kw - 1) // sw
        planes = channels, min(sh, dh * (kh - 1) + 1), min(sw, dw * (kw - 1) + 1), rows, self.columns
        self.planes = np.zeros((tile, *planes), x.dtype)
        self.parts = [
            (r, s, overlap(r - top, sh, height, rows), overlap(s - left, sw, width, self.columns))
            for r in range(planes[1])
            for s in range(planes[2])
        ]
        self.kernel, self.length, self.geometry = kernel, (oh - 1) * self.columns + ow, geometry
        # Kernel rows, and columns, this far apart have the same residue, so that their runs are evenly spaced.
        self.period = sh // math.gcd(sh, dh), sw // math.gcd(sw, dw)

    def load(self, x: Array) -> None:
        """Take the images x (n, c, h, w)."""
        for r, s, (to_row, row), (to_column, column) in self.parts:
            self.planes[: len(x), :, r, s, to_row, to_column] = x[:, :, row, column]

    def store(self, out: Array) -> None:
        """Write the first images into ``out`` (n, c, h, w), where a window reaches them."""
        for r, s, (to_row, row), (to_column, column) in self.parts:
            out[:, :, row, column] = self.planes[: len(out), :, r, s, to_row, to_column]

    def taps(self) -> Iterator[tuple[tuple[slice, slice], Array]]:
        """Yield slices of the kernel's rows and columns, and their runs (rows, columns, tile * c, length)."""
        (sh, sw), _, (dh, dw), _ = self.geometry
        (every, other), (kh, kw) = self.period, self.kernel
        _, channel, below, beside, row, item = self.planes.strides
        for i, j in product(range(min(every, kh)), range(min(other, kw))):
            start = i * dh % sh * below + j * dw % sw * beside + i * dh // sh * row + j * dw // sw * item
            shape = len(range(i, kh, every)), len(range(j, kw, other)), len(self.planes) * self.planes.shape[1]
            strides = every * dh // sh * row, other * dw // sw * item, channel, item
            runs: Array = np.ndarray((*shape, self.length), self.planes.dtype, self.planes, start, strides)
            yield (slice(i, kh, every), slice(j, kw, other)), runs

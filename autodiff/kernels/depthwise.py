"""Convolution of each channel with a kernel of its own, whose GEMMs would have a single row.

The padded images are sorted by the residues of row and column modulo the stride, so that one tap of all windows is one
unbroken run of each plane: a sum of products with those runs makes the outputs, a dot product with one a weight's
gradient. A run has a few columns between the rows of windows too many, which are left out in the end. Against GEMMs
with banded matrices, 3x3 on 28x28 forward 1.4 times and gradient of the kernel 2.4 times as fast.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from .geometry import Geometry, overlap
from .threads import even, share, tiles

__all__ = ["convolve", "convolve_weight"]

Array = np.ndarray[Any, Any]

TILE_BYTES = 1 << 19  # of padded images at a time: the taps pass over them again and again
WORTH_THREADS = 1 << 18  # multiply-adds below which handing half a batch to a thread costs more than it saves


class _Runs:
    """Lays one tile of images after another out for runs; owned by one thread."""

    def __init__(
        self, x: Array, kernel: tuple[int, int], output: tuple[int, int], geometry: Geometry, images: int
    ) -> None:
        _, channels, height, width = x.shape
        (kh, kw), (oh, ow), (sh, sw), (dh, dw) = kernel, output, geometry.stride, geometry.dilation
        (top, _), (left, _) = geometry.padding
        rows, self.columns = oh + dh * (kh - 1) // sh, ow + dw * (kw - 1) // sw
        planes = channels, min(sh, dh * (kh - 1) + 1), min(sw, dw * (kw - 1) + 1), rows, self.columns
        self.tile = even(images, TILE_BYTES // max(1, math.prod(planes) * x.itemsize))
        self.planes = np.zeros((self.tile, *planes), x.dtype)
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


def convolve(x: Array, w: Array, geometry: Geometry, bias: Array | None, out: Array) -> None:
    """Write the cross-correlation of x (N, C, H, W) with w (C, 1, kh, kw) into ``out`` (N, C, oh, ow)."""
    channels, _, kh, kw = w.shape
    _, _, oh, ow = out.shape

    def task(start: int, stop: int) -> None:
        runs = _Runs(x, (kh, kw), (oh, ow), geometry, stop - start)
        weights = np.tile(w[:, 0], (runs.tile, 1, 1))
        # Column by column, since einsum takes the runs of two for one another's next entries, and short loops.
        operands = [
            (weights[:, rows, columns][..., k], column)
            for (rows, columns), taps in runs.taps()
            for k, column in enumerate(taps.swapaxes(0, 1))
        ]
        total, more = (np.zeros((runs.tile, channels, oh, runs.columns), x.dtype) for _ in range(2))
        sums, part = (a.reshape(len(weights), -1)[:, : runs.length] for a in (total, more))
        for images in tiles(start, stop, runs.tile):
            n = images.stop - images.start
            planes = slice(n * channels)
            runs.load(x[images])
            for k, (factors, column) in enumerate(operands):
                # One axis of planes, not images and channels: einsum takes 1.3 to 1.7 times as long over two.
                np.einsum("ci,icp->cp", factors[planes], column[:, planes], out=(part if k else sums)[planes])
                if k:
                    # With what lies between the runs: adding up rows apart from each other takes four times as long.
                    total[:n] += more[:n]
            result = total[:n, ..., :ow]
            out[images] = result if bias is None else result + bias[:, None, None]

    share(task, len(x), out.size * kh * kw >= WORTH_THREADS)


def convolve_weight(g: Array, x: Array, geometry: Geometry, kernel: tuple[int, int]) -> Array:
    """Return the gradient (C, 1, kh, kw) of the kernel from those of the outputs g (N, C, oh, ow)."""
    _, channels, oh, ow = g.shape

    def task(start: int, stop: int) -> Array:
        runs = _Runs(x, kernel, (oh, ow), geometry, stop - start)
        spread = np.zeros((runs.tile, channels, oh, runs.columns), g.dtype)
        given = spread.reshape(runs.tile * channels, -1)[:, : runs.length]
        dots, total = np.empty((*kernel, len(given)), g.dtype), np.zeros((*kernel, channels), g.dtype)
        for images in tiles(start, stop, runs.tile):
            n = images.stop - images.start
            planes = slice(n * channels)
            runs.load(x[images])
            spread[:n, ..., :ow] = g[images]
            for (rows, columns), taps in runs.taps():
                # All taps in one call: the threads hand over the GIL at each, which takes as long as a tap.
                np.vecdot(taps[:, :, planes], given[planes], out=dots[rows, columns, planes])
            total += dots[..., planes].reshape(*kernel, n, channels).sum(2)
        return total

    first, *others = share(task, len(x), g.size * kernel[0] * kernel[1] >= WORTH_THREADS)
    return np.ascontiguousarray(sum(others, start=first).transpose(2, 0, 1)[:, None])

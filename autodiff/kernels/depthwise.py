"""Convolution of each channel with a kernel of its own, whose GEMMs would have a single row.

A sum of products with ``Runs`` makes the outputs, a dot product with one a weight's gradient. Both are faster than
GEMMs with banded matrices.
"""

from __future__ import annotations

import numpy as np

from .geometry import Array, Geometry, Sizes
from .runs import Runs
from .threads import WorkQueue, parallel_map, shares_sums, tile_size, tiles

TILE_BYTES = 1 << 20  # of images at a time: the taps pass over them again and again
WORTH_THREADS = 1 << 18  # multiply-adds below which handing half a batch to a thread costs more than it saves


def convolve(x: Array, w: Array, geometry: Geometry, bias: Array | None, out: Array) -> None:
    """Write the cross-correlation of x (N, C, H, W) with w (C, 1, kh, kw) into ``out`` (N, C, oh, ow)."""
    channels, _, kh, kw = w.shape
    oh, ow = out.shape[2:]
    queue = WorkQueue(len(x), out.size * kh * kw >= WORTH_THREADS)

    def work() -> None:
        tile = tile_size(queue.most, TILE_BYTES * len(x) // max(1, x.nbytes))
        runs = Runs(x, (kh, kw), (oh, ow), geometry, tile)
        weights = np.tile(w[:, 0], (tile, 1, 1))
        # Column by column, since einsum takes the runs of two for one another's next entries, and short loops.
        operands = [
            (weights[:, rows, columns][..., k], column)
            for (rows, columns), taps in runs.taps()
            for k, column in enumerate(taps.swapaxes(0, 1))
        ]
        total, more = (np.zeros((tile, channels, oh, runs.columns), x.dtype) for _ in range(2))
        if bias is not None:
            offsets = np.repeat(bias, oh * runs.columns).reshape(total.shape[1:])
        sums, part = (a.reshape(len(weights), -1)[:, : runs.length] for a in (total, more))
        for images in queue.tiles(tile):
            n = images.stop - images.start
            planes = slice(n * channels)
            runs.load(x[images])
            for k, (factors, column) in enumerate(operands):
                # One axis of planes, not images and channels: einsum takes longer over two.
                np.einsum("ci,icp->cp", factors[planes], column[:, planes], out=(part if k else sums)[planes])
                if k:
                    # With what lies between the runs: adding up rows apart from each other takes longer.
                    total[:n] += more[:n]
            if bias is not None:
                total[:n] += offsets
            out[images] = total[:n, ..., :ow]

    queue.run(work, products=False)


def convolve_weight(g: Array, x: Array, geometry: Geometry, kernel: Sizes) -> Array:
    """Return the gradient (C, 1, kh, kw) of the kernel from those of the outputs g (N, C, oh, ow)."""
    _, channels, oh, ow = g.shape

    def task(start: int, stop: int) -> Array:
        tile = tile_size(stop - start, TILE_BYTES * len(x) // max(1, x.nbytes))
        runs = Runs(x, kernel, (oh, ow), geometry, tile)
        spread = np.zeros((tile, channels, oh, runs.columns), g.dtype)
        given = spread.reshape(tile * channels, -1)[:, : runs.length]
        dots, total = np.empty((*kernel, len(given)), g.dtype), np.zeros((*kernel, channels), g.dtype)
        for images in tiles(start, stop, tile):
            n = images.stop - images.start
            planes = slice(n * channels)
            runs.load(x[images])
            spread[:n, ..., :ow] = g[images]
            for (rows, columns), taps in runs.taps():
                # All taps in one call, since the threads hand over the GIL at each.
                np.vecdot(taps[:, :, planes], given[planes], out=dots[rows, columns, planes])
            total += dots[..., planes].reshape(*kernel, n, channels).sum(2)
        return total

    parallel = g.size * kernel[0] * kernel[1] >= WORTH_THREADS and shares_sums()
    first, *others = parallel_map(task, len(x), parallel, products=False)
    return np.ascontiguousarray(sum(others, start=first).transpose(2, 0, 1)[:, None])

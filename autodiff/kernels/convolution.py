"""Cross-correlation and its two adjoints: three trilinear kernels, each the derivative of the others.

With <., .> the sum over all entries, ``<convolve(x, w), g> = <x, convolve_input(g, w)> = <w, convolve_weight(g, x)>``,
so derivatives of any order need nothing but these three.

Only the width is unrolled. Y[n, c, j, r, row, ow] is the input shifted by kernel column j, padded, and cut by stride,
with the rows sorted by their residue r modulo the stride: kw copies of the input instead of the kh * kw of im2col. The
windows that meet kernel row i are then, for all outputs together, one unbroken run of oh * ow numbers for each (c, j),
so a (c * j, oh * ow) matrix is a view of Y and goes to BLAS as it is. Stride, padding and dilation live in that index.
"""

from __future__ import annotations

import math

import numpy as np

from . import depthwise
from .geometry import Array, Geometry, Sizes, overlap, padded
from .lanes import faster
from .layout import row_major, strided
from .precision import in_single
from .runs import Runs
from .threads import WorkQueue, parallel_map, shares_sums, tile_size, tiles

TILE_BYTES = 1 << 20  # of unrolled input at a time: in the cache, yet few calls and hand-overs of the GIL
THIN = 32  # rows of a GEMM below which stacking the kernel rows' views costs less than GEMMs with a short inner axis
SMALL = 1 << 16  # entries of full columns up to which plain im2col is cheaper than setting up tiles
WORTH_THREADS = 4_000_000  # multiply-adds below which handing half a batch to a thread costs more than it saves


def channel_sums(g: Array) -> Array:
    """Sum images g (N, C, ...) over all but their channels, the batch first, in long runs."""
    total: Array = np.add.reduce(np.add.reduce(g, axis=0), axis=tuple(range(1, len(g.shape) - 1)))
    return total


def _columns(x: Array, kernel: Sizes, output: Sizes, geometry: Geometry) -> Array:
    """Return all windows of the images x (n, c, h, w) as full columns (n, groups, c / groups * kh * kw, oh * ow)."""
    n, c = x.shape[:2]
    (sh, sw), padding, (dh, dw), groups = geometry
    x = row_major(padded(x, padding))  # cropped by the input adjoint of a padding wider than the kernel
    a, b, row, item = x.strides
    strides = (a, b, dh * row, dw * item, sh * row, sw * item)
    windows: Array = strided(x, (n, c, *kernel, *output), strides)
    return windows.reshape(n, groups, c // groups * kernel[0] * kernel[1], output[0] * output[1])


class _Unroll:
    """Makes, for one tile of images after another, the matrices whose columns are windows; owned by one thread.

    The images are laid into ``padded``, of which Y is a copy through an overlapping view. Where a row of windows is
    thin the views of Y are stacked in a further copy, for one GEMM instead of kh.
    """

    def __init__(self, x: Array, kernel: Sizes, output: Sizes, geometry: Geometry, images: int) -> None:
        _, channels, height, width = x.shape
        (kh, kw), (oh, ow), groups, item = kernel, output, geometry.groups, x.itemsize
        (sh, sw), ((top, _), (left, _)), (dh, dw), self.groups = geometry
        residues, rows = min(sh, dh * (kh - 1) + 1), oh + dh * (kh - 1) // sh
        tall, wide = sh * rows, sw * (ow - 1) + dw * (kw - 1) + 1
        image = channels * kw * residues * rows * ow * item
        self.thin = channels // groups * kw < THIN and kh > 1
        t = self.tile = tile_size(images, TILE_BYTES // max(1, image * (kh if self.thin else 1)))
        # A 1x1 kernel's windows are the images themselves.
        self.plain = kernel == geometry.stride == (1, 1) and output == (height, width) and top == left == 0
        if self.plain:
            return
        self.rows, self.columns = overlap(-top, 1, height, tall), overlap(-left, 1, width, wide)
        self.padded = np.zeros((t, channels, tall, wide), x.dtype)
        self.y = np.empty((t, channels, kw, residues, rows, ow), x.dtype)
        a, b, row, _ = self.padded.strides
        self.spread = np.ndarray(self.y.shape, x.dtype, self.padded, 0, (a, b, dw * item, row, sh * row, sw * item))
        flat = self.y.reshape(t, groups, channels // groups * kw, residues * rows * ow)
        starts = [(i * dh % sh * rows + i * dh // sh) * ow for i in range(kh)]
        self.views = [flat[..., start : start + oh * ow] for start in starts]
        if self.thin:
            self.stacked = np.empty((t, groups, kh, channels // groups * kw, oh * ow), x.dtype)
            # Kernel rows this far apart have the same residue, so that their views are evenly spaced: one copy, not
            # many short ones, at each of which the threads would hand over the GIL.
            every = min(kh, sh // math.gcd(sh, dh))
            a, b, row, item = flat.strides
            self.stacks = []
            for i in range(every):
                apart, shape = every * dh // sh * ow * item, self.stacked[:, :, i::every].shape
                view: Array = np.ndarray(shape, x.dtype, self.y, starts[i] * item, (a, b, apart, row, item))
                self.stacks.append((slice(i, kh, every), view))

    def __call__(self, x: Array) -> list[Array]:
        """Return the (n, groups, k, oh * ow) matrices of the images x (n, c, h, w): one, or one per kernel row."""
        n = len(x)
        if self.plain:
            return [x.reshape(n, self.groups, -1, x.shape[2] * x.shape[3])]
        (to_row, row), (to_column, column) = self.rows, self.columns
        self.padded[:n, :, to_row, to_column] = x[:, :, row, column]
        self.y[:n] = self.spread[:n]
        if not self.thin:
            return [view[:n] for view in self.views]
        for rows, views in self.stacks:
            self.stacked[:n, :, rows] = views[:n]
        _, groups, kh, k, size = self.stacked.shape
        return [self.stacked[:n].reshape(n, groups, kh * k, size)]


def _matrices(w: Array, groups: int, stacked: bool) -> Array:
    """Lay the kernel (o, c, kh, kw) out as matrices (parts, groups, o / groups, k) to go with ``_Unroll``."""
    o, c, kh, kw = w.shape
    split = w.reshape(groups, o // groups, c, kh, kw)
    # Contiguous, since a flipped kernel may reshape into a view whose negative strides BLAS does not take.
    if stacked:
        return np.ascontiguousarray(split.transpose(0, 1, 3, 2, 4)).reshape(1, groups, o // groups, kh * c * kw)
    return np.ascontiguousarray(split.transpose(3, 0, 1, 2, 4)).reshape(kh, groups, o // groups, c * kw)


@faster("convolve")
@in_single
def convolve(x: Array, w: Array, geometry: Geometry, bias: Array | None = None) -> Array:
    """Cross-correlate: out[n, o, p, q] = sum over c, i, j of x[n, c, S p + D i - P, S q + D j - P] w[o, c, i, j].

    A bias (O,) is added to each output channel while it is in the cache.

    Shapes: x (N, C, H, W), w (O, C / groups, kh, kw), result (N, O, oh, ow).
    Law: without bias trilinear with ``convolve_input`` and ``convolve_weight``, see the module.
    Reference: Dumoulin and Visin, A guide to convolution arithmetic for deep learning, 2016.
    """
    o, c, kh, kw = w.shape
    oh, ow = geometry.output_size(x.shape[2:], (kh, kw))
    n, groups = len(x), geometry.groups
    if n * groups * c * kh * kw * oh * ow <= SMALL:
        columns = _columns(x, (kh, kw), (oh, ow), geometry)
        product: Array = np.matmul(w.reshape(groups, o // groups, c * kh * kw), columns)
        return _biased(product.reshape(n, o, oh, ow), bias)
    out = np.empty((n, o, oh, ow), x.dtype)
    if c == 1 < groups == o:
        depthwise.convolve(x, w, geometry, bias, out)
        return out

    queue = WorkQueue(n, out.size * c * kh * kw >= WORTH_THREADS)

    def work() -> None:
        unroll = _Unroll(x, (kh, kw), (oh, ow), geometry, queue.most)
        first, *others = _matrices(w, groups, unroll.thin)
        result = out.reshape(n, groups, o // groups, oh * ow)
        more = np.empty((unroll.tile, *result.shape[1:]), x.dtype) if others else out
        for images in queue.tiles(unroll.tile):
            matrix, *matrices = unroll(x[images])
            np.matmul(first, matrix, out=result[images])
            for other, matrix in zip(others, matrices, strict=True):
                result[images] += np.matmul(other, matrix, out=more[: len(matrix)])
            _biased(out[images], bias)

    queue.run(work)
    return out


def _biased(out: Array, bias: Array | None) -> Array:
    """``out`` (n, O, oh, ow) with the bias (O,) added in place."""
    if bias is not None:
        # To whole images at once, where a broadcast makes a loop for each plane.
        image = np.broadcast_to(bias[:, None, None], out.shape[1:])
        out += np.ascontiguousarray(image) if out.size > SMALL else image
    return out


@faster("convolve_input")
@in_single
def convolve_input(g: Array, w: Array, geometry: Geometry, input_shape: Sizes) -> Array:
    """Apply the adjoint of ``convolve`` in its input, which is the transposed convolution.

    Shapes: g (N, O, oh, ow), w (O, C / groups, kh, kw), result ``input_shape`` = (N, C, H, W).
    Law: <convolve(x, w), g> = <x, convolve_input(g, w)>; input rows no window reached get zero.
    """
    n, o, oh, ow = g.shape
    _, c, kh, kw = w.shape
    groups = geometry.groups
    if not g.size * w.size * math.prod(input_shape):
        return np.zeros(input_shape, g.dtype)
    if geometry.stride == (1, 1) and (kh * kw == 1 or 4 * c > o // groups or g.size * kh * kw <= SMALL):
        # Reading kw copies of g costs less than adding up kh * kw copies of dx, unless g has many more channels.
        return gather_input(g, w, geometry, input_shape)
    dx = np.zeros(input_shape, g.dtype)
    transposed = _matrices(w, groups, True)[0].swapaxes(1, 2)

    queue = WorkQueue(n, g.size * c * kh * kw >= WORTH_THREADS)

    def work() -> None:
        tile = tile_size(queue.most, TILE_BYTES // max(1, groups * kh * kw * c * oh * ow * g.itemsize))
        runs = Runs(dx, (kh, kw), (oh, ow), geometry, tile)
        spread = np.zeros((tile, o, oh, runs.columns), g.dtype)
        given = spread.reshape(tile, groups, o // groups, -1)
        columns = np.empty((tile, groups, kh * c * kw, oh * runs.columns), g.dtype)
        parts = columns.reshape(tile, groups, kh, c, kw, -1)[..., : runs.length].transpose(2, 4, 0, 1, 3, 5)
        for images in queue.tiles(tile):
            k = images.stop - images.start
            spread[:k, ..., :ow] = g[images]
            np.matmul(transposed, given[:k], out=columns[:k])
            runs.planes[...] = 0
            # One tap after another: the runs of two overlap, and a sum in place would lose one of them.
            for at, taps in runs.taps():
                sums = taps.reshape(*taps.shape[:2], tile, groups, c, -1)
                for tap in np.ndindex(taps.shape[:2]):
                    sums[tap][:k] += parts[at][tap][:k]  # behind those lies what was in the memory before
            runs.store(dx[images])

    queue.run(work)
    return dx


def gather_input(g: Array, w: Array, geometry: Geometry, input_shape: Sizes) -> Array:
    """Apply the input adjoint as convolutions of g with some taps each, flipped, and the channels swapped."""
    o, c, *kernel = w.shape
    groups = geometry.groups
    swapped = w.reshape(groups, o // groups, c, *kernel).swapaxes(1, 2)
    dx = np.empty(0, g.dtype) if geometry.stride == (1, 1) else np.zeros(input_shape, g.dtype)
    for places, (i, j), where in geometry.gathered(input_shape[2:], g.shape[2:], tuple(kernel)):
        some = swapped[..., i, j][..., ::-1, ::-1]
        made = convolve(g, some.reshape(groups * c, o // groups, *some.shape[3:]), where)
        if geometry.stride == (1, 1):
            return made
        dx[(..., *places)] = made
    return dx


@faster("convolve_weight")
@in_single
def convolve_weight(g: Array, x: Array, geometry: Geometry, kernel_shape: Sizes) -> Array:
    """Apply the adjoint of ``convolve`` in its kernel.

    Shapes: g (N, O, oh, ow), x (N, C, H, W), result ``kernel_shape`` = (O, C / groups, kh, kw).
    Law: <convolve(x, w), g> = <w, convolve_weight(g, x)>.
    """
    n, o, oh, ow = g.shape
    _, c, kh, kw = kernel_shape
    groups = geometry.groups
    if n * groups * c * kh * kw * oh * ow <= SMALL:
        columns = _columns(x, (kh, kw), (oh, ow), geometry)
        given = g.reshape(n, groups, o // groups, oh * ow)
        product: Array = np.matmul(given, columns.swapaxes(2, 3)).sum(0)
        return product.reshape(kernel_shape)
    if c == 1 < groups == o:
        with np.errstate(invalid="ignore"):
            found = depthwise.convolve_weight(g, x, geometry, (kh, kw))
        if np.isfinite(found).all():  # else 0 times what lies between the runs may have spoiled taps that never met it
            return found

    def task(start: int, stop: int) -> Array:
        unroll = _Unroll(x, (kh, kw), (oh, ow), geometry, stop - start)
        given = g.reshape(n, groups, o // groups, oh * ow).swapaxes(2, 3)
        parts, k = (1, kh * c * kw) if unroll.thin else (kh, c * kw)
        total = np.zeros((parts, groups, k, o // groups), g.dtype)
        for images in tiles(start, stop, unroll.tile):
            for part, matrix in zip(total, unroll(x[images]), strict=True):
                part += np.matmul(matrix, given[images]).sum(0)
        return total

    first, *others = parallel_map(task, n, g.size * c * kh * kw >= WORTH_THREADS and shares_sums())
    total = sum(others, start=first)
    parts = total.shape[0]
    # (parts, groups, kh / parts, c, kw, o): the kernel row is the outer axis either way.
    total = total.reshape(parts, groups, kh // parts, c, kw, o // groups).transpose(1, 5, 3, 0, 2, 4)
    return np.ascontiguousarray(total).reshape(kernel_shape)

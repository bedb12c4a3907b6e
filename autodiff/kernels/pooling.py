"""Sliding windows over images: im2col and col2im, max pooling and sum pooling, each with its exact adjoint.

A window meets the input in kh * kw taps; tap (i, j) of all windows together is one strided slice of the input. Padding
is never stored: a slice is only paired with those windows whose tap lies inside the input (``overlap``).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autodiff.errors import ShapeError

from .geometry import Array, Sizes, Window, padded
from .layout import taken
from .precision import in_single
from .threads import WorkQueue, tile_size

TILE_BYTES = 1 << 21  # of input at a time: the taps pass over a tile again and again, yet few hand-overs of the GIL
WORTH_THREADS = 1 << 18  # input entries below which handing half a batch to a thread costs more than it saves


def _by_tile(task: Callable[[slice], None], x: Array) -> None:
    """Call ``task`` on slices of the batch of x (n, c, h, w) that fit the cache, on all cores where that pays."""
    queue = WorkQueue(len(x), x.size >= WORTH_THREADS)
    size = tile_size(queue.most, TILE_BYTES * len(x) // max(x.nbytes, 1))

    def work() -> None:
        for images in queue.tiles(size):
            task(images)

    queue.run(work, products=False)


def windows(x: Array, window: Window) -> Array:
    """Show every window of the images (im2col); without padding as a read-only view.

    Shapes: x (N, C, H, W), result (N, C, kh, kw, oh, ow), zero where a tap falls on padding.
    Law: <windows(x), y> = <x, fold(y)>.
    """
    kernel, (sh, sw), padding, (dh, dw) = window
    shape = (*x.shape[:2], *kernel, *window.output_size(x.shape[2:]))
    x = padded(x, padding)
    a, b, row, column = x.strides
    strides = (a, b, dh * row, dw * column, sh * row, sw * column)
    return np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)


@in_single
def fold(columns: Array, window: Window, size: Sizes) -> Array:
    """Add every window back to where it came from (col2im), the exact adjoint of ``windows``.

    Shapes: columns (N, C, kh, kw, oh, ow), result (N, C, *size).
    """
    rows_of, columns_of = window.taps(size)
    total: Array = np.zeros((*columns.shape[:2], *size), columns.dtype, like=columns)

    def task(images: slice) -> None:
        for i, (to_row, row) in enumerate(rows_of):
            for j, (to_column, column) in enumerate(columns_of):
                total[images, :, row, column] += columns[images, :, i, j, to_row, to_column]

    _by_tile(task, total)
    return total


def max_pool(x: Array, window: Window) -> Array:
    """Take the maximum of every window; padding counts as the least number, and a NaN wins.

    Shapes: x (N, C, H, W), result (N, C, oh, ow).
    """
    return _reduced(np.maximum, x, window, -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min)


def _reduced(ufunc: np.ufunc, x: Array, window: Window, initial: float) -> Array:
    """Reduce every window: first along the rows (long unbroken runs), then along the columns.

    That makes kh + kw passes, not kh * kw.
    """
    rows_of, columns_of = window.taps(x.shape[2:])
    out = np.empty((*x.shape[:2], *window.output_size(x.shape[2:])), x.dtype, like=x)

    def task(images: slice) -> None:
        source, target = x[images], out[images]
        tall = np.empty((*target.shape[:3], x.shape[3]), x.dtype, like=x)
        _merge(ufunc, [(tall[:, :, k], source[:, :, p]) for k, p in rows_of], tall, initial)
        _merge(ufunc, [(target[..., k], tall[..., p]) for k, p in columns_of], target, initial)

    _by_tile(task, x)
    return out


def _merge(ufunc: np.ufunc, pairs: list[tuple[Array, Array]], whole: Array, initial: float) -> None:
    """Reduce the sources of ``pairs`` with ``ufunc`` into their targets, which are slices of ``whole``."""
    first, *rest = pairs
    if first[0].shape == whole.shape:
        whole[...] = first[1]
    else:
        whole[...] = initial
        rest = pairs
    for target, source in rest:
        ufunc(target, source, out=target)


def _winners(x: Array, out: Array, window: Window) -> Array:
    """Return each window's first maximum in row-major order as an index into the flattened image (N, C, oh, ow).

    Counting how many taps come before the winner costs three passes over the windows per tap, and the index then makes
    scatter and gather one call, where masking the taps one by one would take more passes.
    """
    size, (kh, kw) = x.shape[2:], window.kernel
    rows_of, columns_of = window.taps(size)
    taps = [((..., k, m), (..., p, q)) for k, p in rows_of for m, q in columns_of]
    free: Array = np.ones_like(out, np.bool_, "C")
    count: Array = np.zeros_like(out, np.uint8 if kh * kw < 256 else np.intp, "C")
    bits = free.view(np.uint8)  # which need no conversion
    for to, position in taps:
        free[to] &= x[position] != out[to]
        count += bits
    if free.any():
        # Only NaN differs from itself; PyTorch lets the last NaN of a window win.
        for tap, (to, position) in enumerate(taps):
            missing = np.isnan(x[position]) & free[to]
            count[to][missing] = tap
        if (count == kh * kw).any():
            raise ShapeError(f"{window} on an image of {size} has a window wholly in the padding: it has no maximum")
    (sh, sw), ((top, _), (left, _)), (dh, dw) = window[1:]
    offsets = (np.arange(kh) * dh - top)[:, None] * size[1] + np.arange(kw) * dw - left
    corners = (np.arange(out.shape[2]) * sh)[:, None] * size[1] + np.arange(out.shape[3]) * sw
    positions: Array = taken(offsets, count)
    positions += corners
    return positions


def _flat_winners(x: Array, out: Array, window: Window) -> Array:
    """Return the winners as indices into all images flattened to one axis."""
    n, c, h, w = x.shape
    positions = _winners(x, out, window)
    positions += np.arange(0, n * c * h * w, max(1, h * w)).reshape(n, c, 1, 1)
    return positions.reshape(-1)


@in_single
def max_pool_scatter(g: Array, x: Array, out: Array, window: Window) -> Array:
    """Hand each window's gradient to its first maximum in row-major order.

    Shapes: g and out (N, C, oh, ow), x and result (N, C, H, W).
    Law: <max_pool_scatter(g), c> = <g, max_pool_gather(c)>.
    Raises: ValueError where a window lies wholly in the padding.
    """
    dx = np.zeros_like(x, g.dtype, "C")

    def task(images: slice) -> None:
        np.add.at(dx[images].reshape(-1), _flat_winners(x[images], out[images], window), g[images].reshape(-1))

    _by_tile(task, x)
    return dx


def max_pool_gather(c: Array, x: Array, out: Array, window: Window) -> Array:
    """Take from c the entry at each window's winner, the adjoint of ``max_pool_scatter``.

    Shapes: c and x (N, C, H, W), out and result (N, C, oh, ow).
    """
    found = np.empty_like(out, c.dtype, "C")

    def task(images: slice) -> None:
        values = c[images].reshape(-1).take(_flat_winners(x[images], out[images], window))
        found[images] = values.reshape(out[images].shape)

    _by_tile(task, x)
    return found


def max_pool_indices(x: Array, out: Array, window: Window) -> Array:
    """Return each window's winner as an index into the flattened image, as PyTorch's ``return_indices`` does.

    Shapes: x (N, C, H, W), out and result (N, C, oh, ow).
    """
    indices = np.empty(out.shape, np.int64, like=out)

    def task(images: slice) -> None:
        indices[images] = _winners(x[images], out[images], window)

    _by_tile(task, x)
    return indices


@in_single
def sum_pool(x: Array, window: Window) -> Array:
    """Sum every window; average pooling divides by the count it wants.

    Shapes: x (N, C, H, W), result (N, C, oh, ow).
    Law: <sum_pool(x), g> = <x, sum_pool_adjoint(g)>.
    """
    if window == Window(x.shape[2:], window.stride):  # global pooling: one pass, and NumPy's pairwise sum
        total: Array = np.sum(x, axis=(2, 3), keepdims=True)
        return total
    return _reduced(np.add, x, window, 0.0)


@in_single
def sum_pool_adjoint(g: Array, window: Window, size: Sizes) -> Array:
    """Give every entry the sum of g over the windows it lies in, the adjoint of ``sum_pool``.

    Shapes: g (N, C, oh, ow), result (N, C, *size).
    """
    rows_of, columns_of = window.taps(size)
    dx = np.zeros((*g.shape[:2], *size), g.dtype, like=g)

    def task(images: slice) -> None:
        given, total = g[images], dx[images]
        broad = np.zeros((*given.shape[:3], size[1]), g.dtype, like=g)
        for k, p in columns_of:
            broad[..., p] += given[..., k]
        for k, p in rows_of:
            total[:, :, p] += broad[:, :, k]

    _by_tile(task, dx)
    return dx

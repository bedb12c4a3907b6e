"""Sliding windows over images: im2col and col2im, max pooling and sum pooling, each with its exact adjoint.

A window meets the input in kh * kw taps; tap (i, j) of all windows together is one strided slice of the input. Padding
is never stored: a slice is only paired with those windows whose tap lies inside the input (``overlap``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .geometry import overlap
from .threads import Turns, even, share

__all__ = [
    "Window",
    "fold",
    "max_pool",
    "max_pool_gather",
    "max_pool_indices",
    "max_pool_scatter",
    "sum_pool",
    "sum_pool_adjoint",
    "windows",
]

Array = np.ndarray[Any, Any]
Pair = tuple[slice, slice]

TILE_BYTES = 1 << 21  # of input at a time: the taps pass over a tile again and again, yet few hand-overs of the GIL
WORTH_THREADS = 1 << 18  # input entries below which handing half a batch to a thread costs more than it saves


class Window(NamedTuple):
    """Where pooling windows lie; padding counts entries (before, after) on each axis.

    >>> Window((3, 3), (2, 2), ((1, 1), (1, 1))).output_size((28, 28))
    (14, 14)
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    dilation: tuple[int, int] = (1, 1)

    def output_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return (I - F + P) // S + 1 for both axes, with F = dilation * (kernel - 1) + 1."""
        (kh, kw), (sh, sw), ((top, bottom), (left, right)), (dh, dw) = self
        return (
            (size[0] - dh * (kh - 1) - 1 + top + bottom) // sh + 1,
            (size[1] - dw * (kw - 1) - 1 + left + right) // sw + 1,
        )

    def ceil_padding(self, size: tuple[int, int]) -> Window:
        """Return the window with as much more padding after as makes ``output_size`` round up.

        As in PyTorch's ``ceil_mode`` the last window must start inside the input or the padding before it.

        >>> Window((2, 2), (2, 2)).ceil_padding((5, 4)).padding
        ((0, 1), (0, 0))
        """
        (top, bottom), (left, right) = self.padding
        after = [
            _ceil_after(*axis)
            for axis in zip(size, self.kernel, self.stride, (top, left), (bottom, right), self.dilation, strict=True)
        ]
        return self._replace(padding=((top, after[0]), (left, after[1])))


def _ceil_after(size: int, kernel: int, stride: int, before: int, after: int, dilation: int) -> int:
    reach = dilation * (kernel - 1) + 1
    last = -(-(size + before + after - reach) // stride)
    if last * stride >= size + before:
        last -= 1
    return max(after, last * stride + reach - size - before)


def _taps(window: Window, size: tuple[int, int]) -> tuple[list[Pair], list[Pair]]:
    """List for each kernel row, and each kernel column, which windows meet which positions of the input."""
    output = window.output_size(size)
    rows, columns = (
        [
            overlap(i * window.dilation[a] - window.padding[a][0], window.stride[a], size[a], output[a])
            for i in range(window.kernel[a])
        ]
        for a in (0, 1)
    )
    return rows, columns


def _by_tile(task: Callable[[slice], None], x: Array) -> None:
    """Call ``task`` on slices of the batch of x (n, c, h, w) that fit the cache, on all cores where that pays."""
    parallel = x.size >= WORTH_THREADS
    turns = Turns(len(x), parallel)
    tile = even(turns.most, TILE_BYTES * len(x) // max(x.nbytes, 1))

    def run(_start: int, _stop: int) -> None:
        for images in turns.tiles(tile):
            task(images)

    share(run, len(x), parallel, products=False)


def _size(x: Array) -> tuple[int, int]:
    return x.shape[2], x.shape[3]


def windows(x: Array, window: Window) -> Array:
    """Show every window of the images (im2col); without padding as a read-only view.

    Shapes: x (N, C, H, W), result (N, C, kh, kw, oh, ow), zero where a tap falls on padding.
    Law: <windows(x), y> = <x, fold(y)>.
    """
    (kh, kw), (sh, sw), ((top, bottom), (left, right)), (dh, dw) = window
    oh, ow = window.output_size(_size(x))
    if top or bottom or left or right:
        n, c, h, w = x.shape
        padded = np.zeros((n, c, h + top + bottom, w + left + right), x.dtype)
        padded[:, :, top : top + h, left : left + w] = x
        x = padded
    a, b, row, column = x.strides
    strides = (a, b, dh * row, dw * column, sh * row, sw * column)
    return np.lib.stride_tricks.as_strided(x, (*x.shape[:2], kh, kw, oh, ow), strides, writeable=False)


def fold(columns: Array, window: Window, size: tuple[int, int]) -> Array:
    """Add every window back to where it came from (col2im), the exact adjoint of ``windows``.

    Shapes: columns (N, C, kh, kw, oh, ow), result (N, C, *size).
    """
    rows_of, columns_of = _taps(window, size)
    total = np.zeros((*columns.shape[:2], *size), _wide(columns.dtype))

    def task(images: slice) -> None:
        for i, (to_row, row) in enumerate(rows_of):
            for j, (to_column, column) in enumerate(columns_of):
                total[images, :, row, column] += columns[images, :, i, j, to_row, to_column]

    _by_tile(task, total)
    return total.astype(columns.dtype, copy=False)


def _wide(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype to sum in: float16 would lose small terms, and overflows at 65504."""
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def max_pool(x: Array, window: Window) -> Array:
    """Take the maximum of every window; padding counts as -inf, and a NaN wins.

    Shapes: x (N, C, H, W), result (N, C, oh, ow).
    Law: separable, so first along the rows (long unbroken runs), then along the columns: kh + kw passes, not kh * kw.
    """
    rows_of, columns_of = _taps(window, _size(x))
    oh, ow = window.output_size(_size(x))
    out = np.empty((*x.shape[:2], oh, ow), x.dtype)

    def task(images: slice) -> None:
        tall = np.empty((*out[images].shape[:3], x.shape[3]), x.dtype)
        source = x[images]
        _merge(np.maximum, [(tall[:, :, k], source[:, :, p]) for k, p in rows_of], tall, -np.inf)
        target = out[images]
        _merge(np.maximum, [(target[..., k], tall[..., p]) for k, p in columns_of], target, -np.inf)

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
    scatter and gather one call: half the time of masking the taps one by one.
    """
    size, (kh, kw) = _size(x), window.kernel
    rows_of, columns_of = _taps(window, size)
    taps = [((..., k, m), (..., p, q)) for k, p in rows_of for m, q in columns_of]
    free: Array = np.ones(out.shape, np.bool_)
    count: Array = np.zeros(out.shape, np.uint8 if kh * kw < 256 else np.intp)
    bits = free.view(np.uint8)  # which need no conversion: a tenth of the time of all this
    for to, position in taps:
        free[to] &= x[position] != out[to]
        count += bits
    if free.any():
        # Only NaN differs from itself; PyTorch lets the last NaN of a window win.
        for tap, (to, position) in enumerate(taps):
            missing = np.isnan(x[position]) & free[to]
            count[to][missing] = tap
        if (count == kh * kw).any():
            raise ValueError(f"{window} on an image of {size} has a window wholly in the padding: it has no maximum")
    (sh, sw), ((top, _), (left, _)), (dh, dw) = window[1:]
    offsets = (np.arange(kh) * dh - top)[:, None] * size[1] + np.arange(kw) * dw - left
    corners = (np.arange(out.shape[2]) * sh)[:, None] * size[1] + np.arange(out.shape[3]) * sw
    positions: Array = offsets.take(count)
    positions += corners
    return positions


def _flat_winners(x: Array, out: Array, window: Window) -> Array:
    """Return the winners as indices into all images flattened to one axis."""
    n, c, h, w = x.shape
    positions = _winners(x, out, window)
    positions += np.arange(0, n * c * h * w, max(1, h * w)).reshape(n, c, 1, 1)
    return positions.reshape(-1)


def max_pool_scatter(g: Array, x: Array, out: Array, window: Window) -> Array:
    """Hand each window's gradient to its first maximum in row-major order.

    Shapes: g and out (N, C, oh, ow), x and result (N, C, H, W).
    Law: <max_pool_scatter(g), c> = <g, max_pool_gather(c)>.
    Raises: ValueError where a window lies wholly in the padding.
    """
    dx = np.zeros(x.shape, _wide(g.dtype))

    def task(images: slice) -> None:
        given = g[images].astype(dx.dtype, copy=False).reshape(-1)
        np.add.at(dx[images].reshape(-1), _flat_winners(x[images], out[images], window), given)

    _by_tile(task, x)
    return dx.astype(g.dtype, copy=False)


def max_pool_gather(c: Array, x: Array, out: Array, window: Window) -> Array:
    """Take from c the entry at each window's winner, the adjoint of ``max_pool_scatter``.

    Shapes: c and x (N, C, H, W), out and result (N, C, oh, ow).
    """
    taken = np.empty(out.shape, c.dtype)

    def task(images: slice) -> None:
        values = c[images].reshape(-1).take(_flat_winners(x[images], out[images], window))
        taken[images] = values.reshape(out[images].shape)

    _by_tile(task, x)
    return taken


def max_pool_indices(x: Array, out: Array, window: Window) -> Array:
    """Return each window's winner as an index into the flattened image, as PyTorch's ``return_indices`` does.

    Shapes: x (N, C, H, W), out and result (N, C, oh, ow).
    """
    indices = np.empty(out.shape, np.int64)

    def task(images: slice) -> None:
        indices[images] = _winners(x[images], out[images], window)

    _by_tile(task, x)
    return indices


def sum_pool(x: Array, window: Window) -> Array:
    """Sum every window; average pooling divides by the count it wants.

    Shapes: x (N, C, H, W), result (N, C, oh, ow).
    Law: <sum_pool(x), g> = <x, sum_pool_adjoint(g)>.
    """
    if window == Window(_size(x), window.stride):
        # Global pooling: one pass, and NumPy's pairwise sum.
        total: Array = np.sum(x, axis=(2, 3), dtype=_wide(x.dtype), keepdims=True)
        return total.astype(x.dtype, copy=False)
    rows_of, columns_of = _taps(window, _size(x))
    wide = _wide(x.dtype)
    out = np.empty((*x.shape[:2], *window.output_size(_size(x))), wide)

    def task(images: slice) -> None:
        tall = np.empty((*out[images].shape[:3], x.shape[3]), wide)
        source = x[images]
        _merge(np.add, [(tall[:, :, k], source[:, :, p]) for k, p in rows_of], tall, 0.0)
        target = out[images]
        _merge(np.add, [(target[..., k], tall[..., p]) for k, p in columns_of], target, 0.0)

    _by_tile(task, x)
    return out.astype(x.dtype, copy=False)


def sum_pool_adjoint(g: Array, window: Window, size: tuple[int, int]) -> Array:
    """Give every entry the sum of g over the windows it lies in, the adjoint of ``sum_pool``.

    Shapes: g (N, C, oh, ow), result (N, C, *size).
    """
    rows_of, columns_of = _taps(window, size)
    wide = _wide(g.dtype)
    dx = np.zeros((*g.shape[:2], *size), wide)

    def task(images: slice) -> None:
        given, total = g[images], dx[images]
        broad = np.zeros((*given.shape[:3], size[1]), wide)
        for k, p in columns_of:
            broad[..., p] += given[..., k]
        for k, p in rows_of:
            total[:, :, p] += broad[:, :, k]

    _by_tile(task, dx)
    return dx.astype(g.dtype, copy=False)

"""Normalisation of long arrays in tiles that stay in the cache: moments, results and cotangents.

An array is seen as (n, c, p): its entries are normalised together along n and p. Of images in a batch norm these are
the batch, the channels and the pixels; of rows of features 1, the rows and the features. Tiles do not depend on the
number of threads, and their sums are added up in one order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, NamedTuple, TypeVar

import numpy as np

from .blas import alone
from .geometry import Array
from .lanes import faster
from .sums import ones
from .threads import WorkQueue, tile_size

R = TypeVar("R")

LONG = 1 << 13  # numbers from which on tiles pay
TILE = 1 << 18  # numbers of one array that are worked on at a time; on fewer, threads wait for one another's calls
WORTH_THREADS = 1 << 19  # numbers from which on a second thread pays
SHORT = 16  # numbers of a row below which columns are summed first
FAR = 4.0  # squared means over a variance from which on that is computed from deviations


class Tile(NamedTuple):
    """A part of an array that is unbroken in memory: whole samples, or channels of one.

    Args:
        at: its place in ``Fold.matrix``.
        own: its statistics among those that ``Fold.wide`` gives.
        sums: the place of its sums among those of all tiles.
        number: its place among all tiles.
    """

    at: tuple[slice, slice]
    own: slice
    sums: tuple[int, slice]
    number: int


class Fold(NamedTuple):
    """The shape (n, c, p) as which an array is seen."""

    n: int
    c: int
    p: int

    def matrix(self, x: Array) -> Array:
        """``x`` in the longest rows of which each has statistics of its own, or all have the same ones."""
        return x.reshape(self.c, self.p) if self.n == 1 else x.reshape(self.n, self.c * self.p)

    def wide(self, statistic: Array) -> Array:
        """One number for each channel, to go with ``matrix``; NumPy is faster with whole rows of them."""
        return statistic.reshape(-1, 1) if self.n == 1 else np.repeat(statistic.reshape(-1), self.p)

    def sums(self, x: Array, y: Array | None = None) -> Array:
        """The sums of a tile ``x``, or of ``x * y``, for each of its channels."""
        p, char = self.p, x.dtype.char
        if p < SHORT:
            columns: Array = np.dot(ones(len(x), char), x if y is None else x * y)
            return np.add.reduce(columns.reshape(-1, p), axis=1) if p > 1 else columns
        rows: Array = x.reshape(-1, p)
        rows = np.dot(rows, ones(p, char)) if y is None else np.vecdot(rows, y.reshape(-1, p))
        return rows if self.n == 1 else np.add.reduce(rows.reshape(len(x), -1), axis=0)

    def places(self, dtype: Any) -> Array:
        """Where the tiles put their sums."""
        return np.empty((-(-self.n // self._size()[0]), self.c), dtype)

    def tiles(self) -> int:
        """How many there are."""
        samples, channels = self._size()
        return -(-self.n // samples) * -(-self.c // channels)

    def _size(self) -> tuple[int, int]:
        """Samples and channels of a tile."""
        channels = tile_size(self.c, TILE // self.p)
        return tile_size(self.n, TILE // (self.c * self.p)) if channels == self.c else 1, channels

    def run(self, work: Callable[[Tile], None]) -> None:
        """Call ``work`` with each tile, in several threads where that pays, and BLAS at one."""
        n, c, p = self
        samples, channels = self._size()
        across = -(-n // samples)
        queue = WorkQueue(across * -(-c // channels), n * c * p >= WORTH_THREADS)

        def some() -> None:
            for turn in queue.tiles(1):
                part, sample = divmod(turn.start, across)
                first, start = sample * samples, part * channels
                stop = min(c, start + channels)
                own = slice(start, stop) if n == 1 else slice(start * p, stop * p)
                rows = own if n == 1 else slice(first, min(n, first + samples))
                work(Tile((rows, slice(None) if n == 1 else own), own, (sample, slice(start, stop)), turn.start))

        alone(queue.run, some)


def fold_of(x: Any, axis: tuple[int, ...]) -> Fold | None:
    """The shape as which ``x`` is seen; None if it is short, or does not lie in memory like that."""
    if x.size < LONG or x.dtype.char not in "fd" or not x.flags.c_contiguous:
        return None
    kept = [a for a in range(x.ndim) if a not in axis]
    if not kept or kept[-1] - kept[0] >= len(kept):
        return None
    first, stop = kept[0], kept[-1] + 1
    fold = Fold(math.prod(x.shape[:first]), math.prod(x.shape[first:stop]), math.prod(x.shape[stop:]))
    return fold if fold.p >= SHORT or (fold.n > 1 and fold.c * fold.p <= TILE) else None


def _as_one(function: Callable[..., R]) -> Callable[..., R]:
    """``function``, which is one call for ``compile``."""

    @wraps(function)
    def call(*arrays: Any, **params: Any) -> Any:
        for x in arrays:
            if hasattr(x, "__once__"):
                return x.__once__(partial(function, **params), arrays, {})
        return function(*arrays, **params)

    return call


@_as_one
@faster("moments")
def moments(x: Array, *, fold: Fold, center: bool) -> tuple[Array, Array]:
    """The mean of each channel, and the mean square of the deviations from it; or from 0, without ``center``.

    They come of one pass, but where a mean is so far from 0 that its square would take digits of the variance.
    """
    matrix, count = fold.matrix(x), fold.n * fold.p
    sums, squares = fold.places(x.dtype), fold.places(x.dtype)

    def add(tile: Tile) -> None:
        z = matrix[tile.at]
        squares[tile.sums] = fold.sums(z, z)
        sums[tile.sums] = fold.sums(z) if center else 0

    def deviate(tile: Tile) -> None:
        z = matrix[tile.at] - means[tile.own]
        squares[tile.sums] = fold.sums(z, z)

    with np.errstate(all="ignore"):
        fold.run(add)
        mean, square = np.add.reduce(sums, axis=0) / count, np.add.reduce(squares, axis=0) / count
        variance = square - mean * mean
        if not center or ((mean * mean <= FAR * variance).all() and np.isfinite(variance).all()):
            return mean, variance
    means = fold.wide(mean)
    fold.run(deviate)
    return mean, np.add.reduce(squares, axis=0) / count


@_as_one
@faster("standardized")
def standardized(
    x: Array, mean: Array | None, factor: Array, offset: Array | None = None, w: Array | None = None,
    b: Array | None = None, *, fold: Fold,
) -> Array:  # fmt: skip
    """``(x - mean) * factor + offset``, of which each channel has its own, or times ``w`` and plus ``b``, (p,)."""
    out = np.empty_like(x)
    given, taken = fold.matrix(x), fold.matrix(out)
    means, factors = None if mean is None else fold.wide(mean), fold.wide(factor)
    offsets = None if offset is None else fold.wide(offset)

    def work(tile: Tile) -> None:
        z, own = taken[tile.at], tile.own
        if means is None:
            np.multiply(given[tile.at], factors[own], out=z)
        else:
            np.subtract(given[tile.at], means[own], out=z)
            z *= factors[own]
        if w is not None:
            z *= w
        more = b if offsets is None else offsets[own]
        if more is not None:
            z += more

    fold.run(work)
    return out


@_as_one
def cotangents(
    g: Array, x: Array, mean: Array | None, factor: Array, scale: Array, *, fold: Fold
) -> tuple[Array, Array, Array]:
    """``(g - T / N - (x - mean) * factor * S / N) * scale``, S and T, where N numbers share their moments.

    For each channel S is the sum of ``g * (x - mean) * factor``, and T that of ``g``, 0 without a mean.
    """
    count, factor = fold.n * fold.p, factor.reshape(-1)
    along, sums = _products(g, x, mean, fold=fold)
    part = along * factor
    return _projected(g, x, mean, part * (factor / -count), sums / count, scale, fold=fold), part, sums


@faster("products")
def _products(g: Array, x: Array, mean: Array | None, *, fold: Fold) -> tuple[Array, Array]:
    """Sums of ``g * (x - mean)``, and of ``g`` where there is a mean, for each channel."""
    given, matrix, means = fold.matrix(g), fold.matrix(x), None if mean is None else fold.wide(mean)
    along, total = fold.places(x.dtype), fold.places(x.dtype)

    def add(tile: Tile) -> None:
        h, z = given[tile.at], matrix[tile.at]
        along[tile.sums] = fold.sums(h, z if means is None else z - means[tile.own])
        total[tile.sums] = 0 if means is None else fold.sums(h)

    fold.run(add)
    return np.add.reduce(along, axis=0), np.add.reduce(total, axis=0)


@faster("projected")
def _projected(
    g: Array, x: Array, mean: Array | None, slope: Array, rest: Array, scale: Array, *, fold: Fold
) -> Array:
    """``((x - mean) * slope + g - rest) * scale``, of which each channel has its own; no rest without a mean."""
    out = np.empty_like(x)
    given, matrix, taken = fold.matrix(g), fold.matrix(x), fold.matrix(out)
    means = None if mean is None else fold.wide(mean)
    slopes, rests, scales = map(fold.wide, (slope, rest, scale))

    def finish(tile: Tile) -> None:
        z, own = taken[tile.at], tile.own
        if means is None:
            np.multiply(matrix[tile.at], slopes[own], out=z)
        else:
            np.subtract(matrix[tile.at], means[own], out=z)
            z *= slopes[own]
        z += given[tile.at]
        if means is not None:
            z -= rests[own]
        z *= scales[own]

    fold.run(finish)
    return out


@_as_one
@faster("cotangents_of_rows")
def cotangents_of_rows(
    g: Array, x: Array, mean: Array | None, factor: Array, w: Array, *, fold: Fold
) -> tuple[Array, Array, Array]:
    """The cotangent of rows (c, p) that ``standardized`` multiplied by ``w`` (p,), and those of w and b."""
    out, count, char = np.empty_like(x), fold.p, x.dtype.char
    given, matrix, taken = fold.matrix(g), fold.matrix(x), fold.matrix(out)
    means, factors, w = None if mean is None else mean.reshape(-1, 1), factor.reshape(-1), w.reshape(-1)
    to_w, to_b = (np.empty((fold.tiles(), count), x.dtype) for _ in range(2))

    def work(tile: Tile) -> None:
        h, z, own = given[tile.at], taken[tile.at], factors[tile.own]
        np.subtract(matrix[tile.at], 0 if means is None else means[tile.own], out=z)
        products = h * z
        to_w[tile.number], to_b[tile.number] = np.dot(own, products), np.dot(ones(len(h), char), h)
        z *= (np.dot(products, w) * (own * (own / -count)))[:, None]
        z += np.multiply(h, w, out=products)
        if means is not None:
            z -= (np.dot(h, w) / count)[:, None]
        z *= own[:, None]

    fold.run(work)
    return out, np.add.reduce(to_w, axis=0), np.add.reduce(to_b, axis=0)

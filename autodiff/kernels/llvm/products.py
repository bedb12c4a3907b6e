"""Products of matrices as kernels: a tile of sums stays in registers, and the numbers come one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autodiff.kernels.geometry import Array
from autodiff.kernels.llvm import halves
from autodiff.kernels.llvm.builder import Argument, Code, Int, Machine, Value
from autodiff.kernels.llvm.library import Kernel, in_a_row, ready, single
from autodiff.kernels.threads import shares_sums, workers

ROWS = 6  # of a tile
TURNS = 4  # of the loop over what is summed, written out
PART = 1 << 20  # multiply-adds that a thread takes at a time
# Beyond these BLAS, which copies its factors into tiles, is as fast.
LARGEST = 1 << 16  # numbers of a right factor; half as many where it has to be copied, or is a sum over many rows
FEWEST_ROWS, FEWEST_TERMS = 64, 256  # of a left factor that lies row by row, or column by column

# Whether the left factor lies by columns, its size across them, columns of the right one, whether a row is added.
Key = tuple[bool, int, int, bool]


def strips(k: Code, columns: int) -> Iterator[tuple[Int, list[int]]]:
    """Build the body for each strip of a tile's width: its address in a row, and how many numbers each vector has."""
    width = (4 if k.machine.registers == 32 else 2) * k.lanes
    whole = columns // width * width
    if whole:
        with k.loop(0, whole, width) as strip:
            yield k.mul(strip.index, 4), [k.lanes] * (width // k.lanes)
    if whole < columns:
        yield 4 * whole, [min(k.lanes, columns - at) for at in range(whole, columns, k.lanes)]


def products(
    k: Code, count: Int, left: Sequence[Int], step: int, right: Int, apart: int, lasts: Sequence[int],
    begun: Sequence[Value] = (),
) -> list[Value]:  # fmt: skip
    """The sums of ``count`` products of numbers, ``step`` bytes apart, with vectors, ``apart`` bytes; row by row.

    To what is ``begun`` they are added.
    """

    def turn(at: Int, place: Int, sums: Sequence[Value]) -> list[Value]:
        vectors = [k.load(right, place, 4 * k.lanes * v, last=last) for v, last in enumerate(lasts)]
        factors = [k.splat(row, at) for row in left]
        pairs = [(factor, vector) for factor in factors for vector in vectors]
        return [k.fma(*pair, total) for pair, total in zip(pairs, sums, strict=True)]

    turns = TURNS if isinstance(count, int) and count % TURNS == 0 else 1
    with k.loop(0, count, turns, begun or [k.zero] * (len(left) * len(lasts))) as loop:
        loop.next = loop.values
        for i in range(turns):
            loop.next = turn(k.at(i * step, (loop.index, step)), k.at(i * apart, (loop.index, apart)), loop.next)
    return loop.out


def build(machine: Machine, key: Key) -> Code:
    """The kernel over the rows of a left factor; or, where it lies by columns, over the products that are summed."""
    by_columns, size, columns, added = key
    result = Argument(0, size * columns, True, sums=True) if by_columns else Argument(columns, written=True)
    k = Code(machine, [Argument(size), Argument(columns) if by_columns else Argument(0, size * columns), result,
                       *[Argument(0, columns)] * added])  # fmt: skip
    x, y, out, *row = k.arrays
    count: Int = size
    over: tuple[Int, Int] = k.start, k.stop
    if by_columns:
        x, y = k.at(x, (k.start, 4 * size)), k.at(y, (k.start, 4 * columns))
        count, over = k.binary("sub", k.stop, k.start), (0, size)
    for strip, lasts in strips(k, columns):
        begin = [k.load(b, strip, 4 * k.lanes * v, last=last) for b in row for v, last in enumerate(lasts)]
        with k.loop(*over, ROWS) as block:
            # Some rows of the last tile are computed twice.
            first = k.least(block.index, size - ROWS if by_columns else k.add(k.stop, -ROWS))
            left = [k.at(x, (k.add(first, i), 4 if by_columns else 4 * size)) for i in range(ROWS)]
            step = 4 * size if by_columns else 4
            sums = products(k, count, left, step, k.add(y, strip), 4 * columns, lasts, begin * ROWS)
            for i in range(ROWS):
                for v, last_lane in enumerate(lasts):
                    at = k.at(out, (k.add(first, i), 4 * columns))
                    k.store(sums[i * len(lasts) + v], at, strip, 4 * k.lanes * v, last=last_lane)
    return k


def dot(x: Any, y: Any, count: int, b: Any = None) -> Array | None:
    """The route of ``products.dot``."""
    (rows, size), columns = x.shape, y.shape[1]
    if not single(x, y, b):
        return None
    by_columns = not x.flags.c_contiguous and x.T.flags.c_contiguous
    if by_columns:
        key, fits = (True, rows, columns, False), b is None and 2 * rows * columns <= LARGEST
        fits = fits and rows >= ROWS and size >= FEWEST_TERMS
    else:
        copies = 1 if y.flags.c_contiguous else 2
        key, fits = (False, size, columns, b is not None), rows >= FEWEST_ROWS and copies * size * columns <= LARGEST
    if not fits:
        out = halves.shared(x, y)
        return out if b is None or out is None else np.add(out, b, out)
    kernel = ready("matrix product", key, build)
    return None if kernel is None else _multiplied(kernel, key, x, y, b)


def _multiplied(kernel: Kernel, key: Key, x: Array, y: Array, b: Array | None) -> Array:
    (rows, size), columns = x.shape, y.shape[1]
    parts = max(1, rows * size * columns // PART)
    if not key[0]:
        out = np.empty((rows, columns), np.float32)
        added = [] if b is None else [in_a_row(b)]
        kernel(in_a_row(x), in_a_row(y), out, *added, stop=rows, parts=min(parts, rows // ROWS))
        return out
    parts = workers() if parts > 1 and shares_sums() else 1
    sums = np.empty((parts, rows, columns), np.float32)
    kernel(in_a_row(x.T), in_a_row(y), sums, stop=size, parts=parts)
    return sums[0] if parts == 1 else np.add.reduce(sums, axis=0)

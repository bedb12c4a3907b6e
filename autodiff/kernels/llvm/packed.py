"""Products of matrices by tiles of sums: what these read is copied into their order, but for a left factor by rows.

Reference: K. Goto, R. van de Geijn (2008), "Anatomy of high-performance matrix multiplication".
"""

from __future__ import annotations

from functools import cache, lru_cache, partial

import numpy as np

from autodiff.kernels import threads
from autodiff.kernels.geometry import Array
from autodiff.kernels.llvm.builder import Code, Int, Machine
from autodiff.kernels.llvm.library import Job, Kernel, in_a_row, single
from autodiff.kernels.llvm.products import copied, tile_of, tiles
from autodiff.kernels.llvm.team import address
from autodiff.kernels.threads import tile_size

DEPTH, ROWS = 400, 504  # at most, of a block of the left factor, for the second cache
WORTH_THREADS = 1 << 20  # multiply-adds from which on a second thread pays
WORDS = 14  # that the kernel reads
COPIES = 0.1, 0.8  # the time to copy a tile's rows, and its columns, as part of that for its sums

Key = tuple[bool, bool]  # whether the left factor lies row by row, and the right one


@cache
def tile(machine: Machine) -> tuple[int, int]:
    """The rows and vectors of a tile: the best for a number of rows and columns with many divisors."""
    return tile_of(machine, 5040, 5040)


def build(machine: Machine, key: Key) -> Code:
    """The kernel of blocks of the result, counted row by row, to which a row of numbers is added."""
    k, (height, vectors) = Code(machine, ()), tile(machine)
    words = [k.given(i) for i in range(WORDS)]
    x, across, y, along, out, between, added, rows, columns, among, depth, tall, wide, beside = words
    line, (step, apart) = 4 * vectors * k.lanes, (4, across) if key[0] else (4 * height, 4)
    copy, strip = k.room(0 if key[0] else (ROWS + 1) * DEPTH), k.room((DEPTH + k.lanes) * line // 4)
    with k.loop(k.start, k.stop) as item, k.loop(0, among, depth) as part:
        (down, over), count = k.divide(item.index, beside), k.least(depth, k.at(among, (part.index, -1)))
        top, side = k.mul(down, tall), k.mul(over, wide)
        block, end = (top, k.least(rows, k.add(top, tall))), k.least(columns, k.add(side, wide))
        begun, below = (k.select(k.compare("eq", part.index, 0), *each) for each in ((added, out), (0, between)))

        def left(row: Int) -> Int:
            if key[0]:
                return k.at(x, (row, across), (part.index, 4))
            above, beyond = k.divide(k.at(row, (top, -1)), height)
            return k.at(copy, (above, k.mul(count, step)), (beyond, 4))

        if not key[0]:
            with k.loop(*block, height) as row:
                copied(k, x, across, True, (row.index, rows, height), (part.index, count), left(row.index), step)
        made = tiles(
            k, (height, vectors), block, (side, end), [(count, step, line)], left, apart,
            lambda first, width: copied(k, y, along, key[1], (first, columns, width), (part.index, count), strip, line),
            lambda number, column, last: k.load(k.at(begun, (number, below), (column, 4)), last=last),
        )  # fmt: skip
        for number, column, last, z in made:
            k.store(z, k.at(out, (number, between), (column, 4)), last=last)
    return k


@lru_cache(maxsize=1024)
def _order(shape: tuple[int, ...], strides: tuple[int, ...]) -> tuple[bool, int]:
    """Whether a matrix lies row by row, or else by columns; and bytes from one to the next, 0 where there are gaps."""
    for in_rows, (far, near), width in ((True, strides, shape[1]), (False, strides[::-1], shape[0])):
        if near == 4 and far >= width * near and far % near == 0:
            return in_rows, far
    return False, 0


@lru_cache(maxsize=1024)
def _blocks(tile: tuple[int, int], rows: int, columns: int, threads: int) -> tuple[int, int]:
    """The rows and columns of blocks with which so many threads take the least time."""
    tiles = -(-rows // tile[0]), -(-columns // tile[1])

    def time(cut: tuple[int, int]) -> float:
        down, over = -(-tiles[0] // cut[0]), -(-tiles[1] // cut[1])
        return down * over + COPIES[0] * down + COPIES[1] * over

    down, over = min(((n, -(-threads // n)) for n in range(1, threads + 1)), key=time)
    half = tile[0] // 2  # a rest of so many rows takes half the time of a tile's
    return min(-(-rows // (down * half)) * half, ROWS), -(-tiles[1] // over) * tile[1]


def dot(x: Array, y: Array, count: int, b: Array | None = None, out: Array | None = None) -> Job | None:
    """The route of ``products.dot``."""
    (x_in_rows, across), (y_in_rows, along) = _order(x.shape, x.strides), _order(y.shape, y.strides)
    fits = out is None or (out.flags.carray and out.shape == (len(x), y.shape[1]))
    if not (fits and single(x, y, b, out) and across and along and x.flags.aligned and y.flags.aligned):
        return None
    return "matrix product", (x_in_rows, y_in_rows), build, partial(_multiplied, x, y, b, out)


def _multiplied(x: Array, y: Array, b: Array | None, out: Array | None, kernel: Kernel) -> Array:
    (rows, among), columns, machine = x.shape, y.shape[1], kernel.machine
    out = np.empty((rows, columns), np.float32) if out is None else out
    added = np.zeros(columns, np.float32) if b is None else in_a_row(b)
    helpers = threads.workers() if rows * among * columns >= WORTH_THREADS else 1
    height, vectors = tile(machine)
    tall, wide = _blocks((height, vectors * machine.lanes), rows, columns, helpers)
    beside = -(-columns // wide)
    kernel.run(
        [address(x), _order(x.shape, x.strides)[1], address(y), _order(y.shape, y.strides)[1],
         address(out), 4 * columns, address(added), rows, columns, among, tile_size(among, DEPTH), tall, wide, beside],
        -(-rows // tall) * beside,
    )  # fmt: skip
    return out

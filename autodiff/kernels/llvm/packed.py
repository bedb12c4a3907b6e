"""Products of matrices: blocks of both factors are copied into the order in which a tile of sums reads them.

Reference: K. Goto, R. van de Geijn (2008), "Anatomy of high-performance matrix multiplication".
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from autodiff.kernels import threads
from autodiff.kernels.geometry import Array
from autodiff.kernels.llvm.builder import Code, Int, Machine, word
from autodiff.kernels.llvm.library import Kernel, in_a_row, ready, single
from autodiff.kernels.llvm.products import sums
from autodiff.kernels.llvm.team import address
from autodiff.kernels.threads import tile_size

DEPTH, ROWS = 384, 504  # of a block of the left factor, for the second cache; a strip of the right one is for the first
VECTORS = 2  # of a tile
WORTH_THREADS = 1 << 20  # multiply-adds from which on a second thread pays
WORDS = 14  # that the kernel reads
COPIES = 0.3, 0.8  # the time to copy a tile's rows, and its columns, as part of that for its sums

Key = tuple[bool, bool]  # whether the left factor lies row by row, and the right one


def _height(machine: Machine) -> int:
    """The rows of a tile."""
    return machine.registers * 3 // 8


def _copy(
    k: Code, source: Int, apart: Int, in_rows: bool, sums: tuple[Int, Int], terms: tuple[Int, Int], size: int, to: Int
) -> None:  # fmt: skip
    """Copy so many terms, from one on, of ``size`` sums, from one on, of which there are so many.

    A row of the source, ``apart`` bytes from the next, is that of a term, or else that of a sum. What a vector has
    beyond the last sum is overwritten by the next term.
    """
    (first, end), (begin, count) = sums, terms
    with k.loop(0, count, 1 if in_rows else k.lanes) as term:
        at, row = k.add(begin, term.index), k.at(to, (term.index, 4 * size))
        for i in range(0, size, k.lanes):
            many, some = min(k.lanes, size - i), k.add(first, i)
            if in_rows:
                last = k.least(many, k.at(end, (some, -1)))
                k.store(k.load(k.at(source, (at, apart), (some, 4)), last=last), row, 4 * i)
                continue
            rows, last = [k.least(k.add(some, j), k.add(end, -1)) for j in range(many)], k.at(count, (term.index, -1))
            square = [k.load(k.at(source, (each, apart), (at, 4)), last=last) for each in rows]
            for j, x in enumerate(k.turned(square + [k.zero] * (k.lanes - many))):
                k.store(x, row, 4 * (j * size + i))


def _strips(k: Code, first: Int, end: Int) -> Iterator[tuple[Int, int]]:
    """Build the body for each strip of columns: its first one, and its vectors; the last may have fewer."""
    for vectors in range(VECTORS, 0, -1):
        size = vectors * k.lanes
        with k.loop(first, k.add(end, k.lanes - size), size, [word(first)]) as strip:
            yield strip.index, vectors
            strip.next = [word(k.add(strip.index, size))]
        first = strip.out[0]


def build(machine: Machine, key: Key) -> Code:
    """The kernel of blocks of the result, counted row by row, to which a row of numbers is added."""
    k, height, lanes = Code(machine, ()), _height(machine), machine.lanes
    words = [k.integer(k.given, 16 + 8 * i) for i in range(WORDS)]
    x, across, y, along, out, between, added, rows, columns, among, depth, tall, wide, beside = words
    left, right = k.room(ROWS * DEPTH + lanes * lanes), k.room((DEPTH + lanes) * VECTORS * lanes)
    with k.loop(k.start, k.stop) as item, k.loop(0, among, depth) as part:
        (down, over), count = k.divide(item.index, beside), k.least(depth, k.at(among, (part.index, -1)))
        top, side, terms = k.mul(down, tall), k.mul(over, wide), (part.index, count)
        bottom, end = k.least(rows, k.add(top, tall)), k.least(columns, k.add(side, wide))
        begun, apart = (k.select(k.compare("eq", part.index, 0), *each) for each in ((added, out), (0, between)))
        with k.loop(top, bottom, height) as block:
            to = k.at(left, (k.at(block.index, (top, -1)), k.mul(count, 4)))
            _copy(k, x, across, not key[0], (block.index, rows), terms, height, to)
        for column, vectors in _strips(k, side, end):
            _copy(k, y, along, key[1], (column, columns), terms, vectors * lanes, right)
            parts = [(4 * lanes * v, k.at(columns, (column, -1), (-lanes, v))) for v in range(vectors)]
            with k.loop(top, bottom, height) as block:
                numbers = [k.add(block.index, i) for i in range(height)]
                given = [k.at(begun, (k.least(i, k.add(rows, -1)), apart), (column, 4)) for i in numbers]
                totals = [k.load(row, offset, last=last) for row in given for offset, last in parts]
                start, term = k.at(left, (k.at(block.index, (top, -1)), k.mul(count, 4))), 4 * lanes * vectors
                totals = [*sums(k, [(count, 4 * height, term)], height, start, 4, right, [lanes] * vectors, totals)]
                for i in numbers:
                    with k.when(k.compare("slt", i, rows)):
                        for offset, last in parts:
                            k.store(totals.pop(0), k.at(out, (i, between), (column, 4)), offset, last=last)
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
    return min(-(-tiles[0] // down) * tile[0], ROWS), -(-tiles[1] // over) * tile[1]


def dot(x: Array, y: Array, count: int, b: Array | None = None, out: Array | None = None) -> Array | None:
    """The route of ``products.dot``."""
    (x_in_rows, across), (y_in_rows, along) = _order(x.shape, x.strides), _order(y.shape, y.strides)
    fits = out is None or (out.flags.carray and out.shape == (len(x), y.shape[1]))
    if not (fits and single(x, y, b, out) and across and along and x.flags.aligned and y.flags.aligned):
        return None
    kernel = ready("matrix product", (x_in_rows, y_in_rows), build)
    return None if kernel is None else _multiplied(kernel, x, y, b, out)


def _multiplied(kernel: Kernel, x: Array, y: Array, b: Array | None, out: Array | None = None) -> Array:
    (rows, among), columns, machine = x.shape, y.shape[1], kernel.machine
    out = np.empty((rows, columns), np.float32) if out is None else out
    added = np.zeros(columns, np.float32) if b is None else in_a_row(b)
    helpers = threads.workers() if rows * among * columns >= WORTH_THREADS else 1
    tall, wide = _blocks((_height(machine), VECTORS * machine.lanes), rows, columns, helpers)
    beside = -(-columns // wide)
    kernel.run(
        [address(x), _order(x.shape, x.strides)[1], address(y), _order(y.shape, y.strides)[1],
         address(out), 4 * columns, address(added), rows, columns, among, tile_size(among, DEPTH), tall, wide, beside],
        -(-rows // tall) * beside,
    )  # fmt: skip
    return out

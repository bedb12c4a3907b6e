"""Products of matrices as kernels: a tile of sums stays in registers, and the numbers come one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from autodiff.kernels.geometry import Array
from autodiff.kernels.llvm import halves
from autodiff.kernels.llvm.builder import Argument, Code, Int, Machine, Value
from autodiff.kernels.llvm.library import Kernel, in_a_row, ready, single
from autodiff.kernels.threads import shares_sums, workers

ROWS = 24  # at least, of a left factor whose rows are not counted beforehand
WAIT = 8  # sums that are begun before the first of them is ready
TURNS = 4  # of the loop over what is summed, written out
PART = 1 << 20  # multiply-adds that a thread takes at a time
# Beyond these BLAS, which copies its factors into tiles, is as fast.
LARGEST = 1 << 16  # numbers of a right factor; half as many where it has to be copied, or is a sum over many rows
FEWEST_ROWS, FEWEST_TERMS = 64, 256  # of a left factor that lies row by row, or column by column

# Whether the left factor lies by columns, its size across them, columns of the right one, whether a row is added.
Key = tuple[bool, int, int, bool]
Term = tuple[Int, int, int]  # how many products are summed, and bytes from one to the next in the left and right factor


def tile_of(machine: Machine, rows: int, columns: int) -> tuple[int, int]:
    """The rows and vectors of sums at a time with which a product of so many takes the least time.

    There are two multiply-adds, or loads, in a cycle; loads, of which a vector often takes two, hide behind the others
    for the most part.
    """
    vectors = -(-columns // machine.lanes)

    def time(tile: tuple[int, int]) -> float:
        height, (many, rest) = tile[0], divmod(vectors, tile[1])
        full, last = (max(height * width, WAIT) + height / 2 + width for width in (tile[1], rest))
        return -(-rows // height) * (many * full + (last if rest else 0))

    most = machine.registers * 3 // 4
    return min(((r, v) for r in range(1, min(rows, most) + 1) for v in range(1, min(vectors, most // r) + 1)), key=time)


def strips(k: Code, columns: int, vectors: int) -> Iterator[tuple[Int, list[int]]]:
    """Build the body for each strip of so many vectors: its first column, and how many numbers each vector has."""
    width = vectors * k.lanes
    whole = columns // width * width
    if whole:
        with k.loop(0, whole, width) as strip:
            yield strip.index, [k.lanes] * vectors
    if whole < columns:
        yield whole, [min(k.lanes, columns - at) for at in range(whole, columns, k.lanes)]


def sums(
    k: Code, terms: Sequence[Term], rows: int, left: Int, apart: int, right: Int, lasts: Sequence[int],
    begun: Sequence[Value], across: int = 0,
) -> Sequence[Value]:  # fmt: skip
    """The sums of products of numbers with vectors, row by row, added to what is ``begun``.

    The numbers of so many ``rows`` begin at ``left``, with ``apart`` bytes from row to row. The vectors begin at
    ``right``, side by side or ``across`` bytes apart; each has as many numbers as ``lasts`` says. Of several ``terms``
    the outer loop comes first.
    """
    (count, step, along), *inner = terms
    across = across or 4 * k.lanes

    def more(x: Int, y: Int, turns: int, totals: Sequence[Value]) -> Sequence[Value]:
        for turn in range(turns):
            if inner:
                totals = sums(k, inner, rows, k.add(x, turn * step), apart, k.add(y, turn * along), lasts, totals,
                              across)  # fmt: skip
                continue
            vectors = [k.load(y, turn * along + across * v, last=last) for v, last in enumerate(lasts)]
            factors = [k.splat(x, turn * step + i * apart) for i in range(rows)]
            totals = [k.fma(*pair, total) for pair, total in zip(product(factors, vectors), totals, strict=True)]
        return totals

    turns = 1
    if isinstance(count, int) and not inner:
        if count <= 2 * TURNS:
            return more(left, right, count, begun)
        turns = 1 if count % TURNS else TURNS
    with k.loop(0, count, turns, begun) as loop:
        loop.next = [*more(k.at(left, (loop.index, step)), k.at(right, (loop.index, along)), turns, loop.values)]
    return loop.out


def products(
    k: Code, rows: tuple[Int, Int], columns: int, terms: Sequence[Term], left: Int, apart: int, right: Int,
    once: bool = False,
) -> Iterator[tuple[Int, Int, int, Value]]:  # fmt: skip
    """Build the body for each vector of a product of matrices: its row and first column, how many count, and itself.

    Some rows of the last tile come twice; ``once`` has them be 0 then, for sums that are added to something.
    """
    start, stop = rows
    known = stop if isinstance(stop, int) else ROWS
    height, width = tile_of(k.machine, known, columns)
    for column, lasts in strips(k, columns, width):
        with k.loop(start, stop, height) as block:
            first = k.least(block.index, k.add(stop, -height))
            begun = [k.zero] * (height * len(lasts))
            found = sums(k, terms, height, k.at(left, (first, apart)), apart, k.at(right, (column, 4)), lasts, begun)
            for (i, (v, last)), x in zip(product(range(height), enumerate(lasts)), found, strict=True):
                row = k.add(first, i)
                x = k.select(k.compare("slt", row, block.index), k.zero, x) if once and known % height else x
                yield row, k.add(column, k.lanes * v), last, x


def dots(
    k: Code, rows: int, columns: int, count: Int, left: Int, apart: int, right: Int, along: int
) -> Iterator[tuple[Int, Int, int, Value]]:
    """Build the body for each number of a product as ``products`` does: of rows with few rows, not with columns."""
    height = max(h for h in range(1, min(rows, k.machine.registers * 3 // 4) + 1) if rows % h == 0)
    with k.loop(0, rows, height) as block:
        for column in range(columns):
            x, y = k.at(left, (block.index, apart)), k.add(right, column * along)
            with k.loop(0, count, k.lanes, [k.zero] * height) as loop:
                at, last = k.mul(loop.index, 4), k.at(count, (loop.index, -1))
                given = k.load(y, at, last=last)  # what lies beyond may be infinite: it must be 0 in both
                terms = [(k.load(x, at, i * apart, last=last), total) for i, total in enumerate(loop.values)]
                loop.next = [k.fma(given, z, total) for z, total in terms]
            for i, z in enumerate(loop.out):
                yield k.add(block.index, i), column, 1, k.total(z)


def turn(k: Code, source: Int, rows: int, apart: int, columns: int, to: Int) -> None:
    """Write a matrix of so many rows, ``apart`` bytes apart, with its columns as rows."""
    with k.loop(0, columns, k.lanes) as block:
        first = k.least(block.index, max(0, columns - k.lanes))  # the last square may overlap the one before it
        for row, (many,) in strips(k, rows, 1):
            at, below = k.at(source, (row, apart), (first, 4)), k.at(to, (first, 4 * rows), (row, 4))
            square = [k.load(at, i * apart, last=columns) for i in range(many)] + [k.zero] * (k.lanes - many)
            for i, x in enumerate(k.turned(square)[:columns]):
                k.store(x, below, i * 4 * rows, last=many)


def build(machine: Machine, key: Key) -> Code:
    """The kernel over the rows of a left factor; or, where it lies by columns, over the products that are summed."""
    by_columns, size, columns, added = key
    result = Argument(0, size * columns, True, sums=True) if by_columns else Argument(columns, written=True)
    k = Code(machine, [Argument(size), Argument(columns) if by_columns else Argument(0, size * columns), result,
                       *[Argument(0, columns)] * added])  # fmt: skip
    x, y, out, *row = k.arrays
    if by_columns:
        x, y = k.at(x, (k.start, 4 * size)), k.at(y, (k.start, 4 * columns))
        made = products(k, (0, size), columns, [(k.binary("sub", k.stop, k.start), 4 * size, 4 * columns)], x, 4, y)
    else:
        made = products(k, (k.start, k.stop), columns, [(size, 4, 4 * columns)], x, 4 * size, y)
    for i, column, last, z in made:
        z = k.binary("fadd", z, k.load(k.at(row[0], (column, 4)), last=last)) if row else z
        k.store(z, k.at(out, (i, 4 * columns), (column, 4)), last=last)
    return k


def dot(x: Any, y: Any, count: int, b: Any = None) -> Array | None:
    """The route of ``products.dot``."""
    (rows, size), columns = x.shape, y.shape[1]
    if not single(x, y, b):
        return None
    by_columns = not x.flags.c_contiguous and x.T.flags.c_contiguous
    if by_columns:
        key, fits = (True, rows, columns, False), b is None and 2 * rows * columns <= LARGEST
        fits = fits and size >= FEWEST_TERMS
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
    totals = np.empty((parts, rows, columns), np.float32)
    kernel(in_a_row(x.T), in_a_row(y), totals, stop=size, parts=parts)
    return totals[0] if parts == 1 else np.add.reduce(totals, axis=0)

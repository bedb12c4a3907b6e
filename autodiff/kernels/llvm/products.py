"""Products of matrices as parts of kernels: a tile of sums stays in registers, the numbers come one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from autodiff.kernels.llvm.builder import Code, Int, Machine, Value

ROWS = 24  # at least, of a left factor whose rows are not counted beforehand
WAIT = 8  # sums that are begun before the first of them is ready
TURNS = 4  # of the loop over what is summed, written out

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

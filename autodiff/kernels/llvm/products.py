"""Products of matrices as parts of kernels: a tile of sums stays in registers, the numbers come one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

from autodiff.kernels.llvm.builder import Code, Int, Machine, Value, word

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


def pieces(k: Code, start: Int, stop: Int, sizes: Sequence[int], whole: bool = False) -> Iterator[tuple[Int, int, Any]]:
    """Build the body for each piece of a range: where it begins, its size, and how many there are from there on.

    The larger ``sizes`` come first. Pieces are ``whole``, if the last size is 1; or else the last of them may have
    fewer, where no smaller size has as many.
    """
    for size, less in zip(sizes, [*sizes[1:], 0], strict=True):
        if isinstance(start, int) and isinstance(stop, int):
            end = start + (stop - start) // size * size
            if end > start:
                with k.loop(start, end, size) as piece:
                    yield piece.index, size, size
            start = end
            if not whole and stop - start > less:
                yield start, size, stop - start
                return
        else:
            with k.loop(start, k.add(stop, 1 - size if whole else -less), size, [word(start)]) as piece:
                yield piece.index, size, k.at(stop, (piece.index, -1))
                piece.next = [word(k.add(piece.index, size))]
            start = piece.out[0]


def sums(
    k: Code, terms: Sequence[Term], rows: int, left: Int, apart: Int, right: Int, lasts: Sequence[Int],
    begun: Sequence[Value], across: int = 0,
) -> Sequence[Value]:  # fmt: skip
    """The sums of products of numbers with vectors, row by row, added to what is ``begun``.

    The numbers of so many ``rows`` begin at ``left``, with ``apart`` bytes from row to row. The vectors begin at
    ``right``, side by side or ``across`` bytes apart; each has as many numbers as ``lasts`` says. Of several ``terms``
    the outer loop comes first.
    """
    (count, step, along), *inner = terms
    across, below = across or 4 * k.lanes, [k.mul(apart, i) for i in range(rows)]

    def more(x: Int, y: Int, turns: int, totals: Sequence[Value]) -> Sequence[Value]:
        for turn in range(turns):
            if inner:
                totals = sums(k, inner, rows, k.add(x, k.mul(step, turn)), apart, k.add(y, turn * along), lasts, totals,
                              across)  # fmt: skip
                continue
            vectors = [k.load(y, turn * along + across * v, last=last) for v, last in enumerate(lasts)]
            factors = [k.splat(x, k.mul(step, turn), offset) for offset in below]
            totals = [k.fma(*pair, total) for pair, total in zip(product(factors, vectors), totals, strict=True)]
        return totals

    if isinstance(count, int) and count <= 2 * TURNS and not inner:
        return more(left, right, count, begun)
    turns = 1 if inner or rows * len(lasts) <= WAIT else TURNS
    whole = count if turns == 1 else k.mul(k.divide(count, turns)[0], turns)
    for first, end in ((0, whole), (whole, count)):
        if first != end:
            with k.loop(first, end, turns, begun) as loop:
                x, y = k.at(left, (loop.index, step)), k.at(right, (loop.index, along))
                loop.next = [*more(x, y, turns, loop.values)]
            begun, turns = loop.out, 1
    return begun


def products(
    k: Code, rows: int, columns: int, terms: Sequence[Term], left: Int, apart: Int, right: Int
) -> Iterator[tuple[Int, Int, Int, Value]]:
    """Build the body for each vector of a product of so many rows and columns, as ``tiles`` does."""
    return tiles(k, tile_of(k.machine, rows, columns), (0, rows), (0, columns), terms,
                 lambda row: k.at(left, (row, apart)), apart, lambda column, _: k.at(right, (column, 4)))  # fmt: skip


def tiles(
    k: Code, tile: tuple[int, int], rows: tuple[Int, Int], columns: tuple[Int, Int], terms: Sequence[Term],
    left: Callable[[Int], Int], apart: Int, right: Callable[[Int, int], Int], begun: Callable[..., Value] | None = None,
) -> Iterator[tuple[Int, Int, Int, Value]]:  # fmt: skip
    """Build the body for each vector of a product of matrices: its row and first column, how many count, and itself.

    Args:
        k: the code.
        tile: rows and vectors of sums at a time.
        rows: from where to where.
        columns: likewise.
        terms: as in ``sums``.
        apart: as there.
        left: where the numbers of a row begin in the left factor.
        right: where the numbers of so many columns, from one on, begin in the right factor.
        begun: what is added to, from a row, a column and how many count; where it is given, the right factor may be
            read beyond the last column.
    """
    for column, width, many in pieces(k, *columns, range(tile[1] * k.lanes, 0, -k.lanes)):
        y, parts = right(column, width), [(k.add(column, v), k.add(many, -v)) for v in range(0, width, k.lanes)]
        lasts = [k.lanes if begun else last for _, last in parts]
        for row, height, _ in pieces(k, *rows, [tile[0] >> i for i in range(tile[0].bit_length())], whole=True):
            places = [(k.add(row, i), *part) for i in range(height) for part in parts]
            totals = [begun(*place) if begun else k.zero for place in places]
            found = sums(k, terms, height, left(row), apart, y, lasts, totals)
            for place, x in zip(places, found, strict=True):
                yield *place, x


def dots(
    k: Code, rows: int, columns: int, count: Int, left: Int, apart: int, right: Int, along: int
) -> Iterator[tuple[Int, Int, Int, Value]]:
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


def copied(
    k: Code, source: Int, apart: Int, in_rows: bool, sums: tuple[Int, Int, int], terms: tuple[Int, Int], to: Int,
    line: int,
) -> Int:  # fmt: skip
    """Copy ``count`` terms, from ``begin`` on, of ``size`` sums, from ``first`` on; give where they are then.

    A row of the source, ``apart`` bytes from the next, is that of a term, or else that of a sum; in the copy terms are
    ``line`` bytes apart. Of sums beyond the last one, before ``end``, there is any number; what a vector of a term has
    beyond ``size`` is overwritten by the next one. Behind the last term there is room for so many as a vector has.
    """
    (first, end, size), (begin, count) = sums, terms
    masks = [k.mask(0, k.at(end, (k.add(first, i), -1))) for i in range(0, size, k.lanes)]
    with k.loop(0, count, 1 if in_rows else k.lanes) as term:
        at, row, left = k.add(begin, term.index), k.at(to, (term.index, line)), k.at(count, (term.index, -1))
        for i in range(0, size, k.lanes):
            some = k.add(first, i)
            if in_rows:
                k.store(k.load(k.at(source, (at, apart), (some, 4)), last=masks[i // k.lanes]), row, 4 * i)
                continue
            rows = [k.least(k.add(some, j), k.add(end, -1)) for j in range(k.lanes)]
            square = [k.load(k.at(source, (each, apart), (at, 4)), last=left) for each in rows]
            for j, x in enumerate(k.turned(square)):
                k.store(x, row, j * line + 4 * i, last=size - i)
    return to

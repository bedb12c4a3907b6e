"""Attention as kernels: scores, probabilities and what is made of them stay in the cache, one head after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from autodiff.kernels.geometry import Array
from autodiff.kernels.llvm.builder import Argument, Code, Int, Machine, Value
from autodiff.kernels.llvm.elementwise import Maths
from autodiff.kernels.llvm.library import SINGLE, Kernel, ready
from autodiff.kernels.llvm.products import ROWS, products, strips

LARGEST = 1 << 16  # scores of a head
WIDEST = 1 << 7  # numbers of a query, and of a value
FEWEST = 1 << 13  # scores from which on a kernel pays
PARTS = 32  # of the outer of the two leading axes, that threads take one after another

Strides = tuple[int, int, int]  # numbers from one matrix to the next along the two leading axes, and from row to row


class Key(NamedTuple):
    """What a kernel depends on.

    Args:
        back: whether it makes the cotangents of q, k and v, or the result.
        causal, scale: of attention.
        inner: matrices along the inner of the leading axes.
        queries, keys, width, values: the sizes of the matrices.
        strides: of all arrays.
    """

    back: bool
    causal: bool
    scale: float
    inner: int
    queries: int
    keys: int
    width: int
    values: int
    strides: tuple[Strides, ...]

    def shapes(self) -> list[tuple[int, int]]:
        """The matrices that the kernel reads, and those that it writes."""
        q, k, v = (self.queries, self.width), (self.keys, self.width), (self.keys, self.values)
        out = self.queries, self.values
        return [out, q, k, v, q, k, v] if self.back else [q, k, v, out]


class Head:
    """One head under construction.

    Args:
        k: the code.
        key: what it depends on.
        at: where each of its matrices is.
    """

    def __init__(self, k: Code, key: Key, at: Sequence[Int]) -> None:
        self.k, self.m, self.key = k, Maths(k), key
        *self.matrices, self.columns, self.limits = at
        self.rows = [4 * row for *_, row in key.strides]  # bytes from row to row of each matrix
        self.padded = -(-key.keys // k.lanes) * k.lanes
        sizes = [key.width * self.padded, key.values * self.padded, *[key.queries * self.padded] * 2]
        self.places = [k.room(size) for size in sizes]

    def turn(self, x: int, columns: int, to: Int) -> None:
        """Write the keys or values, with those that are missing in a vector as 0, as columns."""
        k, apart = self.k, self.rows[x]
        for first in range(0, self.key.keys, k.lanes):
            with k.loop(0, columns) as column:
                vector = k.take(apart // 4, self.matrices[x], first * apart, k.mul(column.index, 4),
                                last=min(k.lanes, self.key.keys - first))  # fmt: skip
                k.store(vector, to, k.mul(column.index, 4 * self.padded), 4 * first)

    def tile(self, x: int, first: Int) -> list[Int]:
        """Where the rows of a tile are in a matrix."""
        return [self.k.at(self.matrices[x], (self.k.add(first, i), self.rows[x])) for i in range(ROWS)]

    def write(
        self, left: list[Int], step: int, count: int, right: int, to: int, first: Int, divisors: Sequence[Value] = ()
    ) -> None:
        """Products of rows of numbers with a matrix, as rows of another."""
        k, columns = self.k, self.key.shapes()[right][1]
        for strip, lasts in strips(k, columns):
            at = k.add(self.matrices[right], strip)
            sums = products(k, count, left, step, at, self.rows[right], lasts)
            for i, row in enumerate(self.tile(to, first)):
                for v, last in enumerate(lasts):
                    x = sums[i * len(lasts) + v]
                    x = x if not divisors else k.binary("fdiv", x, divisors[i])
                    k.store(x, row, strip, 4 * k.lanes * v, last=last)

    def _larger(self, x: Value, y: Value) -> Value:
        return self.k.select(self.m.where("ogt", x, y), x, y)

    def across(
        self, left: list[Int], count: int, right: Int, to: list[Int], function: Callable[[int, Value, Int], Value]
    ) -> None:
        """What ``function`` makes of the products of rows with what ``turn`` wrote."""
        k, apart = self.k, 4 * self.padded
        for strip, lasts in strips(k, self.padded):
            sums = products(k, count, left, 4, k.add(right, strip), apart, lasts)
            for i, row in enumerate(to):
                for v in range(len(lasts)):
                    at = k.add(strip, 4 * k.lanes * v)
                    k.store(function(i, sums[i * len(lasts) + v], at), row, at)

    def exponentials(self, queries: int, first: Int, to: list[Int]) -> list[Value]:
        """exp(scores - maximum) of the rows of a tile, and their sums."""
        k, m, key = self.k, self.m, self.key
        limits = [k.splat(self.limits, k.mul(k.add(first, i), 4)) for i in range(ROWS)]

        def score(i: int, x: Value, at: Int) -> Value:
            beyond = m.where("ogt", k.load(self.columns, at), limits[i])
            return k.select(beyond, m.number(-np.inf), m.times(x, key.scale))

        self.across(self.tile(queries, first), key.width, self.places[0], to, score)
        with k.loop(0, self.padded, k.lanes, [m.number(-np.inf)] * ROWS) as most:
            here = [k.load(row, k.mul(most.index, 4)) for row in to]
            most.next = [self._larger(*pair) for pair in zip(here, most.values, strict=True)]
        tops = [k.total(x, self._larger) for x in most.out]
        with k.loop(0, self.padded, k.lanes, [k.zero] * ROWS) as turn:
            e = [m.exp(m.minus(k.load(row, k.mul(turn.index, 4)), top)) for row, top in zip(to, tops, strict=True)]
            for x, row in zip(e, to, strict=True):
                k.store(x, row, k.mul(turn.index, 4))
            turn.next = [m.add(*pair) for pair in zip(turn.values, e, strict=True)]
        return [k.total(x) for x in turn.out]

    def forward(self) -> None:
        """softmax(scale q k^T) v."""
        k, key = self.k, self.key
        self.turn(1, key.width, self.places[0])
        with k.loop(0, key.queries, ROWS) as block:
            first = k.least(block.index, key.queries - ROWS)  # some rows of the last tile are computed twice
            p = [k.add(self.places[2], 4 * self.padded * i) for i in range(ROWS)]
            totals = self.exponentials(0, first, p)
            self.write(p, 4, key.keys, 2, 3, first, totals)

    def backward(self) -> None:
        """The cotangents of q, k and v; the probabilities are computed again."""
        k, m, key = self.k, self.m, self.key
        self.turn(2, key.width, self.places[0])
        self.turn(3, key.values, self.places[1])
        with k.loop(0, key.queries, ROWS) as block:
            first = k.least(block.index, key.queries - ROWS)
            rows = [(k.add(first, i), 4 * self.padded) for i in range(ROWS)]
            p, to_p = ([k.at(place, row) for row in rows] for place in self.places[2:])
            totals = self.exponentials(1, first, p)
            self.across(self.tile(0, first), key.values, self.places[1], to_p, lambda i, x, at: x)
            shares = [k.binary("fdiv", m.number(1), total) for total in totals]
            with k.loop(0, self.padded, k.lanes, [k.zero] * ROWS) as turn:
                at = k.mul(turn.index, 4)
                for i in range(ROWS):
                    share = m.times(k.load(p[i], at), shares[i])
                    k.store(share, p[i], at)
                    turn.next = [*turn.next[:i], k.fma(share, k.load(to_p[i], at), turn.values[i]), *turn.next[i + 1 :]]
            means = [k.total(x) for x in turn.out]
            with k.loop(0, self.padded, k.lanes) as turn:
                at = k.mul(turn.index, 4)
                for i in range(ROWS):
                    k.store(m.times(k.load(p[i], at), m.minus(k.load(to_p[i], at), means[i]), key.scale), to_p[i], at)
            self.write(to_p, 4, key.keys, 2, 4, first)
        with k.loop(0, key.keys, ROWS) as block:
            first = k.least(block.index, key.keys - ROWS)
            for place, right, to in ((3, 1, 5), (2, 0, 6)):
                left = [k.at(self.places[place], (k.add(first, i), 4)) for i in range(ROWS)]
                self.write(left, 4 * self.padded, key.queries, right, to, first)


def build(machine: Machine, key: Key) -> Code:
    """The kernel over the outer of the leading axes."""
    padded = -(-key.keys // machine.lanes) * machine.lanes
    sizes = [
        Argument(outer, (key.inner - 1) * inner + (rows - 1) * row + columns - outer, i >= (4 if key.back else 3))
        for i, ((outer, inner, row), (rows, columns)) in enumerate(zip(key.strides, key.shapes(), strict=True))
    ]
    k = Code(machine, [*sizes, Argument(0, padded), Argument(0, key.queries)])
    *arrays, columns, limits = k.arrays
    with k.loop(k.start, k.stop) as outer, k.loop(0, key.inner) as inner:
        at = [
            k.at(x, (outer.index, 4 * strides[0]), (inner.index, 4 * strides[1]))
            for x, strides in zip(arrays, key.strides, strict=True)
        ]
        head = Head(k, key, [*at, columns, limits])
        (head.backward if key.back else head.forward)()
    return k


@lru_cache(maxsize=32)
def _places(key: Key, padded: int) -> tuple[Array, Array]:
    """The numbers of the columns, and the last that each query may look at."""
    columns, limits = np.full(padded, np.inf, np.float32), np.full(key.queries, key.keys - 1, np.float32)
    columns[: key.keys] = np.arange(key.keys)
    return columns, np.arange(key.queries, dtype=np.float32) if key.causal else limits


def _run(kernel: Kernel, key: Key, arrays: Sequence[Array]) -> None:
    """Run it over stacks of matrices with two leading axes, the outer of them first."""
    count = len(arrays[0])
    reach = [(count - 1) * s[0] + (key.inner - 1) * s[1] + (rows - 1) * s[2] + columns
             for s, (rows, columns) in zip(key.strides, key.shapes(), strict=True)]  # fmt: skip
    flat = [as_strided(x, (n,), (4,)) for x, n in zip(arrays, reach, strict=True)]
    lanes = kernel.machine.lanes
    kernel(*flat, *_places(key, -(-key.keys // lanes) * lanes), stop=count, parts=min(PARTS, count))


def attend(*given: Any, causal: bool, scale: float) -> bool | None:
    """The route of attention, without a bias and dropout, and of its cotangents."""
    *arrays, bias, kept = given
    back = len(arrays) == 7
    q, k, v = arrays[1:4] if back else arrays[:3]
    if q.ndim != 4 or bias is not None or kept is not None:
        return None
    sizes = q.shape[2], k.shape[2], q.shape[3], v.shape[3]
    if not _fits(*sizes, q.shape[0] * q.shape[1]):
        return None
    for x in arrays:
        if type(x) is not np.ndarray or x.dtype != SINGLE or not x.flags.aligned or x.strides[-1] != 4:
            return None
        if min(x.strides) <= 0 or any(s % 4 for s in x.strides):
            return None
    stacks = [x if q.shape[0] >= q.shape[1] else x.swapaxes(0, 1) for x in arrays]
    strides = tuple((x.strides[0] // 4, x.strides[1] // 4, x.strides[2] // 4) for x in stacks)
    key = Key(back, causal, scale, stacks[0].shape[1], *sizes, strides)
    kernel = ready("attention", key, build)
    if kernel is None:
        return None
    _run(kernel, key, stacks)
    return True


def _fits(queries: int, keys: int, width: int, values: int, heads: int) -> bool:
    sizes = min(queries, keys) >= ROWS and min(width, values) > 0 and max(width, values) <= WIDEST
    return sizes and queries * keys <= LARGEST and heads * queries * keys >= FEWEST

"""Attention as kernels: scores, probabilities and what is made of them stay in the cache, one head after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from autodiff.kernels.geometry import Array
from autodiff.kernels.llvm.builder import Argument, Code, Int, Machine, Value
from autodiff.kernels.llvm.elementwise import Maths
from autodiff.kernels.llvm.library import SINGLE, Kernel, ready
from autodiff.kernels.llvm.products import products, turn

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

    def arguments(self) -> list[Argument]:
        """Of each array what the kernel touches."""
        return [
            Argument(far, (self.inner - 1) * near + (rows - 1) * row + columns - far, i >= (4 if self.back else 3))
            for i, ((far, near, row), (rows, columns)) in enumerate(zip(self.strides, self.shapes(), strict=True))
        ]


class Matrix(NamedTuple):
    """Where a matrix is: its first number, and bytes from row to row, and from column to column."""

    at: Int
    row: int
    column: int = 4

    @property
    def T(self) -> Matrix:
        """With columns as rows."""
        return Matrix(self.at, self.column, self.row)


class Head(NamedTuple):
    """One head under construction.

    Args:
        k: the code.
        key: what it depends on.
        padded: as many numbers as whole vectors have, from the number of keys on.
    """

    k: Code
    key: Key
    padded: int

    def room(self, rows: int) -> Matrix:
        """Memory for rows of as many numbers as there are keys."""
        return Matrix(self.k.room(rows * self.padded), 4 * self.padded)

    def turned(self, x: Matrix, columns: int) -> Matrix:
        """The keys or values as columns."""
        to = Matrix(self.k.room(columns * self.key.keys), 4 * self.key.keys)
        turn(self.k, x.at, self.key.keys, x.row, columns, to.at)
        return to

    def products(self, x: Matrix, y: Matrix, *sizes: int) -> Iterator[tuple[Int, Int, int, Value]]:
        """Build the body for each vector of a product of matrices: of so many rows, products to a sum, and columns."""
        rows, count, columns = sizes
        return products(self.k, (0, rows), columns, [(count, x.column, y.row)], x.at, x.row, y.at)

    def multiply(self, x: Matrix, y: Matrix, to: Matrix, *sizes: int) -> None:
        """Write a product of matrices."""
        for i, column, last, z in self.products(x, y, *sizes):
            self.k.store(z, self.k.at(to.at, (i, to.row), (column, 4)), last=last)

    def rows(self, *matrices: Matrix) -> Iterator[list[Int]]:
        """Build the body for each query: where its rows are."""
        with self.k.loop(0, self.key.queries) as row:
            yield [self.k.at(x.at, (row.index, x.row)) for x in matrices]

    def over(self, function: Callable[..., tuple[Value, ...]], *rows: Int, begun: Sequence[Value] = ()) -> list[Value]:
        """Write what a function makes of the vectors of rows, the first result to the first; carry the others."""
        k = self.k
        with k.loop(0, self.padded, k.lanes, begun) as turn:
            at = k.mul(turn.index, 4)
            made, *turn.next = function(*(k.load(row, at) for row in rows), *turn.values)
            k.store(made, rows[0], at)
        return turn.out

    def probabilities(self, q: Matrix, keys: Matrix) -> Matrix:
        """softmax(scale q k^T), with zeros behind the keys."""
        k, m, key, p = self.k, Maths(self.k), self.key, self.room(self.key.queries)
        lowest = m.number(-np.inf)

        def larger(x: Value, y: Value) -> Value:
            return k.select(m.where("ogt", x, y), x, y)

        def exponential(x: Value, top: Value, total: Value) -> tuple[Value, ...]:
            e = m.exp(m.minus(x, top))
            return e, top, m.add(total, e)

        for i, column, last, x in self.products(q, self.turned(keys, key.width), key.queries, key.width, key.keys):
            seen = k.at(k.least(k.add(i, 1), key.keys), (column, -1)) if key.causal else last
            k.store(k.before(seen, m.times(x, key.scale), lowest), k.at(p.at, (i, p.row), (column, 4)))
        for (row,) in self.rows(p):
            (top,) = self.over(lambda x, top: (x, larger(x, top)), row, begun=[lowest])
            _, total = self.over(exponential, row, begun=[k.total(top, larger), k.zero])
            share = k.binary("fdiv", m.number(1), k.total(total))
            self.over(lambda x, share: (m.times(x, share), share), row, begun=[share])
        return p

    def forward(self, q: Matrix, keys: Matrix, values: Matrix, out: Matrix) -> None:
        """softmax(scale q k^T) v."""
        key = self.key
        self.multiply(self.probabilities(q, keys), values, out, key.queries, key.keys, key.values)

    def backward(self, g: Matrix, q: Matrix, keys: Matrix, values: Matrix, *to: Matrix) -> None:
        """The cotangents of q, k and v; the probabilities are computed again."""
        k, m, key = self.k, Maths(self.k), self.key
        p, slopes = self.probabilities(q, keys), self.room(key.queries)
        for i, column, _, x in self.products(g, self.turned(values, key.values), key.queries, key.values, key.keys):
            k.store(x, k.at(slopes.at, (i, slopes.row), (column, 4)))  # with zeros behind the keys
        for slope, share in self.rows(slopes, p):
            (total,) = self.over(lambda x, p, total: (x, k.fma(x, p, total)), slope, share, begun=[k.zero])
            self.over(lambda x, p, mean: (m.times(p, m.minus(x, mean), key.scale), mean), slope, share,
                      begun=[k.total(total)])  # fmt: skip
        self.multiply(slopes, keys, to[0], key.queries, key.keys, key.width)
        self.multiply(slopes.T, q, to[1], key.keys, key.queries, key.width)
        self.multiply(p.T, g, to[2], key.keys, key.queries, key.values)


def build(machine: Machine, key: Key) -> Code:
    """The kernel over the outer of the leading axes."""
    k = Code(machine, key.arguments())
    with k.loop(k.start, k.stop) as outer, k.loop(0, key.inner) as inner:
        matrices = [
            Matrix(k.at(x, (outer.index, 4 * far), (inner.index, 4 * near)), 4 * row)
            for x, (far, near, row) in zip(k.arrays, key.strides, strict=True)
        ]
        head = Head(k, key, -(-key.keys // k.lanes) * k.lanes)
        (head.backward if key.back else head.forward)(*matrices)
    return k


def _run(kernel: Kernel, arrays: Sequence[Array]) -> None:
    """Run it over stacks of matrices with two leading axes, the outer of them first."""
    count = len(arrays[0])
    flat = [as_strided(x, (a.each * count + a.fixed,), (4,)) for x, a in zip(arrays, kernel.arguments, strict=True)]
    kernel(*flat, stop=count, parts=min(PARTS, count))


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
    _run(kernel, stacks)
    return True


def _fits(queries: int, keys: int, width: int, values: int, heads: int) -> bool:
    sizes = min(queries, keys, width, values) > 0 and max(width, values) <= WIDEST
    return sizes and queries * keys <= LARGEST and heads * queries * keys >= FEWEST

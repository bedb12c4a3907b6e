"""Softmax over the columns of a stack of matrices, and its adjoint, as kernels that stay in the matrices' memory."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from autodiff.kernels.geometry import Array
from autodiff.kernels.llvm.builder import Argument, Code, Int, Machine, Value
from autodiff.kernels.llvm.elementwise import Maths
from autodiff.kernels.llvm.library import SINGLE, Kernel, ready

LONG = 1 << 13  # numbers from which on a kernel pays
WIDEST = 1 << 10  # columns, each vector of which has code of its own
AT_ONCE = 4  # vectors of a row that are worked on together

Key = tuple[bool, int, int]  # whether it is the adjoint, and the shape of a matrix


def build(machine: Machine, key: Key) -> Code:
    """The kernel of matrices and of the sums of their columns, or of probabilities, sums and cotangents."""
    back, rows, columns = key
    size = rows * columns
    k = Code(machine, [Argument(size, written=True), Argument(columns, written=not back)]
             + ([Argument(size, written=True)] if back else []))  # fmt: skip
    m = Maths(k)
    with k.loop(k.start, k.stop) as matrix:
        first, sums, *others = (
            k.at(array, (matrix.index, 4 * (columns if i == 1 else size))) for i, array in enumerate(k.arrays)
        )
        width = AT_ONCE * k.lanes
        for column in range(0, columns, width):
            strip = Strip(m, rows, columns, min(width, columns - column))
            places = (k.at(address, (column, 4)) for address in (first, sums, *others))
            (strip.adjoint if back else strip.forward)(*places)
    return k


class Strip(NamedTuple):
    """Neighbouring columns, of which a row is a few vectors, and the loops over their rows."""

    m: Maths
    rows: int
    columns: int
    width: int

    def load(self, address: Int) -> list[Value]:
        """A row of the strip."""
        k = self.m.k
        return [k.load(address, 4 * at, last=min(k.lanes, self.width - at)) for at in range(0, self.width, k.lanes)]

    def store(self, row: list[Value], address: Int) -> None:
        """Write a row of the strip."""
        k = self.m.k
        for at, x in zip(range(0, self.width, k.lanes), row, strict=True):
            k.store(x, address, 4 * at, last=min(k.lanes, self.width - at))

    def forward(self, x: Int, sums: Int) -> None:
        """exp(x - maximum) in place of x, and its sum."""
        m, k = self.m, self.m.k
        with k.loop(1, self.rows, carried=self.load(x)) as most:
            here = self.load(k.at(x, (most.index, 4 * self.columns)))
            pairs = zip(here, most.values, strict=True)
            most.next = [k.select(m.where("ogt", new, old), new, old) for new, old in pairs]
        with k.loop(0, self.rows, carried=[k.zero] * len(most.out)) as row:
            at = k.at(x, (row.index, 4 * self.columns))
            e = [m.exp(m.minus(value, top)) for value, top in zip(self.load(at), most.out, strict=True)]
            self.store(e, at)
            row.next = [m.add(*pair) for pair in zip(row.values, e, strict=True)]
        self.store(row.out, sums)

    def adjoint(self, x: Int, sums: Int, g: Int) -> None:
        """p = x / sum in place of x, and p (g - sum of p g) in place of g."""
        m, k = self.m, self.m.k
        shares = [k.binary("fdiv", m.number(1), total) for total in self.load(sums)]
        with k.loop(0, self.rows, carried=[k.zero] * len(shares)) as row:
            at, beside = (k.at(address, (row.index, 4 * self.columns)) for address in (x, g))
            p = [m.times(*pair) for pair in zip(self.load(at), shares, strict=True)]
            self.store(p, at)
            row.next = [k.fma(*three) for three in zip(p, self.load(beside), row.values, strict=True)]
        means = row.out
        with k.loop(0, self.rows) as row:
            at, beside = (k.at(address, (row.index, 4 * self.columns)) for address in (x, g))
            given = zip(self.load(at), self.load(beside), means, strict=True)
            self.store([m.times(p, m.minus(c, mean)) for p, c, mean in given], beside)


def _order(x: Array) -> tuple[int, ...]:
    """The axes in the order in which the stack lies in memory, the matrix last."""
    lead = x.ndim - 2
    return *sorted(range(lead), key=lambda axis: -x.strides[axis]), lead, lead + 1


def _stacked(x: Any, order: tuple[int, ...]) -> Array | None:
    """The memory of ``x`` row by row; None where it is none that kernels take."""
    if type(x) is not np.ndarray or x.dtype != SINGLE or not x.flags.aligned:
        return None
    turned = x.transpose(order)
    return turned if turned.flags.c_contiguous else None


def _kernel(back: bool, x: Array) -> Kernel | None:
    key = back, *x.shape[-2:]
    return ready("softmax", key, build, partial(_agrees, key)) if 0 < x.shape[-1] <= WIDEST else None


def exp_columns(x: Any) -> tuple[Array, Array] | None:
    """The route of ``columns.exp_columns``."""
    stack = _stacked(x, order := _order(x)) if type(x) is np.ndarray and x.size >= LONG else None
    kernel = None if stack is None else _kernel(False, x)
    return None if kernel is None or stack is None else (x, _sums(kernel, stack).transpose(np.argsort(order)))


def _sums(kernel: Kernel, x: Array) -> Array:
    sums = np.empty((*x.shape[:-2], 1, x.shape[-1]), np.float32)
    kernel(x, sums, stop=math.prod(x.shape[:-2]))
    return sums


def softmax_back(x: Any, sums: Any, g: Any) -> tuple[Array, Array] | None:
    """The route of ``columns.softmax_back``."""
    if type(x) is not np.ndarray or x.size < LONG or x.shape != g.shape:
        return None
    stacks = [stack for array in (x, sums, g) if (stack := _stacked(array, _order(x))) is not None]
    kernel = _kernel(True, x) if len(stacks) == 3 else None
    if kernel is None:
        return None
    kernel(*stacks, stop=math.prod(x.shape[:-2]))
    return x, g


def _agrees(key: Key, kernel: Kernel) -> bool:
    """Whether the kernel does what NumPy does."""
    back, *shape = key
    x, g = np.random.default_rng(0).standard_normal((2, 3, *shape), np.float32)
    e = np.exp(x - x.max(-2, keepdims=True))
    sums = e.sum(-2, keepdims=True)
    p = e / sums
    right = (p, p * (g - (p * g).sum(-2, keepdims=True))) if back else (e, sums.copy())
    if back:
        kernel(e, sums, g, stop=3)
    found = (e, g) if back else (x, _sums(kernel, x))
    return all(np.allclose(a, b, rtol=1e-4, atol=1e-5) for a, b in zip(found, right, strict=True))

"""Products of matrices by BLAS, each thread some rows or columns, which the team hands out faster than Python does."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from autodiff.kernels import threads
from autodiff.kernels.blas import alone, functions, is_held
from autodiff.kernels.geometry import Array
from autodiff.kernels.llvm.builder import Argument, Machine
from autodiff.kernels.llvm.library import Kernel, ready

WORTH_THREADS = 1 << 20  # multiply-adds
TALL = 128  # rows of a result from which on rows are shared, not columns, unless the second factor is turned
BY_ROWS, BY_COLUMNS, PLAIN, TURNED = 101, 102, 111, 112  # how cblas.h calls the orders of a matrix
WORDS = ("blas", "order", "turned", "other", "n", "k", "x", "ldx", "y", "ldy", "out", "ldo", "apart", "between")


class Text(NamedTuple):
    """The code: BLAS on the rows ``start`` to ``stop`` of the first factor and of the result."""

    machine: Machine
    arguments: tuple[Argument, ...] = ()
    own: int = 0
    turns: int = 1

    def text(self) -> str:
        """The whole module."""
        lines = []
        for k, word in enumerate(WORDS):
            lines += [f"%p{k} = getelementptr i64, ptr %words, i64 {k}", f"%{word} = load i64, ptr %p{k}"]
        return "\n".join([
            "define void @kernel(ptr %words, i64 %start, i64 %stop, i64 %who, i64 %part) nounwind {", *lines,
            *(f"%{w}.int = trunc i64 %{w} to i32" for w in ("order", "turned", "other")),
            "%rows = sub i64 %stop, %start\n%skipped = mul i64 %start, %apart\n%skips = mul i64 %start, %between",
            "%from = add i64 %x, %skipped\n%to = add i64 %out, %skips\n%sgemm = inttoptr i64 %blas to ptr",
            "call void %sgemm(i32 %order.int, i32 %turned.int, i32 %other.int, i64 %rows, i64 %n, i64 %k, float 1.0,"
            " i64 %from, i64 %ldx, i64 %y, i64 %ldy, float 0.0, i64 %to, i64 %ldo)\nret void\n}",
        ])  # fmt: skip


def _code(machine: Machine, key: None) -> Any:
    return Text(machine)


@cache
def _sgemm() -> int:
    """The address of BLAS's product in the library of NumPy's wheels, with sizes of 64 bits; 0 where it is another."""
    found = functions("scipy_cblas_sgemm64_")
    return ctypes.cast(found[0], ctypes.c_void_p).value or 0 if found else 0


def _order(x: Array) -> tuple[int, int]:
    """How a matrix lies in memory: ``PLAIN`` row by row, and numbers from one row to the next; 0 where it has gaps."""
    for turned, (far, near), width in ((PLAIN, x.strides, x.shape[1]), (TURNED, x.strides[::-1], x.shape[0])):
        if near == x.itemsize and far >= width * near and far % near == 0 and x.flags.aligned:
            return turned, far // near
    return 0, 0


def shared(x: Array, y: Array) -> Array | None:
    """The product of two matrices of float32; None where one thread is as fast, or BLAS is another."""
    if x.size * y.shape[1] < WORTH_THREADS or is_held() or not threads.shares_sums() or not _sgemm():
        return None
    if not (_order(x)[0] and _order(y)[0]):
        return None
    kernel = ready("shares of a matrix product", None, _code)
    return None if kernel is None else alone(_shared, kernel, x, y)


def _shared(kernel: Kernel, x: Array, y: Array) -> Array:
    (turned, ldx), (other, ldy), (rows, among), columns = _order(x), _order(y), x.shape, y.shape[1]
    out = np.empty((rows, columns), np.float32)
    if rows >= columns or (rows >= TALL and other == PLAIN):
        left = BY_ROWS, turned, other, columns, among, x.ctypes.data, ldx, y.ctypes.data, ldy
        apart, between, count = ldx if turned == PLAIN else 1, columns, rows
    else:  # the result and its factors, turned
        left = BY_COLUMNS, other, turned, rows, among, y.ctypes.data, ldy, x.ctypes.data, ldx
        apart, between, count = ldy if other == TURNED else 1, 1, columns
    words = np.array([_sgemm(), *left, out.ctypes.data, columns, 4 * apart, 4 * between], np.int64)
    kernel.run(words, count, min(threads.workers(), count))
    return out

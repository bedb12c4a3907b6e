"""Products of matrices by BLAS, each thread some rows or columns, which the team hands out faster than Python does."""

from __future__ import annotations

import ctypes
from functools import cache

import numpy as np

from autodiff.kernels import threads
from autodiff.kernels.blas import alone, functions, is_held
from autodiff.kernels.geometry import Array
from autodiff.kernels.llvm.builder import Code, Machine, Value
from autodiff.kernels.llvm.library import Kernel, ready

WORTH_THREADS = 1 << 20  # multiply-adds
TALL = 128  # rows of a result from which on rows are shared, not columns, unless the second factor is turned
BY_ROWS, BY_COLUMNS, PLAIN, TURNED = 101, 102, 111, 112  # how cblas.h calls the orders of a matrix
WORDS = 14  # that the kernel reads


def _build(machine: Machine, key: None) -> Code:
    """BLAS on the rows ``start`` to ``stop`` of the first factor and of the result."""
    k = Code(machine, ())
    words = [k.integer(k.given, 8 * i) for i in range(WORDS)]
    blas, *orders, n, among, x, ldx, y, ldy, out, ldo, apart, between = words
    rows, one, zero = k.binary("sub", k.stop, k.start), Value("float", "1.0"), Value("float", "0.0")
    left, to = (k.add(base, k.binary("mul", k.start, step)) for base, step in ((x, apart), (out, between)))
    enums = [k.op("i32", f"trunc {order} to i32") for order in orders]
    k.call_at(blas, *enums, rows, n, among, one, left, ldx, y, ldy, zero, to, ldo)
    return k


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
    kernel = ready("shares of a matrix product", None, _build)
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

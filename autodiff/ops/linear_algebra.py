"""Primitives of linear algebra: the matrix product with NumPy's broadcasting, and the affine map of a dense layer."""

from __future__ import annotations

import math
from functools import wraps
from typing import Any

import numpy as np

from autodiff.engine.primitive import Primitive
from autodiff.kernels.layout import by_first, row_major
from autodiff.kernels.products import dot
from autodiff.ops.arrays import are_arrays

ndarray = np.ndarray
SMALL = 1 << 12  # numbers, or bytes of them, below which calls cost more than arithmetic


def _product(x: Any, y: Any) -> Any:
    """The product of two matrices; of small arrays by the method, which has less overhead than ``@``."""
    if not isinstance(x, ndarray) or not isinstance(y, ndarray):  # are_arrays(x, y), without the call
        return x @ y
    return x.dot(y) if y.nbytes < SMALL else dot(x, y)


@wraps(np.matmul)
def _matmul(x: Any, y: Any) -> Any:
    both = (type(x) is ndarray and type(y) is ndarray) or are_arrays(x, y)
    if both and x.ndim == y.ndim == 2 and x.dtype.char in "fd":
        return x.dot(y) if y.nbytes < SMALL else dot(x, y)
    return row_major(np.matmul(x, y))


def _matmul_left(g: Any, out: Any, x: Any, y: Any) -> Any:
    if len(y.shape) == 1:
        return g[..., None] * y
    if len(x.shape) == 1:
        return np.matmul(y, g[..., None])[..., 0]
    return matmul(g, y.mT)


def _matmul_right(g: Any, out: Any, x: Any, y: Any) -> Any:
    if len(x.shape) == 1:
        return x * g[..., None] if len(y.shape) == 1 else x[:, None] * g[..., None, :]
    if len(y.shape) == 1:
        return np.matmul(x.mT, g[..., None])[..., 0]
    return matmul(x.mT, g)


def _rows(x: Any) -> Any:
    """``x`` as a matrix with the same last axis: one GEMM instead of one for each leading index."""
    return x if len(x.shape) == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


FEW, LARGE = 50, 1 << 15


def _by_transpose(x: Any, w: Any, b: Any) -> Any:
    """x w^T, plus a row b if it is given; on small matrices by ``dot``, which has less overhead than matmul.

    For few rows against a large w OpenBLAS is faster at w x^T, the copy back included; from about 50 rows on, or a
    quarter of w's, it is slower.
    """
    if x.size < SMALL:
        out = x.dot(w.T)
    elif w.size >= LARGE and 1 < len(x) <= FEW and 4 * len(x) <= len(w):
        out = np.ascontiguousarray(dot(w, x.T).T)
    else:
        return dot(x, w.T, b)
    return out if b is None else np.add(out, b, out)


def _linear(x: Any, w: Any, b: Any = None) -> Any:
    if w.ndim != 2:
        raise ValueError(f"the weight has shape {w.shape}, but a layer's has two axes (out, in)")
    row, b = (b, None) if b is not None and b.shape == w.shape[:1] else (None, b)
    out = _by_transpose(x if x.ndim == 2 else _rows(x), w, row)
    out = out if x.ndim == 2 else out.reshape(*x.shape[:-1], w.shape[0])
    return out if b is None else np.add(out, b, out)  # a bias of another shape, as far as it broadcasts


def _linear_input(g: Any, out: Any, x: Any, w: Any, b: Any = None) -> Any:
    return _product(g, w) if len(x.shape) == 2 else _product(_rows(g), w).reshape(x.shape)


def _linear_weight(g: Any, out: Any, x: Any, w: Any, b: Any = None) -> Any:
    return _product(g.T, x) if len(x.shape) == 2 else _product(_rows(g).T, _rows(x))


Labels = tuple[Any, ...]


def _contract(x: Any, y: Any, left: Labels, right: Labels, result: Labels) -> Any:
    """The sum over the labels that ``result`` lacks, as a stack of matrix products: what both keep, rows, columns."""
    stack = [a for a in left if a in right and a in result]
    summed = [a for a in left if a in right and a not in result]
    rows, columns = [a for a in left if a not in right], [a for a in right if a not in left]
    size = dict(zip(right, y.shape, strict=True)) | dict(zip(left, x.shape, strict=True))

    def lengths(labels: list[Any]) -> tuple[int, ...]:
        return tuple(size[a] for a in labels)

    if not summed:
        u, v = (z.transpose([own.index(a) for a in result if a in own]).reshape(
            [size[a] if a in own else 1 for a in result]) for z, own in ((x, left), (y, right)))
        return by_first(u * v, (u, v))
    among, height, width = math.prod(lengths(summed)), math.prod(lengths(rows)), math.prod(lengths(columns))
    p = x.transpose([left.index(a) for a in stack + rows + summed]).reshape(*lengths(stack), height, among)
    q = y.transpose([right.index(a) for a in stack + summed + columns]).reshape(*lengths(stack), among, width)
    order = stack + rows + columns
    return row_major(np.matmul(p, q)).reshape(lengths(order)).transpose([order.index(a) for a in result])


# Of the three (x, y, out) each label is in two or all, so that every VJP is such a contraction again.
contract = Primitive("contract", _contract,
                     lambda g, out, x, y, left, right, result: contract(g, y, left=result, right=right, result=left),
                     lambda g, out, x, y, left, right, result: contract(x, g, left=left, right=result, result=right),
                     keeps=("y", "x"), promotes=False, lends="x y")

matmul = Primitive("matmul", _matmul, _matmul_left, _matmul_right, keeps=("y", "x"), promotes=False)

linear = Primitive("linear", _linear,
                   _linear_input,
                   _linear_weight,
                   lambda g, out, x, w, b=None: g, keeps=("w", "x", ""), promotes=False)

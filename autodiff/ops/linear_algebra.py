"""Primitives of linear algebra: the matrix product with NumPy's broadcasting, and the affine map of a dense layer."""

from __future__ import annotations

import math
from functools import lru_cache, wraps
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


def _by_transpose(x: Any, w: Any, b: Any) -> Any:
    """x w^T, plus a row b if it is given; on small matrices by the method, which has less overhead."""
    if x.size >= SMALL:
        return dot(x, w.T, b)
    out = x.dot(w.T)
    return out if b is None else np.add(out, b, out)


def _linear(x: Any, w: Any, b: Any = None) -> Any:
    if w.ndim != 2:
        raise ValueError(f"the weight has shape {w.shape}, but a layer's has two axes (out, in)")
    if x.ndim == 2 and x.size < SMALL:
        out = x.dot(w.T)
    else:
        row, b = (b, None) if b is not None and b.shape == w.shape[:1] else (None, b)
        out = _by_transpose(_rows(x), w, row)
        out = out if x.ndim == 2 else out.reshape(*x.shape[:-1], w.shape[0])
    return out if b is None else np.add(out, b, out)  # a bias of another shape, as far as it broadcasts


def _linear_input(g: Any, out: Any, x: Any, w: Any, b: Any = None) -> Any:
    return _product(g, w) if len(x.shape) == 2 else _product(_rows(g), w).reshape(x.shape)


def _linear_weight(g: Any, out: Any, x: Any, w: Any, b: Any = None) -> Any:
    return _product(g.T, x) if len(x.shape) == 2 else _product(_rows(g).T, _rows(x))


Labels = tuple[Any, ...]


def _contract(x: Any, y: Any, left: Labels, right: Labels, result: Labels) -> Any:
    """The sum over the labels that ``result`` lacks, as a stack of matrix products: what both keep, rows, columns."""
    x_axes, x_shape, y_axes, y_shape, lengths, axes = _matrices(left, right, result, x.shape, y.shape)
    p, q = x.transpose(x_axes).reshape(x_shape), y.transpose(y_axes).reshape(y_shape)
    if lengths is None:
        return by_first(p * q, (p, q))
    return row_major(np.matmul(p, q)).reshape(lengths).transpose(axes)


@lru_cache(1024)  # a program contracts the same shapes again and again
def _matrices(left: Labels, right: Labels, result: Labels, x: tuple[int, ...], y: tuple[int, ...]) -> tuple[Any, ...]:
    """For both operands the order of axes and the shape as a stack of matrices; then those of the product.

    Where nothing is summed the shapes broadcast, and the product has no other.
    """
    stack = [a for a in left if a in right and a in result]
    summed = [a for a in left if a in right and a not in result]
    rows, columns = [a for a in left if a not in right], [a for a in right if a not in left]
    size = dict(zip(right, y, strict=True)) | dict(zip(left, x, strict=True))
    if not summed:
        both = [([own.index(a) for a in result if a in own], [size[a] if a in own else 1 for a in result])
                for own in (left, right)]  # fmt: skip
        return *both[0], *both[1], None, None
    among, height, width = (math.prod([size[a] for a in labels]) for labels in (summed, rows, columns))
    order, many = stack + rows + columns, [size[a] for a in stack]
    return ([left.index(a) for a in stack + rows + summed], [*many, height, among],
            [right.index(a) for a in stack + summed + columns], [*many, among, width],
            [size[a] for a in order], [order.index(a) for a in result])  # fmt: skip


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

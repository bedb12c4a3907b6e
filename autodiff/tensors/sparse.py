"""SparseTensor: arithmetic of tensors of which only some entries are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.engine.apply import apply
from autodiff.engine.primitive import Primitive, primitives
from autodiff.engine.values import TensorBase, wrap
from autodiff.errors import DtypeError, ShapeError
from autodiff.functions.axes import axes_of
from autodiff.functions.joining import cat
from autodiff.kernels.arrays import as_array
from autodiff.kernels.sparse import Pattern
from autodiff.ops.arithmetic import add, divide, multiply, negative, power, subtract
from autodiff.ops.indexing import index
from autodiff.ops.lengths import absolute
from autodiff.ops.linear_algebra import matmul
from autodiff.ops.reductions import sum_
from autodiff.ops.shaping import reshape
from autodiff.ops.sparse import sparse_matmul
from autodiff.tensors.coordinates import Coordinates

# Functions of one number that are 0 at 0: they leave the other entries as they are.
KEEPS_ZERO = frozenset((
    "absolute", "asin", "asinh", "atan", "atanh", "ceil", "erf", "erfinv", "expm1", "floor", "log1p", "relu", "round",
    "sign", "sin", "sinh", "sqrt", "square", "tan", "tanh", "trunc",
))  # fmt: skip


class SparseTensor(Coordinates):
    """A tensor of which only some entries are kept, at their coordinates; all others are 0.

    ``sparse_coo_tensor`` and ``x.to_sparse()`` make one. What is computed with it is recorded through its entries:
    gradients reach them, and the dense operands.

    >>> import autodiff
    >>> x = autodiff.sparse_coo_tensor([[0, 1, 1], [2, 0, 2]], [3.0, 4.0, 5.0], (2, 3))
    >>> x @ autodiff.ones(3)
    tensor([3., 9.])
    """

    __slots__ = ()

    @staticmethod
    def __primitive__(primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Apply a primitive where an input is sparse, by the rule that it has for these.

        Raises DtypeError where there is none.
        """
        rule = RULES.get(primitive.name)
        if rule is not None:
            return rule(*inputs, **params)
        if primitive.name in KEEPS_ZERO:
            x = inputs[0].coalesce()
            return x._with(apply(primitive, (x.entries,), params))
        raise DtypeError(f"{primitive.name} is not there for sparse tensors; to_dense() makes a dense one")

    def pattern(self) -> Pattern:
        """Where the entries of a matrix lie, for products; made once; raises ShapeError for what is no matrix."""
        if self._pattern is None:
            if self.sparse_dim() != 2 or self.dense_dim():
                raise ShapeError(f"a sparse matrix is multiplied, not a tensor of shape {tuple(self.shape)}")
            rows, cols = self.coordinates
            self._pattern = Pattern(rows, cols, (self.shape[0], self.shape[1]))
        return self._pattern

    def __add__(self, other: Any) -> Any:
        return apply(add, (self, other))

    def __radd__(self, other: Any) -> Any:
        return apply(add, (other, self))

    def __sub__(self, other: Any) -> Any:
        return apply(subtract, (self, other))

    def __rsub__(self, other: Any) -> Any:
        return apply(subtract, (other, self))

    def __mul__(self, other: Any) -> Any:
        return apply(multiply, (self, other))

    def __rmul__(self, other: Any) -> Any:
        return apply(multiply, (other, self))

    def __truediv__(self, other: Any) -> Any:
        return apply(divide, (self, other))

    def __pow__(self, other: Any) -> Any:
        return apply(power, (self, other))

    def __matmul__(self, other: Any) -> Any:
        return apply(matmul, (self, other))

    def __rmatmul__(self, other: Any) -> Any:
        return apply(matmul, (other, self))

    def __neg__(self) -> Any:
        return apply(negative, (self,))

    def __abs__(self) -> Any:
        return apply(absolute, (self,))

    add, sub, subtract, mul, multiply, div, neg = __add__, __sub__, __sub__, __mul__, __mul__, __truediv__, __neg__
    abs, pow, matmul, mm, mv = __abs__, __pow__, __matmul__, __matmul__, __matmul__

    def relu(self) -> Any:
        """The larger of each entry and 0."""
        return apply(primitives["relu"], (self,))

    def sqrt(self) -> Any:
        """The root of each entry."""
        return apply(primitives["sqrt"], (self,))

    def sum(self, dim: Any = None, *, dtype: Any = None) -> Any:
        """The sum of all entries, dense; over some axes, sparse unless no sparse axis is left."""
        x = self if dtype is None else self.to(dtype)
        return _sum(x, None if dim is None else axes_of(dim, self.ndim))


def sparse_of(x: Any, sparse_dim: int | None = None) -> SparseTensor:
    """The entries of a dense tensor that are not 0, or the parts along its first axes that are not all 0."""
    axes = x.ndim if sparse_dim is None else sparse_dim
    if not 0 < axes <= x.ndim:
        raise ShapeError(f"to_sparse({sparse_dim}) of shape {tuple(x.shape)}: give from 1 to {x.ndim} axes")
    full = x._array != 0
    key = np.nonzero(full.any(tuple(range(axes, x.ndim))) if axes < x.ndim else full)
    return SparseTensor(np.stack(key), index(x, key=key), x.shape, True)


def masked_by(x: Any, mask: SparseTensor) -> SparseTensor:
    """The entries of a dense tensor at the coordinates of a sparse one."""
    if tuple(x.shape) != tuple(mask.shape):
        raise ShapeError(f"a mask of shape {tuple(mask.shape)} is for tensors of that shape, not {tuple(x.shape)}")
    mask = mask.coalesce()
    return mask._with(index(x, key=tuple(mask.coordinates)))


def _matmul(x: Any, y: Any) -> Any:
    if not isinstance(x, SparseTensor):
        if x.ndim == 1:
            return _matmul(y.t(), x)
        turned = _matmul(y.t(), x.t())
        return turned.t()
    if isinstance(y, SparseTensor):
        return _sparse_product(x, y)
    y = y if isinstance(y, TensorBase) else wrap(as_array(y))
    pattern = x.pattern()
    if y.ndim not in (1, 2) or y.shape[0] != x.shape[1]:
        raise ShapeError(
            f"a sparse matrix (n, k) multiplies (k,) and (k, m); these have shapes {tuple(x.shape)} and "
            f"{tuple(y.shape)}"
        )
    column = reshape(y, shape=(-1, 1)) if y.ndim == 1 else y
    out = apply(sparse_matmul, (x.entries, column), {"pattern": pattern})
    return reshape(out, shape=(-1,)) if y.ndim == 1 else out


def _sparse_product(x: SparseTensor, y: SparseTensor) -> SparseTensor:
    """Each entry (i, k) of ``x`` times all (k, j) of ``y``."""
    left, right = x.pattern(), y.coalesce().pattern()
    if x.shape[1] != y.shape[0]:
        raise ShapeError(f"matrices (n, k) and (k, m) are multiplied, not {tuple(x.shape)} and {tuple(y.shape)}")
    starts = np.searchsorted(right.rows, np.arange(y.shape[0] + 1))
    counts = np.diff(starts)[left.cols]
    ours = np.repeat(np.arange(x._nnz()), counts)
    theirs = np.arange(len(ours)) - np.repeat(np.cumsum(counts) - counts, counts) + starts[left.cols[ours]]
    entries = apply(multiply, (index(x.entries, key=ours), index(y.coalesce().entries, key=theirs)))
    return SparseTensor(np.stack([left.rows[ours], right.cols[theirs]]), entries, (x.shape[0], y.shape[1])).coalesce()


def _add(x: Any, y: Any) -> Any:
    if not (isinstance(x, SparseTensor) and isinstance(y, SparseTensor)):
        dense, sparse = (y, x) if isinstance(x, SparseTensor) else (x, y)
        if tuple(np.shape(dense)) != tuple(sparse.shape):
            raise ShapeError(
                f"a sparse tensor of shape {tuple(sparse.shape)} is added to a dense one of that shape, not of "
                f"{tuple(np.shape(dense))}; its other entries are 0, and stay so only times a number"
            )
        return apply(add, (dense, sparse.to_dense()))
    if x.shape != y.shape or x.sparse_dim() != y.sparse_dim():
        raise ShapeError(f"sparse tensors of one shape are added, not of {tuple(x.shape)} and {tuple(y.shape)}")
    if np.array_equal(x.coordinates, y.coordinates):
        return x._with(apply(add, (x.entries, y.entries)))
    entries = cat([x.entries, y.entries])
    both = SparseTensor(np.concatenate([x.coordinates, y.coordinates], 1), entries, x.shape)
    return both.coalesce() if x.is_coalesced() and y.is_coalesced() else both


def _is_number(x: Any) -> bool:
    return not isinstance(x, SparseTensor) and np.ndim(getattr(x, "_array", x)) == 0


def _multiply(x: Any, y: Any) -> Any:
    x, y = (x, y) if isinstance(x, SparseTensor) else (y, x)
    if _is_number(y):
        return x._with(apply(multiply, (x.entries, y)))
    if not isinstance(y, SparseTensor):
        y = y if isinstance(y, TensorBase) else wrap(as_array(y))
        return x._with(apply(multiply, (x.entries, index(y.broadcast_to(tuple(x.shape)), key=tuple(x.coordinates)))))
    if x.shape != y.shape or x.sparse_dim() != y.sparse_dim():
        raise ShapeError(f"sparse tensors of one shape are multiplied, not of {tuple(x.shape)} and {tuple(y.shape)}")
    x, y = x.coalesce(), y.coalesce()
    axes = range(x.sparse_dim())
    _, ours, theirs = np.intersect1d(x._flat(axes)[0], y._flat(axes)[0], True, True)
    entries = apply(multiply, (index(x.entries, key=ours), index(y.entries, key=theirs)))
    return SparseTensor(x.coordinates[:, ours], entries, x.shape, True)


def _divide(x: Any, y: Any) -> Any:
    if not _is_number(y):
        raise ShapeError("a sparse tensor is divided by a number; by 0 beside its entries it would not stay sparse")
    return x._with(apply(divide, (x.entries, y)))


def _power(x: Any, y: Any) -> Any:
    if not (isinstance(y, (int, float)) and y > 0):
        raise ShapeError(f"a sparse tensor is raised to a number above 0, not to {y!r:.40}")
    x = x.coalesce()
    return x._with(apply(power, (x.entries, y)))


def _sum(x: SparseTensor, axis: Any, keepdims: bool = False) -> Any:
    axes = set(range(x.ndim) if axis is None else axes_of(axis, x.ndim))
    kept = [a for a in range(x.sparse_dim()) if a not in axes]
    dense = tuple(a - x.sparse_dim() + 1 for a in sorted(axes) if a >= x.sparse_dim())
    entries = sum_(x.entries, axis=dense, keepdims=False) if dense else x.entries
    if not kept:
        return sum_(entries, axis=(0,), keepdims=False)
    shape = [n for a, n in enumerate(x.shape) if a not in axes]
    return SparseTensor(x.coordinates[kept], entries, shape).coalesce()


def _concatenate(*parts: Any, axis: int, **lengths: Any) -> SparseTensor:
    first = parts[0]
    fitting = all(isinstance(x, SparseTensor) and x.sparse_dim() == first.sparse_dim() for x in parts)
    if not fitting or axis >= first.sparse_dim():
        raise ShapeError("sparse tensors are joined with others of as many sparse axes, along one of these")
    starts = np.cumsum([0, *(x.shape[axis] for x in parts)])
    coordinates = [x.coordinates.copy() for x in parts]
    for places, start in zip(coordinates, starts, strict=False):
        places[axis] += start
    shape = (*first.shape[:axis], int(starts[-1]), *first.shape[axis + 1 :])
    return SparseTensor(np.concatenate(coordinates, 1), cat([x.entries for x in parts]), shape)


def _linear(x: Any, w: Any, b: Any = None) -> Any:
    out = _matmul(x, w.t())
    return out if b is None else out + b


RULES: dict[str, Callable[..., Any]] = {
    "add": _add,
    "subtract": lambda x, y: _add(x, apply(negative, (y,))),
    "multiply": _multiply,
    "divide": _divide,
    "negative": lambda x: x._with(apply(negative, (x.entries,))),
    "power": _power,
    "concatenate": _concatenate,
    "matmul": _matmul,
    "linear": _linear,
    "sum": _sum,
}

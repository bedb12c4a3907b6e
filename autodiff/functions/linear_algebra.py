"""Linear algebra by PyTorch's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.dtypes import as_dtype
from autodiff.engine.broadcasting import broadcasts_to
from autodiff.engine.values import Value
from autodiff.errors import ShapeError
from autodiff.functions.arithmetic import add, multiply
from autodiff.functions.arrays import lent, one_dtype, tensors_only
from autodiff.functions.axes import also_called, length_of
from autodiff.functions.diagonals import diagonal
from autodiff.functions.public import as_function, of_two
from autodiff.functions.reductions import beside
from autodiff.functions.reductions import sum as sum_
from autodiff.functions.shaping import clone, contiguous
from autodiff.kinds import wrong_kind
from autodiff.ops.complex_numbers import conjugate
from autodiff.ops.indexing import index
from autodiff.ops.linear_algebra import contract
from autodiff.ops.linear_algebra import matmul as product
from autodiff.ops.shaping import cast, reshape

__all__ = [
    "addbmm", "addmm", "addmv", "addr", "baddbmm", "bmm", "chain_matmul", "cross", "dot", "ger", "inner", "kron",
    "matmul", "mm", "mv", "outer", "tensordot", "trace", "vdot",
]

matmul = as_function(
    product, of_two, "The product ``input @ other`` of (..., n, k) and (..., k, m), broadcast; one axis is a vector.")


def _product(name: str, input: Any, other: Any, ndims: tuple[int, int]) -> Value:
    try:
        fits = (input.ndim, other.ndim) == ndims
    except AttributeError as error:
        raise wrong_kind(name, (input, other), error) or error from None
    if not fits:
        raise ShapeError(
            f"{name} takes tensors of {ndims[0]} and {ndims[1]} dimensions, not shapes {tuple(input.shape)} and "
            f"{tuple(other.shape)}; matmul takes all"
        )
    if ndims == (3, 3) and len(input) != len(other):
        raise ShapeError(f"{name} takes as many matrices in each stack, not {len(input)} and {len(other)}")
    return product(input, other)


def mm(input: Any, mat2: Any, out_dtype: Any = None) -> Value:
    """The product of two matrices, (n, m) and (m, p), computed in ``out_dtype`` where it is given.

    Raises ShapeError for other numbers of axes, and where lengths do not fit.
    """
    if out_dtype is not None:
        input, mat2 = _in_dtype(out_dtype, input, mat2)
    return _product("mm", input, mat2, (2, 2))


def bmm(input: Any, mat2: Any, out_dtype: Any = None) -> Value:
    """The products of two stacks of matrices, (b, n, m) and (b, m, p), computed in ``out_dtype`` where it is given.

    Raises ShapeError for other numbers of axes, and where lengths do not fit.
    """
    if out_dtype is not None:
        input, mat2 = _in_dtype(out_dtype, input, mat2)
    return _product("bmm", input, mat2, (3, 3))


def _in_dtype(dtype: Any, *given: Any) -> tuple[Any, ...]:
    """The tensors in ``dtype``, or as they are."""
    return given if dtype is None else tuple(cast(x, as_dtype(dtype)) for x in given)


def mv(input: Any, vec: Any) -> Value:
    """The product of a matrix (n, m) and a vector (m,).

    Raises ShapeError for other numbers of axes, and where lengths do not fit.
    """
    return _product("mv", input, vec, (2, 1))


@also_called(other="tensor")
def dot(input: Any, tensor: Any) -> Value:
    """The inner product of two vectors (n,).

    Raises ShapeError for other numbers of axes, and where lengths do not fit.
    """
    return _product("dot", input, tensor, (1, 1))


def outer(input: Any, vec2: Any) -> Value:
    """All products of an entry of ``input`` (n,) and one of ``vec2`` (m,): (n, m).

    Raises ShapeError for what is no vector.
    """
    tensors_only("outer", input, vec2)
    if input.ndim != 1 or vec2.ndim != 1:
        raise ShapeError(f"outer takes two vectors, not shapes {tuple(input.shape)} and {tuple(vec2.shape)}")
    return multiply(reshape(input, shape=(-1, 1)), vec2)


ger = outer


def vdot(input: Any, other: Any) -> Value:
    """The inner product of two vectors (n,); of complex ones that of the conjugate of ``input``."""
    return dot(conjugate(input), other)


def inner(input: Any, other: Any) -> Value:
    """The inner products of the last axes, (..., n) and (..., n); a number multiplies.

    Raises ShapeError where the last axes differ in length.
    """
    tensors_only("inner", input, other)
    if not input.ndim or not other.ndim:
        return multiply(input, other)
    if input.shape[-1] != other.shape[-1]:
        shapes = f"{tuple(input.shape)} and {tuple(other.shape)}"
        raise ShapeError(f"inner takes last axes of one length, not shapes {shapes}")
    return tensordot(input, other, ([-1], [-1]))


def tensordot(a: Any, b: Any, dims: Any = 2) -> Value:
    """The sum over pairs of axes: the last ``dims`` of ``a`` with the first of ``b``, or two lists of them.

    Raises ShapeError where the axes that meet differ in length.

    >>> import autodiff
    >>> autodiff.tensordot(autodiff.ones(2, 3), autodiff.ones(3, 4), 1).shape
    autodiff.Size([2, 4])
    """
    pairs = (range(a.ndim - dims, a.ndim), range(dims)) if isinstance(dims, int) else dims
    ours, theirs = ([length_of(x, d)[0] for d in side] for x, side in zip((a, b), pairs, strict=True))
    if len(ours) == len(theirs):  # as in PyTorch an axis of length one is stretched
        a, b = _summed_where_one(a, ours, b, theirs), _summed_where_one(b, theirs, a, ours)
    if [a.shape[i] for i in ours] != [b.shape[i] for i in theirs]:
        raise ShapeError(f"tensordot over {dims}: lengths differ in shapes {tuple(a.shape)} and {tuple(b.shape)}")
    left = tuple(range(a.ndim))
    right = tuple(ours[theirs.index(i)] if i in theirs else a.ndim + i for i in range(b.ndim))
    return contiguous(contract(a, b, left=left, right=right, result=tuple(i for i in left + right if i not in ours)))


def _summed_where_one(x: Any, axes: list[int], other: Any, others: list[int]) -> Any:
    """``x`` summed over those of its ``axes`` that ``other`` has with length one."""
    summed = tuple(i for i, j in zip(axes, others, strict=True) if other.shape[j] == 1 != x.shape[i])
    return sum_(x, summed, keepdim=True) if summed else x


def kron(input: Any, other: Any) -> Value:
    """Kronecker's product: every entry of ``input`` times ``other``, block by block."""
    tensors_only("kron", input, other)
    ndim = max(input.ndim, other.ndim)
    x, y = ((1,) * (ndim - z.ndim) + tuple(z.shape) for z in (input, other))
    blocks = multiply(
        lent(reshape(input, shape=tuple(n for length in x for n in (length, 1)))),
        lent(reshape(other, shape=tuple(n for length in y for n in (1, length)))),
    )
    return reshape(blocks, shape=tuple(n * m for n, m in zip(x, y, strict=True)))


def trace(input: Any) -> Value:
    """The sum of the diagonal of a matrix; raises ShapeError for what is no matrix."""
    if input.ndim != 2:
        raise ShapeError(f"trace takes a matrix, not shape {tuple(input.shape)}")
    return sum_(diagonal(input))


def cross(input: Any, other: Any, dim: int | None = None) -> Value:
    """The vector product along ``dim``, of length 3; without it, along the first axis of that length.

    Raises ShapeError where the axis is not of length 3.
    """
    tensors_only("cross", input, other)
    if input.ndim != other.ndim:
        raise ShapeError(f"cross takes tensors of as many axes, not shapes {tuple(input.shape)}, {tuple(other.shape)}")
    if dim is None:
        dim = next((i for i, n in enumerate(input.shape) if n == 3), -1)
    back = length_of(input, dim)[0] - input.ndim
    if input.shape[back] != 3 or other.shape[back] != 3:
        raise ShapeError(f"cross: dim {dim} of {tuple(input.shape)} and {tuple(other.shape)} must have length 3")
    behind = (slice(None),) * (-1 - back)
    following, last = (..., np.array([1, 2, 0]), *behind), (..., np.array([2, 0, 1]), *behind)
    return index(input, key=following) * index(other, key=last) - index(input, key=last) * index(other, key=following)


def chain_matmul(*matrices: Any) -> Value:
    """The product of several matrices, in the order that takes the fewest multiplications (Cormen 2009, sec. 15.2).

    Raises ShapeError for what is no matrix, and for none.
    """
    if not matrices:
        raise ShapeError("chain_matmul takes one matrix or more; none was given")
    if len(matrices) == 1:
        return clone(matrices[0])
    if any(x.ndim != 2 for x in matrices):
        shapes = ", ".join(str(tuple(x.shape)) for x in matrices)
        raise ShapeError(f"chain_matmul takes matrices, not shapes {shapes}")
    sizes = [x.shape[0] for x in matrices] + [matrices[-1].shape[-1]]
    best: dict[tuple[int, int], tuple[int, int]] = {(i, i): (0, i) for i in range(len(matrices))}
    for reach in range(1, len(matrices)):
        for i in range(len(matrices) - reach):
            j = i + reach
            best[i, j] = min(
                (best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            )

    def run(i: int, j: int) -> Any:
        return matrices[i] if i == j else product(run(i, best[i, j][1]), run(best[i, j][1] + 1, j))

    return run(0, len(matrices) - 1)


def _plus(name: str, input: Any, product: Any, beta: float, alpha: float) -> Value:
    """``beta * input + alpha * product``; with ``beta`` 0, the entries of ``input`` are not looked at."""
    if not broadcasts_to(tuple(input.shape), tuple(product.shape)):
        raise ShapeError(f"{name} adds to a product of shape {tuple(product.shape)}, not to {tuple(input.shape)}")
    if name != "addr":  # which promotes, as outer does
        one_dtype(name, input, product)
    scaled = product if alpha == 1 else product * alpha
    return beside(scaled, input) if beta == 0 else add(input if beta == 1 else input * beta, scaled)


def addmm(
    input: Any, mat1: Any, mat2: Any, out_dtype: Any = None, *, beta: float = 1, alpha: float = 1
) -> Value:
    """``beta * input + alpha * mat1 @ mat2``, of matrices, computed in ``out_dtype`` where it is given.

    Raises ShapeError where the factors do not fit each other, or ``input`` does not broadcast to the product.
    """
    (summand,) = _in_dtype(out_dtype, contiguous(input))
    return _plus("addmm", summand, mm(mat1, mat2, out_dtype), beta, alpha)


def addmv(input: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Value:
    """``beta * input + alpha * mat @ vec``, of a matrix and a vector.

    Raises ShapeError where the factors do not fit each other, or ``input`` does not broadcast to the product.
    """
    return _plus("addmv", contiguous(input), mv(mat, vec), beta, alpha)


def addr(input: Any, vec1: Any, vec2: Any, *, beta: float = 1, alpha: float = 1) -> Value:
    """``beta * input + alpha * outer(vec1, vec2)``.

    Raises ShapeError where the factors do not fit each other, or ``input`` does not broadcast to the product.
    """
    return _plus("addr", input, outer(vec1, vec2), beta, alpha)


def baddbmm(
    input: Any, batch1: Any, batch2: Any, out_dtype: Any = None, *, beta: float = 1, alpha: float = 1
) -> Value:
    """``beta * input + alpha * batch1 @ batch2``, of stacks of matrices, in ``out_dtype`` where it is given.

    Raises ShapeError where the factors do not fit each other, or ``input`` does not broadcast to the product.
    """
    (summand,) = _in_dtype(out_dtype, contiguous(input))
    return _plus("baddbmm", summand, bmm(batch1, batch2, out_dtype), beta, alpha)


def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Value:
    """``beta * input + alpha * sum of batch1[i] @ batch2[i]``.

    Raises ShapeError where the factors do not fit each other, or ``input`` does not broadcast to the product.
    """
    product = bmm(batch1, batch2)
    return _plus("addbmm", contiguous(input), sum_(product, 0).to(product.dtype), beta, alpha)  # small integers stay so

"""Linear algebra by PyTorch's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autodiff.errors import ShapeError
from autodiff.ops.linear_algebra import matmul

if TYPE_CHECKING:
    from autodiff.tensor import Tensor

__all__ = ["bmm", "dot", "matmul", "mm", "mv", "outer"]


def _product(name: str, input: Any, other: Any, ndims: tuple[int, int]) -> Tensor:
    if (input.ndim, other.ndim) != ndims:
        raise ShapeError(
            f"{name} takes tensors of {ndims[0]} and {ndims[1]} dimensions, not shapes {tuple(input.shape)} and "
            f"{tuple(other.shape)}; matmul takes all"
        )
    return matmul(input, other)


def mm(input: Any, mat2: Any) -> Tensor:
    """The product of two matrices, (n, m) and (m, p)."""
    return _product("mm", input, mat2, (2, 2))


def bmm(input: Any, mat2: Any) -> Tensor:
    """The products of two stacks of matrices, (b, n, m) and (b, m, p)."""
    return _product("bmm", input, mat2, (3, 3))


def mv(input: Any, vec: Any) -> Tensor:
    """The product of a matrix (n, m) and a vector (m,)."""
    return _product("mv", input, vec, (2, 1))


def dot(input: Any, tensor: Any) -> Tensor:
    """The inner product of two vectors (n,)."""
    return _product("dot", input, tensor, (1, 1))


def outer(input: Any, vec2: Any) -> Tensor:
    """All products of an entry of ``input`` (n,) and one of ``vec2`` (m,): (n, m)."""
    if input.ndim != 1 or vec2.ndim != 1:
        raise ShapeError(f"outer takes two vectors, not shapes {tuple(input.shape)} and {tuple(vec2.shape)}")
    return input.reshape(-1, 1) * vec2

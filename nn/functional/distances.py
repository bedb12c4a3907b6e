"""Distances and similarities of vectors."""

from __future__ import annotations

from typing import Any

from autodiff.engine.values import Value
from autodiff.functions.arithmetic import clamp
from autodiff.functions.arrays import real_only
from autodiff.functions.reductions import sum as sum_over
from autodiff.functions.shaping import broadcast_shapes, broadcast_to
from autodiff.linalg.norms import pdist, vector_norm
from autodiff.ops.shaping import in_single

__all__ = ["cosine_similarity", "pairwise_distance", "pdist"]


@real_only
@in_single
def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-08) -> Value:
    """The cosine of the angle between vectors along ``dim``; a norm counts as ``eps`` at least.

    Shapes: x1 and x2 broadcast to (*, D, *), result (*, *).

    >>> import autodiff
    >>> cosine_similarity(autodiff.tensor([[1.0, 0.0]]), autodiff.tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """
    if x1.shape != x2.shape:
        both = broadcast_shapes(tuple(x1.shape), tuple(x2.shape))
        x1, x2 = broadcast_to(x1, both), broadcast_to(x2, both)
    first, second = (x / clamp(vector_norm(x, 2, dim, keepdim=True), min=eps) for x in (x1, x2))
    return sum_over(first * second, dim)


@in_single
def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-06, keepdim: bool = False) -> Value:
    """The p-norm of x1 - x2 + eps along the last axis; ``eps`` keeps it from the corner at 0.

    Shapes: x1 and x2 broadcast to (*, D), result (*) or, with ``keepdim``, (*, 1); of two numbers ().
    """
    return vector_norm(x1 - x2 + eps, p, -1, keepdim)

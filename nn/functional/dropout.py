"""Dropout: noise that sets entries to zero while a network trains."""

from __future__ import annotations

from typing import Any

from autodiff.ops.arithmetic import multiply
from autodiff.random import numpy_generator
from autodiff.recording import apply
from nn.functional.arguments import check_probability

__all__ = ["dropout"]


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Set each entry to zero with probability ``p`` and multiply the others by 1 / (1 - p); not in training, nothing.

    The random numbers are the default generator's.

    Reference: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting".

    >>> import autodiff
    >>> dropout(autodiff.ones(3), training=False)
    tensor([1., 1., 1.])
    """
    check_probability(p)
    if not training or p == 0:
        return input
    kept = numpy_generator(None).random(input.shape, dtype="float32") >= p
    scale = 1 / (1 - p) if p < 1 else 0.0
    return apply(multiply, (input, (kept * scale).astype(input.dtype)))

"""Dropout: noise that sets entries to zero while a network trains."""

from __future__ import annotations

from typing import Any

from autodiff.errors import OptionError
from autodiff.ops.arithmetic import multiply
from autodiff.random import numpy_generator
from autodiff.recording import apply

__all__ = ["check_probability", "dropout"]


def check_probability(p: float) -> None:
    """Raise OptionError where ``p`` is no probability."""
    if not 0 <= p <= 1:
        raise OptionError(f"the probability of dropout lies between 0 and 1; p is {p}")


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

"""The update laws, on arrays and in place; nothing here knows a tensor or an optimizer.

Numbers may be Python floats, or arrays of no axes and of the parameter's dtype, which NumPy takes in half the time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["AdamNumbers", "adam", "added", "by_block", "descend", "remember"]

Array = np.ndarray[Any, Any]
Number = float | Array

add, divide, maximum, multiply, sqrt, subtract = np.add, np.divide, np.maximum, np.multiply, np.sqrt, np.subtract

BLOCK = 1 << 15  # entries at a time: a law passes over its arrays again and again while they stay in the cache


def by_block(law: Callable[..., None], arrays: tuple[Any, ...], *numbers: Any) -> None:
    """Apply an elementwise ``law`` to ``arrays`` of one shape, a few rows at a time where they are large.

    >>> x, g = np.ones(3), np.ones(3)
    >>> by_block(descend, (x, g), 0.5)
    >>> x
    array([0.5, 0.5, 0.5])
    """
    first = arrays[0]
    if not first.ndim:  # of two arrays without axes NumPy makes a scalar, in which nothing can be stored
        law(*(None if a is None else a[None] for a in arrays), *numbers)
    elif first.size <= BLOCK:
        law(*arrays, *numbers)
    else:
        step = max(BLOCK * len(first) // first.size, 1)
        for start in range(0, len(first), step):
            law(*(None if a is None else a[start : start + step] for a in arrays), *numbers)


def descend(x: Array, g: Array, rate: Number) -> None:
    """x <- x - rate g: gradient descent.

    Reference: Robbins & Monro 1951, "A stochastic approximation method".
    """
    subtract(x, multiply(g, rate), x)


def added(g: Array, factor: Number, x: Array) -> Array:
    """g + factor x: with x the parameter, g and the gradient of the penalty factor / 2 * x^2.

    Reference: Krogh & Hertz 1992, "A simple weight decay can improve generalization".
    """
    return g + factor * x


def remember(velocity: Array, g: Array, momentum: Number, fresh: Number) -> None:
    """velocity <- momentum velocity + fresh g, with fresh = 1 - dampening.

    Reference: Polyak 1964, "Some methods of speeding up the convergence of iteration methods".
    """
    multiply(velocity, momentum, velocity)
    add(velocity, multiply(g, fresh), velocity)


class AdamNumbers(NamedTuple):
    """What Adam's law multiplies by in one step."""

    keep_mean: Number
    fresh_mean: Number
    keep_square: Number
    fresh_square: Number
    epsilon: Number
    rate: Number

    @classmethod
    def at(cls, step: int, rate: float, betas: tuple[float, float], epsilon: float, dtype: Any) -> AdamNumbers:
        """Those of the ``step``-th step; both bias corrections are in ``rate`` and ``epsilon`` (end of section 2)."""
        one, two = betas
        correction = (1 - two**step) ** 0.5
        numbers = (one, 1 - one, two, 1 - two, epsilon * correction, rate * correction / (1 - one**step))
        return cls(*(np.array(number, dtype) for number in numbers))


def adam(x: Array, g: Array, mean: Array, square: Array, largest: Array | None, numbers: AdamNumbers) -> None:
    """One step of Adam with the moving averages ``mean`` of the gradient and ``square`` of its square.

    Law: mean <- b1 mean + (1 - b1) g, square <- b2 square + (1 - b2) g^2,
    x <- x - lr mean / (1 - b1^t) / (sqrt(square / (1 - b2^t)) + eps).
    AMSGrad divides by the ``largest`` square so far.

    Reference: Kingma & Ba 2015, "Adam: a method for stochastic optimization"; Reddi, Kale & Kumar 2018, "On the
    convergence of Adam and beyond".
    """
    keep_mean, fresh_mean, keep_square, fresh_square, epsilon, rate = numbers
    work = multiply(g, fresh_mean)
    multiply(mean, keep_mean, mean)
    add(mean, work, mean)
    multiply(g, g, work)
    multiply(work, fresh_square, work)
    multiply(square, keep_square, square)
    add(square, work, square)
    if largest is not None:
        square = maximum(largest, square, out=largest)
    sqrt(square, work)
    add(work, epsilon, work)
    divide(mean, work, work)
    multiply(work, rate, work)
    subtract(x, work, x)

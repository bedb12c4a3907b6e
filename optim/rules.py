"""The update laws, on arrays and in place; nothing here knows a tensor or an optimizer.

Numbers may be Python floats, or arrays of no axes and of the parameter's dtype, which NumPy takes faster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autodiff.kernels.lanes import routed

Array = np.ndarray[Any, Any]
Number = float | Array
Pair = tuple[float, float]

add, divide, multiply, subtract = np.add, np.divide, np.multiply, np.subtract
absolute, maximum, sqrt = np.absolute, np.maximum, np.sqrt

BLOCK = 1 << 15  # entries at a time: a law passes over its arrays again and again while they stay in the cache


def by_block(law: Callable[..., None], arrays: Sequence[Any], *numbers: Any) -> None:
    """Apply an elementwise ``law`` to ``arrays`` of one shape, a few rows at a time where they are large.

    >>> x, g = np.ones(3), np.ones(3)
    >>> by_block(descend, (x, g), 0.5)
    >>> x
    array([0.5, 0.5, 0.5])
    """
    first = arrays[0]
    if not first.ndim:  # of two arrays without axes NumPy makes a scalar, in which nothing can be stored
        law(*(None if a is None else a[None] for a in arrays), *numbers)
    elif first.size <= BLOCK or type(first) is not np.ndarray:  # an array of ``compile``, which cuts them itself
        law(*arrays, *numbers)
    elif routed("formula", _applied, first, law, (*arrays, *numbers)) is None:
        step = max(BLOCK * len(first) // first.size, 1)
        for start in range(0, len(first), step):
            law(*(None if a is None else a[start : start + step] for a in arrays), *numbers)


def _applied(first: Array, law: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    law(*arguments)


def descend(x: Array, g: Array, rate: Number) -> None:
    """x <- x - rate g: gradient descent.

    Reference: Robbins & Monro 1951, "A stochastic approximation method".
    """
    subtract(x, multiply(g, rate), x)


def added(g: Array, factor: Number, x: Array) -> Array:
    """g + factor x: with x the parameter, g and the gradient of the penalty factor / 2 * x^2.

    Reference: Krogh & Hertz 1992, "A simple weight decay can improve generalization".
    """
    penalized = factor * x
    penalized += g
    return penalized


def update_moment(moment: Array, g: Array, keep: Number, fresh: Number) -> None:
    """moment <- keep moment + fresh g: a moving average with fresh = 1 - keep, a velocity with fresh = 1 - dampening.

    Reference: Polyak 1964, "Some methods of speeding up the convergence of iteration methods".
    """
    multiply(moment, keep, moment)
    add(moment, g if fresh == 1 else multiply(g, fresh), moment)


def sgd(
    x: Array, g: Array, velocity: Array | None, decay: float | None, keep: Number, fresh: float, rate: Number,
    ahead: bool,
) -> None:  # fmt: skip
    """x <- x - rate velocity, where velocity <- keep velocity + fresh (g + decay x); without it x <- x - rate g.

    With ``ahead`` the direction is that of the next velocity, were g to stay (Nesterov).
    """
    if decay is not None:
        g = added(g, decay, x)
    if velocity is not None:
        update_moment(velocity, g, keep, fresh)
        g = added(g, keep, velocity) if ahead else velocity
    subtract(x, multiply(g, rate), x)


def first_sgd(
    x: Array, g: Array, velocity: Array, decay: float | None, keep: Number, fresh: float, rate: Number, ahead: bool
) -> None:
    """The first step of ``sgd``, in which the velocity becomes the gradient."""
    np.copyto(velocity, g if decay is None else added(g, decay, x))
    sgd(x, added(velocity, keep, velocity) if ahead else velocity, None, None, keep, fresh, rate, ahead)


class AdamNumbers(NamedTuple):
    """What Adam's law multiplies by in one step: (b1, b2), (1 - b1, 1 - b2), the constant in the divisor, the rate."""

    keep: tuple[Number, Number]
    fresh: tuple[Number, Number]
    epsilon: Number
    rate: Number

    @classmethod
    def at(cls, step: int, rate: float, betas: tuple[float, float], epsilon: float, dtype: Any) -> AdamNumbers:
        """Those of the ``step``-th step; both bias corrections are in ``rate`` and ``epsilon`` (end of section 2)."""
        one, two = betas
        correction = (1 - two**step) ** 0.5
        numbers = (one, two, 1 - one, 1 - two, epsilon * correction, rate * correction / (1 - one**step))
        a, b, c, d, e, f = (np.array(number, dtype) for number in numbers)
        return cls((a, b), (c, d), e, f)


def update_moments(g: Array, mean: Array, square: Array, keep: tuple[Number, ...], fresh: tuple[Number, ...]) -> Array:
    """mean <- b1 mean + (1 - b1) g and square <- b2 square + (1 - b2) g^2; returns an array to work in.

    ``keep`` is (b1, b2) and ``fresh`` (1 - b1, 1 - b2).
    """
    work = multiply(g, fresh[0])
    multiply(mean, keep[0], mean)
    add(mean, work, mean)
    multiply(g, g, work)
    multiply(work, fresh[1], work)
    multiply(square, keep[1], square)
    add(square, work, square)
    return work


def descend_over_root(x: Array, direction: Array, square: Array, epsilon: Number, rate: Number, work: Array) -> None:
    """x <- x - rate direction / (sqrt(square) + epsilon); ``work`` is overwritten."""
    sqrt(square, work)
    add(work, epsilon, work)
    divide(direction, work, work)
    multiply(work, rate, work)
    subtract(x, work, x)


def adam(x: Array, g: Array, mean: Array, square: Array, largest: Array | None, numbers: AdamNumbers) -> None:
    """Adam, with moving averages of the gradient (``mean``) and of its square (``square``).

    Law: mean <- b1 mean + (1 - b1) g, square <- b2 square + (1 - b2) g^2,
    x <- x - lr mean / (1 - b1^t) / (sqrt(square / (1 - b2^t)) + eps).
    AMSGrad divides by the ``largest`` square so far.

    Reference: Kingma & Ba 2015, "Adam: a method for stochastic optimization"; Reddi, Kale & Kumar 2018, "On the
    convergence of Adam and beyond".
    """
    work = update_moments(g, mean, square, numbers.keep, numbers.fresh)
    if largest is not None:
        square = maximum(largest, square, out=largest)
    descend_over_root(x, mean, square, numbers.epsilon, numbers.rate, work)


def nadam(x: Array, g: Array, mean: Array, square: Array, betas: Pair, weights: Pair, eps: float) -> None:
    """Adam with Nesterov's momentum: the direction is weights[0] g + weights[1] mean, after the mean has moved.

    Reference: Dozat 2016, "Incorporating Nesterov momentum into Adam".
    """
    work = update_moments(g, mean, square, betas, (1 - betas[0], 1 - betas[1]))
    direction = g * weights[0]
    add(direction, multiply(mean, weights[1], work), direction)
    descend_over_root(x, direction, square, eps, 1.0, work)


def radam(x: Array, g: Array, mean: Array, square: Array, betas: Pair, rate: float, eps: float | None) -> None:
    """Adam with a rectified ``rate``; without ``eps``, in the first steps, x <- x - rate mean.

    Reference: Liu et al. 2020, "On the variance of the adaptive learning rate and beyond".
    """
    work = update_moments(g, mean, square, betas, (1 - betas[0], 1 - betas[1]))
    if eps is None:
        descend(x, mean, rate)
    else:
        descend_over_root(x, mean, square, eps, rate, work)


def adamax(x: Array, g: Array, mean: Array, largest: Array, betas: Pair, rate: float, epsilon: float) -> None:
    """Adam in the infinity norm: largest <- max(b2 largest, |g| + eps), x <- x - rate mean / largest.

    Reference: Kingma & Ba 2015, section 7.1.
    """
    update_moment(mean, g, betas[0], 1 - betas[0])
    multiply(largest, betas[1], largest)
    work = absolute(g)
    add(work, epsilon, work)
    maximum(largest, work, out=largest)
    descend(x, divide(mean, largest, work), rate)


def adagrad(x: Array, g: Array, total: Array, rate: float, epsilon: float) -> None:
    """total <- total + g^2, x <- x - rate g / (sqrt(total) + eps).

    Reference: Duchi, Hazan & Singer 2011, "Adaptive subgradient methods for online learning and stochastic
    optimization".
    """
    work = multiply(g, g)
    add(total, work, total)
    descend_over_root(x, g, total, epsilon, rate, work)


def adadelta(x: Array, g: Array, square: Array, steps: Array, keep: float, epsilon: float, rate: float) -> None:
    """A step g times the root mean square of past ``steps`` over that of past gradients.

    Law: square <- keep square + (1 - keep) g^2, step = sqrt(steps + eps) / sqrt(square + eps) g,
    steps <- keep steps + (1 - keep) step^2, x <- x - rate step.

    Reference: Zeiler 2012, "ADADELTA: an adaptive learning rate method".
    """
    update_moment(square, multiply(g, g), keep, 1 - keep)
    step = sqrt(add(steps, epsilon))
    divide(step, sqrt(add(square, epsilon)), step)
    multiply(step, g, step)
    update_moment(steps, multiply(step, step), keep, 1 - keep)
    descend(x, step, rate)


def rms(
    x: Array,
    g: Array,
    square: Array,
    mean: Array | None,
    velocity: Array | None,
    keep: float,
    momentum: float,
    epsilon: float,
    rate: float,
) -> None:
    """square <- keep square + (1 - keep) g^2, x <- x - rate g / (sqrt(square) + eps).

    With ``mean``, a moving average of the gradients, the root is that of the variance square - mean^2; with
    ``velocity``, x <- x - rate velocity after velocity <- momentum velocity + g / (...).

    Reference: Tieleman & Hinton 2012, "Lecture 6.5: RMSProp"; Graves 2013, "Generating sequences with recurrent neural
    networks" (centered).
    """
    work = multiply(g, g)
    update_moment(square, work, keep, 1 - keep)
    spread = square
    if mean is not None:
        update_moment(mean, g, keep, 1 - keep)
        spread = maximum(subtract(square, multiply(mean, mean, work), work), 0, out=work)  # 0 where rounding fell below
    if velocity is None:
        descend_over_root(x, g, spread, epsilon, rate, work)
    else:
        sqrt(spread, work)
        add(work, epsilon, work)
        update_moment(velocity, divide(g, work, work), momentum, 1)
        descend(x, velocity, rate)


def rprop(x: Array, g: Array, before: Array, sizes: Array, etas: Pair, bounds: Pair) -> None:
    """A step against the sign of g, of a size that grows while the sign stays and shrinks where it turns.

    Where the sign turns, x stays, and the next gradient counts as the first.

    Reference: Riedmiller & Braun 1993, "A direct adaptive method for faster backpropagation learning: the RPROP
    algorithm"; Igel & Hüsken 2000, "Improving the Rprop learning algorithm" (iRprop-).
    """
    agreement = multiply(g, before)
    turned = agreement < 0
    multiply(sizes, np.where(turned, etas[0], np.where(agreement > 0, etas[1], 1)).astype(sizes.dtype), sizes)
    np.clip(sizes, bounds[0], bounds[1], out=sizes)
    np.copyto(before, np.where(turned, 0, g))
    subtract(x, multiply(np.sign(before), sizes), x)


def averaged_descent(x: Array, g: Array, mean: Array, decay: float, rate: float, fresh: float) -> None:
    """x <- decay x - rate g, mean <- mean + fresh (x - mean).

    Reference: Polyak & Juditsky 1992, "Acceleration of stochastic approximation by averaging"; Bottou 2010,
    "Large-scale machine learning with stochastic gradient descent".
    """
    multiply(x, decay, x)
    descend(x, g, rate)
    if fresh == 1:
        np.copyto(mean, x)
    else:
        add(mean, multiply(subtract(x, mean), fresh), mean)


def adafactor(
    x: Array, g: Array, averages: tuple[Array, ...], fresh: float, rate: float, clip: float, eps: Pair, decay: float
) -> None:
    """A step over the root mean square, estimated from the means of rows and of columns instead of stored entries.

    Law: the mean square is ``row col / mean(row)`` for ``averages`` of two, or the one array itself; each goes towards
    that of g by the part ``fresh``. The step, divided by its root mean square over ``clip`` where that is above 1, is
    taken at ``rate`` times the root mean square of x (at least eps[1]), from ``decay`` x.

    Reference: Shazeer & Stern 2018, "Adafactor: adaptive learning rates with sublinear memory cost".
    """
    smallest, least_size = eps
    size = max(least_size, float(np.linalg.norm(x.ravel())) / x.size**0.5)
    square = multiply(g, g)
    if len(averages) == 2:
        row, column = averages
        update_moment(row, square.mean(-1, keepdims=True), 1 - fresh, fresh)
        update_moment(column, square.mean(-2, keepdims=True), 1 - fresh, fresh)
        estimate = divide(row, maximum(row.mean(-2, keepdims=True), smallest)) * column
    else:
        update_moment(averages[0], square, 1 - fresh, fresh)
        estimate = averages[0]
    step = divide(g, sqrt(maximum(estimate, smallest * smallest)))
    shrink = max(1.0, float(np.linalg.norm(step.ravel())) / (step.size**0.5 * clip))
    if decay != 1:
        multiply(x, decay, x)
    descend(x, step, size * rate / shrink)


def orthogonalized(g: Array, coefficients: tuple[float, float, float], steps: int, epsilon: float) -> Array:
    """A matrix with the singular vectors of ``g`` and singular values near 1, by Newton-Schulz iterations.

    Law: y <- g / |g|, then a y + b (y y^T) y + c (y y^T)^2 y in each step, on the shorter side of g.

    Reference: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; Björck & Bowie 1971, "An
    iterative algorithm for computing the best estimate of an orthogonal matrix".
    """
    a, b, c = coefficients
    y = g.T if len(g) > g.shape[1] else g
    y = y / max(float(np.linalg.norm(y)), epsilon)
    for _ in range(steps):
        gram = y @ y.T
        y = a * y + (b * gram + c * (gram @ gram)) @ y
    return y.T if len(g) > g.shape[1] else y

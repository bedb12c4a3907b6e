"""Draws whose probabilities are those in a tensor: functions that are methods too."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.arrays import array_of
from autodiff.functions.reductions import beside
from autodiff.kernels.arrays import as_array
from autodiff.kinds import refusing
from autodiff.random import Generator, numpy_generator
from autodiff.tensors.leaves import leaf


@refusing
def bernoulli(input: Any, p: float | None = None, *, generator: Generator | None = None) -> Value:
    """1 with the probability in ``input`` (or ``p`` everywhere) and 0 otherwise.

    Raises OptionError for what is no probability.

    >>> import autodiff
    >>> bernoulli(autodiff.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    chance = as_array(input.detach()) if p is None else array_of(p)
    if not np.all((as_array(chance) >= 0) & (as_array(chance) <= 1)):
        raise OptionError(f"a probability is from 0 to 1, unlike {chance!r:.60}")
    drawn = leaf((numpy_generator(generator).random(input.shape) < chance).astype(input.dtype))
    connected: Value = beside(drawn, input)
    return connected


@refusing
def multinomial(
    input: Any, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Value:
    """``num_samples`` columns for each row of weights, each drawn with a probability in proportion to its weight.

    Shapes: (m, n) gives (m, num_samples), (n,) gives (num_samples,). Without ``replacement`` no column comes twice.

    Raises:
        ShapeError: the weights are neither a vector nor a matrix.
        OptionError: a weight is below 0 or not finite, or there are fewer weights above 0 than samples.

    Reference:
        P. S. Efraimidis, P. G. Spirakis (2006): the columns of the smallest exponential variates, each divided by its
        weight, are such a sample.
    """
    if input.ndim not in (1, 2):
        raise ShapeError(f"multinomial takes weights in a vector or a matrix, not in shape {input.shape}")
    weights = np.atleast_2d(as_array(input.detach(), np.float64))
    possible = (weights > 0).sum(1).min(initial=weights.shape[1])
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise OptionError("multinomial takes finite weights from 0 up")
    if num_samples <= 0 or possible < (1 if replacement else num_samples):
        raise OptionError(f"multinomial draws {num_samples} of {possible} columns with weights above 0")
    draw = numpy_generator(generator)
    if replacement:
        sums = np.cumsum(weights, 1)
        at = draw.random((len(weights), num_samples)) * sums[:, -1:]
        picks = np.stack([np.searchsorted(row, x, "right") for row, x in zip(sums, at, strict=True)])
    else:
        with np.errstate(divide="ignore"):
            picks = np.argsort(draw.standard_exponential(weights.shape) / weights, 1)[:, :num_samples]
    return leaf(picks.reshape((*input.shape[:-1], num_samples)).astype(np.int64))


@refusing
def poisson(input: Any, generator: Generator | None = None) -> Value:
    """Whole random numbers of Poisson's distribution, each of the mean in ``input``, in its shape and dtype.

    Raises OptionError for a mean below 0.

    >>> import autodiff
    >>> poisson(autodiff.zeros(2))
    tensor([0., 0.])
    """
    mean = as_array(input.detach())
    if not np.all(mean >= 0):
        raise OptionError(f"poisson takes means from 0 up, unlike {mean.min()}")
    drawn = leaf(as_array(numpy_generator(generator).poisson(mean)).astype(input.dtype))
    connected: Value = beside(drawn, input)
    return connected


@refusing
def binomial(count: Any, prob: Any, generator: Generator | None = None) -> Value:
    """How many of ``count`` trials succeed, where one does with the probability in ``prob``; in its dtype, broadcast.

    Raises OptionError for what is no probability, or no number of trials.

    >>> import autodiff
    >>> binomial(autodiff.tensor([3.0, 5.0]), autodiff.ones(2))
    tensor([3., 5.])
    """
    trials, chance = (as_array(array_of(x)) for x in (count, prob))
    if not np.all((chance >= 0) & (chance <= 1)) or not np.all(trials >= 0):
        raise OptionError("binomial takes counts from 0 up, and probabilities from 0 to 1")
    drawn = leaf(as_array(numpy_generator(generator).binomial(trials.astype(np.int64), chance)).astype(chance.dtype))
    connected: Value = beside(drawn, count, prob)
    return connected

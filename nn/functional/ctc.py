"""Connectionist temporal classification: the likelihood of a sequence of labels, whatever times they come at."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.arithmetic import where
from autodiff.functions.arrays import array_of
from autodiff.functions.joining import cat, stack
from autodiff.functions.reductions import logsumexp
from autodiff.kernels.arrays import as_array
from autodiff.ops.indexing import index
from autodiff.ops.shaping import reshape

from .reduction import check_reduction, reduced

__all__ = ["ctc_loss"]

_NEVER = -1e30  # the log of 0; finite, so that differences of two of them are numbers


def ctc_loss(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0, reduction: str = "mean",
    zero_infinity: bool = False,
) -> Value:
    """-log of the sum of the probabilities of all paths that spell the targets.

    A path says one label or ``blank`` at each time; it spells what is left when repetitions are made one and blanks are
    taken out.

    Shapes: log_probs (T, N, C) or (T, C), targets (N, S), or (sum of lengths,), or (S,), lengths (N,) or (); result ()
    or, for reduction "none", (N,) or (). The mean is of the losses over the lengths of their targets.

    A target for which the input is too short costs inf, or 0 with ``zero_infinity``; it has no gradient.

    Raises:
        ShapeError: lengths or shapes do not fit.
        OptionError: ``blank`` or a target is no class.

    Reference: Graves et al. 2006, "Connectionist temporal classification", section 4.1.
    """
    check_reduction(reduction)
    single = len(log_probs.shape) == 2
    x = reshape(log_probs, shape=(log_probs.shape[0], 1, log_probs.shape[1])) if single else log_probs
    if len(x.shape) != 3:
        raise ShapeError(f"ctc_loss takes log-probabilities (T, N, C) or (T, C), not of shape {tuple(log_probs.shape)}")
    steps, count, classes = x.shape
    if not 0 <= blank < classes:
        raise OptionError(f"ctc_loss: the blank {blank} is none of {classes} classes")
    times, lengths = (_lengths(name, given, count) for name, given in
                      (("input_lengths", input_lengths), ("target_lengths", target_lengths)))
    for name, given in (("input_lengths", times), ("target_lengths", lengths)):
        if given.min(initial=0) < 0:
            raise ShapeError(f"ctc_loss: {name} has a length of {given.min()}")
    if times.max(initial=0) > steps:
        raise ShapeError(f"ctc_loss: an input length is {times.max()}, the log-probabilities have {steps} steps")
    labels = _with_blanks(targets, lengths, count, blank, classes)
    total = _log_likelihood(x, labels, times, lengths, blank)
    impossible = as_array(total.detach()) < _NEVER / 2
    loss = where(impossible, 0.0 if zero_infinity else np.inf, -total)
    if reduction == "mean":
        loss = loss / np.maximum(lengths, 1).astype(x.dtype)
    return reduced(reshape(loss, shape=()) if single and reduction == "none" else loss, reduction)


def _lengths(name: str, given: Any, count: int) -> Any:
    array = as_array(array_of(given), dtype=np.int64).reshape(-1)
    if len(array) != count:
        raise ShapeError(f"ctc_loss of {count} samples takes as many {name}, not {len(array)}")
    return array


def _with_blanks(targets: Any, lengths: Any, count: int, blank: int, classes: int) -> Any:
    """The labels (N, 2 S + 1) with blanks before, between and behind them."""
    given = as_array(array_of(targets))
    if given.ndim not in (1, 2):
        raise ShapeError(f"ctc_loss takes targets (N, S) or (sum of lengths,), not of shape {given.shape}")
    longest = int(lengths.max(initial=0))
    labels = np.full_like(given, blank, np.int64, shape=(count, 2 * longest + 1))
    if (given.ndim == 1 and given.size != lengths.sum()) or (given.ndim == 2 and given.shape[1] < longest):
        raise ShapeError(f"ctc_loss: targets of shape {given.shape} do not fit target_lengths {lengths.tolist()}")
    if given.ndim == 2 and len(given) != count:
        raise ShapeError(f"ctc_loss of {count} samples takes as many targets, not of shape {given.shape}")
    starts = np.cumsum(lengths) - lengths
    for n, length in enumerate(lengths):
        row = given[starts[n] : starts[n] + length] if given.ndim == 1 else given[n, :length]
        if length and not 0 <= row.min() <= row.max() < classes:
            raise OptionError(f"ctc_loss: the targets {row.tolist()} of sample {n} are not all of {classes} classes")
        labels[n, 1 : 2 * length : 2] = row
    return labels


def _log_likelihood(x: Any, labels: Any, times: Any, lengths: Any, blank: int) -> Value:
    """log of the forward variable of the last two states of each sample, at its last time (Graves, eq. 6-8)."""
    steps, (count, states) = x.shape[0], labels.shape
    samples = np.arange(count)
    said = apply(index, (x,), {"key": (np.arange(steps)[:, None, None], samples[:, None], labels)})
    skips = np.zeros_like(labels, np.bool_)  # a blank may be left out between two labels that differ
    skips[:, 2:] = (labels[:, 2:] != blank) & (labels[:, 2:] != labels[:, :-2])
    closed = np.where(skips, 0.0, _NEVER).astype(x.dtype)
    edge = np.full((count, 2), _NEVER, x.dtype)
    state = said[0] + np.where(np.arange(states) < 2, 0.0, _NEVER).astype(x.dtype)
    for time in range(1, steps):
        before = cat([edge, state], 1)
        ways = stack([state, before[:, 1:-1], before[:, :-2] + closed], 0)
        moved = logsumexp(ways, 0) + said[time]
        state = moved if (times > time).all() else where((times > time)[:, None], moved, state)
    ends = stack([state[samples, 2 * lengths], state[samples, np.maximum(2 * lengths - 1, 0)]], 0)
    ends = where(np.stack([lengths >= 0, lengths > 0]), ends, _NEVER)
    return logsumexp(ends, 0)

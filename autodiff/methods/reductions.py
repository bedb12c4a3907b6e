"""Reductions as methods."""

from __future__ import annotations

from autodiff.functions import reductions

__all__ = ["ReductionMethods"]


class ReductionMethods:
    """``x.sum(0)``, ``x.softmax(-1)``."""

    __slots__ = ()

    sum = reductions.sum
    mean = reductions.mean
    var = reductions.var
    std = reductions.std
    max = reductions.max
    min = reductions.min
    amax = reductions.amax
    amin = reductions.amin
    argmax = reductions.argmax
    argmin = reductions.argmin
    any = reductions.any
    all = reductions.all
    logsumexp = reductions.logsumexp
    softmax = reductions.softmax
    log_softmax = reductions.log_softmax

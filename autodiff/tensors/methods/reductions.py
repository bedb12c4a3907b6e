"""Reductions, scans, order, and draws as methods."""

from __future__ import annotations

from autodiff.engine.values import TensorBase
from autodiff.functions import histograms, reductions, scans, sorting, statistics
from autodiff.tensors import draws


class ReductionMethods(TensorBase):
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
    aminmax = reductions.aminmax
    count_nonzero = reductions.count_nonzero
    nanmean = reductions.nanmean
    nansum = reductions.nansum
    prod = reductions.prod
    cummax = scans.cummax
    cummin = scans.cummin
    cumprod = scans.cumprod
    cumsum = scans.cumsum
    diff = scans.diff
    logcumsumexp = scans.logcumsumexp
    argsort = sorting.argsort
    bincount = sorting.bincount
    histc = sorting.histc
    histogram = histograms.histogram
    kthvalue = sorting.kthvalue
    median = sorting.median
    mode = sorting.mode
    msort = sorting.msort
    nanmedian = sorting.nanmedian
    nanquantile = sorting.nanquantile
    quantile = sorting.quantile
    sort = sorting.sort
    topk = sorting.topk
    unique = sorting.unique
    unique_consecutive = sorting.unique_consecutive
    cov = statistics.cov
    corrcoef = statistics.corrcoef
    bernoulli = draws.bernoulli
    multinomial = draws.multinomial

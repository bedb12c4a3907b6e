"""Special functions by the names of ``torch.special``, of which some are also PyTorch's own."""

from __future__ import annotations

import math
from typing import Any

from autodiff.engine.values import Value
from autodiff.errors import OptionError
from autodiff.functions.arithmetic import round
from autodiff.functions.reductions import log_softmax, logsumexp, softmax
from autodiff.functions.shaping import contiguous
from autodiff.functions.transcendental import logit
from autodiff.ops.special import bessel, digamma, erf, erfc, erfcx, erfinv, i0e, i1e, lgamma, log_ndtr, ndtr, ndtri
from autodiff.ops.special import polygamma as polygamma_primitive
from autodiff.ops.transcendental import entr, exp2, expm1, log1p, sigmoid, sinc, xlog1py, xlogy

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammaln", "i0", "i0e", "i1", "i1e",
    "lgamma", "log1p", "log_ndtr", "log_softmax", "logit", "logsumexp", "multigammaln", "mvlgamma", "ndtr", "ndtri",
    "polygamma", "psi", "round", "sinc", "softmax", "xlog1py", "xlogy",
]

expit = sigmoid
gammaln = lgamma
psi = digamma


def polygamma(n: int, input: Any) -> Value:
    """The ``n``-th derivative of ``digamma``."""
    if n < 0:
        raise OptionError(f"polygamma: no derivative has the order {n}")
    return digamma(input) if n == 0 else polygamma_primitive(input, n=int(n))


def multigammaln(input: Any, p: int) -> Value:
    """log of the gamma function of ``p`` dimensions: sums of ``lgamma`` at steps of a half (Muirhead 1982, 2.1.12)."""
    if p < 1:
        raise OptionError(f"multigammaln needs at least one dimension, not {p}")
    input = contiguous(input)
    total = lgamma(input)
    for j in range(1, p):
        total = total + lgamma(input - j / 2)
    return total + p * (p - 1) / 4 * math.log(math.pi)


mvlgamma = multigammaln


def i0(input: Any) -> Value:
    """The modified Bessel function of the first kind and order 0."""
    return bessel(input, n=0)


def i1(input: Any) -> Value:
    """The modified Bessel function of the first kind and order 1."""
    return input * bessel(input, n=1)

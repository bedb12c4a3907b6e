"""Special functions by the names of ``torch.special``, of which some are also PyTorch's own."""

from __future__ import annotations

import math
from typing import Any

from autodiff.engine.values import Value
from autodiff.errors import OptionError
from autodiff.functions.arithmetic import round
from autodiff.functions.public import as_function, of_one, of_two
from autodiff.functions.reductions import log_softmax, logsumexp, softmax
from autodiff.functions.shaping import contiguous
from autodiff.functions.transcendental import exp2, expm1, log1p, logit, sigmoid, sinc, xlogy
from autodiff.ops import gamma_distribution, special, transcendental

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammainc", "gammaincc", "gammaln",
    "i0", "i0e", "i1", "i1e", "lgamma", "log1p", "log_ndtr", "log_softmax", "logit", "logsumexp", "multigammaln",
    "mvlgamma", "ndtr", "ndtri", "polygamma", "psi", "round", "sinc", "softmax", "xlog1py", "xlogy",
]

expit = sigmoid
erf = as_function(special.erf, of_one, "The error function, 2 / sqrt(pi) times the integral of exp(-t**2) from 0 on.")
erfc = as_function(special.erfc, of_one, "``1 - erf(x)``, exact in its far tail too.")
erfcx = as_function(special.erfcx, of_one, "``exp(x**2) * erfc(x)``, which does not underflow.")
erfinv = as_function(special.erfinv, of_one, "The inverse of ``erf``: infinite at -1 and 1, NaN outside.")
ndtr = as_function(special.ndtr, of_one, "The probability that a standard normal variable is below the entry.")
log_ndtr = as_function(special.log_ndtr, of_one, "``log(ndtr(x))``, exact in its far tail too.")
ndtri = as_function(special.ndtri, of_one, "The inverse of ``ndtr``: infinite at 0 and 1, NaN outside.")
lgamma = gammaln = as_function(special.lgamma, of_one, "log of the size of the gamma function, inf at its poles.")
digamma = psi = as_function(special.digamma, of_one, "The derivative of ``lgamma``; NaN at the poles below 0.")
gammainc = as_function(
    gamma_distribution.gammainc, of_two,
    "The probability that a gamma variable of concentration ``input`` is below ``other``; has gradients by both.")
gammaincc = as_function(
    gamma_distribution.gammaincc, of_two, "``1 - gammainc(input, other)``, exact in its far tail too.")
i0e = as_function(special.i0e, of_one, "``exp(-abs(x)) * i0(x)``, which does not overflow.")
i1e = as_function(special.i1e, of_one, "``exp(-abs(x)) * i1(x)``, which does not overflow.")
entr = as_function(transcendental.entr, of_one, "``-x * log(x)``: 0 at 0, -inf below.")
xlog1py = as_function(
    transcendental.xlog1py, of_two, "``input * log1p(other)``, broadcast, and 0 where ``input`` is 0.")


def polygamma(n: int, input: Any) -> Value:
    """The ``n``-th derivative of ``digamma``; raises OptionError for an order below 0."""
    if n < 0:
        raise OptionError(f"polygamma: no derivative has the order {n}")
    return special.digamma(input) if n == 0 else special.polygamma(input, n=int(n))


def multigammaln(input: Any, p: int) -> Value:
    """log of the gamma function of ``p`` dimensions: sums of ``lgamma`` at steps of a half (Muirhead 1982, 2.1.12).

    Raises OptionError for a dimension below 1.
    """
    if p < 1:
        raise OptionError(f"multigammaln needs at least one dimension, not {p}")
    input = contiguous(input)
    total = special.lgamma(input)
    for j in range(1, p):
        total = total + special.lgamma(input - j / 2)
    return total + p * (p - 1) / 4 * math.log(math.pi)


mvlgamma = multigammaln


def i0(input: Any) -> Value:
    """The modified Bessel function of the first kind and order 0."""
    return special.bessel(input, n=0)


def i1(input: Any) -> Value:
    """The modified Bessel function of the first kind and order 1."""
    return input * special.bessel(input, n=1)

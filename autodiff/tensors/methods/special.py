"""Special functions as methods."""

from __future__ import annotations

from autodiff.engine.values import Value
from autodiff.special import functions as special
from autodiff.tensors.methods.rows import method


class SpecialMethods:
    """``x.erf()``, ``x.lgamma()``."""

    __slots__ = ()

    erf = method(special.erf)
    erfc = method(special.erfc)
    erfinv = method(special.erfinv)
    lgamma = method(special.lgamma)
    digamma = method(special.digamma)
    i0 = special.i0
    mvlgamma = special.multigammaln

    def polygamma(self, n: int) -> Value:
        """The ``n``-th derivative of ``digamma``."""
        return special.polygamma(n, self)

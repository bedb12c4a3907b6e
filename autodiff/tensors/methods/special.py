"""Special functions as methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autodiff import special
from autodiff.tensors.methods.rows import method

if TYPE_CHECKING:
    from autodiff.tensors.tensor import Tensor

__all__ = ["SpecialMethods"]


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

    def polygamma(self, n: int) -> Tensor:
        """The ``n``-th derivative of ``digamma``."""
        return special.polygamma(n, self)

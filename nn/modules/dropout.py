"""Dropout as modules, which change their input only while training."""

from __future__ import annotations

from .. import functional as F
from ..functional.arguments import check_probability
from .function_module import FunctionModule

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _Dropout(FunctionModule, options=True):
    p: float = 0.5
    inplace: bool = False

    def __post_init__(self) -> None:
        check_probability(self.p)

    def extra_repr(self) -> str:
        """Both options."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout, function=F.dropout):
    """Set each entry to zero with probability ``p`` while training; return the input in evaluation."""


class Dropout1d(_Dropout, function=F.dropout1d):
    """``Dropout`` of whole channels of signals."""


class Dropout2d(_Dropout, function=F.dropout2d):
    """``Dropout`` of whole channels of images."""


class Dropout3d(_Dropout, function=F.dropout3d):
    """``Dropout`` of whole channels of volumes."""


class AlphaDropout(_Dropout, function=F.alpha_dropout):
    """Dropout for ``SELU``, which keeps mean and variance."""


class FeatureAlphaDropout(_Dropout, function=F.feature_alpha_dropout):
    """``AlphaDropout`` of whole channels."""


_DropoutNd = _Dropout  # for programs that ask isinstance(module, _DropoutNd)

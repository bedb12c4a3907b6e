"""Dropout as modules: they do something while training only."""

from __future__ import annotations

from nn import functional as F
from nn.functional.arguments import check_probability
from nn.modules.function_module import FunctionModule, applies, with_options

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


@with_options
class _Dropout(FunctionModule):
    p: float = 0.5
    inplace: bool = False

    def __post_init__(self) -> None:
        check_probability(self.p)

    def extra_repr(self) -> str:
        """Both options."""
        return f"p={self.p}, inplace={self.inplace}"


@applies(F.dropout)
class Dropout(_Dropout):
    """Set each entry to zero with probability ``p`` while training; in evaluation do nothing."""


@applies(F.dropout1d)
class Dropout1d(_Dropout):
    """``Dropout`` of whole channels of signals."""


@applies(F.dropout2d)
class Dropout2d(_Dropout):
    """``Dropout`` of whole channels of images."""


@applies(F.dropout3d)
class Dropout3d(_Dropout):
    """``Dropout`` of whole channels of volumes."""


@applies(F.alpha_dropout)
class AlphaDropout(_Dropout):
    """Dropout for ``SELU``, which keeps mean and variance."""


@applies(F.feature_alpha_dropout)
class FeatureAlphaDropout(_Dropout):
    """``AlphaDropout`` of whole channels."""

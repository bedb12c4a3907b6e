"""Dropout as modules: they do something while training only."""

from __future__ import annotations

from typing import ClassVar

from nn import functional as F
from nn.functional.arguments import check_probability
from nn.modules.shell import Shell

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class Dropout(Shell):
    """Set each entry to zero with probability ``p`` while training; in evaluation do nothing."""

    function = F.dropout
    options: ClassVar[tuple[str, ...]] = ("p", "training")
    shown: ClassVar[tuple[str, ...]] = ("p", "inplace")

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        check_probability(p)
        self.p, self.inplace = p, inplace


class Dropout1d(Dropout):
    """``Dropout`` of whole channels of signals."""

    function = F.dropout1d


class Dropout2d(Dropout):
    """``Dropout`` of whole channels of images."""

    function = F.dropout2d


class Dropout3d(Dropout):
    """``Dropout`` of whole channels of volumes."""

    function = F.dropout3d


class AlphaDropout(Dropout):
    """Dropout for ``SELU``, which keeps mean and variance."""

    function = F.alpha_dropout


class FeatureAlphaDropout(Dropout):
    """``AlphaDropout`` of whole channels."""

    function = F.feature_alpha_dropout

"""Losses as modules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, InitVar
from typing import Any

from autodiff.tensors.tensor import Tensor

from .. import functional as F
from ..functional.reduction import check_reduction, reduction_of
from .function_module import FunctionModule

__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CTCLoss", "CosineEmbeddingLoss", "CrossEntropyLoss", "GaussianNLLLoss",
    "HingeEmbeddingLoss", "HuberLoss", "KLDivLoss", "L1Loss", "MSELoss", "MarginRankingLoss", "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss", "MultiMarginLoss", "NLLLoss", "NLLLoss2d", "PoissonNLLLoss", "SmoothL1Loss",
    "SoftMarginLoss", "TripletMarginLoss", "TripletMarginWithDistanceLoss",
]  # fmt: skip


class _Loss(FunctionModule):
    """A loss with its reduction, which old programs name by ``size_average`` and ``reduce``."""

    shown = ()

    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction: str = self._checked(reduction_of(size_average, reduce, reduction))

    def __post_init__(self, size_average: bool | None = None, reduce: bool | None = None) -> None:
        self.reduction = self._checked(reduction_of(size_average, reduce, self.reduction))

    def _checked(self, reduction: str) -> str:
        return check_reduction(reduction)


class _WeightedLoss(_Loss):
    """A loss with weights, which are part of its state."""

    def __init__(
        self, weight: Tensor | None = None, size_average: bool | None = None, reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)

    def __post_init__(
        self, weight: Tensor | None = None, size_average: bool | None = None, reduce: bool | None = None
    ) -> None:
        super().__post_init__(size_average, reduce)
        self.register_buffer("weight", weight)


class _PlainLoss(_Loss, options=True):
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"


class _MarginLoss(_Loss, options=True):
    margin: float = 0.0
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"


class _PlainWeightedLoss(_WeightedLoss, options=True):
    weight: InitVar[Tensor | None] = None
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"


class _ClassLoss(_WeightedLoss, options=True):
    weight: InitVar[Tensor | None] = None
    size_average: InitVar[bool | None] = None
    ignore_index: int = -100
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"


class MSELoss(_PlainLoss, function=F.mse_loss):
    """The squared error."""


class L1Loss(_PlainLoss, function=F.l1_loss):
    """The absolute error."""


class BCELoss(_PlainWeightedLoss, function=F.binary_cross_entropy):
    """The binary cross-entropy of probabilities."""


class BCEWithLogitsLoss(_Loss, function=F.binary_cross_entropy_with_logits):
    """The binary cross-entropy of logits, exact for logits of any size."""

    weight: InitVar[Tensor | None] = None
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"
    pos_weight: InitVar[Tensor | None] = None

    def __post_init__(
        self, weight: Tensor | None = None, size_average: bool | None = None, reduce: bool | None = None,
        pos_weight: Tensor | None = None,
    ) -> None:  # fmt: skip
        super().__post_init__(size_average, reduce)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)


class CrossEntropyLoss(_ClassLoss, function=F.cross_entropy):
    """The cross-entropy of logits, with class indices or probabilities as targets.

    >>> import autodiff
    >>> CrossEntropyLoss()(autodiff.zeros(4, 3), autodiff.tensor([0, 1, 2, 0]))
    tensor(1.0986)
    """

    label_smoothing: float = 0.0


class NLLLoss(_ClassLoss, function=F.nll_loss):
    """The negative log-likelihood of log-probabilities."""


NLLLoss2d = NLLLoss  # the old name, for images


class SmoothL1Loss(_PlainLoss, function=F.smooth_l1_loss):
    """The absolute error with its corner rounded."""

    beta: float = 1.0


class HuberLoss(_Loss, function=F.huber_loss):
    """The squared error near 0 and the absolute error beyond ``delta``."""

    reduction: str = "mean"
    delta: float = 1.0


class KLDivLoss(_PlainLoss, function=F.kl_div):
    """The Kullback-Leibler divergence of log-probabilities from a target distribution."""

    log_target: bool = False

    def _checked(self, reduction: str) -> str:
        return reduction if reduction == "batchmean" else check_reduction(reduction)


class PoissonNLLLoss(_Loss, function=F.poisson_nll_loss):
    """-log of the probability of counts under a Poisson distribution."""

    log_input: bool = True
    full: bool = False
    size_average: InitVar[bool | None] = None
    eps: float = 1e-08
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"


class GaussianNLLLoss(_Loss, function=F.gaussian_nll_loss):
    """-log of the density of a normal distribution; called with input, target and variance."""

    _: KW_ONLY
    full: bool = False
    eps: float = 1e-06
    reduction: str = "mean"


class MarginRankingLoss(_MarginLoss, function=F.margin_ranking_loss):
    """max(0, margin - y * (x1 - x2))."""


class CosineEmbeddingLoss(_MarginLoss, function=F.cosine_embedding_loss):
    """1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1."""


class HingeEmbeddingLoss(_MarginLoss, function=F.hinge_embedding_loss):
    """A distance x where the target is 1, max(0, margin - x) where it is -1."""

    margin: float = 1.0


class MultiMarginLoss(_WeightedLoss, function=F.multi_margin_loss):
    """The hinge loss of several classes."""

    p: int = 1
    margin: float = 1.0
    weight: InitVar[Tensor | None] = None
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"


class MultiLabelMarginLoss(_PlainLoss, function=F.multilabel_margin_loss):
    """The hinge loss of several classes, any number of which may be right."""


class MultiLabelSoftMarginLoss(_PlainWeightedLoss, function=F.multilabel_soft_margin_loss):
    """The mean over the classes of the binary cross-entropy of logits."""


class SoftMarginLoss(_PlainLoss, function=F.soft_margin_loss):
    """log(1 + exp(-y x)) for targets y of 1 and -1."""


class TripletMarginLoss(_Loss, function=F.triplet_margin_loss):
    """max(0, margin + d(anchor, positive) - d(anchor, negative))."""

    margin: float = 1.0
    p: float = 2.0
    eps: float = 1e-06
    swap: bool = False
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"


class TripletMarginWithDistanceLoss(_Loss, function=F.triplet_margin_with_distance_loss):
    """``TripletMarginLoss`` for any distance."""

    _: KW_ONLY
    distance_function: Callable[[Any, Any], Any] | None = None
    margin: float = 1.0
    swap: bool = False
    reduction: str = "mean"


class CTCLoss(_Loss, function=F.ctc_loss):
    """-log of the probability that a sequence spells its targets, at any times."""

    blank: int = 0
    reduction: str = "mean"
    zero_infinity: bool = False

"""Losses as modules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, InitVar
from typing import Any

from autodiff.tensors.tensor import Tensor
from nn import functional as F
from nn.functional.reduction import check_reduction, reduction_of
from nn.modules.function_module import FunctionModule, applies, with_options

__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CTCLoss", "CosineEmbeddingLoss", "CrossEntropyLoss", "GaussianNLLLoss",
    "HingeEmbeddingLoss", "HuberLoss", "KLDivLoss", "L1Loss", "MSELoss", "MarginRankingLoss", "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss", "MultiMarginLoss", "NLLLoss", "PoissonNLLLoss", "SmoothL1Loss", "SoftMarginLoss",
    "TripletMarginLoss", "TripletMarginWithDistanceLoss",
]  # fmt: skip


class _Loss(FunctionModule):
    """A loss with its reduction, which old programs name by ``size_average`` and ``reduce``."""

    shown = ()
    reduction: str

    def __post_init__(self, size_average: bool | None = None, reduce: bool | None = None) -> None:
        self.reduction = self._checked(reduction_of(size_average, reduce, self.reduction))

    def _checked(self, reduction: str) -> str:
        return check_reduction(reduction)


class _Weighted(_Loss):
    """A loss with weights, which are part of its state."""

    def __post_init__(
        self, weight: Tensor | None = None, size_average: bool | None = None, reduce: bool | None = None
    ) -> None:
        super().__post_init__(size_average, reduce)
        self.register_buffer("weight", weight)


@with_options
class _ReducedLoss(_Loss):
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"


@with_options
class _MarginLoss(_Loss):
    margin: float = 0.0
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"


@with_options
class _WeightedLoss(_Weighted):
    weight: InitVar[Tensor | None] = None
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"


@with_options
class _ClassLoss(_Weighted):
    weight: InitVar[Tensor | None] = None
    size_average: InitVar[bool | None] = None
    ignore_index: int = -100
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"


@applies(F.mse_loss)
class MSELoss(_ReducedLoss):
    """The squared error."""


@applies(F.l1_loss)
class L1Loss(_ReducedLoss):
    """The absolute error."""


@applies(F.binary_cross_entropy)
class BCELoss(_WeightedLoss):
    """The binary cross-entropy of probabilities."""


@applies(F.binary_cross_entropy_with_logits)
class BCEWithLogitsLoss(_WeightedLoss):
    """The binary cross-entropy of logits, exact for logits of any size."""

    pos_weight: InitVar[Tensor | None] = None

    def __post_init__(
        self, weight: Tensor | None = None, size_average: bool | None = None, reduce: bool | None = None,
        pos_weight: Tensor | None = None,
    ) -> None:  # fmt: skip
        super().__post_init__(weight, size_average, reduce)
        self.register_buffer("pos_weight", pos_weight)


@applies(F.cross_entropy)
class CrossEntropyLoss(_ClassLoss):
    """The cross-entropy of logits, with class indices or probabilities as targets.

    >>> import autodiff
    >>> CrossEntropyLoss()(autodiff.zeros(4, 3), autodiff.tensor([0, 1, 2, 0]))
    tensor(1.0986)
    """

    label_smoothing: float = 0.0


@applies(F.nll_loss)
class NLLLoss(_ClassLoss):
    """The negative log-likelihood of log-probabilities."""


@applies(F.smooth_l1_loss)
class SmoothL1Loss(_ReducedLoss):
    """The absolute error with its corner rounded."""

    beta: float = 1.0


@applies(F.huber_loss)
class HuberLoss(_Loss):
    """The squared error near 0 and the absolute error beyond ``delta``."""

    reduction: str = "mean"
    delta: float = 1.0


@applies(F.kl_div)
class KLDivLoss(_ReducedLoss):
    """The Kullback-Leibler divergence of log-probabilities from a target distribution."""

    log_target: bool = False

    def _checked(self, reduction: str) -> str:
        return reduction if reduction == "batchmean" else check_reduction(reduction)


@applies(F.poisson_nll_loss)
class PoissonNLLLoss(_Loss):
    """-log of the probability of counts under a Poisson distribution."""

    log_input: bool = True
    full: bool = False
    size_average: InitVar[bool | None] = None
    eps: float = 1e-08
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"


@applies(F.gaussian_nll_loss)
class GaussianNLLLoss(_Loss):
    """-log of the density of a normal distribution; called with input, target and variance."""

    _: KW_ONLY
    full: bool = False
    eps: float = 1e-06
    reduction: str = "mean"


@applies(F.margin_ranking_loss)
class MarginRankingLoss(_MarginLoss):
    """max(0, margin - y * (x1 - x2))."""


@applies(F.cosine_embedding_loss)
class CosineEmbeddingLoss(_MarginLoss):
    """1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1."""


@applies(F.hinge_embedding_loss)
class HingeEmbeddingLoss(_MarginLoss):
    """A distance x where the target is 1, max(0, margin - x) where it is -1."""

    margin: float = 1.0


@applies(F.multi_margin_loss)
class MultiMarginLoss(_Weighted):
    """The hinge loss of several classes."""

    p: int = 1
    margin: float = 1.0
    weight: InitVar[Tensor | None] = None
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"


@applies(F.multilabel_margin_loss)
class MultiLabelMarginLoss(_ReducedLoss):
    """The hinge loss of several classes that may all be right."""


@applies(F.multilabel_soft_margin_loss)
class MultiLabelSoftMarginLoss(_WeightedLoss):
    """The mean over the classes of the binary cross-entropy of logits."""


@applies(F.soft_margin_loss)
class SoftMarginLoss(_ReducedLoss):
    """log(1 + exp(-y x)) for targets y of 1 and -1."""


@applies(F.triplet_margin_loss)
class TripletMarginLoss(_Loss):
    """max(0, margin + d(anchor, positive) - d(anchor, negative))."""

    margin: float = 1.0
    p: float = 2.0
    eps: float = 1e-06
    swap: bool = False
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"


@applies(F.triplet_margin_with_distance_loss)
class TripletMarginWithDistanceLoss(_Loss):
    """``TripletMarginLoss`` for any distance."""

    _: KW_ONLY
    distance_function: Callable[[Any, Any], Any] | None = None
    margin: float = 1.0
    swap: bool = False
    reduction: str = "mean"


@applies(F.ctc_loss)
class CTCLoss(_Loss):
    """-log of the probability that a sequence spells its targets, whatever times they come at."""

    blank: int = 0
    reduction: str = "mean"
    zero_infinity: bool = False

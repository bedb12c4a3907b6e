"""Losses that PyTorch has under ``torch`` too, where reductions are numbers: 0 for "none", 1 for "mean", 2 for "sum".

``autodiff.kl_div`` is the one here. The words are taken too.
"""

from __future__ import annotations

from typing import Any

from autodiff.engine.values import Value
from autodiff.errors import OptionError
from autodiff.functions.public import give_tensors as _give_tensors

from . import ctc, losses, margins
from .examples import TOP_LEVEL as _TOP_LEVEL

_WORDS = ("none", "mean", "sum")


def _word(reduction: Any) -> str:
    if reduction in _WORDS:
        return str(reduction)
    if reduction not in range(3):
        raise OptionError(f"a reduction is 0, 1 or 2 for none, mean or sum, not {reduction!r}")
    return _WORDS[reduction]


def kl_div(input: Any, target: Any, reduction: int = 1, *, log_target: bool = False) -> Value:
    """``nn.functional.kl_div``, its reduction a number: 0 none, 1 mean, 2 sum; raises what that does."""
    return losses.kl_div(input, target, reduction=_word(reduction), log_target=log_target)


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, pos_weight: Any = None, reduction: int = 1
) -> Value:
    """``nn.functional.binary_cross_entropy_with_logits``, its reduction a number; raises what that does."""
    word = _word(reduction)
    return losses.binary_cross_entropy_with_logits(input, target, weight, pos_weight=pos_weight, reduction=word)


def poisson_nll_loss(input: Any, target: Any, log_input: bool, full: bool, eps: float, reduction: int) -> Value:
    """``nn.functional.poisson_nll_loss``, its reduction a number: 0 none, 1 mean, 2 sum; raises what that does."""
    return losses.poisson_nll_loss(input, target, log_input, full, eps=eps, reduction=_word(reduction))


def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, reduction: int = 1) -> Value:
    """``nn.functional.hinge_embedding_loss``, its reduction a number: 0 none, 1 mean, 2 sum; raises what that does."""
    return margins.hinge_embedding_loss(input, target, margin, reduction=_word(reduction))


def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: int = 1) -> Value:
    """``nn.functional.margin_ranking_loss``, its reduction a number: 0 none, 1 mean, 2 sum; raises what that does."""
    return margins.margin_ranking_loss(input1, input2, target, margin, reduction=_word(reduction))


def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: int = 1) -> Value:
    """``nn.functional.cosine_embedding_loss``, its reduction a number: 0 none, 1 mean, 2 sum; raises what that does."""
    return margins.cosine_embedding_loss(input1, input2, target, margin, reduction=_word(reduction))


def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2.0, eps: float = 1e-06,
    swap: bool = False, reduction: int = 1,
) -> Value:
    """``nn.functional.triplet_margin_loss``, its reduction a number: 0 none, 1 mean, 2 sum; raises what that does."""
    return margins.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction=_word(reduction))


def ctc_loss(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0, reduction: int = 1,
    zero_infinity: bool = False,
) -> Value:
    """``nn.functional.ctc_loss``, its reduction a number: 0 none, 1 mean, 2 sum; raises what that does."""
    return ctc.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, _word(reduction), zero_infinity)


_give_tensors(vars(), _TOP_LEVEL)

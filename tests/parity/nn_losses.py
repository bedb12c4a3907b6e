"""Cases of losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from parity.base import case, numbers

REDUCTIONS = ("none", "mean", "sum")
F = "nn.functional."


def pairs(name: str, *options: dict[str, Any], low: float = -2.0, high: float = 2.0, target: Any = None,
          order: int = 2) -> None:
    """A loss of inputs and targets of one shape with each of ``options`` and each reduction."""
    for given in options or ({},):
        for reduction in REDUCTIONS:
            call = lambda lib, x, y, r=reduction, given=given: getattr(lib.nn.functional, name)(
                x, y, reduction=r, **given)
            for shape in ((2, 3), (), (4,)):
                other = numbers(shape, low, high, 1) if target is None else target(shape)
                case(F + name, call, numbers(shape, low, high), other, order=order)
        case(F + name, call, (0, 3), np.zeros((0, 3)), order=0)


def signs(shape: tuple[int, ...]) -> Any:
    return np.where(np.arange(np.prod(shape, dtype=int)) % 3, 1, -1).reshape(shape)


pairs("mse_loss")
pairs("l1_loss", order=1)  # PyTorch's second one is a tensor without memory
pairs("smooth_l1_loss", {}, {"beta": 0.5})
pairs("smooth_l1_loss", {"beta": 0.0}, order=1)
pairs("huber_loss", {}, {"delta": 0.5})
pairs("soft_margin_loss", target=signs)
pairs("hinge_embedding_loss", {}, {"margin": 0.5}, target=signs)
pairs("poisson_nll_loss", {}, {"full": True}, {"log_input": False, "eps": 1e-3}, low=0.1, high=4.0)
for reduction in REDUCTIONS:
    case(F + "mse_loss", lambda lib, x, y, r=reduction: lib.nn.functional.mse_loss(x, y, reduction=r, weight=y * y),
         (2, 3), numbers((2, 3), seed=1))
    case(F + "huber_loss", lambda lib, x, y, r=reduction: lib.nn.functional.huber_loss(x, y, r, 0.3, y * y),
         (2, 3), numbers((2, 3), seed=1))
for reduction in ("none", "batchmean", "sum"):
    for logs in (False, True):
        case(F + "kl_div", lambda lib, x, y, r=reduction, logs=logs: lib.nn.functional.kl_div(
            x, y, reduction=r, log_target=logs), (2, 3), (2, 3), low=0.1, high=1.0)
case(F + "kl_div", lambda lib, x, y: lib.nn.functional.kl_div(x, y, reduction="sum"),
     (4,), np.array([0.0, 0.5, 0.25, 0.25]), order=0)
for variance in ((2, 3), (2, 1), (2,)):
    for full in (False, True):
        case(F + "gaussian_nll_loss", lambda lib, x, y, v, full=full: lib.nn.functional.gaussian_nll_loss(
            x, y, v * v, full, reduction="sum"), (2, 3), (2, 3), variance)
case(F + "gaussian_nll_loss", lambda lib, x, y, v: lib.nn.functional.gaussian_nll_loss(x, y, v, eps=0.5),
     (3,), (3,), (3,), low=0.1, high=1.0)

# --- margins

for reduction in REDUCTIONS:
    case(F + "margin_ranking_loss", lambda lib, x, y, t, r=reduction: lib.nn.functional.margin_ranking_loss(
        x, y, t, 0.3, reduction=r), (4,), (4,), signs((4,)))
    for shapes in (((4, 3), (4, 3), (4,)), ((3,), (3,), ())):
        case(F + "cosine_embedding_loss", lambda lib, x, y, t, r=reduction: lib.nn.functional.cosine_embedding_loss(
            x, y, t, 0.2, reduction=r), *shapes[:2], signs(shapes[2]))
    for options in ({}, {"p": 2}, {"margin": 0.5}):
        for shape, target in (((4, 3), np.array([0, 2, 1, 1])), ((3,), np.array(2))):
            case(F + "multi_margin_loss", lambda lib, x, t, r=reduction, o=options: lib.nn.functional.multi_margin_loss(
                x, t, reduction=r, **o), shape, target, high=1.9, order=1)
            case(F + "multi_margin_loss", lambda lib, x, t, r=reduction, o=options: lib.nn.functional.multi_margin_loss(
                x, t, weight=lib.tensor([0.5, 1.0, 2.0], dtype=x.dtype), reduction=r, **o), shape, target,
                high=1.9, order=1)
    for shape, target in (((2, 4), np.array([[3, 0, -1, 1], [1, 2, 0, 3]])), ((4,), np.array([1, 2, -1, 1]))):
        case(F + "multilabel_margin_loss", lambda lib, x, t, r=reduction: lib.nn.functional.multilabel_margin_loss(
            x, t, reduction=r), shape, target, order=1)
    case(F + "multilabel_soft_margin_loss", lambda lib, x, y, r=reduction:
         lib.nn.functional.multilabel_soft_margin_loss(x, y * y / 4, reduction=r), (2, 3), (2, 3))
    case(F + "multilabel_soft_margin_loss", lambda lib, x, y, w, r=reduction:
         lib.nn.functional.multilabel_soft_margin_loss(x, y * y / 4, w, reduction=r), (2, 3), (2, 3), (3,))
    for p in (2.0, 3.0):
        for swap in (False, True):
            case(F + "triplet_margin_loss", lambda lib, x, y, z, p=p, swap=swap, r=reduction:
                 lib.nn.functional.triplet_margin_loss(x, y, z, 1.5, p, swap=swap, reduction=r), *((4, 3),) * 3)
    case(F + "triplet_margin_with_distance_loss", lambda lib, x, y, z, r=reduction:
         lib.nn.functional.triplet_margin_with_distance_loss(
             x, y, z, distance_function=lambda a, b: ((a - b) ** 2).mean(-1), reduction=r, swap=True), *((4, 3),) * 3)
    case(F + "triplet_margin_with_distance_loss", lambda lib, x, y, z, r=reduction:
         lib.nn.functional.triplet_margin_with_distance_loss(x, y, z, reduction=r), *((3,),) * 3)

# --- classes

for reduction in REDUCTIONS:
    for smoothing in (0.0, 0.2):
        for shape, target in (((4, 3), np.array([0, -100, 2, 1])), ((3,), np.array(1)),
                              ((2, 3, 2), np.array([[0, 1], [2, -100]]))):
            for weighted in (False, True):
                case(F + "cross_entropy", lambda lib, x, t, w=weighted, s=smoothing, r=reduction:
                     lib.nn.functional.cross_entropy(
                         x, t, lib.tensor([0.5, 1.0, 2.0], dtype=x.dtype) if w else None, reduction=r,
                         label_smoothing=s), shape, target)
        case(F + "cross_entropy", lambda lib, x, y, s=smoothing, r=reduction: lib.nn.functional.cross_entropy(
            x, y * y, reduction=r, label_smoothing=s), (2, 3, 2), (2, 3, 2))
    case(F + "nll_loss", lambda lib, x, t, r=reduction: lib.nn.functional.nll_loss(x, t, ignore_index=1, reduction=r),
         (4, 3), np.array([0, 1, 2, 1]))
    case(F + "nll_loss", lambda lib, x, t, w, r=reduction: lib.nn.functional.nll_loss(
        x, t, w.detach(), reduction=r), (2, 3, 2, 1), np.array([[[0], [1]], [[2], [1]]]), (3,), order=0)
    case(F + "binary_cross_entropy", lambda lib, x, y, r=reduction: lib.nn.functional.binary_cross_entropy(
        x, y.detach(), reduction=r), (2, 3), (2, 3), low=0.1, high=0.9)
    case(F + "binary_cross_entropy_with_logits", lambda lib, x, y, w, r=reduction:
         lib.nn.functional.binary_cross_entropy_with_logits(x, y, w.detach(), reduction=r, pos_weight=y.detach()),
         (2, 3), (2, 3), (3,))

# --- sequences

LABELS = np.array([[1, 2, 2], [3, 1, 0]])
for reduction in REDUCTIONS:
    for zero in (False, True):
        case(F + "ctc_loss", lambda lib, x, t, r=reduction, zero=zero: lib.nn.functional.ctc_loss(
            lib.nn.functional.log_softmax(x, -1), t, (6, 5), (3, 2), reduction=r, zero_infinity=zero),
            (6, 2, 4), LABELS, order=1)
    case(F + "ctc_loss", lambda lib, x, t, r=reduction: lib.nn.functional.ctc_loss(
        lib.nn.functional.log_softmax(x, -1), t, lib.tensor([6, 5]), lib.tensor([3, 0]), 3, r),
        (6, 2, 4), np.array([0, 1, 1]), order=1)
    case(F + "ctc_loss", lambda lib, x, t, r=reduction: lib.nn.functional.ctc_loss(
        lib.nn.functional.log_softmax(x, -1), t, lib.tensor(6), lib.tensor(2), reduction=r),
        (6, 4), np.array([2, 1]), order=1)
    case(F + "ctc_loss", lambda lib, x, t, r=reduction: lib.nn.functional.ctc_loss(
        lib.nn.functional.log_softmax(x, -1), t, (2, 2), (3, 1), reduction=r, zero_infinity=True),
        (2, 2, 4), LABELS, order=0)

for reduction in (0, 1, 2):
    for name in ("kl_div", "hinge_embedding_loss", "binary_cross_entropy_with_logits"):
        case(name, lambda lib, x, y, f=name, r=reduction: getattr(lib, f)(x, y, reduction=r), (2, 3), (2, 3), low=0.1)
    case("kl_div", lambda lib, x, y, r=reduction: lib.kl_div(x, y, r, log_target=True), (2, 3), (2, 3))
    case("margin_ranking_loss", lambda lib, x, y, t, r=reduction: lib.margin_ranking_loss(x, y, t, 0.5, r),
         (4,), (4,), signs((4,)))  # fmt: skip
    case("cosine_embedding_loss", lambda lib, x, y, t, r=reduction: lib.cosine_embedding_loss(x, y, t, 0.5, r),
         (4, 3), (4, 3), signs((4,)))  # fmt: skip
    case("triplet_margin_loss", lambda lib, x, y, z, r=reduction: lib.triplet_margin_loss(x, y, z, reduction=r),
         (4, 3), (4, 3), (4, 3))  # fmt: skip
    case("poisson_nll_loss", lambda lib, x, y, r=reduction: lib.poisson_nll_loss(x, y, True, True, 1e-8, r),
         (2, 3), (2, 3), low=0.1)  # fmt: skip
case("ctc_loss", lambda lib, x: lib.ctc_loss(
    x.log_softmax(-1), lib.tensor([[1, 2]]), lib.tensor([4]), lib.tensor([2]), reduction=2), (4, 1, 3), order=1)
case("constant_pad_nd", lambda lib, x: (lib.constant_pad_nd(x, (1, 2)), lib.constant_pad_nd(x, [0, 1, -1, 0], 3.5)),
     (2, 3))

for reduction in REDUCTIONS:
    case(F + "linear_cross_entropy", lambda lib, x, w, b, r=reduction: lib.nn.functional.linear_cross_entropy(
        x, w, lib.tensor([0, 2, 1]), linear_bias=b, reduction=r, label_smoothing=0.1, ignore_index=2),
        (3, 5), (4, 5), (4,))  # fmt: skip
    case(F + "linear_cross_entropy", lambda lib, x, w, r=reduction: lib.nn.functional.linear_cross_entropy(
        x, w, lib.tensor([[0, 3], [2, 1], [1, 1]]), reduction=r), (3, 5), (4, 2, 5))  # fmt: skip
case(F + "gaussian_nll_loss", lambda lib, y, v, i: lib.nn.functional.gaussian_nll_loss(i, y, v, eps=0.4), (2, 3),
     (2, 3), np.arange(6).reshape(2, 3), low=0.1, high=0.9, float32=False)  # fmt: skip

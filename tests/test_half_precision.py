"""Half precision: what reduces many numbers computes in single precision and rounds once, gradients too."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import autodiff
from autodiff import linalg
from nn import functional

Call = Callable[[Any], Any]
N = 5000

REDUCTIONS: dict[str, Call] = {
    **{
        name: lambda x, f=name: getattr(autodiff, f)(x, 1)
        for name in (
            "sum", "mean", "nansum", "nanmean", "prod", "amax", "amin", "logsumexp", "cumsum", "cumprod",
            "logcumsumexp", "std", "var", "softmax", "log_softmax",
        )
    },
    **{
        f"{name} of all": lambda x, f=name: getattr(autodiff, f)(x)
        for name in ("sum", "mean", "prod", "max", "min", "std", "var", "norm", "median", "trapezoid", "corrcoef")
    },
    **{f"vector_norm {p}": lambda x, p=p: linalg.vector_norm(x, p, 1) for p in (0, 1, 2, 3, math.inf)},
    "cov": autodiff.cov,
    "cumulative_trapezoid": autodiff.cumulative_trapezoid,
    "matrix_norm": linalg.matrix_norm,
    "renorm": lambda x: autodiff.renorm(x, 2, 0, 1.0),
    "cdist": lambda x: autodiff.cdist(x, -x),
    "dot": lambda x: autodiff.dot(x[0], x[1]),
    "gather": lambda x: autodiff.gather(x, 1, autodiff.zeros((2, N), dtype=autodiff.int64)),
    "index_add": lambda x: autodiff.index_add(x[:, :1] * 0, 1, autodiff.zeros(N, dtype=autodiff.int64), x),
    "scatter_mean": lambda x: autodiff.scatter_reduce(
        x[:, :1], 1, autodiff.zeros((2, N), dtype=autodiff.int64), x, "mean"
    ),
    "layer_norm": lambda x: functional.layer_norm(x, (N,)),
    "batch_norm": lambda x: functional.batch_norm(x.mT, None, None, training=True),
    "group_norm": lambda x: functional.group_norm(x, 1000),
    "instance_norm": lambda x: functional.instance_norm(x[None]),
    "rms_norm": lambda x: functional.rms_norm(x, (N,), eps=1e-5),
    "local_response_norm": lambda x: functional.local_response_norm(x[None], 3),
    "normalize": functional.normalize,
    "cosine_similarity": lambda x: functional.cosine_similarity(x[:1], x[1:]),
    "pairwise_distance": lambda x: functional.pairwise_distance(x[:1], x[1:]),
    "cross_entropy": lambda x: functional.cross_entropy(x, autodiff.tensor([0, 1])),
    "cross_entropy, smoothed": lambda x: functional.cross_entropy(x, autodiff.tensor([0, 1]), label_smoothing=0.1),
    "cross_entropy of many": lambda x: functional.cross_entropy(x.mT, autodiff.zeros(N, dtype=autodiff.int64)),
    "nll_loss": lambda x: functional.nll_loss(x.mT, autodiff.zeros(N, dtype=autodiff.int64)),
    "kl_div": lambda x: functional.kl_div(x[:1], autodiff.abs(x[1:]), reduction="batchmean"),
    "gaussian_nll_loss": lambda x: functional.gaussian_nll_loss(x[:1], x[1:], autodiff.ones_like(x[:1])),
    **{
        f"{name}, {reduction}": lambda x, f=name, r=reduction: getattr(functional, f)(x[:1], x[1:], reduction=r)
        for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "soft_margin_loss")
        for reduction in ("mean", "sum")
    },
    "binary_cross_entropy_with_logits": lambda x: functional.binary_cross_entropy_with_logits(x, (x > 0).half()),
}
normal = np.random.default_rng(0).normal(size=(2, N))
DATA = {
    "ones": np.ones((2, N)),
    "small": normal * 1e-3,
    "tiny": normal * 1e-5,
    "normal": normal,
    "large": normal * 300,
    "positive": np.abs(normal) + 0.5,
}


def _value_and_gradient(call: Call, numbers: NDArray[Any]) -> list[NDArray[Any]]:
    x = autodiff.tensor(numbers).requires_grad_()
    y = call(x)
    y.backward(autodiff.tensor((np.cos(np.arange(y.numel())) + 0.5).reshape(tuple(y.shape)).astype(numbers.dtype)))
    return [y.detach().numpy(), *([] if x.grad is None else [x.grad.numpy()])]  # norm 0 has none, as in PyTorch


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_half_gives_what_single_gives_rounded(name: str, data: str) -> None:
    """Values and gradients, of numbers whose squares vanish or overflow, and of more of them than 2048.

    Where a VJP reads the result, that was rounded to half, which costs up to half a percent of a gradient.
    """
    half = DATA[data].astype(np.float16)
    found, wanted = (_value_and_gradient(REDUCTIONS[name], half.astype(t)) for t in (np.float16, np.float32))
    if not np.isfinite(wanted[0].astype(np.float16)).all():  # half precision does not hold the result
        found, wanted = found[:1], wanted[:1]
    for what, mine, exact, share in zip(("value", "gradient"), found, wanted, (2e-3, 6e-3), strict=False):
        assert mine.dtype == np.float16, what
        rounded = exact.astype(np.float16).astype(np.float64)
        finite = np.isfinite(rounded)
        assert np.isfinite(mine[finite]).all(), what
        largest = np.abs(rounded[finite]).max(initial=0.0)
        np.testing.assert_allclose(mine[finite], rounded[finite], rtol=share, atol=share * largest + 2e-6, err_msg=what)


def test_a_second_derivative_is_computed_in_single_too() -> None:
    """Of a sum of more squares than half precision can count."""
    x = autodiff.ones(5000).half().requires_grad_()
    (slope,) = autodiff.autograd.grad((x.cumsum(0)[-1] / 5000) ** 2, x, create_graph=True)
    (bend,) = autodiff.autograd.grad(slope.sum(), x)
    np.testing.assert_allclose(bend.numpy(), 2 / 5000, rtol=2e-3)
    assert bend.dtype == autodiff.float16


def test_a_share_among_many_equals_is_not_0() -> None:
    """70,000 equal maxima, more than half precision can count."""
    x = autodiff.ones(70000).half().requires_grad_()
    x.amax().backward()
    np.testing.assert_allclose(x.grad.numpy(), 1 / 70000, rtol=5e-3)


def test_other_dtypes_are_left_alone() -> None:
    """A single-precision target keeps a loss in single precision, as promotion has it."""
    loss = functional.l1_loss(autodiff.ones(3).half(), autodiff.zeros(3))
    assert loss.dtype == autodiff.float32

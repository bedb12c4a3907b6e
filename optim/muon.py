"""Muon."""

from __future__ import annotations

from math import inf
from typing import Annotated

from autodiff.errors import ShapeError

from . import rules
from .optimizer import Array, Group, Optimizer, number
from .options import Limit, NotNegative, Params, Whole, options

__all__ = ["Muon"]

Coefficients = Annotated[
    tuple[float, float, float],
    Limit(lambda three: len(three) == 3 and all(-inf < number < inf for number in three), "three numbers"),
]
Adjustment = Annotated[
    str | None,
    Limit(lambda name: name in (None, "original", "match_rms_adamw"), "'original', 'match_rms_adamw' or None"),
]


class Muon(Optimizer):
    """Steps along the mean gradient of a matrix made orthogonal, for the weights of hidden layers.

    Law: mean <- momentum mean + (1 - momentum) g, x <- (1 - lr weight_decay) x - rate orthogonalized(direction); the
    direction is the mean or, with ``nesterov``, (1 - momentum) g + momentum mean. The iterations run in the parameter's
    dtype (PyTorch's run in bfloat16).

    Args:
        params: matrices, pairs of names and matrices, or groups of them with options of their own.
        lr: the learning rate.
        weight_decay: the parameter is multiplied by 1 - lr * weight_decay first.
        momentum: how much of the mean gradient is kept.
        nesterov: look ahead.
        ns_coefficients, ns_steps: a, b, c and the number of the Newton-Schulz iterations.
        eps: the smallest norm a gradient is divided by.
        adjust_lr_fn: "original" (and None) multiplies the rate of an (a, b) matrix by sqrt(max(1, a / b)),
            "match_rms_adamw" by 0.2 sqrt(max(a, b)), so that steps are of AdamW's size.

    Raises ShapeError for a parameter that is not a matrix.

    Reference: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; Liu et al. 2025, "Muon is
    scalable for LLM training".

    >>> from autodiff import ones, optim
    >>> w = ones(2, 2, requires_grad=True)
    >>> w.square().sum().backward()
    >>> optim.Muon([w], lr=0.1).step()
    >>> w.mean().item() < 1
    True
    """

    _memory, _counts, _takes_complex = ("momentum_buffer",), False, False

    def __init__(
        self,
        params: Params,
        lr: NotNegative = 1e-3,
        weight_decay: NotNegative = 0.1,
        momentum: NotNegative = 0.95,
        nesterov: bool = True,
        ns_coefficients: Coefficients = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: Whole = 5,
        adjust_lr_fn: Adjustment = None,
    ) -> None:
        super().__init__(params, options(locals()))

    def _check(self, group: Group) -> None:
        for p in group["params"]:
            if p.ndim != 2:
                raise ShapeError(f"Muon changes matrices, not a parameter of shape {p.shape}; give that one to AdamW")

    def _update(self, group: Group, touched: list[Array]) -> None:
        momentum = group["momentum"]
        for _, (x, g, mean) in self._with_gradients(group, touched, decoupled=True):
            rules.by_block(rules.update_moment, (mean, g), momentum, 1 - momentum)
            direction = (1 - momentum) * g + momentum * mean if group["nesterov"] else mean
            step = rules.orthogonalized(direction, group["ns_coefficients"], group["ns_steps"], group["eps"])
            rules.descend(x, step, number(group["lr"]) * _adjustment(group["adjust_lr_fn"], *x.shape))


def _adjustment(name: str | None, rows: int, columns: int) -> float:
    """What the rate of a (rows, columns) matrix is multiplied by."""
    return float(0.2 * max(rows, columns) ** 0.5 if name == "match_rms_adamw" else max(1, rows / columns) ** 0.5)

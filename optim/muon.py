"""Muon."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autodiff.engine.values import wrap
from autodiff.errors import ShapeError
from optim import rules
from optim.optimizer import Array, Group, Optimizer, State, not_negative, required

__all__ = ["Muon"]


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
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)

    def _check(self, group: Group) -> None:
        not_negative(group, "lr", "weight_decay", "momentum", "ns_steps")
        coefficients, adjust = group["ns_coefficients"], group["adjust_lr_fn"]
        required(len(coefficients) == 3, "ns_coefficients", coefficients, "three numbers")
        known = (None, "original", "match_rms_adamw")
        required(adjust in known, "adjust_lr_fn", adjust, "'original', 'match_rms_adamw' or None")
        for p in group["params"]:
            if p.ndim != 2:
                raise ShapeError(f"Muon changes matrices, not a parameter of shape {p.shape}; give that one to AdamW")

    def _begin(self, state: State, x: Array, group: Group) -> None:
        state["momentum_buffer"] = wrap(np.zeros_like(x))

    def _update(self, group: Group, touched: list[Array]) -> None:
        momentum = group["momentum"]
        for x, g, state in self._changing(group, touched, decoupled=True):
            mean = state["momentum_buffer"]._array
            rules.by_block(rules.remember, (mean, g), momentum, 1 - momentum)
            direction = (1 - momentum) * g + momentum * mean if group["nesterov"] else mean
            step = rules.orthogonalized(direction, group["ns_coefficients"], group["ns_steps"], group["eps"])
            rules.descend(x, step, float(group["lr"]) * _adjustment(group["adjust_lr_fn"], *x.shape))


def _adjustment(name: str | None, rows: int, columns: int) -> float:
    """What the rate of a (rows, columns) matrix is multiplied by."""
    factor: float = 0.2 * max(rows, columns) ** 0.5 if name == "match_rms_adamw" else max(1, rows / columns) ** 0.5
    return factor

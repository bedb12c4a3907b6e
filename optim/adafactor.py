"""Adafactor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autodiff.engine.values import wrap
from autodiff.tensors.tensor import Tensor
from optim import rules
from optim.optimizer import Array, Group, Optimizer, State, not_negative, required

__all__ = ["Adafactor"]


class Adafactor(Optimizer):
    """Adam's scaling without its memory, with steps in proportion to the parameter; ``rules.adafactor`` has the law.

    Args:
        params: parameters, pairs of names and parameters, or groups of them with options of their own.
        lr: the largest relative step; in step t it is 1 / sqrt(t) where that is smaller.
        beta2_decay: a new mean square counts for t to this power in step t.
        eps: the smallest root mean square of a gradient (None: of the dtype) and of a parameter.
        d: the root mean square above which a step is shortened.
        weight_decay: the parameter is multiplied by 1 - lr * weight_decay.
        maximize: go uphill.
        foreach: see ``Optimizer``.

    Reference: Shazeer & Stern 2018, "Adafactor: adaptive learning rates with sublinear memory cost".
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _check(self, group: Group) -> None:
        not_negative(group, "lr", "weight_decay")
        required(group["beta2_decay"] <= 0, "beta2_decay", group["beta2_decay"], "0 or less")
        required(group["d"] >= 1, "d", group["d"], "1 or more")
        eps = group["eps"]
        required(len(eps) == 2 and (eps[0] is None or eps[0] >= 0) and eps[1] >= 0, "eps", eps, "a pair, 0 or more")

    def _shape(self, name: str, p: Tensor) -> tuple[int, ...]:
        if name == "row_var":
            return (*p.shape[:-1], 1)
        return (*p.shape[:-2], 1, p.shape[-1]) if name == "col_var" else p.shape

    def _begin(self, state: State, x: Array, group: Group) -> None:
        if x.ndim > 1:
            state["row_var"] = wrap(np.zeros_like(x[..., :1]))
            state["col_var"] = wrap(np.zeros_like(x[..., :1, :]))
        else:
            state["variance"] = wrap(np.zeros_like(x))

    def _update(self, group: Group, touched: list[Array]) -> None:
        lr, (smallest, least_size) = float(group["lr"]), group["eps"]
        for x, g, state in self._changing(group, touched, decay=0):
            step, names = state["step"], ("row_var", "col_var") if x.ndim > 1 else ("variance",)
            averages = tuple(np.atleast_1d(state[name]._array) for name in names)
            eps = float(np.finfo(x.dtype).eps) if smallest is None else smallest
            rules.adafactor(
                np.atleast_1d(x),
                np.atleast_1d(g),
                averages,
                step ** group["beta2_decay"],
                min(lr, step**-0.5),
                group["d"],
                (eps, least_size),
                1 - lr * group["weight_decay"],
            )

"""Adafactor."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from autodiff.tensors.tensor import Tensor
from optim import rules
from optim.optimizer import Array, Group, Optimizer, State, filled
from optim.options import Limit, NotNegative, Params, options

__all__ = ["Adafactor"]

Epsilons = Annotated[
    tuple[float | None, float],
    Limit(lambda eps: len(eps) == 2 and (eps[0] is None or eps[0] >= 0) and eps[1] >= 0, "a pair, 0 or more"),
]


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
        params: Params,
        lr: NotNegative = 1e-2,
        beta2_decay: Annotated[float, Limit(lambda power: power <= 0, "0 or less")] = -0.8,
        eps: Epsilons = (None, 1e-3),
        d: Annotated[float, Limit(lambda d: d >= 1, "1 or more")] = 1.0,
        weight_decay: NotNegative = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def _shape(self, name: str, p: Tensor) -> tuple[int, ...]:
        if name == "row_var":
            return (*p.shape[:-1], 1)
        return (*p.shape[:-2], 1, p.shape[-1]) if name == "col_var" else p.shape

    def _begin(self, state: State, x: Array, group: Group) -> None:
        if x.ndim > 1:
            state["row_var"], state["col_var"] = filled(x[..., :1]), filled(x[..., :1, :])
        else:
            state["variance"] = filled(x)

    def _update(self, group: Group, touched: list[Array]) -> None:
        lr, (smallest, least_size) = float(group["lr"]), group["eps"]
        for state, (x, g) in self._with_gradients(group, touched, decay=0):
            step, names = state["step"], ("row_var", "col_var") if x.ndim > 1 else ("variance",)
            averages = tuple(np.atleast_1d(state[name]._array) for name in names)
            fresh, rate = step ** group["beta2_decay"], min(lr, step**-0.5)
            eps = float(np.finfo(x.dtype).eps) if smallest is None else smallest, least_size
            decay = 1 - lr * group["weight_decay"]
            rules.adafactor(np.atleast_1d(x), np.atleast_1d(g), averages, fresh, rate, group["d"], eps, decay)

"""Adam for tables of which each step uses some rows."""

from __future__ import annotations

import numpy as np

from autodiff.errors import DtypeError
from autodiff.kinds import described
from autodiff.tensors.sparse_gradient import SparseGradient

from . import rules
from .optimizer import Array, Group, Optimizer
from .options import Betas, NotNegative, Params, options

__all__ = ["SparseAdam"]


class SparseAdam(Optimizer):
    """Adam that changes, and remembers, only the rows that a sparse gradient has.

    As in PyTorch ``eps`` is added to the root of the mean square itself, not of the corrected one.

    Args:
        params: parameters, pairs of names and parameters, or groups of them with options of their own.
        lr: the learning rate.
        betas: how much of the mean gradient, and of the mean square, is kept.
        eps: added to the root.
        maximize: go uphill.

    Raises DtypeError in a step where a gradient is dense.

    Reference: Kingma & Ba 2015, "Adam: a method for stochastic optimization".

    >>> from autodiff import nn, optim, tensor
    >>> table = nn.Embedding(3, 1, sparse=True)
    >>> before = table.weight.detach().clone()
    >>> table(tensor([1])).sum().backward()
    >>> optim.SparseAdam(table.parameters()).step()
    >>> (table.weight != before).flatten()
    tensor([False,  True, False])
    """

    _memory = ("exp_avg", "exp_avg_sq")
    _takes_sparse = True

    def __init__(
        self, params: Params, lr: NotNegative = 1e-3, betas: Betas = (0.9, 0.999), eps: NotNegative = 1e-8,
        maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, options(locals()))

    def _update(self, group: Group, touched: list[Array]) -> None:
        for p in group["params"]:
            if p._grad is not None and not isinstance(p._grad, SparseGradient):
                repair = "give those to Adam, or set sparse=True in the Embedding"
                raise DtypeError(f"SparseAdam takes sparse gradients, not {described(p._grad)}; {repair}")
        with_gradient = [p for p in group["params"] if p._grad is not None]
        updates = self._with_gradients(group, touched)
        for p, (state, arrays) in zip(with_gradient, updates, strict=True):
            numbers = rules.AdamNumbers.at(state["step"].number, float(group["lr"]), group["betas"], 0.0, p.dtype)
            numbers = numbers._replace(epsilon=np.array(group["eps"], p.dtype))
            rows = p._grad.rows
            parts = [a[rows] for a in arrays]
            rules.by_block(rules.adam, (*parts, None), numbers)
            for whole, part in zip((arrays[0], *arrays[2:]), (parts[0], *parts[2:]), strict=True):
                whole[rows] = part

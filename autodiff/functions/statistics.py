"""Covariance and correlation by PyTorch's names."""

from __future__ import annotations

from typing import Any

from autodiff.engine.values import Value
from autodiff.errors import ShapeError
from autodiff.functions.arithmetic import clamp
from autodiff.functions.diagonals import diagonal
from autodiff.functions.reductions import mean
from autodiff.functions.reductions import sum as sum_
from autodiff.functions.shaping import reshape, squeeze, unsqueeze
from autodiff.ops.linear_algebra import matmul
from autodiff.ops.shaping import in_single
from autodiff.ops.transcendental import sqrt

__all__ = ["corrcoef", "cov"]


def cov(input: Any, *, correction: float = 1, fweights: Any = None, aweights: Any = None) -> Value:
    """The covariances (n, n) of n variables, one in each row of ``input`` (n, observations).

    ``fweights`` says how often each observation was made, ``aweights`` how much it counts.

    >>> import autodiff
    >>> autodiff.cov(autodiff.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    return _covariances(input, correction, fweights, aweights)


def corrcoef(input: Any) -> Value:
    """Pearson's correlations of the variables in the rows of ``input``, held between -1 and 1."""
    return _correlations(input)


@in_single
def _covariances(input: Any, correction: float, fweights: Any, aweights: Any) -> Any:
    if input.ndim > 2:
        raise ShapeError(f"cov takes (variables, observations), not shape {tuple(input.shape)}")
    x = input if input.ndim == 2 else reshape(input, (1, -1))
    weights = [w.to(x.dtype) if hasattr(w, "to") else w for w in (fweights, aweights) if w is not None]
    if not weights:
        deviation = x - mean(x, 1, True)
        whole = matmul(deviation, deviation.mT) / max(x.shape[1] - correction, 0)
    else:
        w = weights[0] if len(weights) == 1 else weights[0] * weights[1]
        total = sum_(w)
        less = correction if aweights is None else correction * sum_(w * weights[-1]) / total
        deviation = x - unsqueeze(matmul(x, w) / total, -1)
        whole = matmul(deviation * w, deviation.mT) / (total - less)
    return whole if input.ndim == 2 and x.shape[0] > 1 else squeeze(whole)


@in_single
def _correlations(input: Any) -> Any:
    covariances = cov(input)
    if not covariances.ndim:
        return covariances / covariances
    deviations = sqrt(diagonal(covariances))
    return clamp(covariances / unsqueeze(deviations, 1) / deviations, -1, 1)

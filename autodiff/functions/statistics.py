"""Covariance and correlation by PyTorch's names."""

from __future__ import annotations

from typing import Any

from autodiff.dtypes import promote_types
from autodiff.engine.values import Value
from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.functions.arithmetic import clamp
from autodiff.functions.arrays import array_of
from autodiff.functions.diagonals import diagonal
from autodiff.functions.reductions import mean
from autodiff.functions.reductions import sum as sum_
from autodiff.functions.shaping import reshape, squeeze, unsqueeze
from autodiff.kinds import refusing
from autodiff.ops.complex_numbers import adjoint, complex_, imag, real, real_part
from autodiff.ops.linear_algebra import matmul
from autodiff.ops.shaping import cast, in_single
from autodiff.ops.transcendental import sqrt

__all__ = ["corrcoef", "cov"]


@refusing
def cov(input: Any, *, correction: float = 1, fweights: Any = None, aweights: Any = None) -> Value:
    """The covariances (n, n) of n variables, one in each row of ``input`` (n, observations).

    That of complex variables x and y is the mean of x conj(y), of the deviations.

    ``fweights`` says how often each observation was made, ``aweights`` how much it counts.

    Raises ShapeError, DtypeError, OptionError where a weight is not of one observation, not whole (or not a float),
    or below 0, or where all are 0.

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
    if fweights is None and aweights is None:
        deviation = x - mean(x, 1, True)
        whole = matmul(deviation, adjoint(deviation)) / max(x.shape[1] - correction, 0)
    else:
        w, x = _weights(x, fweights, aweights)
        total = sum_(w)
        less = correction if aweights is None else correction * sum_(w * aweights) / total
        deviation = x - unsqueeze(matmul(x, w) / total, -1)
        whole = matmul(deviation * w, adjoint(deviation)) / (total - less)
    return whole if input.ndim == 2 and x.shape[0] > 1 else squeeze(whole)


def _weights(x: Any, fweights: Any, aweights: Any) -> tuple[Any, Any]:
    """The product of the weights of the observations, and ``x`` in the dtype of both."""
    for name, kinds, given in (("fweights", "iu", fweights), ("aweights", "f", aweights)):
        if given is None:
            continue
        weights = array_of(given)
        if weights.dtype.kind not in kinds:
            raise DtypeError(f"cov takes {name} of {'integers' if kinds == 'iu' else 'floats'}, not {weights.dtype}")
        if weights.shape != tuple(x.shape[1:]):
            raise ShapeError(f"cov of {x.shape[1]} observations does not take {name} of shape {weights.shape}")
        if (weights < 0).any():
            raise OptionError(f"cov takes {name} from 0 up, not {weights.min()}")
    w = aweights if fweights is None else fweights if aweights is None else fweights * aweights
    if not array_of(w).any():
        raise OptionError("cov divides by the sum of the weights, which all are 0")
    dtype = promote_types(x.dtype, w.dtype)
    w, x = (v if v.dtype == dtype else cast(v, dtype) for v in (w, x))
    return w, x


@in_single
def _correlations(input: Any) -> Any:
    covariances = cov(input)
    if not covariances.ndim:
        return covariances / covariances
    deviations = sqrt(real_part(diagonal(covariances)))
    whole = covariances / unsqueeze(deviations, 1) / deviations
    if whole.dtype.kind == "c":  # as PyTorch and NumPy hold it: each part between -1 and 1
        return complex_(clamp(real(whole), -1, 1), clamp(imag(whole), -1, 1))
    return clamp(whole, -1, 1)

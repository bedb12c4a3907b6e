"""Relaxed one-hot vectors."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.chances import ClassChances
from autodiff.distributions.relaxed_bernoulli import Relaxed
from autodiff.distributions.transforms import ExpTransform
from autodiff.distributions.utils import open_uniform
from autodiff.engine.values import Value
from autodiff.functions.reductions import log_softmax
from autodiff.tensors.tensor import Tensor


class ExpRelaxedCategorical(ClassChances):
    """The logarithms of ``RelaxedOneHotCategorical``: the log-softmax of (logits + Gumbel variables) / temperature.

    References: as for ``RelaxedOneHotCategorical``.

    >>> import autodiff
    >>> d = ExpRelaxedCategorical(autodiff.tensor(0.5), autodiff.ones(3))
    >>> d.rsample().exp().sum().round(decimals=4)
    tensor(1.)
    """

    support = constraints.real_vector  # those whose exponentials add up to 1
    has_rsample = True

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._given_classes(probs, logits)
        self.temperature = temperature if isinstance(temperature, Tensor) else self._param.new_tensor(temperature)
        super().__init__(self._param.shape[:-1], self._param.shape[-1:], validate_args=validate_args)

    def rsample(self, sample_shape: Any = ()) -> Value:
        """Draws through which gradients reach the parameters."""
        uniform = open_uniform(self._extended_shape(sample_shape), self._param.dtype)
        return log_softmax((self.logits - (-uniform.log()).log()) / self.temperature, -1)

    def _log_prob(self, value: Any) -> Value:
        n = self._num_events
        scores = log_softmax(self.logits - value * self.temperature, -1).sum(-1)
        return scores + math.lgamma(n) + (n - 1) * self.temperature.log()


class RelaxedOneHotCategorical(Relaxed):
    """Probabilities that come near one-hot vectors as ``temperature`` falls, with gradients through samples.

    References: C. J. Maddison, A. Mnih, Y. W. Teh (2017), "The concrete distribution: a continuous relaxation of
    discrete random variables"; E. Jang, S. Gu, B. Poole (2017), "Categorical reparameterization with Gumbel-softmax".

    >>> import autodiff
    >>> d = RelaxedOneHotCategorical(autodiff.tensor(0.5), autodiff.ones(3))
    >>> d.rsample().sum().round(decimals=4)
    tensor(1.)
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}  # noqa: RUF012
    support = constraints.simplex

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)

"""Relaxed Bernoulli variables."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.chances import Chances
from autodiff.distributions.transformed_distribution import TransformedDistribution
from autodiff.distributions.transforms import SigmoidTransform
from autodiff.distributions.utils import open_uniform
from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.functions.transcendental import logit
from autodiff.ops.transcendental import softplus
from autodiff.tensors.tensor import Tensor


class LogitRelaxedBernoulli(Chances):
    """The logits of ``RelaxedBernoulli``: logistic variables about ``logits``, over ``temperature``.

    Reference: C. J. Maddison, A. Mnih, Y. W. Teh (2017), "The concrete distribution: a continuous relaxation of
    discrete random variables"; E. Jang, S. Gu, B. Poole (2017), "Categorical reparameterization with Gumbel-softmax".

    >>> import autodiff
    >>> LogitRelaxedBernoulli(autodiff.tensor(1.0), 0.5).log_prob(autodiff.tensor(0.0)).exp()
    tensor(0.2500)
    """

    support = constraints.real
    has_rsample = True

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._given(probs, logits)
        self.temperature = temperature if isinstance(temperature, Tensor) else self._param.new_tensor(temperature)
        super().__init__(self._param.shape, validate_args=validate_args)

    def rsample(self, sample_shape: Any = ()) -> Value:
        """Draws through which gradients reach the parameters."""
        noise = logit(open_uniform(self._extended_shape(sample_shape), self._param.dtype))
        return (noise + self.logits) / self.temperature

    def _log_prob(self, value: Any) -> Value:
        apart = self.logits - value * self.temperature
        return self.temperature.log() + apart - 2 * apply(softplus, (apart,))


class Relaxed(TransformedDistribution):
    """What a relaxed distribution takes from that of its logits, ``base_dist``."""

    has_rsample = True

    @property
    def temperature(self) -> Any:
        """The temperature."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Any:
        """The logits."""
        return self.base_dist.logits

    @property
    def probs(self) -> Any:
        """The probabilities."""
        return self.base_dist.probs


class RelaxedBernoulli(Relaxed):
    """Numbers from 0 to 1 that come near 0 and 1 as ``temperature`` falls, with gradients through samples.

    >>> import autodiff
    >>> d = RelaxedBernoulli(autodiff.tensor(0.5), autodiff.tensor([0.1, 0.9]))
    >>> d.rsample().shape
    autodiff.Size([2])
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}  # noqa: RUF012
    support = constraints.unit_interval

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        base = LogitRelaxedBernoulli(temperature, probs, logits, validate_args=validate_args)
        super().__init__(base, SigmoidTransform(), validate_args=validate_args)

"""The continuous Bernoulli distribution."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.chances import Chances
from autodiff.distributions.exp_family import ExponentialFamily
from autodiff.distributions.utils import clamp_probs, open_uniform
from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.functions.arithmetic import where
from autodiff.ops.transcendental import softplus


class ContinuousBernoulli(Chances, ExponentialFamily):
    """The distribution of numbers from 0 to 1 of density proportional to probs^x (1 - probs)^(1 - x).

    With ``probs`` within ``lims`` the laws come from Taylor's series at 1/2, where their terms would cancel.

    Reference: G. Loaiza-Ganem, J. P. Cunningham (2019), "The continuous Bernoulli: fixing a pervasive error in
    variational autoencoders".

    >>> import autodiff
    >>> ContinuousBernoulli(0.5).log_prob(autodiff.tensor(0.3))
    tensor(0.)
    """

    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(
        self, probs: Any = None, logits: Any = None, lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        self._given(probs, logits)
        self._lims = lims
        super().__init__(self._param.shape, validate_args=validate_args)
        if "probs" in self.__dict__:
            self.probs = clamp_probs(self.probs)

    def _outside(self) -> Value:
        """Where probs are far enough from 1/2."""
        return (self.probs < self._lims[0]) | (self.probs > self._lims[1])

    def _cut(self) -> Value:
        """probs, kept away from 1/2."""
        return where(self._outside(), self.probs, self._lims[0])

    def _log_norm(self) -> Value:
        """The logarithm of the number by which the density is multiplied."""
        p, x = self._cut(), self.probs - 0.5
        exact = ((-p).log1p() - p.log()).abs().log() - (1 - 2 * p).abs().log()
        return where(self._outside(), exact, 0.6931471805599453 + (4.0 / 3.0 + 104.0 / 45.0 * x.square()) * x.square())

    @property
    def mean(self) -> Value:
        """The mean."""
        p, x = self._cut(), self.probs - 0.5
        exact = p / (2 * p - 1) + 1 / ((-p).log1p() - p.log())
        return where(self._outside(), exact, 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.square()) * x)

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean."""
        p, x = self._cut(), (self.probs - 0.5).square()
        exact = p * (p - 1) / (1 - 2 * p).square() + 1 / ((-p).log1p() - p.log()).square()
        return where(self._outside(), exact, 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x)

    def rsample(self, sample_shape: Any = ()) -> Value:
        """Draws through which gradients reach the parameter."""
        return self.icdf(open_uniform(self._extended_shape(sample_shape), self.probs.dtype))

    def _log_prob(self, value: Any) -> Value:
        ones, zeros = apply(softplus, (-self.logits,)), apply(softplus, (self.logits,))
        return self._log_norm() - value * ones - (1 - value) * zeros

    def _cdf(self, value: Any) -> Value:
        p = self._cut()
        exact = (p.pow(value) * (1 - p).pow(1 - value) + p - 1) / (2 * p - 1)
        inside = where(self._outside(), exact, value)
        return where(value <= 0, 0.0, where(value >= 1, 1.0, inside))

    def icdf(self, value: Any) -> Value:
        """The number below which a draw lies with the probability ``value``."""
        p = self._cut()
        exact = ((-p + value * (2 * p - 1)).log1p() - (-p).log1p()) / (p.log() - (-p).log1p())
        return where(self._outside(), exact, value)

    def entropy(self) -> Value:
        """The differential entropy, in nats."""
        return -self.mean * self.logits - (-self.probs).log1p() - self._log_norm()

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        return (self.logits,)

    def _log_normalizer(self, *natural_params: Any) -> Value:
        (x,) = natural_params
        outside = (x - 0.0).abs() > 0.004
        cut = where(outside, x, 1.0)
        return where(outside, (cut.expm1() / cut).log(), x / 2 + x.square() / 24)

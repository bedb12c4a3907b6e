"""The Dirichlet distribution."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints, draws
from autodiff.distributions.exp_family import ExponentialFamily
from autodiff.distributions.utils import broadcast_all
from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.errors import ShapeError
from autodiff.functions.arithmetic import where
from autodiff.ops.transcendental import xlogy
from autodiff.tensors.creation import arange


class Dirichlet(ExponentialFamily):
    """The distribution of probabilities x of density proportional to the product of x^(concentration - 1).

    Raises ShapeError for a concentration without axes.

    >>> import autodiff
    >>> Dirichlet(autodiff.tensor([1.0, 3.0])).mean
    tensor([0.2500, 0.7500])
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}  # noqa: RUF012
    support = constraints.simplex
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, concentration: Any, validate_args: bool | None = None) -> None:
        (self.concentration,) = broadcast_all(concentration)
        if self.concentration.ndim < 1:
            raise ShapeError("the concentration of Dirichlet has at least one axis, that of the probabilities")
        shape = self.concentration.shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    @property
    def mean(self) -> Value:
        """The mean."""
        return self.concentration / self.concentration.sum(-1, keepdim=True)

    @property
    def mode(self) -> Value:
        """Where the density is highest; the first corner if all concentrations are below 1, with poles in all."""
        above = (self.concentration - 1).clamp(min=0)
        none = (self.concentration < 1).all(-1, keepdim=True)
        mode = above / above.sum(-1, keepdim=True).masked_fill(none, 1.0)
        corner = (arange(mode.shape[-1]) == 0).to(mode.dtype)
        return where(none, corner, mode)

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean."""
        total, mean = self.concentration.sum(-1, keepdim=True), self.mean
        return mean * (1 - mean) / (total + 1)

    def rsample(self, sample_shape: Any = ()) -> Value:
        """Draws through which gradients reach the concentration: gamma variables over their sum."""
        return draws.dirichlet(self.concentration, self._extended_shape(sample_shape))

    def _log_prob(self, value: Any) -> Value:
        return apply(xlogy, (self.concentration - 1, value)).sum(-1) - self._log_normalizer(self.concentration)

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        return (self.concentration,)

    def _log_normalizer(self, *natural_params: Any) -> Value:
        (x,) = natural_params
        return x.lgamma().sum(-1) - x.sum(-1).lgamma()

    @property
    def _expected_statistics(self) -> tuple[Any, ...]:
        return (self.concentration.digamma() - self.concentration.sum(-1, keepdim=True).digamma(),)

    def entropy(self) -> Value:
        """The differential entropy, in nats."""
        inner = (self.concentration - 1) * self._expected_statistics[0]
        return self._log_normalizer(self.concentration) - inner.sum(-1)

"""The logistic normal distribution."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.normal import Normal
from autodiff.distributions.transformed_distribution import TransformedDistribution
from autodiff.distributions.transforms import StickBreakingTransform


class LogisticNormal(TransformedDistribution):
    """Probabilities of n + 1 classes made of n normal variables by breaking a stick.

    >>> import autodiff
    >>> LogisticNormal(autodiff.zeros(3), autodiff.ones(3)).sample().shape
    autodiff.Size([4])
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}  # noqa: RUF012
    support = constraints.simplex
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand((1,))
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    @property
    def loc(self) -> Any:
        """The means of the normal variables."""
        return self.base_dist.base_dist.loc

    @property
    def scale(self) -> Any:
        """The standard deviations of the normal variables."""
        return self.base_dist.base_dist.scale

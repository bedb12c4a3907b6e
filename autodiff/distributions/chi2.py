"""The chi-squared distribution."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.gamma import Gamma
from autodiff.engine.values import Value


class Chi2(Gamma):
    """The distribution of the sum of ``df`` squares of normal numbers: a gamma distribution of rate 1/2.

    >>> import autodiff
    >>> Chi2(autodiff.tensor([1.0, 2.0])).mean
    tensor([1., 2.])
    """

    arg_constraints = {"df": constraints.positive}  # noqa: RUF012

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with parameters expanded to ``batch_shape``."""
        new = super().expand(batch_shape, _instance)
        new.concentration, new.rate = self.concentration.expand(batch_shape), self.rate.expand(batch_shape)
        return new

    @property
    def df(self) -> Value:
        """The degrees of freedom."""
        return self.concentration * 2

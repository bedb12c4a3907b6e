"""The Wishart distribution."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.draws import standard_gamma
from autodiff.distributions.exp_family import ExponentialFamily
from autodiff.distributions.matrix_parameter import ByMatrix
from autodiff.distributions.utils import _standard_normal
from autodiff.dtypes import finfo
from autodiff.engine.values import Value
from autodiff.errors import OptionError
from autodiff.functions.diagonals import diag_embed
from autodiff.functions.shaping import broadcast_shapes
from autodiff.linalg.decompositions import slogdet, solve_triangular
from autodiff.special.functions import mvlgamma
from autodiff.tensors.creation import arange, as_tensor
from autodiff.tensors.sizes import Size


class Wishart(ByMatrix, ExponentialFamily):
    """The distribution of X^T X for ``df`` normal vectors X (df, n) of mean 0 and the covariance given.

    Args:
        df: the degrees of freedom, above n - 1; they may be fractions.
        covariance_matrix: positive definite (*, n, n); or
        precision_matrix: its inverse; or
        scale_tril: its lower Cholesky factor.
        validate_args: whether arguments are checked.

    >>> import autodiff
    >>> Wishart(3.0, autodiff.eye(2)).mean
    tensor([[3., 0.],
            [0., 3.]])

    Raises:
        OptionError: not exactly one matrix is given, or ``df`` is at most n - 1.
        ShapeError: the matrix has fewer than two axes.
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(
        self, df: Any, covariance_matrix: Any = None, precision_matrix: Any = None, scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        matrix = self._given_matrix(covariance_matrix, precision_matrix, scale_tril)
        df = as_tensor(df, dtype=None if hasattr(df, "dtype") else matrix.dtype)
        batch = broadcast_shapes(tuple(matrix.shape[:-2]), tuple(df.shape))
        self.df = df.expand(batch)
        self.__dict__[self._given_name] = matrix.expand((*batch, *matrix.shape[-2:]))
        self._event_shape = Size(matrix.shape[-2:])
        if not (self.df > matrix.shape[-1] - 1).all():
            raise OptionError(f"the df of Wishart is above {matrix.shape[-1] - 1}, one less than the matrix has rows")
        super().__init__(batch, matrix.shape[-2:], validate_args=validate_args)
        self._unbroadcasted_scale_tril = self._factor_of(matrix)

    @property
    def arg_constraints(self) -> Any:
        """The degrees of freedom are above one less than the number of rows."""
        return {**ByMatrix.arg_constraints, "df": constraints.greater_than(self._event_shape[-1] - 1)}

    @property
    def _n(self) -> int:
        return int(self._event_shape[-1])

    def _wide_df(self) -> Value:
        return self.df.unsqueeze(-1).unsqueeze(-1)

    @property
    def mean(self) -> Value:
        """The mean: ``df`` times the covariance."""
        return self._wide_df() * self.covariance_matrix

    @property
    def mode(self) -> Value:
        """Where the density is highest; NaN for ``df`` up to n + 1."""
        factor = self._wide_df() - self._n - 1
        return factor.masked_fill(factor <= 0, math.nan) * self.covariance_matrix

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean, of each entry."""
        covariance = self.covariance_matrix
        diagonal = covariance.diagonal(0, -2, -1)
        return self._wide_df() * (covariance.square() + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def rsample(self, sample_shape: Any = ()) -> Value:
        """Draws through which gradients reach the parameters, by Bartlett's triangular matrices (1933)."""
        shape = self._extended_shape(sample_shape)
        kind = self.df.dtype
        degrees = (self.df.unsqueeze(-1) - arange(self._n, dtype=kind)) / 2
        roots = (2 * standard_gamma(degrees, shape[:-1])).sqrt().clamp(min=float(finfo(kind).tiny) ** 0.5)
        triangle = _standard_normal(shape, kind).tril(-1) + diag_embed(roots)
        factor = self._unbroadcasted_scale_tril @ triangle
        return factor @ factor.mT

    def _log_diagonal(self) -> Value:
        return self._unbroadcasted_scale_tril.diagonal(0, -2, -1).log().sum(-1)

    def _log_prob(self, value: Any) -> Value:
        n, factor = self._n, self._unbroadcasted_scale_tril
        norm = self.df * (0.5 * n * math.log(2) + self._log_diagonal()) + mvlgamma(self.df / 2, n)
        white = solve_triangular(factor, value, upper=False)
        trace = solve_triangular(factor, white.mT, upper=False).diagonal(0, -2, -1).sum(-1)
        return 0.5 * (self.df - n - 1) * slogdet(value).logabsdet - 0.5 * trace - norm

    def _digammas(self) -> Value:
        """The derivative of ``mvlgamma`` at half the degrees of freedom."""
        return (self.df.unsqueeze(-1) / 2 - arange(self._n, dtype=self.df.dtype) / 2).digamma().sum(-1)

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        return -self.precision_matrix / 2, (self.df - self._n - 1) / 2

    def _log_normalizer(self, *natural_params: Any) -> Value:
        x, y = natural_params
        half = y + (self._n + 1) / 2
        return half * (self._n * math.log(2) - slogdet(-2 * x).logabsdet) + mvlgamma(half, self._n)

    @property
    def _expected_statistics(self) -> tuple[Any, ...]:
        return self.mean, self._digammas() + self._n * math.log(2) + 2 * self._log_diagonal()

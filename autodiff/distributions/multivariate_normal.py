"""The multivariate normal distribution."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.distribution import Distribution
from autodiff.distributions.utils import lazy_property, standard_normal
from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.shaping import broadcast_shapes
from autodiff.linalg.decompositions import cholesky, solve_triangular
from autodiff.linalg.old_names import cholesky_inverse
from autodiff.tensors.creation import eye


def scale_tril_of(precision: Any) -> Value:
    """The Cholesky factor of the inverse of ``precision``, from that of the matrix upside down."""
    mirrored = cholesky(precision.flip((-2, -1))).flip((-2, -1)).mT
    return solve_triangular(mirrored, eye(precision.shape[-1], dtype=precision.dtype), upper=False)


def mahalanobis(factor: Any, x: Any) -> Value:
    """The squared length of L^-1 x for a factor L (*, n, n) and vectors x (..., *, n)."""
    if factor.ndim == 2:
        white = solve_triangular(factor, x.reshape(-1, x.shape[-1]).mT, upper=False)
        return white.square().sum(0).reshape(x.shape[:-1])
    return solve_triangular(factor, x.unsqueeze(-1), upper=False).square().sum((-2, -1))


def log_diagonal(factor: Any) -> Value:
    """Half the logarithm of the determinant of L L^T."""
    return factor.diagonal(0, -2, -1).log().sum(-1)


class ByMatrix(Distribution):
    """A distribution with one matrix: a covariance, its inverse, or its Cholesky factor; the others are computed."""

    _matrices = ("covariance_matrix", "precision_matrix", "scale_tril")

    def _given_matrix(self, **given: Any) -> Value:
        """The one matrix that is given.

        Raises:
            OptionError: none or more than one is given.
            ShapeError: it has fewer than two axes.
        """
        found = {name: value for name, value in given.items() if value is not None}
        if len(found) != 1:
            raise OptionError(f"{type(self).__name__} takes exactly one of {', '.join(self._matrices)}")
        ((name, matrix),) = found.items()
        if matrix.ndim < 2:
            raise ShapeError(f"the {name} has at least two axes, unlike shape {tuple(matrix.shape)}")
        return matrix

    def _factor_of(self, matrix: Any, name: str) -> Value:
        if name == "scale_tril":
            return matrix
        return cholesky(matrix) if name == "covariance_matrix" else scale_tril_of(matrix)


class MultivariateNormal(ByMatrix):
    """Normal vectors of mean ``loc`` (*, n) and one of three matrices (*, n, n).

    Args:
        loc: the mean.
        covariance_matrix: positive definite; or
        precision_matrix: its inverse; or
        scale_tril: its lower Cholesky factor, which is the fastest.
        validate_args: whether arguments are checked.

    >>> import autodiff
    >>> d = MultivariateNormal(autodiff.zeros(2), autodiff.eye(2))
    >>> d.log_prob(autodiff.zeros(2))
    tensor(-1.8379)
    """

    arg_constraints = {  # noqa: RUF012
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self, loc: Any, covariance_matrix: Any = None, precision_matrix: Any = None, scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        if loc.ndim < 1:
            raise ShapeError("the loc of MultivariateNormal has at least one axis")
        given = {"covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix, "scale_tril": scale_tril}
        matrix = self._given_matrix(**given)
        name = next(key for key, value in given.items() if value is not None)
        batch = broadcast_shapes(tuple(matrix.shape[:-2]), tuple(loc.shape[:-1]))
        self.loc = loc.expand((*batch, loc.shape[-1]))
        self.__dict__[name] = matrix.expand((*batch, *matrix.shape[-2:]))
        super().__init__(batch, self.loc.shape[-1:], validate_args=validate_args)
        self._unbroadcasted_scale_tril = self._factor_of(matrix, name)

    def _wide(self, matrix: Any) -> Value:
        return matrix.expand((*self._batch_shape, *matrix.shape[-2:]))

    @lazy_property
    def scale_tril(self) -> Any:
        """The lower Cholesky factor of the covariance."""
        return self._wide(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Any:
        """The covariance."""
        factor = self._unbroadcasted_scale_tril
        return self._wide(factor @ factor.mT)

    @lazy_property
    def precision_matrix(self) -> Any:
        """The inverse of the covariance."""
        return self._wide(cholesky_inverse(self._unbroadcasted_scale_tril))

    @property
    def mean(self) -> Value:
        """The mean."""
        return self.loc

    @property
    def mode(self) -> Value:
        """Where the density is highest."""
        return self.loc

    @property
    def variance(self) -> Value:
        """The diagonal of the covariance."""
        return self._unbroadcasted_scale_tril.square().sum(-1).expand(self._extended_shape())

    def rsample(self, sample_shape: Any = ()) -> Value:
        """Draws through which gradients reach loc and the matrix."""
        noise = standard_normal(self._extended_shape(sample_shape), self.loc.dtype)
        return self.loc + (self._unbroadcasted_scale_tril @ noise.unsqueeze(-1)).squeeze(-1)

    def _log_prob(self, value: Any) -> Value:
        factor = self._unbroadcasted_scale_tril
        squares = mahalanobis(factor, value - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + squares) - log_diagonal(factor)

    def entropy(self) -> Value:
        """The differential entropy, in nats."""
        half = log_diagonal(self._unbroadcasted_scale_tril)
        return (0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + half).expand(self._batch_shape)

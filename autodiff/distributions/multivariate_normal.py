"""The multivariate normal distribution."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.distribution import Distribution
from autodiff.distributions.matrix_parameter import ByMatrix
from autodiff.distributions.matrix_parameter import _precision_to_scale_tril as _precision_to_scale_tril
from autodiff.distributions.utils import _standard_normal
from autodiff.engine.values import Value
from autodiff.errors import ShapeError
from autodiff.functions.shaping import broadcast_shapes
from autodiff.linalg.decompositions import solve_triangular


def _batch_mv(bmat: Any, bvec: Any) -> Value:
    """The products of matrices and vectors, in batches."""
    return (bmat @ bvec.unsqueeze(-1)).squeeze(-1)


def _batch_mahalanobis(bL: Any, bx: Any) -> Value:
    """The squared lengths of L^-1 x for triangular matrices L (*, n, n) and vectors x (..., *, n)."""
    if bL.ndim == 2:  # all vectors at once
        white = solve_triangular(bL, bx.reshape(-1, bx.shape[-1]).mT, upper=False)
        return white.square().sum(0).reshape(bx.shape[:-1])
    return solve_triangular(bL, bx.unsqueeze(-1), upper=False).square().sum((-2, -1))


class NormalVectors(Distribution):
    """Normal vectors of mean ``loc`` (*, n), the laws of which need three things of the covariance.

    A subclass gives the logarithm of its determinant, ``_squares(x)``, x^T covariance^-1 x for vectors x (..., n), and
    the columns ``_root`` of a matrix R with R R^T = covariance, (*, n, any number).
    """

    support = constraints.real_vector
    has_rsample = True
    loc: Any

    def _log_determinant(self) -> Value:
        raise NotImplementedError

    def _squares(self, x: Any) -> Value:
        raise NotImplementedError

    def _root(self) -> Value:
        raise NotImplementedError

    @property
    def mean(self) -> Value:
        """The mean."""
        return self.loc

    @property
    def mode(self) -> Value:
        """Where the density is highest."""
        return self.loc

    def _log_prob(self, value: Any) -> Value:
        size = self._event_shape[0] * math.log(2 * math.pi)
        return -0.5 * (size + self._log_determinant() + self._squares(value - self.loc))

    def entropy(self) -> Value:
        """The differential entropy, in nats."""
        size = self._event_shape[0] * (1.0 + math.log(2 * math.pi))
        return (0.5 * (size + self._log_determinant())).expand(self._batch_shape)


class MultivariateNormal(ByMatrix, NormalVectors):
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

    Raises:
        OptionError: not exactly one matrix is given.
        ShapeError: the mean has no axis, or the matrix fewer than two.
    """

    arg_constraints = {"loc": constraints.real_vector, **ByMatrix.arg_constraints}  # noqa: RUF012

    def __init__(
        self, loc: Any, covariance_matrix: Any = None, precision_matrix: Any = None, scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        if loc.ndim < 1:
            raise ShapeError("the loc of MultivariateNormal has at least one axis")
        matrix = self._given_matrix(covariance_matrix, precision_matrix, scale_tril)
        batch = broadcast_shapes(tuple(matrix.shape[:-2]), tuple(loc.shape[:-1]))
        self.loc = loc.expand((*batch, loc.shape[-1]))
        self.__dict__[self._given_name] = matrix.expand((*batch, *matrix.shape[-2:]))
        super().__init__(batch, self.loc.shape[-1:], validate_args=validate_args)
        self._unbroadcasted_scale_tril = self._factor_of(matrix)

    @property
    def variance(self) -> Value:
        """The diagonal of the covariance."""
        return self._unbroadcasted_scale_tril.square().sum(-1).expand(self._extended_shape())

    def rsample(self, sample_shape: Any = ()) -> Value:
        """Draws through which gradients reach loc and the matrix."""
        noise = _standard_normal(self._extended_shape(sample_shape), self.loc.dtype)
        return self.loc + _batch_mv(self._unbroadcasted_scale_tril, noise)

    def _log_determinant(self) -> Value:
        return 2 * self._unbroadcasted_scale_tril.diagonal(0, -2, -1).log().sum(-1)

    def _root(self) -> Value:
        return self._unbroadcasted_scale_tril

    def _squares(self, x: Any) -> Value:
        return _batch_mahalanobis(self._unbroadcasted_scale_tril, x)

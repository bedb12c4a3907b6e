"""Distributions with one positive definite matrix, given in one of three ways."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.distribution import Distribution
from autodiff.distributions.utils import lazy_property
from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.linalg.decompositions import cholesky, solve_triangular
from autodiff.linalg.old_names import cholesky_inverse
from autodiff.tensors.creation import eye


def _precision_to_scale_tril(P: Any) -> Value:
    """The Cholesky factor of the inverse of P, from that of P upside down."""
    mirrored = cholesky(P.flip((-2, -1))).flip((-2, -1)).mT
    return solve_triangular(mirrored, eye(P.shape[-1], dtype=P.dtype), upper=False)


class ByMatrix(Distribution):
    """A distribution with one matrix: a covariance, its inverse, or its Cholesky factor; the others are computed."""

    arg_constraints: Any = {  # noqa: RUF012
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    _unbroadcasted_scale_tril: Any

    def _given_matrix(self, covariance_matrix: Any, precision_matrix: Any, scale_tril: Any) -> Value:
        """The one matrix that is given, whose name is kept.

        Raises:
            OptionError: none or more than one is given.
            ShapeError: it has fewer than two axes.
        """
        given = {"covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix, "scale_tril": scale_tril}
        found = [(name, value) for name, value in given.items() if value is not None]
        if len(found) != 1:
            raise OptionError(f"{type(self).__name__} takes exactly one of {', '.join(given)}")
        ((self._given_name, matrix),) = found
        if matrix.ndim < 2:
            raise ShapeError(f"the {self._given_name} has at least two axes, unlike shape {tuple(matrix.shape)}")
        return matrix

    def _factor_of(self, matrix: Any) -> Value:
        """The Cholesky factor of the covariance."""
        if self._given_name == "scale_tril":
            return matrix
        if self._given_name == "covariance_matrix":
            return cholesky(matrix)
        return _precision_to_scale_tril(matrix)

    def _of_batch(self, matrix: Any) -> Value:
        return matrix.expand((*self._batch_shape, *matrix.shape[-2:]))

    @lazy_property
    def scale_tril(self) -> Any:
        """The lower Cholesky factor of the covariance."""
        return self._of_batch(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Any:
        """The covariance."""
        return self._of_batch(self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT)

    @lazy_property
    def precision_matrix(self) -> Any:
        """The inverse of the covariance."""
        return self._of_batch(cholesky_inverse(self._unbroadcasted_scale_tril))

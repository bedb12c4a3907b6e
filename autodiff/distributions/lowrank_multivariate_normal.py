"""The multivariate normal distribution of few factors."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.multivariate_normal import NormalVectors, _batch_mv
from autodiff.distributions.utils import _standard_normal, lazy_property
from autodiff.engine.values import Value
from autodiff.errors import ShapeError
from autodiff.functions.diagonals import diag_embed
from autodiff.functions.joining import cat
from autodiff.functions.shaping import broadcast_shapes
from autodiff.linalg.decompositions import cholesky, solve_triangular
from autodiff.tensors.creation import eye


class LowRankMultivariateNormal(NormalVectors):
    """Normal vectors of mean ``loc`` (*, n) and covariance W W^T + D, by a factor W (*, n, m) and a diagonal D (*, n).

    Densities need a matrix (m, m), the capacitance 1 + W^T D^-1 W, and no larger one (Woodbury's identity).

    >>> import autodiff
    >>> d = LowRankMultivariateNormal(autodiff.zeros(2), autodiff.tensor([[1.0], [0.0]]), autodiff.ones(2))
    >>> d.covariance_matrix
    tensor([[2., 0.],
            [0., 1.]])

    Raises:
        ShapeError: shapes that do not fit each other.
    """

    arg_constraints = {  # noqa: RUF012
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }

    def __init__(self, loc: Any, cov_factor: Any, cov_diag: Any, validate_args: bool | None = None) -> None:
        shapes = [tuple(x.shape) for x in (loc, cov_factor, cov_diag)]
        fits = loc.ndim >= 1 and cov_factor.ndim >= 2 and cov_diag.ndim >= 1
        if not fits or not shapes[0][-1] == shapes[1][-2] == shapes[2][-1]:
            raise ShapeError(f"loc (*, n), cov_factor (*, n, m) and cov_diag (*, n) have shapes {shapes}")
        batch = broadcast_shapes(shapes[0][:-1], shapes[1][:-2], shapes[2][:-1])
        self.loc = loc.expand((*batch, shapes[0][-1]))
        self.cov_factor = cov_factor.expand((*batch, *shapes[1][-2:]))
        self.cov_diag = cov_diag.expand((*batch, shapes[2][-1]))
        super().__init__(batch, self.loc.shape[-1:], validate_args=validate_args)
        self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag = cov_factor, cov_diag
        capacitance = eye(shapes[1][-1], dtype=cov_factor.dtype) + cov_factor.mT @ self._over_diagonal()
        self._capacitance_tril = cholesky(capacitance)

    def _over_diagonal(self) -> Value:
        """D^-1 W."""
        return self._unbroadcasted_cov_factor / self._unbroadcasted_cov_diag.unsqueeze(-1)

    @property
    def variance(self) -> Value:
        """The diagonal of the covariance."""
        spread = self._unbroadcasted_cov_factor.square().sum(-1) + self._unbroadcasted_cov_diag
        return spread.expand(self._extended_shape())

    @lazy_property
    def covariance_matrix(self) -> Any:
        """The covariance."""
        factor = self._unbroadcasted_cov_factor
        return self._of_batch(factor @ factor.mT + diag_embed(self._unbroadcasted_cov_diag))

    @lazy_property
    def scale_tril(self) -> Any:
        """The lower Cholesky factor of the covariance."""
        return cholesky(self.covariance_matrix)

    @lazy_property
    def precision_matrix(self) -> Any:
        """The inverse of the covariance."""
        white = solve_triangular(self._capacitance_tril, self._over_diagonal().mT, upper=False)
        return self._of_batch(diag_embed(self._unbroadcasted_cov_diag.reciprocal()) - white.mT @ white)

    def _of_batch(self, matrix: Any) -> Value:
        return matrix.expand((*self._batch_shape, *matrix.shape[-2:]))

    def rsample(self, sample_shape: Any = ()) -> Value:
        """Draws through which gradients reach the parameters."""
        shape = self._extended_shape(sample_shape)
        few = _standard_normal((*shape[:-1], self.cov_factor.shape[-1]), self.loc.dtype)
        each = _standard_normal(shape, self.loc.dtype)
        return self.loc + _batch_mv(self._unbroadcasted_cov_factor, few) + self._unbroadcasted_cov_diag.sqrt() * each

    def _log_determinant(self) -> Value:
        factor = self._capacitance_tril.diagonal(0, -2, -1).log().sum(-1)
        return 2 * factor + self._unbroadcasted_cov_diag.log().sum(-1)

    def _squares(self, x: Any) -> Value:
        inner = (self._over_diagonal().mT @ x.unsqueeze(-1))
        white = solve_triangular(self._capacitance_tril, inner, upper=False)
        return (x.square() / self._unbroadcasted_cov_diag).sum(-1) - white.square().sum((-2, -1))

    def _root(self) -> Value:
        diagonal = diag_embed(self._unbroadcasted_cov_diag.sqrt())
        factor = self._unbroadcasted_cov_factor
        batch = broadcast_shapes(tuple(factor.shape[:-2]), tuple(diagonal.shape[:-2]))
        return cat([x.expand((*batch, *x.shape[-2:])) for x in (factor, diagonal)], -1)

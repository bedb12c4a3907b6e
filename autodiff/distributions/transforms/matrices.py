"""Transforms to matrices: triangular ones, positive definite ones, and factors of correlations."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.transforms.base import OfOneKind
from autodiff.distributions.utils import tril_matrix_to_vec, vec_to_tril_matrix
from autodiff.dtypes import finfo
from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.errors import ShapeError
from autodiff.functions.diagonals import diag_embed
from autodiff.functions.joining import cat
from autodiff.linalg.decompositions import cholesky
from autodiff.ops.transcendental import softplus
from autodiff.tensors.creation import eye


def _moved_diagonal(x: Any, function: Any) -> Value:
    """The lower triangle of ``x`` with the function of its diagonal."""
    return x.tril(-1) + diag_embed(function(x.diagonal(0, -2, -1)))


class LowerCholeskyTransform(OfOneKind):
    """Square matrices to lower triangular ones with a positive diagonal, which is exp of theirs."""

    domain, codomain = constraints.independent(constraints.real, 2), constraints.lower_cholesky

    def _call(self, x: Any) -> Value:
        return _moved_diagonal(x, lambda d: d.exp())

    def _inverse(self, y: Any) -> Value:
        return _moved_diagonal(y, lambda d: d.log())


class PositiveDefiniteTransform(OfOneKind):
    """Square matrices to positive definite ones: L L^T for the L of ``LowerCholeskyTransform``."""

    domain, codomain = constraints.independent(constraints.real, 2), constraints.positive_definite

    def _call(self, x: Any) -> Value:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Any) -> Value:
        return LowerCholeskyTransform().inv(cholesky(y))


def _shifted(x: Any) -> Value:
    """The columns one further to the right, ones in the first."""
    return cat([x.new_ones((*x.shape[:-1], 1)), x[..., :-1]], -1)


class CorrCholeskyTransform(OfOneKind):
    """n (n - 1) / 2 numbers to the Cholesky factor of a matrix (n, n) of correlations.

    tanh of the numbers are partial correlations; each row breaks them off a stick of length 1.

    Reference: D. Lewandowski, D. Kurowicka, H. Joe (2009), "Generating random correlation matrices based on vines and
    extended onion method".
    """

    domain, codomain, bijective = constraints.real_vector, constraints.corr_cholesky, True

    def _call(self, x: Any) -> Value:
        eps = float(finfo(x.dtype).eps)
        partial = vec_to_tril_matrix(x.tanh().clamp(-1 + eps, 1 - eps), diag=-1)
        left = (1 - partial.square()).sqrt().cumprod(-1)
        return (partial + eye(partial.shape[-1], dtype=partial.dtype)) * _shifted(left)

    def _inverse(self, y: Any) -> Value:
        left = _shifted(1 - y.square().cumsum(-1))
        partial = tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(left, diag=-1).sqrt()
        return (partial.log1p() - (-partial).log1p()) / 2

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Value:
        """Of the sticks and of tanh."""
        left = tril_matrix_to_vec(1 - y.square().cumsum(-1), diag=-2)
        of_tanh = 2 * (math.log(2) - x - apply(softplus, (-2 * x,)))
        return 0.5 * left.log().sum(-1) + of_tanh.sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        """The shape of the value of an argument of ``shape``."""
        *before, count = shape
        n = round((1 + math.sqrt(1 + 8 * count)) / 2)
        if n * (n - 1) // 2 != count:
            raise ShapeError(f"{count} numbers fill no triangle below a diagonal")
        return (*before, n, n)

    def inverse_shape(self, shape: Any) -> Any:
        """The shape of the argument of a value of ``shape``."""
        *before, rows, columns = shape
        if rows != columns:
            raise ShapeError(f"a factor of correlations is square, not {rows} by {columns}")
        return (*before, rows * (rows - 1) // 2)

"""Random correlations, by their Cholesky factors."""

from __future__ import annotations

import math
from typing import Any

from autodiff.distributions import constraints, draws
from autodiff.distributions.distribution import Distribution
from autodiff.distributions.utils import _standard_normal, broadcast_all
from autodiff.engine.modes import no_grad
from autodiff.engine.values import Value
from autodiff.errors import OptionError
from autodiff.functions.diagonals import diag_embed
from autodiff.functions.joining import stack
from autodiff.special.functions import mvlgamma
from autodiff.tensors.creation import arange


class LKJCholesky(Distribution):
    """Lower Cholesky factors L of matrices (dim, dim) of correlations, of density det(L L^T)^(concentration - 1).

    With concentration 1 all matrices of correlations are equally dense; above it those near the unit matrix are denser.

    Reference: D. Lewandowski, D. Kurowicka, H. Joe (2009), "Generating random correlation matrices based on vines and
    extended onion method".

    >>> import autodiff
    >>> factor = LKJCholesky(3, 0.5).sample()
    >>> (factor @ factor.mT).diagonal().round(decimals=4)
    tensor([1., 1., 1.])

    Raises:
        OptionError: fewer than two dimensions.
    """

    arg_constraints = {"concentration": constraints.positive}  # noqa: RUF012
    support = constraints.corr_cholesky

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise OptionError(f"LKJCholesky takes a dim of at least 2, not {dim!r}")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        super().__init__(self.concentration.shape, (dim, dim), validate_args=validate_args)

    def sample(self, sample_shape: Any = ()) -> Value:
        """Factors outside the graph: row i is a random direction of i numbers, times a root, and what is left of 1."""
        with no_grad():
            shape, kind = self._extended_shape(sample_shape), self.concentration.dtype
            row = arange(self.dim, dtype=kind)
            length = (row / 2).clamp(min=0.5)
            rest = self.concentration.unsqueeze(-1) + (self.dim - 1 - row) / 2
            pair = stack([length.expand(rest.shape), rest], -1)
            square = draws.dirichlet(pair, (*shape[:-1], 2))[..., 0] * (row > 0)
            noise = _standard_normal(shape, kind).tril(-1)
            size = (noise * noise).sum(-1, keepdim=True).sqrt()
            direction = noise / size.masked_fill(size == 0, 1.0)
            return square.sqrt().unsqueeze(-1) * direction + diag_embed((1 - square).sqrt())

    def _log_prob(self, value: Any) -> Value:
        rows = arange(2, self.dim + 1, dtype=self.concentration.dtype)
        order = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - rows
        unnormalized = (order * value.diagonal(0, -2, -1)[..., 1:].log()).sum(-1)
        less = self.dim - 1
        alpha = self.concentration + 0.5 * less
        return unnormalized - (0.5 * less * math.log(math.pi) + mvlgamma(alpha - 0.5, less) - alpha.lgamma() * less)

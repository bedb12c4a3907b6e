"""Transforms of vectors to probabilities."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.transforms.base import OfOneKind
from autodiff.dtypes import finfo
from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.errors import ShapeError
from autodiff.functions.joining import cat
from autodiff.functions.reductions import softmax
from autodiff.ops.transcendental import softplus
from autodiff.tensors.creation import arange


class SoftmaxTransform(OfOneKind):
    """The softmax of vectors. Many vectors have the same one: it has no determinant, and suits optimization."""

    domain, codomain = constraints.real_vector, constraints.simplex

    def _call(self, x: Any) -> Value:
        return softmax(x, -1)

    def _inverse(self, y: Any) -> Value:
        return y.log()

    def forward_shape(self, shape: Any) -> Any:
        """The shape of the value of an argument of ``shape``."""
        return _with_axis(shape)

    def inverse_shape(self, shape: Any) -> Any:
        """The shape of the argument of a value of ``shape``."""
        return _with_axis(shape)


class StickBreakingTransform(OfOneKind):
    """n numbers to n + 1 probabilities: each number breaks its share off what is left of a stick.

    At 0 all probabilities are equal. Reference: B. Carpenter et al. (2017), "Stan: a probabilistic programming
    language", and Stan's reference manual on unit simplexes.
    """

    domain, codomain, bijective = constraints.real_vector, constraints.simplex, True

    def _call(self, x: Any) -> Value:
        share = (x - _left(x).log()).sigmoid()
        kept = (1 - share).cumprod(-1)
        one = x.new_ones((*x.shape[:-1], 1))
        return cat([share, one], -1) * cat([one, kept], -1)

    def _inverse(self, y: Any) -> Value:
        first = y[..., :-1]
        left = (1 - first.cumsum(-1)).clamp(min=float(finfo(y.dtype).tiny))
        return first.log() - left.log() + _left(first).log()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Value:
        """The matrix is triangular: the sum of the logarithms of the slopes on its diagonal."""
        moved = x - _left(x).log()
        return (-apply(softplus, (moved,)) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        """The shape of the value of an argument of ``shape``."""
        *before, count = _with_axis(shape)
        return (*before, count + 1)

    def inverse_shape(self, shape: Any) -> Any:
        """The shape of the argument of a value of ``shape``."""
        *before, count = _with_axis(shape)
        return (*before, count - 1)


def _left(x: Any) -> Value:
    """How many equal parts are left of the stick after each of the numbers."""
    return arange(x.shape[-1], 0, -1, dtype=x.dtype)


def _with_axis(shape: Any) -> tuple[int, ...]:
    if len(shape) < 1:
        raise ShapeError("a transform of vectors takes at least one axis")
    return tuple(shape)

"""Constraints: which values a parameter may have, and which a distribution may draw.

>>> import autodiff
>>> from autodiff.distributions import constraints
>>> constraints.positive.check(autodiff.tensor([1.0, 0.0]))
tensor([ True, False])
>>> constraints.interval(0, 2)
Interval(lower_bound=0, upper_bound=2)

A constraint of ``event_dim`` axes judges whole vectors or matrices: ``check`` gives one answer for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autodiff.distributions.constraint_base import Constraint as Constraint
from autodiff.distributions.constraint_base import MixtureSameFamilyConstraint as MixtureSameFamilyConstraint
from autodiff.distributions.constraint_base import _Dependent, _DependentProperty, _IndependentConstraint
from autodiff.dtypes import finfo
from autodiff.engine.values import Value
from autodiff.errors import LinalgError
from autodiff.functions.comparison import isclose
from autodiff.functions.joining import cat as cat_tensors
from autodiff.functions.joining import stack as stack_tensors
from autodiff.linalg.decompositions import cholesky, eigvalsh


class _OfNumbers(Constraint):
    _takes_arrays = True


class _Real(_OfNumbers):
    """Every number but NaN."""

    def check(self, value: Any) -> Value:
        return value == value  # NaN differs from itself


class _Boolean(_OfNumbers):
    """0 and 1."""

    is_discrete = True

    def check(self, value: Any) -> Value:
        return (value == 0) | (value == 1)


class _Bounded(_OfNumbers):
    """Numbers on one side of a bound, or between two."""

    def __init__(self, lower_bound: Any, upper_bound: Any) -> None:
        self.lower_bound, self.upper_bound = lower_bound, upper_bound


class _Interval(_Bounded):
    """The numbers between two bounds, which belong to them."""

    def check(self, value: Any) -> Value:
        return (self.lower_bound <= value) & (value <= self.upper_bound)


class _HalfOpenInterval(_Bounded):
    """The numbers from a bound up to another, which does not belong to them."""

    def check(self, value: Any) -> Value:
        return (self.lower_bound <= value) & (value < self.upper_bound)


class _IntegerInterval(_Bounded):
    """The whole numbers between two bounds, which belong to them."""

    is_discrete = True

    def check(self, value: Any) -> Value:
        return (value % 1 == 0) & (self.lower_bound <= value) & (value <= self.upper_bound)


class _Above(_OfNumbers):
    def __init__(self, lower_bound: Any) -> None:
        self.lower_bound = lower_bound


class _GreaterThan(_Above):
    """The numbers above a bound."""

    def check(self, value: Any) -> Value:
        return self.lower_bound < value


class _GreaterThanEq(_Above):
    """A bound and the numbers above it."""

    def check(self, value: Any) -> Value:
        return self.lower_bound <= value


class _IntegerGreaterThan(_Above):
    """The whole numbers from a bound up."""

    is_discrete = True

    def check(self, value: Any) -> Value:
        return (value % 1 == 0) & (value >= self.lower_bound)


class _Below(_OfNumbers):
    def __init__(self, upper_bound: Any) -> None:
        self.upper_bound = upper_bound


class _LessThan(_Below):
    """The numbers below a bound."""

    def check(self, value: Any) -> Value:
        return value < self.upper_bound


class _IntegerLessThan(_Below):
    """The whole numbers up to a bound."""

    is_discrete = True

    def check(self, value: Any) -> Value:
        return (value % 1 == 0) & (value <= self.upper_bound)


class _Simplex(_OfNumbers):
    """Vectors of numbers from 0 up that add up to 1."""

    event_dim = 1

    def check(self, value: Any) -> Value:
        return (value >= 0).all(-1) & (abs(value.sum(-1) - 1) < 1e-6)


class _OneHot(_OfNumbers):
    """Vectors of one 1 and zeros."""

    is_discrete, event_dim = True, 1

    def check(self, value: Any) -> Value:
        return ((value == 0) | (value == 1)).all(-1) & (value.sum(-1) == 1)


class _Multinomial(_OfNumbers):
    """Vectors of whole numbers from 0 up that add up to at most a bound."""

    is_discrete, event_dim = True, 1

    def __init__(self, upper_bound: Any) -> None:
        self.upper_bound = upper_bound

    def check(self, value: Any) -> Value:
        return (value >= 0).all(-1) & (value.sum(-1) <= self.upper_bound)


class _Matrices(Constraint):
    event_dim = 2


class _Square(_Matrices):
    """Square matrices."""

    def check(self, value: Any) -> Value:
        fits = value.shape[-1] == value.shape[-2]
        return (value[..., 0, 0] == value[..., 0, 0]).fill_(fits)


class _LowerTriangular(_Matrices):
    """Square matrices with zeros above the diagonal."""

    def check(self, value: Any) -> Value:
        return (value.tril() == value).flatten(-2).all(-1)


class _LowerCholesky(_LowerTriangular):
    """Lower triangular matrices with a positive diagonal."""

    def check(self, value: Any) -> Value:
        return super().check(value) & (value.diagonal(0, -2, -1) > 0).all(-1)


class _CorrCholesky(_LowerCholesky):
    """Lower triangular matrices with a positive diagonal and rows of length 1."""

    def check(self, value: Any) -> Value:
        tolerance = float(finfo(value.dtype).eps) * value.shape[-1] * 10
        return (((value * value).sum(-1).sqrt() - 1).abs() <= tolerance).all(-1) & super().check(value)


class _Symmetric(_Square):
    """Symmetric matrices."""

    def check(self, value: Any) -> Value:
        square = super().check(value)
        return isclose(value, value.mT, atol=1e-6).flatten(-2).all(-1) if square.all() else square


class _PositiveSemidefinite(_Symmetric):
    """Symmetric matrices without negative eigenvalues."""

    def check(self, value: Any) -> Value:
        symmetric = super().check(value)
        return (eigvalsh(value) >= 0).all(-1) if symmetric.all() else symmetric


class _PositiveDefinite(_Symmetric):
    """Symmetric matrices with positive eigenvalues."""

    def check(self, value: Any) -> Value:
        symmetric = super().check(value)
        if symmetric.all():
            try:
                cholesky(value)  # cheaper than eigenvalues, which say which matrices they are
            except LinalgError:
                return (eigvalsh(value) > 0).all(-1)
        return symmetric


class _Joined(Constraint):
    """One constraint for each part of the values along an axis."""

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0) -> None:
        self.cseq, self.dim = list(cseq), dim

    @property
    def is_discrete(self) -> Any:
        """Whether one of the constraints allows only whole numbers."""
        return any(c.is_discrete for c in self.cseq)

    @property
    def event_dim(self) -> Any:
        """The largest number of axes that one of the constraints judges together."""
        return max(c.event_dim for c in self.cseq)


class _Cat(_Joined):
    """Parts of the lengths given, of which each has its constraint."""

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0, lengths: Sequence[int] | None = None) -> None:
        super().__init__(cseq, dim)
        self.lengths = [1] * len(self.cseq) if lengths is None else list(lengths)

    def check(self, value: Any) -> Value:
        parts = value.split(self.lengths, self.dim)
        return cat_tensors([c.check(part) for c, part in zip(self.cseq, parts, strict=True)], self.dim)


class _Stack(_Joined):
    """One constraint for each position along an axis."""

    @property
    def event_dim(self) -> Any:
        """The largest number of axes that one of the constraints judges together, and the axis if it is among them."""
        judged = super().event_dim
        return judged + 1 if self.dim + judged < 0 else judged

    def check(self, value: Any) -> Value:
        parts = value.unbind(self.dim)
        return stack_tensors([c.check(part) for c, part in zip(self.cseq, parts, strict=True)], self.dim)


def is_dependent(constraint: Any) -> bool:
    """Whether what a constraint allows depends on other parameters."""
    return isinstance(constraint, _Dependent)


dependent, dependent_property, independent = _Dependent(), _DependentProperty, _IndependentConstraint
boolean, one_hot, real = _Boolean(), _OneHot(), _Real()
real_vector = independent(real, 1)
nonnegative_integer, positive_integer = _IntegerGreaterThan(0), _IntegerGreaterThan(1)
integer_interval = _IntegerInterval
positive, nonnegative = _GreaterThan(0.0), _GreaterThanEq(0.0)
greater_than, greater_than_eq = _GreaterThan, _GreaterThanEq
less_than, multinomial = _LessThan, _Multinomial
unit_interval, interval, half_open_interval = _Interval(0.0, 1.0), _Interval, _HalfOpenInterval
simplex = _Simplex()
lower_triangular, lower_cholesky, corr_cholesky = _LowerTriangular(), _LowerCholesky(), _CorrCholesky()
square, symmetric, positive_semidefinite = _Square(), _Symmetric(), _PositiveSemidefinite()
positive_definite, cat, stack = _PositiveDefinite(), _Cat, _Stack

"""From constraints to transforms of all real numbers onto what they allow.

``biject_to`` gives a bijection, for inference; ``transform_to`` gives what suits optimization, which may be simpler.

>>> import autodiff
>>> from autodiff.distributions import biject_to, constraints, transform_to
>>> biject_to(constraints.positive)(autodiff.tensor([0.0, 1.0]))
tensor([1.0000, 2.7183])
>>> transform_to(constraints.simplex)(autodiff.zeros(2))
tensor([0.5000, 0.5000])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autodiff.distributions import constraints, transforms
from autodiff.distributions.constraints import Constraint
from autodiff.errors import OptionError


class ConstraintRegistry:
    """For each kind of constraint the function that makes its transform."""

    def __init__(self) -> None:
        self._registry: dict[type, Callable[[Any], Any]] = {}

    def register(self, constraint: Any, factory: Callable[[Any], Any] | None = None) -> Any:
        """Let ``factory(constraint)`` make the transforms of a kind of constraints; also as a decorator.

        Raises:
            OptionError: no kind of constraint.
        """
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        kind = type(constraint) if isinstance(constraint, Constraint) else constraint
        if not (isinstance(kind, type) and issubclass(kind, Constraint)):
            raise OptionError(f"a registry takes a constraint or a class of constraints, not {constraint!r}")
        self._registry[kind] = factory
        return factory

    def __call__(self, constraint: Any) -> Any:
        """The transform onto what a constraint allows.

        Raises:
            NotImplementedError: none is known for this kind of constraint.
        """
        factory = self._registry.get(type(constraint))
        if factory is None:
            raise NotImplementedError(f"no transform to {type(constraint).__name__} is registered; see register()")
        return factory(constraint)


biject_to, transform_to = ConstraintRegistry(), ConstraintRegistry()


def _both(*kinds: Any) -> Callable[[Any], Any]:
    def decorate(factory: Callable[[Any], Any]) -> Any:
        for kind in kinds:
            biject_to.register(kind, factory)
            transform_to.register(kind, factory)
        return factory

    return decorate


@_both(constraints.real)
def _to_real(constraint: Any) -> Any:
    return transforms.identity_transform


@_both(constraints.greater_than, constraints.greater_than_eq)
def _to_above(constraint: Any) -> Any:
    return _moved(transforms.ExpTransform(), constraint.lower_bound, 1)


@_both(constraints.less_than)
def _to_below(constraint: Any) -> Any:
    return _moved(transforms.ExpTransform(), constraint.upper_bound, -1)


@_both(constraints.interval, constraints.half_open_interval)
def _to_interval(constraint: Any) -> Any:
    low, high = constraint.lower_bound, constraint.upper_bound
    return _moved(transforms.SigmoidTransform(), low, high - low)


def _moved(transform: Any, loc: Any, scale: Any) -> Any:
    """The transform, then loc + scale x."""
    if isinstance(loc, (int, float)) and isinstance(scale, (int, float)) and (loc, scale) == (0, 1):
        return transform
    return transforms.ComposeTransform([transform, transforms.AffineTransform(loc, scale)])


@transform_to.register(constraints.lower_cholesky)  # type: ignore[untyped-decorator]
def _to_lower_cholesky(constraint: Any) -> Any:
    return transforms.LowerCholeskyTransform()


@transform_to.register(constraints.positive_semidefinite)  # type: ignore[untyped-decorator]
@transform_to.register(constraints.positive_definite)  # type: ignore[untyped-decorator]
def _to_positive_definite(constraint: Any) -> Any:
    return transforms.PositiveDefiniteTransform()


@_both(constraints.corr_cholesky)
def _to_corr_cholesky(constraint: Any) -> Any:
    return transforms.CorrCholeskyTransform()


@biject_to.register(constraints.simplex)  # type: ignore[untyped-decorator]
def _onto_simplex(constraint: Any) -> Any:
    return transforms.StickBreakingTransform()


@transform_to.register(constraints.simplex)  # type: ignore[untyped-decorator]
def _to_simplex(constraint: Any) -> Any:
    return transforms.SoftmaxTransform()


def _of_parts(registry: ConstraintRegistry) -> None:
    registry.register(
        constraints.independent,
        lambda c: transforms.IndependentTransform(registry(c.base_constraint), c.reinterpreted_batch_ndims),
    )
    registry.register(
        constraints.cat, lambda c: transforms.CatTransform([*map(registry, c.cseq)], c.dim, c.lengths)
    )
    registry.register(constraints.stack, lambda c: transforms.StackTransform([*map(registry, c.cseq)], c.dim))


_of_parts(biject_to)
_of_parts(transform_to)

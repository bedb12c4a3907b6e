"""What all constraints have in common, and those that depend on parameters or are made of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autodiff.engine.values import Value
from autodiff.errors import ShapeError


class Constraint:
    """A region of values.

    Attributes:
        is_discrete: whether its values are whole numbers.
        event_dim: of how many of the last axes a value is made.
    """

    is_discrete: Any = False
    event_dim: Any = 0
    _takes_arrays = False  # whether check() is written so that it judges plain arrays, too, which is faster

    def check(self, value: Any) -> Value:
        """Whether the values lie inside, in the shape of ``value`` without its last ``event_dim`` axes."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it allows")

    def __repr__(self) -> str:
        bounds = ", ".join(f"{k}={_shown(v)}" for k, v in self.__dict__.items() if not k.startswith("_"))
        return f"{type(self).__name__.lstrip('_')}({bounds})"


def _shown(bound: Any) -> Any:
    """A bound in words: a large tensor by its shape."""
    return f"tensor of shape {tuple(bound.shape)}" if getattr(bound, "ndim", 0) else bound


class _Dependent(Constraint):
    """A region that depends on other parameters; it cannot be checked by itself."""

    def __init__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> None:
        self._known = {"is_discrete": is_discrete, "event_dim": event_dim}

    def _known_as(self, name: str) -> Any:
        if self._known[name] is NotImplemented:
            raise NotImplementedError(f"the {name} of this constraint depends on the distribution; ask an instance")
        return self._known[name]

    @property
    def is_discrete(self) -> Any:
        """Whether its values are whole numbers."""
        return self._known_as("is_discrete")

    @property
    def event_dim(self) -> Any:
        """Of how many of the last axes a value is made."""
        return self._known_as("event_dim")

    def __call__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> _Dependent:
        """The same, with what is known whatever the other parameters are."""
        new = {"is_discrete": is_discrete, "event_dim": event_dim}
        return _Dependent(**{k: self._known[k] if v is NotImplemented else v for k, v in new.items()})

    def check(self, value: Any) -> Value:
        """Not to be asked."""
        raise ValueError("this constraint depends on other parameters; check that of an instance")

    def __repr__(self) -> str:
        return "Dependent()"


class _DependentProperty(property, _Dependent):
    """A property of distributions whose value is a constraint; of the class it is a constraint that is dependent."""

    def __init__(
        self, fn: Callable[[Any], Constraint] | None = None, *, is_discrete: Any = NotImplemented,
        event_dim: Any = NotImplemented,
    ) -> None:  # fmt: skip
        property.__init__(self, fn)
        _Dependent.__init__(self, is_discrete=is_discrete, event_dim=event_dim)

    def __call__(self, fn: Any) -> _DependentProperty:  # type: ignore[override]
        """The property of the method ``fn``, for a decorator with arguments."""
        return _DependentProperty(fn, is_discrete=self._known["is_discrete"], event_dim=self._known["event_dim"])


class _IndependentConstraint(Constraint):
    """A constraint of whose last axes some more make up one value; all of it must lie inside."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        self.base_constraint = base_constraint
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    @property
    def _takes_arrays(self) -> bool:  # type: ignore[override]
        return self.base_constraint._takes_arrays

    @property
    def is_discrete(self) -> Any:
        """Whether its values are whole numbers."""
        return self.base_constraint.is_discrete

    @property
    def event_dim(self) -> Any:
        """Of how many of the last axes a value is made."""
        return self.base_constraint.event_dim + self.reinterpreted_batch_ndims

    def check(self, value: Any) -> Value:
        """Whether the values lie inside.

        Raises:
            ShapeError: a value has fewer axes than that.
        """
        inside = self.base_constraint.check(value)
        count = self.reinterpreted_batch_ndims
        if inside.ndim < count:
            raise ShapeError(f"a value of {self!r} has at least {self.event_dim} axes, not {value.ndim}")
        return inside.reshape((*inside.shape[: inside.ndim - count], -1)).all(-1) if count else inside

    def __repr__(self) -> str:
        return f"IndependentConstraint({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"


class MixtureSameFamilyConstraint(Constraint):
    """The constraint of each component, asked of values that have no axis of components."""

    def __init__(self, base_constraint: Constraint) -> None:
        self.base_constraint = base_constraint
        self.is_discrete, self.event_dim = base_constraint.is_discrete, base_constraint.event_dim

    def check(self, value: Any) -> Value:
        """Whether the values lie inside for all components.

        Raises:
            ShapeError: a value has fewer axes than the constraint judges.
        """
        if value.ndim < self.event_dim:
            raise ShapeError(f"a value of {self!r} has at least {self.event_dim} axes, not {value.ndim}")
        inside = self.base_constraint.check(value.unsqueeze(-1 - self.event_dim))
        keep = value.ndim - self.event_dim
        return inside.reshape((*inside.shape[:keep], -1)).all(-1)

    def __repr__(self) -> str:
        return f"MixtureSameFamilyConstraint({self.base_constraint!r})"

"""The base of all distributions: shapes, checks of parameters and values, draws."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from autodiff.distributions.constraints import Constraint, dependent_property, is_dependent
from autodiff.distributions.utils import lazy_property
from autodiff.engine.modes import no_grad
from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.shaping import broadcast_shapes
from autodiff.tensors.creation import as_tensor
from autodiff.tensors.sizes import Size
from autodiff.tensors.tensor import Tensor


class Distribution:
    """What all distributions have in common.

    A draw has the shape ``sample_shape`` + ``batch_shape`` + ``event_shape``: ``batch_shape`` counts distributions with
    parameters of their own, ``event_shape`` is the shape of one value. A subclass gives ``arg_constraints`` and
    ``support``, and defines ``rsample`` (or ``sample``) and ``log_prob``, or the rule ``_log_prob`` of checked values.

    Args:
        batch_shape, event_shape: these shapes.
        validate_args: whether parameters, and the values given to ``log_prob`` and ``cdf``, are checked; by default
            they are, unless Python runs with ``-O`` or ``set_default_validate_args`` said no.

    Attributes:
        has_rsample: whether gradients pass through samples.
        has_enumerate_support: whether ``enumerate_support`` lists all values.
        arg_constraints: for each parameter what it may be.

    Raises OptionError for a parameter outside its constraint, where parameters are checked.
    """

    has_rsample: Any = False
    has_enumerate_support: Any = False
    arg_constraints: Any = {}  # noqa: RUF012  # a subclass has its own, or a property
    _validate_args: bool = __debug__

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Say whether distributions that do not choose check their arguments.

        Raises:
            OptionError: not a bool.
        """
        if value not in (True, False):
            raise OptionError(f"validate_args is True or False, not {value!r}")
        Distribution._validate_args = value

    def __init__(self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            for name, constraint in self.arg_constraints.items():
                waits = isinstance(getattr(type(self), name, None), lazy_property)
                if not is_dependent(constraint) and not (waits and name not in self.__dict__):
                    self._require(name, getattr(self, name), constraint)

    def _require(self, name: str, value: Any, constraint: Constraint) -> None:
        """Raise OptionError for a parameter outside its constraint."""
        allowed = _judged(constraint, value)
        if not allowed.all():
            raise OptionError(
                f"the parameter {name} of {type(self).__name__} does not satisfy the constraint {constraint!r}: "
                f"{_offenders(value, allowed)} of a tensor of shape {tuple(value.shape)}"
            )

    @property
    def batch_shape(self) -> Size:
        """The shape of a batch of distributions, which have parameters of their own."""
        if "_batch_shape" not in self.__dict__:
            raise NotImplementedError(f"{type(self).__name__} does not say its batch_shape; call super().__init__()")
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one value, without the batch."""
        return self._event_shape

    @dependent_property
    def support(self) -> Any:
        """The constraint that all draws satisfy."""
        raise NotImplementedError(f"{type(self).__name__} does not say its support")

    @property
    def mean(self) -> Value:
        """The mean."""
        raise NotImplementedError(f"{type(self).__name__} has no mean here")

    @property
    def mode(self) -> Value:
        """The most probable value, or where the density is highest."""
        raise NotImplementedError(f"{type(self).__name__} has no mode here")

    @property
    def variance(self) -> Value:
        """The expected square of the distance from the mean."""
        raise NotImplementedError(f"{type(self).__name__} has no variance here")

    @property
    def stddev(self) -> Value:
        """The standard deviation."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Any = ()) -> Value:
        """Draws outside the graph, ``sample_shape`` of each distribution of the batch."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Value:
        """Draws through which gradients reach the parameters.

        References: D. P. Kingma, M. Welling (2014), "Auto-encoding variational Bayes"; M. Figurnov, S. Mohamed, A. Mnih
        (2018), "Implicit reparameterization gradients".
        """
        raise NotImplementedError(f"no gradient passes through a sample of {type(self).__name__}; take log_prob's")

    def sample_n(self, n: int) -> Value:
        """``n`` draws; an old name of ``sample((n,))``."""
        return self.sample((n,))

    def log_prob(self, value: Any) -> Value:
        """The logarithm of the probability, or of the density, of ``value``.

        Raises, where values are checked:
            ShapeError: ``value`` does not fit ``batch_shape`` and ``event_shape``.
            OptionError: it lies outside the support.
        """
        return self._log_prob(self._checked(value))

    def _log_prob(self, value: Any) -> Value:
        raise NotImplementedError(f"{type(self).__name__} has no log_prob here")

    def cdf(self, value: Any) -> Value:
        """The probability of draws up to ``value``; raises as ``log_prob`` does."""
        return self._cdf(self._checked(value))

    def _cdf(self, value: Any) -> Value:
        raise NotImplementedError(f"{type(self).__name__} has no cdf here")

    def icdf(self, value: Any) -> Value:
        """The number below which a draw lies with the probability ``value``: the inverse of ``cdf``."""
        raise NotImplementedError(f"{type(self).__name__} has no icdf here")

    def entropy(self) -> Value:
        """The expected surprise, in nats; of a density the differential entropy."""
        raise NotImplementedError(f"{type(self).__name__} has no entropy here")

    def perplexity(self) -> Value:
        """exp of the entropy."""
        return self.entropy().exp()

    def enumerate_support(self, expand: bool = True) -> Value:
        """All values that may be drawn, along a new first axis; with ``expand`` for each distribution of the batch."""
        raise NotImplementedError(f"{type(self).__name__} does not list its values")

    def _enumerated(self, values: Any, expand: bool) -> Value:
        """``values`` (count, event) with axes for the batch."""
        values = values.reshape((-1, *(1,) * len(self._batch_shape), *self._event_shape))
        return values.expand((-1, *self._batch_shape, *self._event_shape)) if expand else values

    def expand(self, batch_shape: Any, _instance: Any = None) -> Self:
        """The same distribution with parameters expanded to ``batch_shape``; nothing is copied."""
        batch_shape = Size(batch_shape)
        new: Self = self._get_checked_instance(_of_library(type(self)), _instance)
        new.__dict__.update(self.__dict__)
        for name, constraint in self.arg_constraints.items():
            if name in self.__dict__:
                value = self.__dict__[name]
                event = tuple(value.shape)[value.ndim - constraint.event_dim :]
                new.__dict__[name] = value.expand((*batch_shape, *event))
        new._batch_shape = batch_shape
        return new

    def _get_checked_instance(self, cls: Any, _instance: Any = None) -> Any:
        """An object for ``expand`` to fill, which only a class with the ``__init__`` of ``cls`` may have filled."""
        if _instance is None and type(self).__init__ is not cls.__init__:
            raise NotImplementedError(f"{type(self).__name__} has an __init__ of its own and must define expand too")
        return type(self).__new__(type(self)) if _instance is None else _instance

    def _extended_shape(self, sample_shape: Any = ()) -> Size:
        """The shape of draws."""
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def _checked(self, value: Any) -> Value:
        """``value`` as a tensor, which if arguments are checked has a fitting shape and lies in the support."""
        value = value if isinstance(value, Tensor) else as_tensor(value)
        if self._validate_args:
            self._validate_sample(value)
        return value

    def _validate_sample(self, value: Any) -> None:
        """Raise ShapeError or OptionError for a value that can never be drawn."""
        name, shape, event = type(self).__name__, tuple(value.shape), tuple(self._event_shape)
        if shape[len(shape) - len(event) :] != event:
            raise ShapeError(f"a value of this {name} has event_shape {event} as its last axes, unlike shape {shape}")
        if not _meet(shape, (*self._batch_shape, *event)):
            raise ShapeError(
                f"a value of shape {shape} does not broadcast with the batch_shape {tuple(self._batch_shape)} and "
                f"event_shape {event} of this {name}"
            )
        try:
            support = self.support
        except NotImplementedError:
            return
        allowed = _judged(support, value)
        if not allowed.all():
            raise OptionError(f"a value of {name} lies within {support!r}, unlike {_offenders(value, allowed)}")

    def __repr__(self) -> str:
        given = {name: self.__dict__[name] for name in self.arg_constraints if name in self.__dict__}
        shown = (f"{k}: {v.item() if v.numel() == 1 else v.shape}" for k, v in given.items())
        return f"{type(self).__name__}({', '.join(shown)})"


def _judged(constraint: Constraint, value: Any) -> Any:
    """Whether the values satisfy the constraint, which looks at the array if it can."""
    if constraint._takes_arrays:
        return constraint.check(value.detach().numpy())
    with no_grad():
        return constraint.check(value)


def _meet(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    """Whether two shapes broadcast."""
    try:
        broadcast_shapes(first, second)
    except ShapeError:
        return False
    return True


def _offenders(value: Any, allowed: Any) -> str:
    """The first value that is not allowed, in words."""
    values, wrong = np.asarray(value.detach()), ~np.asarray(allowed)
    first = values[wrong][0] if values.ndim >= wrong.ndim and wrong.ndim else values
    return f"{first!s:.80}".replace("\n", "")


def _of_library(cls: type) -> Any:
    """The class of this package that a class is, or comes from."""
    package = __name__.rpartition(".")[0]
    return next(each for each in cls.__mro__ if each.__module__.startswith(package))

"""Probabilities or their logits: what all distributions of yes and no, or of classes, do with either."""

from __future__ import annotations

from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.distribution import Distribution
from autodiff.distributions.utils import broadcast_all, lazy_property, logits_to_probs, probs_to_logits
from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.reductions import log_softmax
from autodiff.tensors.sizes import Size


class Chances(Distribution):
    """A distribution given by ``probs`` or by ``logits``; the other is computed when it is asked for."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}  # noqa: RUF012
    _is_binary = True

    def _given(self, probs: Any, logits: Any, *others: Any) -> tuple[Value, ...]:
        """The one that is given becomes an attribute, broadcast with the others, which are returned.

        Raises:
            OptionError: not exactly one of the two is given.
        """
        if (probs is None) == (logits is None):
            raise OptionError(f"{type(self).__name__} takes either probs or logits")
        found = broadcast_all(logits if probs is None else probs, *others)
        self._given_name = "logits" if probs is None else "probs"
        self.__dict__[self._given_name] = found[0]
        return found[1:]

    @lazy_property
    def probs(self) -> Any:
        """The probabilities."""
        return logits_to_probs(self.logits, self._is_binary)

    @lazy_property
    def logits(self) -> Any:
        """The logarithms of the odds, or of the probabilities of classes."""
        return probs_to_logits(self.probs, self._is_binary)

    @property
    def _param(self) -> Any:
        return self.__dict__[self._given_name]

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter that was given."""
        return Size(self._param.shape)


class ClassChances(Chances):
    """Probabilities of classes, in the last axis: probs are divided by their sum, logits by that of their exponentials.

    Raises:
        ShapeError: the parameter has no axis.
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}  # noqa: RUF012
    _is_binary = False

    def _given_classes(self, probs: Any, logits: Any) -> None:
        self._given(probs, logits)
        name, given = self._given_name, self._param
        if given.ndim < 1:
            raise ShapeError(f"the {name} of {type(self).__name__} have at least one axis, that of the classes")
        self.__dict__[name] = log_softmax(given, -1) if probs is None else given / given.sum(-1, keepdim=True)

    @property
    def _num_events(self) -> int:
        return int(self._param.shape[-1])

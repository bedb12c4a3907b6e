"""The base of all transforms, and the inverse of one."""

from __future__ import annotations

import weakref
from typing import Any

from autodiff.distributions.constraints import Constraint
from autodiff.engine.values import Value
from autodiff.errors import OptionError


class Transform:
    """A differentiable function of a variable, with its inverse and the determinant of its Jacobian.

    A subclass gives ``domain`` and ``codomain``, and defines ``_call``, ``_inverse`` and ``log_abs_det_jacobian``.

    Args:
        cache_size: with 1 the last argument and value are kept, so that the inverse of that value, which may be
            inexact or unknown, is the argument itself.

    Attributes:
        domain, codomain: the constraints of arguments and of values.
        bijective: whether each value has one argument.
        sign: 1 if it rises, -1 if it falls; of a bijective function of one number.

    Raises:
        OptionError: another ``cache_size``.
    """

    bijective: Any = False
    domain: Any
    codomain: Any

    def __init__(self, cache_size: int = 0) -> None:
        if cache_size not in (0, 1):
            raise OptionError(f"the cache_size of a transform is 0 or 1, not {cache_size!r}")
        self._cache_size = cache_size
        self._inv: weakref.ReferenceType[Transform] | None = None
        self._cached_x_y: tuple[Any, Any] = (None, None)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_inv": None}

    @property
    def event_dim(self) -> int:
        """The number of axes that arguments and values have in common."""
        if self.domain.event_dim != self.codomain.event_dim:
            raise OptionError(f"the domain and codomain of {type(self).__name__} differ in their event_dim; ask these")
        return int(self.domain.event_dim)

    @property
    def inv(self) -> Transform:
        """The inverse, whose inverse is this transform."""
        made = self._inv() if self._inv is not None else None
        if made is None:
            made = _InverseTransform(self)
            self._inv = weakref.ref(made)
        return made

    @property
    def sign(self) -> Any:
        """1 if it rises, -1 if it falls."""
        raise NotImplementedError(f"{type(self).__name__} does not say whether it rises or falls")

    def with_cache(self, cache_size: int = 1) -> Transform:
        """The same transform with that ``cache_size``."""
        if self._cache_size == cache_size:
            return self
        if type(self).__init__ is Transform.__init__:
            return type(self)(cache_size=cache_size)
        raise NotImplementedError(f"{type(self).__name__} has an __init__ of its own and must define with_cache too")

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def __call__(self, x: Any) -> Value:
        """The value at ``x``."""
        if self._cache_size == 0:
            return self._call(x)
        known, value = self._cached_x_y
        if x is not known:
            value = self._call(x)
            self._cached_x_y = x, value
        return value

    def _inv_call(self, y: Any) -> Value:
        if self._cache_size == 0:
            return self._inverse(y)
        x, known = self._cached_x_y
        if y is not known:
            x = self._inverse(y)
            self._cached_x_y = x, y
        return x

    def _call(self, x: Any) -> Value:
        raise NotImplementedError(f"{type(self).__name__} does not define _call")

    def _inverse(self, y: Any) -> Value:
        raise NotImplementedError(f"{type(self).__name__} has no inverse")

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Value:
        """log |det dy/dx| at the argument ``x`` and its value ``y``, for each value.

        Raises ShapeError for shapes that the transform does not take.
        """
        raise NotImplementedError(f"{type(self).__name__} has no log_abs_det_jacobian")

    def forward_shape(self, shape: Any) -> Any:
        """The shape of the value of an argument of ``shape``; raises ShapeError for one that it does not take."""
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        """The shape of the argument of a value of ``shape``; raises ShapeError for one that it does not give."""
        return shape

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class OfOneKind(Transform):
    """A transform without parameters: two of them are equal."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    __hash__ = object.__hash__


class _InverseTransform(Transform):
    """The inverse of a transform, which holds the cache of both."""

    def __init__(self, transform: Transform) -> None:
        super().__init__(cache_size=transform._cache_size)
        self._forward = transform

    @property
    def domain(self) -> Constraint:
        return self._forward.codomain

    @property
    def codomain(self) -> Constraint:
        return self._forward.domain

    @property
    def bijective(self) -> Any:
        return self._forward.bijective

    @property
    def sign(self) -> Any:
        return self._forward.sign

    @property
    def inv(self) -> Transform:
        return self._forward

    def with_cache(self, cache_size: int = 1) -> Transform:
        return self._forward.with_cache(cache_size).inv

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _InverseTransform) and self._forward == other._forward

    __hash__ = object.__hash__

    def __call__(self, x: Any) -> Value:
        return self._forward._inv_call(x)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Value:
        return -self._forward.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape: Any) -> Any:
        return self._forward.inverse_shape(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self._forward.forward_shape(shape)

    def __repr__(self) -> str:
        return f"_InverseTransform({self._forward!r})"

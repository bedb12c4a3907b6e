"""Transforms of the parts of a tensor, each with its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from autodiff.distributions import constraints
from autodiff.distributions.transforms.base import Transform
from autodiff.distributions.utils import _sum_rightmost
from autodiff.engine.values import Value
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.joining import cat, stack


class _Parts(Transform):
    """One transform for each part along the axis ``dim``; a subclass says how parts are taken and put together."""

    def __init__(self, tseq: Sequence[Transform], dim: int, cache_size: int) -> None:
        if not all(isinstance(t, Transform) for t in tseq):
            raise OptionError(f"{type(self).__name__} takes a list of transforms")
        super().__init__(cache_size=cache_size)
        self.transforms = [t.with_cache(cache_size) for t in tseq]
        self.dim = dim

    @property
    def bijective(self) -> Any:
        """Whether all are."""
        return all(t.bijective for t in self.transforms)

    def _parts(self, x: Any) -> Sequence[Any]:
        raise NotImplementedError

    def _joined(self, parts: Any, dim: int) -> Value:
        raise NotImplementedError

    def _each(self, x: Any, call: Callable[[Transform, Any], Any]) -> Value:
        pairs: Iterator[Any] = zip(self.transforms, self._parts(x), strict=True)
        return self._joined([call(t, part) for t, part in pairs], self.dim)

    def _call(self, x: Any) -> Value:
        return self._each(x, lambda t, part: t(part))

    def _inverse(self, y: Any) -> Value:
        return self._each(y, lambda t, part: t.inv(part))


class CatTransform(_Parts):
    """One transform for each stretch along ``dim``, of the ``lengths`` given (1 if they are not).

    >>> import autodiff
    >>> from autodiff.distributions.transforms import ExpTransform, identity_transform
    >>> CatTransform([ExpTransform(), identity_transform], lengths=[1, 2])(autodiff.zeros(3))
    tensor([1., 0., 0.])
    """

    def __init__(
        self, tseq: Sequence[Transform], dim: int = 0, lengths: Sequence[int] | None = None, cache_size: int = 0
    ) -> None:
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise OptionError(f"CatTransform has {len(self.transforms)} transforms and {len(self.lengths)} lengths")

    @property
    def event_dim(self) -> int:
        """Of how many axes a value is made, at most."""
        return max(t.event_dim for t in self.transforms)

    @property
    def length(self) -> int:
        """The length of the axis."""
        return sum(self.lengths)

    def with_cache(self, cache_size: int = 1) -> Transform:
        """The same transform with that ``cache_size``."""
        if self._cache_size == cache_size:
            return self
        return CatTransform(self.transforms, self.dim, self.lengths, cache_size)

    def _parts(self, x: Any) -> Sequence[Any]:
        if not -x.ndim <= self.dim < x.ndim or x.shape[self.dim] != self.length:
            raise ShapeError(f"axis {self.dim} has the length {self.length} here, unlike shape {tuple(x.shape)}")
        return x.split(self.lengths, self.dim)

    def _joined(self, parts: Any, dim: int) -> Value:
        return cat(parts, dim)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Value:
        """Those of the parts, joined along the axis, or added if the axis belongs to each value."""
        found = []
        for t, before, after in zip(self.transforms, self._parts(x), self._parts(y), strict=True):
            found.append(_sum_rightmost(t.log_abs_det_jacobian(before, after), self.event_dim - t.event_dim))
        dim = self.dim - x.ndim if self.dim >= 0 else self.dim
        dim = dim + self.event_dim
        if dim < 0:
            return cat(found, dim)
        total: Any = found[0]
        for part in found[1:]:
            total = total + part
        return total

    @property
    def domain(self) -> Any:
        """The domains of the parts."""
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @property
    def codomain(self) -> Any:
        """The codomains of the parts."""
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)


class StackTransform(_Parts):
    """One transform for each position along ``dim``.

    >>> import autodiff
    >>> from autodiff.distributions.transforms import ExpTransform, identity_transform
    >>> StackTransform([ExpTransform(), identity_transform])(autodiff.zeros(2))
    tensor([1., 0.])
    """

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(tseq, dim, cache_size)

    def with_cache(self, cache_size: int = 1) -> Transform:
        """The same transform with that ``cache_size``."""
        return self if self._cache_size == cache_size else StackTransform(self.transforms, self.dim, cache_size)

    def _parts(self, x: Any) -> Sequence[Any]:
        if not -x.ndim <= self.dim < x.ndim or x.shape[self.dim] != len(self.transforms):
            count = len(self.transforms)
            raise ShapeError(f"axis {self.dim} has the length {count} here, unlike shape {tuple(x.shape)}")
        return x.unbind(self.dim)

    def _joined(self, parts: Any, dim: int) -> Value:
        return stack(parts, dim)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Value:
        """Those of the parts, stacked."""
        triples = zip(self.transforms, self._parts(x), self._parts(y), strict=True)
        return stack([t.log_abs_det_jacobian(before, after) for t, before, after in triples], self.dim)

    @property
    def domain(self) -> Any:
        """The domains of the parts."""
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @property
    def codomain(self) -> Any:
        """The codomains of the parts."""
        return constraints.stack([t.codomain for t in self.transforms], self.dim)

"""New tensors like this one, and random numbers in place, as methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from autodiff.engine.values import Value
from autodiff.errors import DtypeError, OptionError
from autodiff.functions.axes import size_of
from autodiff.random import Generator, numpy_generator
from autodiff.tensors.making import array_of, filled, leaf
from autodiff.tensors.sizes import gives_sizes


class MakingMethods:
    """``x.new_zeros(2, 3)``, ``x.normal_()``."""

    __slots__ = ()

    if TYPE_CHECKING:
        _array: np.ndarray[Any, Any]
        _become: Any

    def new_tensor(self, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Value:
        """A tensor with a copy of ``data``, in the dtype of this one."""
        return leaf(array_of(data, dtype or self._array.dtype, True), requires_grad, device)

    def new_zeros(self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Value:
        """Zeros in the shape ``size`` and the dtype of this tensor."""
        return filled(np.zeros, size, dtype or self._array.dtype, device, requires_grad)

    def new_ones(self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Value:
        """Ones in the shape ``size`` and the dtype of this tensor."""
        return filled(np.ones, size, dtype or self._array.dtype, device, requires_grad)

    def new_empty(self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Value:
        """A tensor in the shape ``size`` and the dtype of this one, with nothing in particular in it."""
        return filled(np.empty, size, dtype or self._array.dtype, device, requires_grad)

    def new_full(
        self, size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
    ) -> Value:
        """``fill_value`` in the shape ``size`` and the dtype of this tensor."""
        value = array_of(fill_value, dtype or self._array.dtype, True)
        return leaf(np.full(size_of((size,)), value), requires_grad, device)

    def new(self, *data: Any) -> Value:
        """A tensor of those sizes, or of a list or tensor of numbers, in the dtype of this one."""
        return self.new_empty(*(data or (0,))) if gives_sizes(data) else self.new_tensor(data[0])

    def normal_(self, mean: float = 0, std: float = 1, *, generator: Generator | None = None) -> Self:
        """Fill with normal random numbers."""
        return self._become(self._floating("normal_", numpy_generator(generator).normal(mean, std, self._array.shape)))

    def uniform_(self, from_: float = 0, to: float = 1, *, generator: Generator | None = None, **bounds: Any) -> Self:
        """Fill with uniform random numbers; the bounds are ``from`` and ``to`` by name, as in PyTorch."""
        low = bounds.pop("from", from_)
        if bounds or low > to:
            raise OptionError(f"uniform_ takes from <= to, not {low}, {to}, {bounds or ''}")
        return self._become(self._floating("uniform_", numpy_generator(generator).uniform(low, to, self._array.shape)))

    def exponential_(self, lambd: float = 1, *, generator: Generator | None = None) -> Self:
        """Fill with exponential random numbers of mean 1 / ``lambd``."""
        if lambd <= 0:
            raise OptionError(f"exponential_ takes a rate above 0, not {lambd}")
        drawn = numpy_generator(generator).exponential(1 / lambd, self._array.shape)
        return self._become(self._floating("exponential_", drawn))

    def _floating(self, name: str, drawn: Any) -> Any:
        if self._array.dtype.kind != "f":
            raise DtypeError(f"{name} fills floating tensors, not {self._array.dtype}")
        return np.asarray(drawn).astype(self._array.dtype)

    def bernoulli_(self, p: Any = 0.5, *, generator: Generator | None = None) -> Self:
        """Fill with 1 (with probability ``p``, a number or a tensor) and 0."""
        drawn = numpy_generator(generator).random(self._array.shape) < np.asarray(p)
        return self._become(np.asarray(drawn).astype(self._array.dtype))

    def random_(self, *bounds: int, to: int | None = None, generator: Generator | None = None, **low: int) -> Self:
        """Fill with whole random numbers from 0, or ``from``, up to but not including ``to``.

        Without bounds they go up to the largest that the dtype holds exactly.
        """
        first = low.pop("from", bounds[0] if len(bounds) == 2 else 0)
        last = bounds[-1] if bounds else to
        if last is None:
            dtype = self._array.dtype
            if dtype.kind == "f":
                last = int(2 ** (np.finfo(dtype).nmant + 1))
            else:
                last = 2 if dtype.kind == "b" else int(np.iinfo(dtype).max)
        if low or first >= last:
            raise OptionError(f"random_ takes from < to, not {first} and {last}")
        drawn = numpy_generator(generator).integers(first, last, self._array.shape)
        return self._become(np.asarray(drawn).astype(self._array.dtype))

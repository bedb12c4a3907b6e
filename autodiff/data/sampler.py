"""Samplers: the order in which a loader takes the items of a dataset, or the batches it makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np

from autodiff.errors import OptionError, ShapeError
from autodiff.random import Generator, numpy_generator

__all__ = [
    "BatchSampler", "RandomSampler", "Sampler", "SequentialSampler", "SubsetRandomSampler", "WeightedRandomSampler",
]

T_co = TypeVar("T_co", covariant=True)
CHUNK = 1 << 15  # indices drawn at a time


class Sampler(Generic[T_co]):
    """Indices, or lists of them; a subclass defines ``__iter__`` and, mostly, ``__len__``.

    >>> class Backwards(Sampler):
    ...     def __init__(self, items):
    ...         self.items = items
    ...     def __iter__(self):
    ...         return reversed(range(len(self.items)))
    >>> list(Backwards("abc"))
    [2, 1, 0]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} has no __iter__(); define which indices it gives")


class SequentialSampler(Sampler[int]):
    """All indices in their order.

    >>> list(SequentialSampler(["a", "b", "c"]))
    [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """Indices in random order: each once, over and over up to ``num_samples``; or drawn with replacement.

    Raises OptionError for a ``num_samples`` that is no whole number from 1 on, or a ``replacement`` that is not True or
    False.

    >>> sorted(RandomSampler(["a", "b", "c"]))
    [0, 1, 2]
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        if not isinstance(replacement, bool):
            raise OptionError(f"replacement is True or False, not {replacement!r}")
        if num_samples is not None:
            _check_count(num_samples)
        self.data_source, self.replacement = data_source, replacement
        self._num_samples, self.generator = num_samples, generator

    @property
    def num_samples(self) -> int:
        """How many indices there are in all."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        size, draw = len(self.data_source), numpy_generator(self.generator)
        left = self.num_samples if size else 0
        while left > 0:
            count = min(left, CHUNK if self.replacement else size)
            chosen = draw.integers(size, size=count) if self.replacement else draw.permutation(size)[:count]
            yield from chosen.tolist()
            left -= count

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given ``indices`` in random order.

    >>> sorted(SubsetRandomSampler([0, 2]))
    [0, 2]
    """

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        return (self.indices[i] for i in numpy_generator(self.generator).permutation(len(self.indices)).tolist())

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """``num_samples`` indices, each drawn in proportion to its weight; with ``replacement``, any number of times.

    Raises:
        ShapeError: ``weights`` are not one number for each item.
        OptionError: weights are negative or all 0, or there are too few above 0 to draw without replacement.

    >>> list(WeightedRandomSampler([0.0, 1.0], 2))
    [1, 1]
    """

    def __init__(
        self, weights: Sequence[float], num_samples: int, replacement: bool = True, generator: Generator | None = None
    ) -> None:
        _check_count(num_samples)
        self.weights = np.asarray(weights, dtype=np.float64)
        if self.weights.ndim != 1:
            raise ShapeError(f"weights are one number for each item, not an array of shape {self.weights.shape}")
        if not (self.weights >= 0).all() or not 0 < self.weights.sum() < np.inf:
            raise OptionError("weights are finite numbers from 0 on, and not all of them 0")
        if not replacement and np.count_nonzero(self.weights) < num_samples:
            raise OptionError(f"without replacement, {num_samples} samples need as many weights above 0")
        self.num_samples, self.replacement, self.generator = num_samples, replacement, generator

    def __iter__(self) -> Iterator[int]:
        chances = self.weights / self.weights.sum()
        draw = numpy_generator(self.generator)
        return iter(draw.choice(len(chances), self.num_samples, self.replacement, chances).tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of ``batch_size`` indices of ``sampler``; the last is shorter, or with ``drop_last`` left out.

    Raises OptionError for a ``batch_size`` that is no whole number from 1 on, or a ``drop_last`` that is not True or
    False.

    >>> list(BatchSampler(range(5), 2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool) -> None:
        _check_count(batch_size, "batch_size")
        if not isinstance(drop_last, bool):
            raise OptionError(f"drop_last is True or False, not {drop_last!r}")
        self.sampler, self.batch_size, self.drop_last = sampler, batch_size, drop_last

    def __iter__(self) -> Iterator[list[Any]]:
        indices = iter(self.sampler)
        while batch := list(islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        length = len(self.sampler)  # type: ignore[arg-type]
        return length // self.batch_size if self.drop_last else -(-length // self.batch_size)


def _check_count(value: Any, name: str = "num_samples") -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise OptionError(f"{name} is a whole number from 1 on, not {value!r}")

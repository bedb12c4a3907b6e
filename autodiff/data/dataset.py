"""Datasets of items by number, datasets to iterate over, and ways to join them."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any, Generic, Protocol, TypeVar

from autodiff.errors import AxisError, DtypeError, OptionError, ShapeError
from autodiff.kinds import described, not_a_tensor
from autodiff.random import Generator, numpy_generator
from autodiff.tensors.tensor import Tensor

__all__ = [
    "ChainDataset", "ConcatDataset", "Dataset", "IterableDataset", "StackDataset", "Subset", "TensorDataset",
    "random_split",
]

T_co = TypeVar("T_co", covariant=True)


class Items(Protocol[T_co]):
    """What a loader takes, beside what can be iterated over: items by number."""

    def __getitem__(self, index: int, /) -> T_co:
        """The item of that number."""


class Dataset(Generic[T_co]):
    """Items by number or key; a subclass defines ``__getitem__`` and, mostly, ``__len__``.

    If it also defines ``__getitems__(indices)``, a loader fetches the items of a batch at once.

    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 5
    ...     def __getitem__(self, index):
    ...         return index**2
    >>> Squares()[3]
    9
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__(index); define what its items are")

    def __add__(self, other: Dataset[Any]) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """Items one after another; a subclass defines ``__iter__``.

    Where several workers load it, each iterates over its own copy and chooses its part by ``get_worker_info()``.

    >>> class Lines(IterableDataset):
    ...     def __iter__(self):
    ...         yield from ["first", "second"]
    >>> list(Lines())
    ['first', 'second']
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} has no __iter__(); define what its items are")

    def __add__(self, other: Dataset[Any]) -> ChainDataset:  # type: ignore[override]
        return ChainDataset([self, other])


def check_dataset(dataset: Any, needs_length: bool) -> None:
    """Raise DtypeError, with the repair, for what has no items by number, or no length where that is needed."""
    kind, needed = type(dataset), ("__getitem__(index)", "__len__()")[: 1 + needs_length]
    missing = [name for name in needed if not hasattr(kind, name.partition("(")[0])]
    if not missing:
        return
    if isinstance(dataset, type):
        repair = "make an instance of it, with parentheses"
    elif hasattr(kind, "__next__") or (hasattr(kind, "__iter__") and not hasattr(kind, "__getitem__")):
        repair = "give list(...) of it, or an IterableDataset whose __iter__() gives the items"
    else:
        repair = f"{kind.__name__} lacks {' and '.join(missing)}; a Dataset defines both"
    raise DtypeError(
        f"a data loader takes a dataset with items by number and a length, not {described(dataset)}; {repair}"
    )


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Item i is the tuple of the i-th rows of ``tensors``, which have one length.

    Raises:
        DtypeError: a tensor has no rows.
        ShapeError: the tensors differ in length.

    >>> from autodiff import tensor
    >>> TensorDataset(tensor([1, 2]), tensor([3, 4]))[0]
    (tensor(1), tensor(3))
    """

    def __init__(self, *tensors: Tensor) -> None:
        for tensor in tensors:
            if not (hasattr(tensor, "shape") and len(tensor.shape)):
                raise not_a_tensor("TensorDataset", tensor, "tensors, of one length each")
        lengths = {len(tensor) for tensor in tensors}
        if len(lengths) != 1:
            raise ShapeError(f"a TensorDataset needs tensors of one length, not {[len(t) for t in tensors]}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])


class StackDataset(Dataset[Any]):
    """Item i is the tuple of the i-th items of several datasets, or the dict of those given by name.

    Raises:
        OptionError: datasets are given both ways, or none is.
        ShapeError: they differ in length.

    >>> StackDataset([1, 2], ["a", "b"])[1], StackDataset(number=[1, 2], letter=["a", "b"])[1]
    ((2, 'b'), {'number': 2, 'letter': 'b'})
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise OptionError("a StackDataset takes datasets one after another, or by name; not both, and not none")
        self.datasets: Any = args or kwargs
        lengths = [len(dataset) for dataset in self._parts()]
        if len(set(lengths)) != 1:
            raise ShapeError(f"a StackDataset needs datasets of one length, not {lengths}")

    def _parts(self) -> list[Any]:
        return list(self.datasets.values() if isinstance(self.datasets, dict) else self.datasets)

    def _joined(self, parts: Iterable[Any]) -> Any:
        return dict(zip(self.datasets, parts, strict=True)) if isinstance(self.datasets, dict) else tuple(parts)

    def __getitem__(self, index: Any) -> Any:
        return self._joined(dataset[index] for dataset in self._parts())

    def __getitems__(self, indices: Sequence[Any]) -> list[Any]:
        columns = [_items(dataset, indices) for dataset in self._parts()]
        return [self._joined(row) for row in zip(*columns, strict=True)]

    def __len__(self) -> int:
        return len(self._parts()[0])


class ConcatDataset(Dataset[Any]):
    """The items of several datasets, one dataset behind the other.

    Raises OptionError where there is no dataset, or one of them has no items by number.

    >>> ConcatDataset([[1, 2], [3]])[2]
    3
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise OptionError("a ConcatDataset is made of one dataset or more; none was given")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise OptionError("an IterableDataset has no items by number; join it with a ChainDataset")
        self.cumulative_sizes = list(accumulate(len(dataset) for dataset in self.datasets))

    def __getitem__(self, index: int) -> Any:
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"a ConcatDataset of {len(self)} items has no item {index}")
        number = bisect_right(self.cumulative_sizes, place)
        return self.datasets[number][place - (self.cumulative_sizes[number - 1] if number else 0)]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


class ChainDataset(IterableDataset[Any]):
    """The items of several iterable datasets, one dataset after the other.

    >>> class Count(IterableDataset):
    ...     def __iter__(self):
    ...         return iter([1, 2])
    >>> list(ChainDataset([Count(), Count()]))
    [1, 2, 1, 2]
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)

    def __iter__(self) -> Iterator[Any]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise OptionError(f"a ChainDataset is made of IterableDatasets, not {type(dataset).__name__}")
            yield from dataset

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self.datasets)


class Subset(Dataset[Any]):
    """The items of ``dataset`` at ``indices``.

    Raises:
        DtypeError: ``indices`` are no list.
        AxisError: an item is asked for that ``dataset`` does not have.

    >>> Subset(["a", "b", "c"], [0, 2])[1]
    'c'
    """

    def __init__(self, dataset: Any, indices: Sequence[Any]) -> None:
        if not hasattr(type(indices), "__getitem__"):
            raise DtypeError(f"a Subset takes a list of indices, not {described(indices)}; put it in [...]")
        self.dataset, self.indices = dataset, indices

    def __getitem__(self, index: Any) -> Any:
        chosen = [self.indices[i] for i in index] if isinstance(index, list) else self.indices[index]
        try:
            return self.dataset[chosen]
        except IndexError as error:
            raise AxisError(f"a Subset asks for item {chosen} of a dataset, which has none: {error}") from error

    def __getitems__(self, indices: Sequence[Any]) -> list[Any]:
        return _items(self.dataset, [self.indices[i] for i in indices])

    def __len__(self) -> int:
        return len(self.indices)


def _items(dataset: Any, indices: Sequence[Any]) -> list[Any]:
    """The items at ``indices``, at once where the dataset can."""
    if hasattr(dataset, "__getitems__"):
        return list(dataset.__getitems__(indices))
    return [dataset[index] for index in indices]


def random_split(dataset: Any, lengths: Sequence[float], generator: Generator | None = None) -> list[Subset]:
    """Disjoint subsets of random items; ``lengths`` are numbers of items, or fractions of all that add up to 1.

    Items that rounding leaves over go to the subsets one by one, beginning with the first subset.

    Raises OptionError for lengths that do not add up.

    >>> [len(part) for part in random_split(range(10), [0.7, 0.3])]
    [7, 3]
    """
    if not isinstance(lengths, Iterable):
        raise OptionError(f"lengths are one for each part, as in [0.8, 0.2], not {described(lengths)}")
    size = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1 and all(0 <= part <= 1 for part in lengths):
        counts = [math.floor(size * part) for part in lengths]
        for number in range(size - sum(counts)):
            counts[number % len(counts)] += 1
    else:
        counts = [int(length) for length in lengths]
        if sum(lengths) != size or min(counts, default=0) < 0:
            raise OptionError(f"the lengths {list(lengths)} do not add up to {size}, the number of items, or to 1")
    order = numpy_generator(generator).permutation(size).tolist()
    return [Subset(dataset, order[start:end]) for start, end in pairwise(accumulate(counts, initial=0))]

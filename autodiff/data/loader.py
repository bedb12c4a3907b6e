"""DataLoader: batches of the items of a dataset, in the order of a sampler, loaded ahead by workers if wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, overload

import numpy as np

from autodiff.data.collate import default_collate, default_convert
from autodiff.data.dataset import Items, IterableDataset, T_co, check_dataset
from autodiff.data.sampler import BatchSampler, RandomSampler, SequentialSampler
from autodiff.data.workers import END, Failure, Fetch, Workers
from autodiff.errors import OptionError
from autodiff.kinds import check_function
from autodiff.random import Generator, numpy_generator
from autodiff.tensors.tensor import Tensor

__all__ = ["DataLoader"]

Stacked: TypeAlias = Tensor | np.ndarray[Any, Any] | np.generic | float  # items of which a batch is a tensor


class NamedFields(Protocol):
    """A named tuple, whose class batches keep."""

    def _asdict(self) -> dict[str, Any]: ...


Named = TypeVar("Named", bound=NamedFields)


class DataLoader(Generic[T_co]):
    """Iterates over batches of a dataset; each ``for`` loop over it is an epoch.

    Args:
        dataset: with a length and items by number, or an ``IterableDataset``.
        batch_size: items in a batch; None gives them one by one.
        shuffle: take them in random order, anew in each epoch.
        sampler: the indices to take, instead.
        batch_sampler: the lists of indices that make batches, instead of all of these.
        num_workers: load by so many workers, ahead of the program; 0 loads when a batch is asked for.
        collate_fn: makes a batch of a list of items.
        pin_memory, pin_memory_device: accepted as in PyTorch, without effect.
        drop_last: leave out a last batch that is shorter.
        timeout: seconds to wait for a batch of the workers; 0 waits for ever.
        worker_init_fn: called with each worker's number, in the worker, before it loads.
        multiprocessing_context: None makes the workers threads, which run at once while they wait for files or are in
            NumPy; "fork", "spawn" or "forkserver" makes them processes, for items that take long in Python.
        generator: of the random order, and of the seeds of the workers.
        prefetch_factor: batches that each worker loads ahead; 2 by default.
        persistent_workers: keep the workers for the next epoch.
        in_order: give batches in the order of the sampler; otherwise as they come from the workers.

    An error in a worker is raised in the program, with the worker's traceback in its notes. The workers end with the
    loop, even if it is left early.

    Raises OptionError for options that exclude each other.

    >>> from autodiff.data import DataLoader
    >>> list(DataLoader([1, 2, 3], batch_size=2))
    [tensor([1, 2]), tensor([3])]
    """

    @overload
    def __init__(
        self, dataset: Items[T_co] | Iterable[T_co], batch_size: int = 1, shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None, batch_sampler: Iterable[Any] | None = None, num_workers: int = 0,
        collate_fn: None = None, pin_memory: bool = False, drop_last: bool = False, timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None, multiprocessing_context: Any = None,
        generator: Generator | None = None, *, prefetch_factor: int | None = None, persistent_workers: bool = False,
        pin_memory_device: str = "", in_order: bool = True,
    ) -> None: ...  # fmt: skip
    @overload
    def __init__(  # batches are what collate_fn makes of items, or the items
        self: DataLoader[Any], dataset: Items[Any] | Iterable[Any], batch_size: int | None = 1,
        shuffle: bool | None = None, sampler: Iterable[Any] | None = None, batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0, collate_fn: Callable[[Any], Any] | None = None, pin_memory: bool = False,
        drop_last: bool = False, timeout: float = 0, worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None, generator: Generator | None = None, *, prefetch_factor: int | None = None,
        persistent_workers: bool = False, pin_memory_device: str = "", in_order: bool = True,
    ) -> None: ...  # fmt: skip
    def __init__(
        self,
        dataset: Items[T_co] | Iterable[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        self.dataset: Any = dataset
        self.num_workers, self.timeout, self.generator = num_workers, timeout, generator
        self.pin_memory, self.pin_memory_device, self.in_order = pin_memory, pin_memory_device, in_order
        self.worker_init_fn, self.multiprocessing_context = worker_init_fn, multiprocessing_context
        self.persistent_workers = persistent_workers
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self._iterates = isinstance(dataset, IterableDataset)
        if not self._iterates:
            check_dataset(dataset, sampler is None and batch_sampler is None)
        self._check_workers()
        self._check_order(batch_size, shuffle, sampler, batch_sampler, drop_last)
        if sampler is None and not self._iterates:
            items: Any = dataset
            sampler = RandomSampler(items, generator=generator) if shuffle else SequentialSampler(items)
        if batch_sampler is not None:
            batch_size, drop_last = None, False
        elif batch_size is not None:
            batch_sampler = BatchSampler(repeat(0) if sampler is None else sampler, batch_size, drop_last)
        self.batch_size, self.drop_last = batch_size, drop_last
        self.sampler, self.batch_sampler = sampler, batch_sampler
        if collate_fn is not None:
            check_function("collate_fn", collate_fn, "a list of items")
        else:
            collate_fn = default_convert if batch_sampler is None else default_collate
        self.collate_fn = collate_fn
        self._workers: Workers | None = None

    def _check_workers(self) -> None:
        workers: Any = self.num_workers
        if not isinstance(workers, int) or self.num_workers < 0 or self.timeout < 0:
            raise OptionError(f"num_workers and timeout are 0 or more, not {self.num_workers} and {self.timeout}")
        if self.prefetch_factor is not None and (not self.num_workers or self.prefetch_factor < 1):
            raise OptionError(f"prefetch_factor={self.prefetch_factor} needs num_workers above 0, and is 1 or more")
        if not self.num_workers and (self.persistent_workers or self.multiprocessing_context is not None):
            raise OptionError("persistent_workers and multiprocessing_context need num_workers above 0")

    def _check_order(
        self, batch_size: int | None, shuffle: bool | None, sampler: Any, batch_sampler: Any, drop_last: bool
    ) -> None:
        if hasattr(batch_size, "shape"):
            raise OptionError("batch_size is a whole number, not a tensor; TensorDataset(x, y) joins tensors")
        if self._iterates and (shuffle or sampler is not None or batch_sampler is not None):
            raise OptionError("an IterableDataset has its own order; leave out shuffle, sampler and batch_sampler")
        if sampler is not None and shuffle:
            raise OptionError("a sampler is the order of the items; leave out shuffle")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise OptionError("a batch_sampler makes batches; leave out batch_size, shuffle, sampler and drop_last")
        if batch_size is None and drop_last:
            raise OptionError("drop_last is about batches, and batch_size=None makes none")

    def __len__(self) -> int:
        """The number of batches."""
        if not self._iterates:
            return len(self._indices)  # type: ignore[arg-type]
        length = len(self.dataset)
        return length if self.batch_size is None else len(BatchSampler(range(length), self.batch_size, self.drop_last))

    @property
    def _indices(self) -> Iterable[Any]:
        """What each fetch is given: a list of indices, or a single one; for an iterable dataset as many zeros."""
        if self.batch_sampler is not None:
            return self.batch_sampler
        return repeat(0) if self.sampler is None else self.sampler

    @property
    def _fetch_options(self) -> tuple[Any, ...]:
        return self.collate_fn, self.batch_sampler is not None, self.drop_last

    @overload
    def __iter__(self: DataLoader[Named]) -> Iterator[Any]: ...  # its fields may be numbers
    @overload
    def __iter__(self: DataLoader[tuple[Stacked, ...]]) -> Iterator[list[Tensor]]: ...
    @overload
    def __iter__(self: DataLoader[Stacked]) -> Iterator[Tensor]: ...
    @overload
    def __iter__(self) -> Iterator[Any]: ...
    def __iter__(self) -> Iterator[Any]:
        return self._by_workers() if self.num_workers else self._here()

    def _here(self) -> Iterator[Any]:
        fetch = Fetch(self.dataset, *self._fetch_options)
        for indices in self._indices:
            batch = fetch(indices)
            if batch is END:
                return
            yield batch

    def _by_workers(self) -> Iterator[Any]:
        workers = self._workers
        if workers is None:
            seed = int(numpy_generator(self.generator).integers(1 << 62))
            options = self._fetch_options
            workers = Workers(
                self.num_workers, self.dataset, options, self.worker_init_fn, seed, self.multiprocessing_context
            )
        self._workers = None  # another loop that starts before this one ends has workers of its own
        finished = False
        try:
            yield from self._received(workers)
            finished = True
        finally:
            if finished and self.persistent_workers and self._workers is None:
                self._workers = workers
            else:
                workers.close()

    def _received(self, workers: Workers) -> Iterator[Any]:
        """The batches of an epoch, in turn, while the workers are kept ahead."""
        workers.begin()
        indices, turn = enumerate(self._indices), list(range(self.num_workers))
        waiting: dict[int, Any] = {}  # batches that came before their turn
        sent = given = 0
        ahead = self.num_workers * (self.prefetch_factor or 1)
        while True:
            while turn and sent - given < ahead and (task := next(indices, None)) is not None:
                workers.send(turn[task[0] % len(turn)], *task)
                sent += 1
            if given == sent:
                return
            while (given not in waiting) if self.in_order else not waiting:
                worker, number, batch = workers.receive(self.timeout)
                if batch is END and worker in turn:
                    turn.remove(worker)
                waiting[number] = batch
            ready = given if self.in_order else next(iter(waiting))
            batch = waiting.pop(ready)
            given += 1
            if isinstance(batch, Failure):
                raise batch.raised()
            if batch is not END:
                yield batch

    def __del__(self) -> None:
        workers = self.__dict__.get("_workers")
        if workers is not None:
            workers.close()

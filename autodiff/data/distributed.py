"""The part of a dataset that each of several processes takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autodiff.data.sampler import Sampler
from autodiff.distributed.processes import get_rank, get_world_size
from autodiff.errors import OptionError
from autodiff.random import Generator, numpy_generator

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler[int]):
    """Every ``num_replicas``-th index, beginning with the ``rank``-th, in an order that all processes share.

    So the batches of all processes, joined, are the batches of one process that are as many times as large. All
    processes get as many indices: the first ones come twice, or with ``drop_last`` the last ones not at all.
    ``set_epoch(n)`` before each epoch shuffles anew.

    Raises OptionError where ``rank`` is not one of 0 to ``num_replicas`` - 1.

    >>> [list(DistributedSampler(range(7), num_replicas=2, rank=rank, shuffle=False)) for rank in (0, 1)]
    [[0, 2, 4, 6], [1, 3, 5, 0]]
    """

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        self.dataset, self.shuffle, self.seed, self.drop_last, self.epoch = dataset, shuffle, seed, drop_last, 0
        self.num_replicas = get_world_size() if num_replicas is None else num_replicas
        self.rank = get_rank() if rank is None else rank
        if not 0 <= self.rank < self.num_replicas:
            raise OptionError(f"rank {self.rank} is not one of 0 to {self.num_replicas - 1}")

    @property
    def num_samples(self) -> int:
        """How many indices each process gets."""
        count = len(self.dataset)
        return count // self.num_replicas if self.drop_last else -(-count // self.num_replicas)

    @property
    def total_size(self) -> int:
        """How many indices all processes get together."""
        return self.num_samples * self.num_replicas

    def set_epoch(self, epoch: int) -> None:
        """Have the order of this epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        order = list(range(len(self.dataset)))
        if self.shuffle:
            generator = Generator().manual_seed(self.seed + self.epoch)
            order = numpy_generator(generator).permutation(len(order)).tolist()
        while order and len(order) < self.total_size:
            order += order[: self.total_size - len(order)]
        return iter(order[self.rank : self.total_size : self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

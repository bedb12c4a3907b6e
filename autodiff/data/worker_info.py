"""What a dataset can ask about the worker that loads it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, NamedTuple


class WorkerInfo(NamedTuple):
    """The worker's number, how many there are, the seed of its random numbers, and its copy of the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


current_worker: ContextVar[WorkerInfo | None] = ContextVar("autodiff_data_worker", default=None)


def get_worker_info() -> WorkerInfo | None:
    """The worker that calls this; None in the main program.

    >>> get_worker_info() is None
    True
    """
    return current_worker.get()

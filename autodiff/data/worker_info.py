"""Who is loading: what a dataset can ask inside of a worker."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, NamedTuple

__all__ = ["WorkerInfo", "current_worker", "get_worker_info"]


class WorkerInfo(NamedTuple):
    """The worker's number, how many there are, the seed of its random numbers, and its copy of the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


current_worker: ContextVar[WorkerInfo | None] = ContextVar("autodiff_data_worker", default=None)


def get_worker_info() -> WorkerInfo | None:
    """The worker that this runs in; None in the program itself."""
    return current_worker.get()

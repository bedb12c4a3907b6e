"""Workers that load batches ahead: threads, or processes where the loader is given a way to start them."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import queue
import random
import signal
import threading
import traceback
from collections.abc import Callable
from enum import Enum
from time import monotonic
from typing import Any, NamedTuple

import numpy as np

from autodiff.data.collate import default_collate
from autodiff.data.dataset import IterableDataset, TensorDataset
from autodiff.data.worker_info import WorkerInfo, current_worker
from autodiff.errors import AutodiffError, OptionError, WorkerError
from autodiff.random import manual_seed

Init = Callable[[int], Any] | None

LOOK = 1.0  # seconds between checks whether the other side is alive
PATIENCE = 5.0  # seconds that a process has to finish its batch when it is asked to end


class Mark(Enum):
    """What a worker returns when its iterable dataset is exhausted; an enum member is one object, pickled too."""

    END = "end"


END = Mark.END


class Failure(NamedTuple):
    """An error in a worker and the text of its traceback, which cannot be pickled itself."""

    error: Exception
    text: str

    @classmethod
    def of(cls, error: Exception, worker: int) -> Failure:
        """The failure with this error, or with a WorkerError of the same text if it cannot be pickled."""
        text = f"in worker {worker} of the data loader:\n{traceback.format_exc()}"
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            error = WorkerError(f"{type(error).__name__}: {error}")
        return cls(error, text)

    def raised(self) -> Exception:
        """The error, with the worker's traceback as a note."""
        self.error.add_note(self.text)
        return self.error


class Fetch:
    """Fetches the items of a batch and collates them; ``indices`` is one index where there are no batches."""

    def __init__(self, dataset: Any, collate: Callable[[Any], Any], batches: bool, drop_last: bool) -> None:
        self.dataset, self.collate, self.batches, self.drop_last = dataset, collate, batches, drop_last
        self.iterates = isinstance(dataset, IterableDataset)
        self.at_once = batches and type(dataset) is TensorDataset and collate is default_collate
        self.begin()

    def begin(self) -> None:
        """Start an epoch."""
        self.iterator = iter(self.dataset) if self.iterates else None

    def __call__(self, indices: Any) -> Any:
        """The batch, or END."""
        if self.at_once:
            return [tensor[indices] for tensor in self.dataset.tensors]
        items = self._iterated(indices) if self.iterates else self._picked(indices)
        if items is END:
            return items
        try:
            return self.collate(items)
        except AutodiffError as error:
            error.add_note(f"in a batch of the items {indices} of the dataset")
            raise

    def _picked(self, indices: Any) -> Any:
        if not self.batches:
            return self.dataset[indices]
        if hasattr(self.dataset, "__getitems__"):
            return self.dataset.__getitems__(indices)
        return [self.dataset[index] for index in indices]

    def _iterated(self, indices: Any) -> Any:
        iterator: Any = self.iterator
        if not self.batches:
            return next(iterator, END)
        items = [item for _, item in zip(indices, iterator, strict=False)]
        return END if not items or (self.drop_last and len(items) < len(indices)) else items


def work(info: WorkerInfo, fetch_options: tuple[Any, ...], init: Init, tasks: Any, results: Any) -> None:
    """The loop of a worker: take (epoch, number, indices), put (worker, epoch, number, batch), until None comes.

    If the start failed, each task is answered with that failure.
    """
    broken: Failure | None = None
    fetch: Any = None
    token = current_worker.set(info)
    try:
        if init is not None:
            init(info.id)
        fetch = Fetch(info.dataset, *fetch_options)
    except Exception as error:
        broken = Failure.of(error, info.id)
    begun = 0
    while (task := tasks.get()) is not None:
        epoch, number, indices = task
        try:
            if epoch != begun and broken is None and begun:
                fetch.begin()
            begun = epoch
            batch = broken or fetch(indices)
        except Exception as error:
            batch = Failure.of(error, info.id)
        results.put((info.id, epoch, number, batch))
    current_worker.reset(token)


class _FromParent:
    """The tasks of a process, which end when its parent has ended."""

    def __init__(self, tasks: Any, stop: Any) -> None:
        self.tasks, self.stop = tasks, stop

    def get(self) -> Any:
        parent = multiprocessing.parent_process()
        while not self.stop.is_set() and (parent is None or parent.is_alive()):
            try:
                return self.tasks.get(timeout=LOOK)
            except queue.Empty:
                continue
        return None


class _Pickling:
    """The results of a process, pickled here, where a pickling error can still be reported."""

    def __init__(self, results: Any) -> None:
        self.results = results

    def put(self, result: tuple[Any, ...]) -> None:
        try:
            message = pickle.dumps(result)
        except Exception as error:
            message = pickle.dumps((*result[:3], Failure.of(error, result[0])))
        self.results.put(message)


def work_in_process(
    info: WorkerInfo, fetch_options: tuple[Any, ...], init: Init, tasks: Any, results: Any, stop: Any
) -> None:
    """``work`` in a process with its own random numbers; Ctrl-C is left to the parent, which ends the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    random.seed(info.seed)
    np.random.seed(info.seed % 2**32)
    manual_seed(info.seed)
    results.cancel_join_thread()  # results that nobody reads must not delay the end
    work(info, fetch_options, init, _FromParent(tasks, stop), _Pickling(results))


class Workers:
    """A number of workers, each with tasks of its own, and one queue of results.

    Args:
        count: how many.
        dataset: each worker has a copy, shallow in a thread and whole in a process.
        fetch_options: the arguments of ``Fetch`` after the dataset.
        init: called with the worker's number before anything else.
        seed: worker i has ``seed + i``, from which a process seeds its random numbers.
        context: None for threads; "fork", "spawn", "forkserver" or a context of multiprocessing.
    """

    def __init__(
        self, count: int, dataset: Any, fetch_options: tuple[Any, ...], init: Init, seed: int, context: Any
    ) -> None:
        if isinstance(context, str) and context not in multiprocessing.get_all_start_methods():
            raise OptionError(f"processes are started by {multiprocessing.get_all_start_methods()}, not {context!r}")
        self.context: Any = multiprocessing.get_context(context) if isinstance(context, str) else context
        self.epoch = 0
        make: Any = queue.SimpleQueue if self.context is None else self.context.Queue
        self.tasks, self.results = [make() for _ in range(count)], make()
        self.stop: Any = threading.Event() if self.context is None else self.context.Event()
        self.carriers: list[Any] = []
        for number, tasks in enumerate(self.tasks):
            own = copy.copy(dataset) if self.context is None else dataset
            info = WorkerInfo(number, count, seed + number, own)
            self.carriers.append(self._start(info, fetch_options, init, tasks))

    def _start(self, info: WorkerInfo, options: tuple[Any, ...], init: Any, tasks: Any) -> Any:
        carrier: Any
        if self.context is None:
            arguments = (info, options, init, _UntilStopped(tasks, self.stop), self.results)
            carrier = threading.Thread(target=work, args=arguments, daemon=True)
        else:
            whole = (info, options, init, tasks, self.results, self.stop)
            carrier = self.context.Process(target=work_in_process, args=whole, daemon=True)
        carrier.start()
        return carrier

    def begin(self) -> None:
        """Start an epoch."""
        self.epoch += 1

    def send(self, worker: int, number: int, indices: Any) -> None:
        """Ask a worker for batch ``number`` of the epoch."""
        self.tasks[worker].put((self.epoch, number, indices))

    def receive(self, timeout: float) -> tuple[int, int, Any]:
        """Worker, number and value of the next batch of this epoch that is ready.

        Raises WorkerError if none is ready after ``timeout`` seconds (0: no limit), or if a worker has died.
        """
        end = monotonic() + timeout if timeout else None
        while True:
            wait = LOOK if end is None else max(min(LOOK, end - monotonic()), 0)
            try:
                message = self.results.get(timeout=wait)
            except queue.Empty:
                self._check_alive(timeout, end)
                continue
            worker, epoch, number, batch = message if self.context is None else pickle.loads(message)
            if epoch == self.epoch:
                return worker, number, batch

    def _check_alive(self, timeout: float, end: float | None) -> None:
        for number, carrier in enumerate(self.carriers):
            if not carrier.is_alive():
                code = getattr(carrier, "exitcode", None)
                raise WorkerError(f"worker {number} of the data loader is gone, with exit code {code}")
        if end is not None and monotonic() >= end:
            raise WorkerError(f"no batch came from the workers of the data loader for {timeout} seconds")

    def close(self) -> None:
        """End each worker after the batch it is loading; a process that takes too long is terminated."""
        self.stop.set()
        for tasks in self.tasks:
            tasks.put(None)
        if self.context is None:  # a thread cannot be terminated; it ends by itself after its batch
            return
        for carrier in self.carriers:
            carrier.join(PATIENCE)
            if carrier.is_alive():
                carrier.terminate()
                carrier.join()
            carrier.close()
        for each in (*self.tasks, self.results):
            each.cancel_join_thread()
            each.close()


class _UntilStopped:
    """The tasks of a thread, which end when the loader stops, even if some are left."""

    def __init__(self, tasks: Any, stop: threading.Event) -> None:
        self.tasks, self.stop = tasks, stop

    def get(self) -> Any:
        task = self.tasks.get()
        return None if self.stop.is_set() else task


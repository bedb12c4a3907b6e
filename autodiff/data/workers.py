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
from autodiff.errors import OptionError, WorkerError
from autodiff.random import manual_seed

__all__ = ["END", "Failure", "Fetch", "Workers"]

LOOK = 1.0  # seconds after which those who wait look whether anybody is left
PATIENCE = 5.0  # seconds that a process has to finish its batch when it is asked to end


class Mark(Enum):
    """What a worker gives for a batch that its iterable dataset no longer has; itself also where it was pickled."""

    END = "end"


END = Mark.END


class Failure(NamedTuple):
    """What went wrong in a worker: the error, and the text of its traceback, which no process can pass on."""

    error: Exception
    text: str

    @classmethod
    def of(cls, error: Exception, worker: int) -> Failure:
        """With the error itself where it can be passed on, or else with one that says the same."""
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
    """Gets the items of a batch and collates them; ``indices`` is one index where there are no batches."""

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
        return items if items is END else self.collate(items)

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


def work(
    info: WorkerInfo, fetch_options: tuple[Any, ...], init: Callable[[int], Any] | None, tasks: Any, results: Any
) -> None:
    """What a worker does: take tasks (epoch, number, indices), give (worker, epoch, number, batch), until None comes.

    What it is asked for after something went wrong in its beginning is answered with that.
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
    """The tasks of a process, which end when its parent is gone."""

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
    """The results of a process, pickled where an error can still be told."""

    def __init__(self, results: Any) -> None:
        self.results = results

    def put(self, result: tuple[Any, ...]) -> None:
        try:
            message = pickle.dumps(result)
        except Exception as error:
            message = pickle.dumps((*result[:3], Failure.of(error, result[0])))
        self.results.put(message)


def work_in_process(
    info: WorkerInfo,
    fetch_options: tuple[Any, ...],
    init: Callable[[int], Any] | None,
    tasks: Any,
    results: Any,
    stop: Any,
) -> None:
    """``work`` in a process: random numbers of its own, and Ctrl-C left to the parent, which ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    random.seed(info.seed)
    np.random.seed(info.seed % 2**32)
    manual_seed(info.seed)
    results.cancel_join_thread()  # what nobody will read must not hold up the end
    work(info, fetch_options, init, _FromParent(tasks, stop), _Pickling(results))


class Workers:
    """A number of workers, each with tasks of its own, and one queue of results.

    Args:
        count: how many.
        dataset: each worker has a copy: of the object alone in a thread, of everything in a process.
        fetch_options: what ``Fetch`` takes behind the dataset.
        init: called with the worker's number first.
        seed: that of worker i is ``seed + i``; processes start their random numbers from it.
        context: None for threads; "fork", "spawn", "forkserver" or a context of multiprocessing.
    """

    def __init__(
        self,
        count: int,
        dataset: Any,
        fetch_options: tuple[Any, ...],
        init: Callable[[int], Any] | None,
        seed: int,
        context: Any,
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

        Raises WorkerError where nothing comes for ``timeout`` seconds (0: for ever), or from a process that is gone.
        """
        end = monotonic() + timeout if timeout else None
        while True:
            wait = LOOK if end is None else max(min(LOOK, end - monotonic()), 0)
            try:
                message = self.results.get(timeout=wait)
            except queue.Empty:
                self._look(timeout, end)
                continue
            worker, epoch, number, batch = message if self.context is None else pickle.loads(message)
            if epoch == self.epoch:
                return worker, number, batch

    def _look(self, timeout: float, end: float | None) -> None:
        for number, carrier in enumerate(self.carriers):
            if not carrier.is_alive():
                code = getattr(carrier, "exitcode", None)
                raise WorkerError(f"worker {number} of the data loader is gone, with exit code {code}")
        if end is not None and monotonic() >= end:
            raise WorkerError(f"no batch came from the workers of the data loader for {timeout} seconds")

    def close(self) -> None:
        """End the workers: each after the batch it is loading; a process that does not is terminated."""
        self.stop.set()
        for tasks in self.tasks:
            tasks.put(None)
        if self.context is None:  # a thread cannot be ended; it sees the sign after its batch, and holds up nothing
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
    """The tasks of a thread, which end when the loader says so, whatever is still to do."""

    def __init__(self, tasks: Any, stop: threading.Event) -> None:
        self.tasks, self.stop = tasks, stop

    def get(self) -> Any:
        task = self.tasks.get()
        return None if self.stop.is_set() else task


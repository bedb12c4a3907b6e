"""``torch.multiprocessing``: Python's own, with ``spawn``. Tensors are sent as copies; they are not shared."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import *  # noqa: F403  # whatever this version of Python has
from multiprocessing import get_context
from typing import Any


def set_sharing_strategy(new_strategy: str) -> None:
    """Nothing: tensors are sent as copies.

    >>> set_sharing_strategy("file_system")
    """


def spawn(
    fn: Callable[..., Any], args: tuple[Any, ...] = (), nprocs: int = 1, join: bool = True, daemon: bool = False
) -> Any:
    """Call ``fn(number, *args)`` in ``nprocs`` new processes, and wait for them; without ``join``, return them.

    Raises RuntimeError where a process fails.
    """
    context = get_context("spawn")
    started = [context.Process(target=fn, args=(number, *args), daemon=daemon) for number in range(nprocs)]
    for process in started:
        process.start()
    if not join:
        return started
    for number, process in enumerate(started):
        process.join()
        if process.exitcode:
            raise RuntimeError(f"process {number} of {nprocs} ended with exit code {process.exitcode}")
    return None

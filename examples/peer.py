"""The same program on this library and on PyTorch, timed in turns: the one place where an example meets PyTorch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import autodiff

Step = Callable[[], object]
GLANCE, LONGEST = 0.01, 1.0  # seconds between checks whether all threads are at rest, and of the longest wait


def torch_ratio(build: Callable[[Any], Step], steps: int, rounds: int = 5) -> float | None:
    """PyTorch's time over ours for the same training step; None where PyTorch is not installed.

    Args:
        build: ``build(lib)`` gives a function that makes one step, written with ``lib.nn``, ``lib.optim`` and
            ``lib.tensor``; it is called once with ``torch`` and once with ``autodiff``.
        steps: how many steps each turn takes.
        rounds: how often each has its turn. The ratio is the median over the rounds; each round times both, so that
            the load of the machine falls on both.
    """
    try:
        import torch
    except ImportError:
        return None
    both = build(torch), build(autodiff)
    return median(theirs / ours for theirs, ours in in_turns(both, (steps, steps), rounds))


def in_turns(steps: Sequence[Step], counts: Sequence[int], rounds: int) -> list[list[float]]:
    """In each round the seconds of one step of each program, which makes as many as ``counts`` says in its turn."""
    for step, count in zip(steps, counts, strict=True):
        seconds(step, max(1, count // 10))  # the first steps fill caches and start threads
    return [[_from_rest(step, count) for step, count in zip(steps, counts, strict=True)] for _ in range(rounds)]


def _from_rest(step: Step, count: int) -> float:
    """``seconds``, after the threads of the other program have come to rest.

    OpenBLAS's threads keep their processors busy for a while after a product, which would slow the next program.
    """
    end = time.perf_counter() + LONGEST
    while time.perf_counter() < end:
        before = time.process_time()
        time.sleep(GLANCE)
        if time.process_time() - before < GLANCE / 5:
            break
    return seconds(step, count)


def seconds(step: Step, count: int) -> float:
    """The seconds of a step, over ``count`` of them."""
    start = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - start) / count

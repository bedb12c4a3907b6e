"""The same program on this library and on PyTorch, timed in turns: the one place where an example meets PyTorch."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import autodiff

__all__ = ["torch_ratio"]

Step = Callable[[], object]


def torch_ratio(build: Callable[[Any], Step], steps: int, rounds: int = 5) -> float | None:
    """PyTorch's time over ours for the same training step; None where PyTorch is not installed.

    Args:
        build: ``build(lib)`` gives a function that makes one step, written with ``lib.nn``, ``lib.optim`` and
            ``lib.tensor``; it is called once with ``torch`` and once with ``autodiff``, and says the same to both.
        steps: how many steps each turn takes.
        rounds: how often each has its turn. The ratio is the median over the rounds, each of which has both in it, so
            that whatever else the machine does falls on both.
    """
    try:
        import torch
    except ImportError:
        return None
    theirs, ours = build(torch), build(autodiff)
    for step in (theirs, ours):
        _seconds(step, max(1, steps // 10))  # the first steps fill caches and start threads
    return median(_seconds(theirs, steps) / _seconds(ours, steps) for _ in range(rounds))


def _seconds(step: Step, steps: int) -> float:
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return time.perf_counter() - start

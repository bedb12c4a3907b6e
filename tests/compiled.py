"""A step as it stands and compiled, side by side: what the tests of ``compile`` share."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import autodiff
from autodiff.errors import AutodiffWarning


class Way(NamedTuple):
    """A step, the model or tensors that it changes, and its optimizer."""

    step: Callable[..., Any]
    tensors: list[Any]
    optimizer: Any = None
    change: Any = None


def bits(x: Any) -> Any:
    """Everything about an array."""
    if x is None:
        return None
    array = x._array if isinstance(x, autodiff.Tensor) else np.asarray(x)
    return array.dtype, array.shape, array.tobytes()


def state_of(way: Way) -> list[Any]:
    """The bits of all that a step changes."""
    kept = [(bits(x), bits(x.grad)) for x in way.tensors]
    if way.optimizer is not None:
        for p in way.tensors:
            state = way.optimizer.state.get(p, {})
            kept.append([bits(v) if isinstance(v, autodiff.Tensor) else v for v in state.values()])
    return kept


def side_by_side(
    build: Callable[[], Way],
    data: Callable[[int], tuple[Any, ...]],
    steps: int = 7,
    between: Callable[[int, Way], None] | None = None,
) -> Any:
    """Run a step and its compiled twin on other data each time, compare all bits, and return the compiled one.

    Why a step was not compiled is in ``said`` of what is returned.
    """
    ways = []
    for _ in range(2):
        autodiff.manual_seed(1)
        ways.append(build())
    plain, other = ways
    compiled = autodiff.compile(other.step)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", AutodiffWarning)
        for i in range(steps):
            given = data(i)
            results = []
            for way, step in ((plain, plain.step), (other, compiled)):
                if between is not None:
                    between(i, way)
                autodiff.manual_seed(i)
                results.append(step(*(autodiff.tensor(x) if isinstance(x, np.ndarray) else x for x in given)))
            assert bits(results[0]) == bits(results[1]), f"results of call {i}"
            assert state_of(plain) == state_of(other), f"state after call {i}"
    compiled.__dict__["said"] = [str(w.message) for w in said]
    return compiled


def replays(compiled: Any) -> bool:
    """Whether its last program was compared with the step, and is replayed."""
    return bool(compiled.programs) and not compiled.said and not compiled.programs[-1].unchecked

"""Where the results of a call lie in memory, in both libraries: their steps, and whether they look into the inputs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from parity.base import Case
from parity.harness import Array, both, flat

# How an input lies in memory, by a function of the input and of its place among the inputs.
Kind = Callable[[Any, Array, int], Any]


def _turned(lib: Any, x: Array, order: tuple[int, ...]) -> Any:
    """A tensor of ``x`` whose axes lie in memory in ``order``, the slowest first."""
    if x.ndim < 2:
        return lib.tensor(x)
    return lib.tensor(np.ascontiguousarray(x.transpose(order))).permute(tuple(np.argsort(order).tolist()))


def by_rows(lib: Any, x: Array, i: int) -> Any:
    return lib.tensor(x)


def by_columns(lib: Any, x: Array, i: int) -> Any:
    return _turned(lib, x, tuple(reversed(range(x.ndim))))


def channels_last(lib: Any, x: Array, i: int) -> Any:
    return _turned(lib, x, (0, *range(2, x.ndim), 1) if x.ndim > 2 else (0, 1))


def sliced(lib: Any, x: Array, i: int) -> Any:
    return lib.tensor(np.repeat(x, 2, axis=-1))[..., ::2] if x.ndim else lib.tensor(x)


def stretched(lib: Any, x: Array, i: int) -> Any:
    return lib.tensor(x[:1]).expand(x.shape) if x.ndim and x.shape[0] and x.dtype.kind == "f" else lib.tensor(x)


def first_by_columns(lib: Any, x: Array, i: int) -> Any:
    return by_rows(lib, x, i) if i else by_columns(lib, x, i)


def others_by_columns(lib: Any, x: Array, i: int) -> Any:
    return by_columns(lib, x, i) if i else by_rows(lib, x, i)


KINDS: tuple[Kind, ...] = (by_rows, by_columns, channels_last, sliced, stretched)
OF_SEVERAL: tuple[Kind, ...] = (first_by_columns, others_by_columns)


def steps(x: Any) -> tuple[int, ...]:
    """The steps along the axes that have any, and whether the tensor lies row by row."""
    some = [step for step, n in zip(x.stride(), x.shape, strict=True) if n > 1] if x.numel() else []
    return (*some, x.is_contiguous())


def looks_into(x: Any, y: Any) -> bool:
    """Whether the memory that two tensors span overlaps."""
    if not (x.numel() and y.numel()):
        return False
    (start, stop), (first, last) = map(_span, (x, y))
    return start < last and first < stop


def _span(x: Any) -> tuple[int, int]:
    reach = sum(step * (n - 1) for step, n in zip(x.stride(), x.shape, strict=True))
    return x.data_ptr(), x.data_ptr() + x.element_size() * (1 + reach)


def differences(found: Case) -> list[str]:
    """In which kinds of memory the results of a call lie otherwise than PyTorch's; calls that fail are left out."""
    wrong = []
    for kind in KINDS + (OF_SEVERAL if len(found.inputs) > 1 else ()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numbers do not matter here
            ours, theirs = both(_layouts, found, kind)
        if ours != theirs and not (ours is None or theirs is None):
            wrong.append(f"{found} {kind.__name__}: {ours}, PyTorch {theirs}")
    return wrong


def _layouts(lib: Any, found: Case, kind: Kind) -> Any:
    """For each result its shape, its steps, and which inputs it looks into; None where the call fails."""
    arrays = [x.astype(np.float64) if x.dtype.kind == "f" else x for x in found.inputs]
    inputs = [kind(lib, x, i) for i, x in enumerate(arrays)]
    try:
        results = flat(found.call(lib, *inputs))
    except (RuntimeError, ValueError, IndexError):
        return None
    return [(tuple(x.shape), steps(x), [looks_into(x, y) for y in inputs]) for x in results]

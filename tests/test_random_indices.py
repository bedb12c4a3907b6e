"""Random reads and writes by keys of all kinds: what PyTorch takes gives its values, dtypes and gradients here."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from parity.harness import Near, agree, both, plain, weights

pytestmark = pytest.mark.filterwarnings("ignore")  # what PyTorch says of masks of uint8
DTYPES = ("float64", "float64", "float32", "int64", "bool", "complex128")
MODES = ("get", "set", "set", "iadd", "imul", "accumulate")


def numbers_below(draw: random.Random, n: int, count: int) -> list[int]:
    return [draw.randrange(-n, n) for _ in range(count)]


def key_for(draw: random.Random, n: int) -> Any:
    """A part of a key for an axis of length ``n``; arrays stand for tensors, a tuple for a NumPy array."""
    longest = max(n, 1)
    bound = draw.choice([None, None, draw.randrange(-longest - 1, longest + 2)])
    return draw.choice([
        draw.randrange(-longest, longest), np.int64(-1), None, draw.random() < 0.7,
        slice(bound, draw.choice([None, draw.randrange(-longest, longest + 1)]), draw.choice([None, 1, 2])),
        slice(None), range(draw.randrange(longest + 1)), [draw.random() < 0.5 for _ in range(n)],
        numbers_below(draw, longest, draw.randrange(4)), tuple(numbers_below(draw, longest, 2)),
        np.array(numbers_below(draw, longest, draw.randrange(4)), np.int64),
        np.array(numbers_below(draw, longest, 1)[0]),
        np.array(numbers_below(draw, longest, 4), np.int32).reshape(2, 2),
        np.array([draw.random() < 0.5 for _ in range(n)], draw.choice([bool, bool, np.uint8])),
    ])  # fmt: skip


def program(draw: random.Random) -> dict[str, Any]:
    """One read or write: a shape, a dtype, a key and a value that broadcasts, or nearly."""
    shape = tuple(draw.choice([0, 1, 1, 2, 3, 4]) for _ in range(draw.choice([0, 1, 1, 2, 2, 3])))
    parts = [key_for(draw, n) for n in (*shape, 1)[: draw.randrange(len(shape) + 2)]]
    if draw.random() < 0.2:
        parts.insert(draw.randrange(len(parts) + 1), ...)
    if shape and draw.random() < 0.15:
        parts = [np.array([draw.random() < 0.5 for _ in range(math.prod(shape))]).reshape(shape)]
    value_shape = [draw.choice([1, n, n]) for n in shape[draw.randrange(len(shape) + 1) :]]
    value_shape = draw.choice([[1], []]) + draw.choice([value_shape, value_shape, [1], []])
    value = np.arange(math.prod(value_shape), dtype=np.float64).reshape(value_shape) / 2 + 10
    return {
        "shape": shape, "dtype": draw.choice(DTYPES), "parts": parts, "mode": draw.choice(MODES),
        "value": draw.choice([3, 7.5, True, value, value, value]), "alone": len(parts) == 1 and draw.random() < 0.6,
    }  # fmt: skip


def run(lib: Any, given: dict[str, Any]) -> Any:
    """What the tensor, or the part that is read, is afterwards, and the gradients; None for an error."""

    def part(k: Any) -> Any:
        return lib.tensor(k) if isinstance(k, np.ndarray) else np.array(k) if isinstance(k, tuple) else k

    parts, mode = tuple(map(part, given["parts"])), given["mode"]
    key = parts[0] if given["alone"] else parts
    x = lib.tensor((np.arange(math.prod(given["shape"])).reshape(given["shape"]) / 4 + 1).astype(given["dtype"]))
    leaves = [x.requires_grad_()] if x.is_floating_point() or x.is_complex() else []
    value, y = given["value"], x * 1
    if isinstance(value, np.ndarray) and mode != "get":
        value = lib.tensor(value)
        if given["dtype"] == "float64":
            leaves.append(value.requires_grad_())
    try:
        if mode == "get":
            y = y[key]
        elif mode == "set":
            y[key] = value
        elif mode == "iadd":
            y[key] += value
        elif mode == "imul":
            y[key] *= value
        else:
            y.index_put_(parts, value, accumulate=True)
        if not leaves:
            return plain(y), []
        found = lib.autograd.grad(y, leaves, lib.tensor(weights(y)), allow_unused=True)
        return plain(y), [plain(leaf) * 0 if g is None else plain(g) for leaf, g in zip(leaves, found, strict=True)]
    except (RuntimeError, IndexError, TypeError, ValueError, NotImplementedError):
        return None


@pytest.mark.parametrize("seed", range(20))
def test_reads_and_writes_by_random_keys(seed: int) -> None:
    """What PyTorch refuses may work here: an assignment of other dtypes, a list or array as the value, steps back."""
    draw = random.Random(seed)
    compared = 0
    for _ in range(100):
        given = program(draw)
        ours, theirs = both(run, given)
        if theirs is not None:
            compared += 1
            assert ours is not None, given
            agree(ours, theirs, Near(1e-6, 1e-9), str(given))
    assert compared > 25

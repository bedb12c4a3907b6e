"""Calls by PyTorch's names of arguments, each option at another value than its default, give what PyTorch gives.

``keyword_calls.txt`` has the calls: of each function that takes only what is required, and one for each option.
"""

from __future__ import annotations

import math
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff

CALLS = (Path(__file__).parent / "keyword_calls.txt").read_text().splitlines()
SPACES = sorted({call.partition("(")[0].rpartition(".")[0] for call in CALLS})
DRAW = np.random.default_rng(0)
ARRAYS = {
    "X": DRAW.uniform(0.2, 0.8, (3, 3)), "Y": DRAW.uniform(0.2, 0.8, (3, 3)), "V": DRAW.uniform(0.2, 0.8, 3),
    "I": np.array([[1, 0, 2], [2, 1, 0], [0, 0, 1]]), "IV": np.array([2, 0, 1]),
    "B": np.array([[True, False, True]] * 3),
    "S3": DRAW.uniform(0.2, 0.8, (2, 3, 3)), "Z": DRAW.uniform(0.2, 0.8, (2, 3, 4, 4)), "G": np.array(0.4),
    "C": DRAW.standard_normal((3, 3)) + 1j * DRAW.standard_normal((3, 3)),
    "XI": np.array([[3, 1, 2], [5, 4, 9], [7, 8, 6]]), "W": DRAW.standard_normal((3, 3, 2, 2)),
    "Z1": DRAW.standard_normal((2, 3, 6)), "Z3": DRAW.standard_normal((1, 3, 4, 4, 4)),
    "N33": np.log(DRAW.dirichlet(np.ones(3), 3)),
}  # fmt: skip
ARRAYS["X32"] = ARRAYS["X"].astype(np.float32)


def outcome(lib: Any, call: str) -> Any:
    """The numbers that a call of the list gives, and those of its operands afterwards."""
    operands = {name: lib.tensor(array.copy()) for name, array in ARRAYS.items() if name in call}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        result = eval(f"lib.{call}", {"lib": lib, "inf": math.inf} | operands)
    return [*numbers(result), *numbers(list(operands.values()))]


def numbers(result: Any) -> list[Any]:
    if isinstance(result, (tuple, list)):
        return [x for part in result for x in numbers(part)]
    if hasattr(result, "detach"):
        plain = result.detach()
        return [np.asarray(plain.resolve_conj().numpy())]
    return [np.asarray(result)] if isinstance(result, (bool, int, float, complex)) else []


def difference(call: str) -> str | None:
    try:
        mine, wanted = outcome(autodiff, call), outcome(peer(), call)
    except Exception as error:
        return f"{call}: {type(error).__name__}: {error}"
    for a, b in zip(mine, wanted, strict=True):
        near = 1e-4 if a.dtype.itemsize == 4 else 1e-8
        if (a.shape, a.dtype) != (b.shape, b.dtype) or not np.allclose(a, b, near, near, equal_nan=True):
            return f"{call}: {a.dtype} {a.shape}, PyTorch {b.dtype} {b.shape}: {a.reshape(-1)[:4]}, {b.reshape(-1)[:4]}"
    return None


@pytest.mark.parametrize("space", SPACES)
def test_calls_by_name_give_what_pytorch_gives(space: str) -> None:
    """Values, shapes, dtypes, and what becomes of the operands."""
    calls = [call for call in CALLS if call.partition("(")[0].rpartition(".")[0] == space]
    assert calls
    assert not list(filter(None, map(difference, calls)))


def test_the_list_is_in_order_and_long() -> None:
    """Each call once; a thousand of them."""
    assert all(a < b for a, b in pairwise(CALLS))
    assert len(CALLS) > 900

"""How many functions of Python a usual call goes through, which is what a small operation takes its time for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextvars import Context
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff.errors import DtypeError
from autodiff.kernels import layout

X = ad.tensor(np.linspace(0.1, 0.9, 32, dtype=np.float32).reshape(4, 8), requires_grad=True)
MASK, NUMBER = X > 0.5, X.sum()
TURNED = X.t()  # from now on there is a tensor that does not lie in memory row by row
NET = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
F = nn.functional


def in_a_block() -> None:
    with ad.no_grad():
        pass


def in_two_blocks() -> None:
    with ad.no_grad(), ad.no_grad():
        pass


# What is called, and how many functions that may take: as many as it does.
CALLS: dict[str, tuple[Callable[[], Any], int]] = {
    "relu": (lambda: X.relu(), 4),
    "a number over a tensor": (lambda: 1.0 / X, 4),
    "floor": (lambda: X.floor(), 7),
    "maximum": (lambda: ad.maximum(X, X), 4),
    "dropout": (lambda: F.dropout(X, 0.5), 12),
    "masked_fill": (lambda: X.masked_fill(MASK, 0.0), 19),
    "a list of numbers as a tensor": (lambda: ad.tensor([[1.0, 2.0], [3.0, 4.0]]), 13),
    "a number of a tensor": (lambda: float(NUMBER), 2),
    "a block": (lambda: Context().run(in_a_block), 13),
    "a block in another": (lambda: Context().run(in_two_blocks), 27),
}



@pytest.fixture(autouse=True)
def _as_if_nobody_had_made_complex_numbers() -> Iterator[None]:
    before = list(layout.complex_in_use)
    layout.complex_in_use.clear()
    yield
    layout.complex_in_use[:] = before or layout.complex_in_use


def calls_of(function: Callable[[], Any]) -> list[str]:
    """The functions of Python that a call goes through when all that is worked out once is known."""
    tries = []
    for _ in range(6):  # in the middle of one, garbage may be collected
        names: list[str] = []
        sys.setprofile(lambda frame, event, _, names=names: names.append(frame.f_code.co_qualname)  # type: ignore[misc]
                       if event == "call" else None)
        try:
            function()
        finally:
            sys.setprofile(None)
        tries.append(names[1:])
    return min(tries, key=len)


@pytest.mark.parametrize("name", CALLS)
def test_a_usual_call_goes_through_few_functions(name: str) -> None:
    """A check on the way of every call shows here, exactly, however busy the machine is."""
    function, most = CALLS[name]
    names = calls_of(function)
    assert len(names) <= most, names


def test_gradients_are_clipped_with_few_calls_for_each() -> None:
    """Clipping looks at each parameter once."""
    NET(X).sum().backward()
    names = calls_of(lambda: nn.utils.clip_grad_norm_(NET.parameters(), 1.0))
    assert names.count("_is_tensor") <= 2 + len(list(NET.parameters())), names


def test_nobody_asks_for_complex_numbers_because_an_array_was_turned() -> None:
    """Many programs turn an array, few have complex numbers: only these pay for being refused."""
    assert layout.unusual
    assert "refuse_complex" not in calls_of(lambda: TURNED.relu())
    z = ad.tensor([1j, 2.0])
    for function in (lambda: z.relu(), lambda: z.floor(), lambda: z.sort(), lambda: ad.maximum(z, z)):
        with pytest.raises(DtypeError, match="real numbers"):
            function()

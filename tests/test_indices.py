"""Indices out of range, negative ones among them where PyTorch refuses them, and integers divided by 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parity.harness import agree, peer

import autodiff
from autodiff.errors import AutodiffError, AxisError
from nn import functional

Call = Callable[[Any, Any, int], Any]


def _index(lib: Any, first: int) -> Any:
    """(1, 4), with every other position in range."""
    return lib.tensor([[first, 0, 1, 2]])


def _two(lib: Any, first: int) -> Any:
    return lib.tensor([first, 0])


REDUCTIONS = ("prod", "mean", "amax", "amin")
REFUSING: dict[str, Call] = {  # calls that PyTorch refuses for any position that is not from 0 to 2
    "gather": lambda lib, x, i: lib.gather(x, 0, _index(lib, i)),
    "gather of a number": lambda lib, x, i: lib.gather(x[0, 0], 0, lib.tensor(i if i < 0 else i - 2)),
    "take_along_dim, flat": lambda lib, x, i: lib.take_along_dim(x, _two(lib, i if i < 0 else i + 9)),
    "index_select": lambda lib, x, i: lib.index_select(x, 0, _two(lib, i)),
    "Tensor.index_select": lambda lib, x, i: x.index_select(0, _two(lib, i)),
    "scatter of a number": lambda lib, x, i: lib.scatter(x, 0, _index(lib, i), 5.0),
    "scatter": lambda lib, x, i: lib.scatter(x, 0, _index(lib, i), x[:1] * 2),
    "scatter, added": lambda lib, x, i: lib.scatter(x, 0, _index(lib, i), x[:1] * 2, reduce="add"),
    "scatter_": lambda lib, x, i: (x * 1).scatter_(0, _index(lib, i), 5.0),
    "scatter_add": lambda lib, x, i: lib.scatter_add(x, 0, _index(lib, i), x[:1] * 2),
    "index_add": lambda lib, x, i: lib.index_add(x, 0, _two(lib, i), x[:2] * 2),
    "index_add_": lambda lib, x, i: (x * 1).index_add_(0, _two(lib, i), x[:2]),
    "index_copy": lambda lib, x, i: lib.index_copy(x, 0, _two(lib, i), x[:2] * 2),
    **{
        f"scatter_reduce {r}": lambda lib, x, i, r=r: lib.scatter_reduce(x, 0, _index(lib, i), x[:1] * 2, r)
        for r in ("sum", *REDUCTIONS)
    },
    **{
        f"index_reduce {r}": lambda lib, x, i, r=r: lib.index_reduce(x, 0, _two(lib, i), x[:2] * 2, r)
        for r in REDUCTIONS
    },
}
COUNTING: dict[str, Call] = {  # calls in which -1 is the last one
    "x[-1]": lambda lib, x, i: x[i],
    "x[[-1, 0]]": lambda lib, x, i: x[_two(lib, i)],
    "select": lambda lib, x, i: lib.select(x, 0, i),
    "take": lambda lib, x, i: lib.take(x, _two(lib, i)),
    "put": lambda lib, x, i: lib.put(x, _two(lib, i), lib.tensor([1.0, 2.0], dtype=lib.float64)),
    "index_fill": lambda lib, x, i: lib.index_fill(x, 0, _two(lib, i), 3.0),
    "index_fill, twice": lambda lib, x, i: lib.index_fill(x, 0, lib.tensor([i, i + 3]), x[0, 1]),
    "index_put": lambda lib, x, i: lib.index_put(x, (_two(lib, i),), lib.tensor(3.0, dtype=lib.float64)),
    "take_along_dim": lambda lib, x, i: lib.take_along_dim(x, _index(lib, i), 0),
}


def _numbers(lib: Any) -> Any:
    return lib.tensor(np.arange(12.0).reshape(3, 4)).requires_grad_()


@pytest.mark.parametrize("position", [-1, -3, -4, 3, 100])
@pytest.mark.parametrize("name", REFUSING)
def test_a_position_out_of_range_is_refused_as_in_pytorch(name: str, position: int) -> None:
    """Before anything is computed, with the position and the size in the error."""
    with pytest.raises((RuntimeError, IndexError)):
        REFUSING[name](peer(), _numbers(peer()), position)
    with pytest.raises(AxisError, match=r"index -?\d+ is out of range for .* of size \d+"):
        REFUSING[name](autodiff, _numbers(autodiff), position)


@pytest.mark.parametrize("position", [0, 2])
@pytest.mark.parametrize("name", REFUSING)
def test_a_position_in_range_gives_what_it_gives_in_pytorch(name: str, position: int) -> None:
    """The check refuses nothing that is right; the last position is the one nearest to a refusal."""
    if name == "gather of a number":
        position = 2
    agree(*(REFUSING[name](lib, _numbers(lib), position).detach() for lib in (autodiff, peer())))


@pytest.mark.parametrize("position", [-1, -3])
@pytest.mark.parametrize("name", COUNTING)
def test_a_negative_position_counts_from_the_end_where_it_does_in_pytorch(name: str, position: int) -> None:
    """The calls in which PyTorch wraps around."""
    agree(*(COUNTING[name](lib, _numbers(lib), position).detach() for lib in (autodiff, peer())))


@pytest.mark.parametrize("position", [-1, 3])
def test_an_embedding_refuses_a_number_outside_its_table(position: int) -> None:
    """Alone and in bags."""
    for call in (functional.embedding, functional.embedding_bag):
        with pytest.raises(AxisError, match=f"not {position}"):
            call(autodiff.tensor([[position, 0]]), _numbers(autodiff))


def test_nothing_is_in_range_of_an_empty_axis() -> None:
    """An empty axis has no positions, and no index is wrong where none is given."""
    x = autodiff.zeros(0, 2)
    with pytest.raises(AxisError, match="size 0"):
        autodiff.index_select(x, 0, autodiff.tensor([0]))
    assert autodiff.index_select(x, 0, autodiff.tensor([], dtype=autodiff.int64)).shape == (0, 2)


DIVISIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "//": lambda lib, x, y: x // y,
    "%": lambda lib, x, y: x % y,
    "number //": lambda lib, x, y: 7 // y,
    "number %": lambda lib, x, y: 7 % y,
    "// number": lambda lib, x, y: x // 0,
    "% number": lambda lib, x, y: x % 0,
    "floor_divide": lambda lib, x, y: lib.floor_divide(x, y),
    "floor_divide_": lambda lib, x, y: x.floor_divide_(y),
    "div, floor": lambda lib, x, y: lib.div(x, y, rounding_mode="floor"),
    "div, trunc": lambda lib, x, y: lib.div(x, y, rounding_mode="trunc"),
    "remainder": lambda lib, x, y: lib.remainder(x, y),
    "fmod": lambda lib, x, y: lib.fmod(x, y),
}


@pytest.mark.parametrize("dtype", ["int64", "int32", "int16", "int8", "uint8"])
@pytest.mark.parametrize("name", DIVISIONS)
def test_integers_are_not_divided_by_0(name: str, dtype: str) -> None:
    """Integers have no inf; floats have, and give it."""
    for lib, kind in ((autodiff, AutodiffError), (autodiff, ZeroDivisionError), (peer(), RuntimeError)):
        x, y = (lib.tensor(values, dtype=getattr(lib, dtype)) for values in ([7, 1], [1, 0]))
        with pytest.raises(kind, match=r"divided by 0|ZeroDivisionError"):
            DIVISIONS[name](lib, x, y)


@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value):RuntimeWarning")
@pytest.mark.parametrize("name", DIVISIONS)
def test_floats_are_divided_by_0_as_in_pytorch(name: str) -> None:
    """To inf and NaN, also where one of the operands is a whole number."""
    results = []
    for lib in (autodiff, peer()):
        x, y = lib.tensor([7.0, -1.0]), lib.tensor([0.0, 0.0])
        results.append(DIVISIONS[name](lib, x, y))
    agree(*results)

"""A write that is refused has written nothing: every method in place, of every tensor that must not be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff
from autodiff import Tensor, no_grad, tensor
from autodiff.errors import AutodiffError, InPlaceError

NUMBERS = np.array([[-0.2, 0.7, 0.4], [0.9, 1.3, 0.6], [0.8, 0.1, np.nan]])
OTHER, INDEX, MASK = tensor(NUMBERS.T + 1), tensor(np.array([2, 0])), tensor(NUMBERS > 0.45)
ALONG = tensor(np.array([[0, 1, 1], [1, 0, 0]]))
ARGUMENTS: tuple[tuple[Any, ...], ...] = (
    (), (0.5,), (0.25, 0.5), (OTHER,), (OTHER, OTHER), (OTHER, 0.5), (OTHER[0], OTHER[1]), (OTHER, OTHER[0]), (0,),
    (0, INDEX, -1.5), (0, INDEX, OTHER[:2]), (0, INDEX, OTHER[:2], "prod"), ((INDEX,), OTHER[:2]), (MASK, 7.0),
    (MASK, OTHER), (0, ALONG, OTHER), (0, ALONG, OTHER, "sum"), (INDEX, OTHER[0, :2]), (OTHER[None], OTHER[None]),
    (tensor(np.array([1, 2, 3])),), (lambda x: x * 2,), (OTHER, lambda x, y: x + y), (2, 0, 1.0),
)  # fmt: skip
OPERATORS = ["__iadd__", "__isub__", "__imul__", "__itruediv__", "__ifloordiv__", "__imod__", "__ipow__"]
KEYS: dict[str, Any] = {
    "all": ..., "row": 1, "part": (slice(None), slice(1, None)), "entry": (1, 2), "rows": [0, 2], "mask": MASK,
    "new axis": (None, INDEX), "two steps": ([0, 2], None, [0, 1]),
}  # fmt: skip


WRITE_NOTHING = {
    "detach_", "requires_grad_", "squeeze_", "unsqueeze_", "t_", "transpose_", "swapaxes_", "swapdims_", "set_",
    "as_strided_", "resize_", "resize_as_", "share_memory_", "conj_physical_",  # of real numbers
}  # fmt: skip
OF_OTHER_SHAPES = {"addmv_", "baddbmm_"}  # of the same wrapper as all others
OF_WHOLE_NUMBERS = {f"{name}_" for name in (  # which are never tracked
    "gcd", "lcm", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "bitwise_left_shift",
    "bitwise_right_shift",
)}  # fmt: skip


def stretched() -> Tensor:
    return tensor(NUMBERS[0]).expand(3, 3)


def of_tracked(requires_grad: bool = True) -> Tensor:
    base = tensor(NUMBERS, requires_grad=requires_grad) * 1.0
    with no_grad():
        view = base[...]
    view.base = base  # a write hides from no tensor that is gone
    return view


def read_only() -> Tensor:
    array = NUMBERS.copy()
    array.flags.writeable = False
    return autodiff.from_numpy(array)


def of_another_shape() -> Tensor:
    base = tensor(NUMBERS, requires_grad=True) * 1.0
    view = base.t()
    base.unsqueeze_(0)
    return view


REFUSED: dict[str, Callable[[], Tensor]] = {
    "leaf": lambda: tensor(NUMBERS, requires_grad=True),
    "view of a leaf": lambda: tensor(NUMBERS, requires_grad=True).t(),
    "stretched": stretched,
    "view of what is stretched": lambda: stretched()[:, :],
    "view made under no_grad": of_tracked,
    "view of a tensor in another shape": of_another_shape,
    "read-only": read_only,
}


def written(x: Tensor, name: str, arguments: tuple[Any, ...]) -> bool:
    """Whether the call works, and changes a value in place."""
    before = np.array(x._array)
    try:
        with np.errstate(all="ignore"):
            getattr(x, name)(*arguments)
    except (AutodiffError, TypeError, AttributeError, ValueError):
        return False
    return x.shape == (3, 3) and not np.array_equal(x._array, before, equal_nan=True)


def calls() -> dict[str, Callable[[Tensor], Any]]:
    """For each method that writes a call of it that works, and writes with keys."""
    names = [name for name in dir(Tensor) if name.endswith("_") and not name.endswith("__")]
    found: dict[str, Callable[[Tensor], Any]] = {}
    for name in [*(n for n in names if n not in WRITE_NOTHING), *OPERATORS]:
        for arguments in ARGUMENTS:
            if written(tensor(NUMBERS), name, arguments):
                found[name] = lambda x, name=name, arguments=arguments: getattr(x, name)(*arguments)
                break
    for word, key in KEYS.items():
        found[f"put {word}"] = lambda x, key=key: x.__setitem__(key, 7.0)
        found[f"add at {word}"] = lambda x, key=key: x.__setitem__(key, x[key].__iadd__(2.0))
    return found


CALLS = calls()


def test_every_method_in_place_is_called() -> None:
    """A new method whose arguments are not among those above is missed here."""
    names = {name for name in dir(Tensor) if name.endswith("_") and not name.endswith("__")}
    assert names - CALLS.keys() - WRITE_NOTHING == OF_OTHER_SHAPES | OF_WHOLE_NUMBERS


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("target", REFUSED)
def test_what_is_refused_is_not_written(target: str, name: str) -> None:
    """Nothing of the memory is changed, nor is the place in the graph.

    What is stretched may take one number, and be written where no two of the entries are one.
    """
    x = REFUSED[target]()
    before, node = np.array(x._array), x._node
    try:
        with np.errstate(all="ignore"):
            CALLS[name](x)
    except InPlaceError:
        assert np.array_equal(x._array, before, equal_nan=True)
        assert x._node is node
    else:
        assert "stretched" in target
        assert name in {"zero_", "fill_", "fill_diagonal_"} or " " in name

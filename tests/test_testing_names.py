"""What programs take from torch.testing, torch.random, torch.utils, torch.jit and torch.compiler."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff
import nn
from autodiff import ones, tensor
from autodiff.errors import DtypeError, OptionError
from autodiff.testing import assert_allclose, assert_close, make_tensor

PAIRS: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "same": lambda t: (t.ones(2), t.ones(2)),
    "near": lambda t: (t.ones(2), t.ones(2) + 1e-6),
    "far": lambda t: (t.ones(2, 2), t.ones(2, 2) + t.eye(2)),
    "near in float64": lambda t: (t.ones(2).double(), t.ones(2).double() + 1e-6),
    "half": lambda t: (t.ones(2).half(), t.ones(2).half() + 1e-3),
    "shapes": lambda t: (t.ones(2), t.ones(3)),
    "dtypes": lambda t: (t.ones(2), t.ones(2).double()),
    "integers": lambda t: (t.tensor([1, 2]), t.tensor([1, 3])),
    "booleans": lambda t: (t.tensor([True]), t.tensor([False])),
    "nan": lambda t: (t.tensor([float("nan")]), t.tensor([float("nan")])),
    "inf": lambda t: (t.tensor([float("inf")]), t.tensor([float("inf")])),
    "complex": lambda t: (t.tensor([1 + 1j]), t.tensor([1 + 1j]) + 1e-3),
    "numbers": lambda t: (1.0, 1.1),
    "near numbers": lambda t: (1.0, 1.0 + 1e-9),
    "kinds of numbers": lambda t: (1, 1.0),
    "number": lambda t: (t.ones(2), 1.0),
    "list": lambda t: (t.ones(2), [1.0, 1.0]),
    "lists": lambda t: ([t.ones(1), 2.0], [t.ones(1), 3.0]),
    "lengths": lambda t: ([1, 2], [1]),
    "dicts": lambda t: ({"a": t.ones(2)}, {"a": t.ones(2) * 2}),
    "keys": lambda t: ({"a": 1}, {"b": 1}),
    "strings": lambda t: ("a", "a"),
    "arrays": lambda t: (np.ones(2), np.ones(2)),
    "array and tensor": lambda t: (np.ones(2), t.ones(2).double()),
}


def outcome(lib: Any, pair: tuple[Any, Any], **options: Any) -> str:
    try:
        lib.testing.assert_close(*pair, **options)
    except AssertionError as error:
        return "not close" + " at".join(str(error).partition(" at index")[1:])
    except (TypeError, ValueError):
        return "refused"
    return "close"


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_close_is_what_is_close_in_pytorch(name: str) -> None:
    """With the tolerances of the dtypes and with others, with NaN, and with dtypes that differ."""
    for options in ({}, {"rtol": 0.2, "atol": 0.2}, {"equal_nan": True}, {"check_dtype": False}):
        mine, theirs = (outcome(lib, PAIRS[name](lib), **options).split(" (")[0] for lib in (autodiff, peer()))
        assert mine == theirs, options


def test_messages_of_what_is_not_close() -> None:
    """They say where and how far; a program may give its own."""
    with pytest.raises(AssertionError, match=r"1 / 2 \(50.0%\)\nGreatest absolute difference: 1.0 at index \(1,\)"):
        assert_close(ones(2), tensor([1.0, 2.0]))
    with pytest.raises(AssertionError, match=r"item \['a'\]"):
        assert_close({"a": ones(1)}, {"a": ones(1) * 2})
    with pytest.raises(AssertionError, match=r"^mine$"):
        assert_close(ones(1), ones(1) * 2, msg="mine")
    with pytest.raises(AssertionError, match=r"^see: Tensor"):
        assert_close(ones(1), ones(1) * 2, msg=lambda text: f"see: {text}")
    with pytest.raises(AssertionError, match="stride"):
        assert_close(ones(2, 3), ones(3, 2).T, check_stride=True)
    with pytest.raises(OptionError, match="rtol and atol"):
        assert_close(ones(1), ones(1), rtol=0.1)
    with pytest.raises(DtypeError, match="two tensors"):
        assert_close(ones(1), "a")
    assert_allclose(ones(2), [1.0, 1.0])
    with pytest.raises(AssertionError):
        assert_allclose(ones(2), [1.0, 1.1])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool", "complex64"])
def test_made_tensors_lie_between_their_bounds(dtype: str) -> None:
    """In the dtype and shape asked for; without zeros, or apart in memory, where that is asked for."""
    kind = getattr(autodiff, dtype)
    x = make_tensor((20, 5), dtype=kind, device="cpu", exclude_zero=True, noncontiguous=True)
    assert (x.shape, x.dtype, x.is_contiguous()) == ((20, 5), kind, False)
    assert (x != 0).all()
    assert (make_tensor(3, dtype=kind, low=1, high=2).abs() < 3).all()
    assert make_tensor(2, dtype=autodiff.float32, requires_grad=True).requires_grad
    with pytest.raises(OptionError, match="low < high"):
        make_tensor(2, dtype=kind, low=2, high=2)


def test_random_numbers_go_on_behind_a_fork() -> None:
    """As if the block had drawn none, also after an error; not so where the fork is not enabled."""
    autodiff.manual_seed(3)
    expected = autodiff.rand(2).tolist()
    autodiff.manual_seed(3)
    with contextlib.suppress(ZeroDivisionError), autodiff.random.fork_rng(devices=[]):
        autodiff.manual_seed(9)
        autodiff.rand(3)
        raise ZeroDivisionError
    assert autodiff.rand(2).tolist() == expected
    with autodiff.random.fork_rng(enabled=False):
        autodiff.manual_seed(3)
    assert autodiff.rand(2).tolist() == expected


def test_trees_are_mapped_and_put_together_as_in_pytorch() -> None:
    """Leaves in PyTorch's order, maps of several trees, of one class, and questions about all leaves."""

    def program(lib: Any) -> list[Any]:
        trees = import_module(f"{lib.__name__}.utils._pytree")
        tree = {"a": [1, (2, None)], "b": 3}
        leaves, spec = trees.tree_flatten(tree)
        found = [leaves, trees.tree_unflatten([x and 10 * x for x in leaves], spec), trees.tree_leaves(tree)]
        found += [trees.tree_map(lambda x, y: (x, y), [1, 2], [3, 4]), trees.tree_map_only(int, abs, [-1, -1.5])]
        found += [trees.tree_any(lambda x: x == 3, tree), trees.tree_all(bool, tree)]
        return [*found, spec == trees.tree_structure(tree)]

    assert program(autodiff) == program(peer())


def test_words_of_compilers_change_nothing() -> None:
    """Scripted modules are modules, and others are not of their class; decorators give what they get."""
    jit, compiler = import_module("autodiff.jit"), import_module("autodiff.compiler")

    class Scripted(jit.ScriptModule):  # type: ignore[misc, name-defined]
        def forward(self, x: Any) -> Any:
            return 2 * x

    assert Scripted()(tensor(2.0)).item() == 4
    assert isinstance(Scripted(), nn.Module)
    assert not isinstance(nn.Linear(1, 1), jit.ScriptModule)
    assert not compiler.is_compiling()
    assert compiler.disable(len) is len
    assert compiler.disable(recursive=False)(len) is len
    handle: Any = import_module("autodiff.utils.hooks").RemovableHandle
    assert isinstance(ones(1, requires_grad=True).register_hook(print), handle)
    dlpack = import_module("autodiff.utils.dlpack")
    assert dlpack.from_dlpack(ones(2)).tolist() == [1, 1]
    assert np.from_dlpack(ones(2)).tolist() == [1, 1]

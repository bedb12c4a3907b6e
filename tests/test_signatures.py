"""Names, order and defaults of arguments beside PyTorch's, of every public function and method."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest
from parity.harness import peer
from signatures import REQUIRED, Argument, ours, owner_in, theirs

import autodiff
from autodiff import Tensor

ELSEWHERE = {*autodiff._OF_LAYERS, *autodiff._METHODS}  # compared where they come from
SPACES = {"": autodiff, "Tensor": Tensor, "linalg": autodiff.linalg, "special": autodiff.special, "fft": autodiff.fft}
CALLS = [
    (space, name)
    for space, owner in SPACES.items()
    for name in dir(owner)
    if not name.startswith("_") and inspect.isroutine(getattr(owner, name))
    and not (owner is autodiff and name in ELSEWHERE)
    and name not in ("load", "save", "to_dense") and "sparse" not in name  # files and sparse tensors have less here
]  # fmt: skip


LISTS = "TorchScript's function of lists, or of numbers"
ONE_BY_ONE = "*shape takes sizes one by one, and size= all at once"
NOT_TAKEN = {
    "as_tensor": ({"t"}, LISTS),
    "tensor": ({"t"}, LISTS),
    "eq": ({"a", "b"}, LISTS),
    "ne": ({"a", "b"}, LISTS),
    "Tensor.eq": ({"b"}, LISTS),
    "Tensor.ne": ({"b"}, LISTS),
    "sort": ({"reverse"}, LISTS),
    "Tensor.sort": ({"reverse"}, LISTS),
    "einsum": ({"a", "path", "tensors"}, "operands follow one by one; the order of contraction is chosen"),
    "stft": ({"align_to_window"}, "pieces lie as they do without it"),
    "Tensor.stft": ({"align_to_window"}, "pieces lie as they do without it"),
    "Tensor.expand": ({"implicit"}, "an option of PyTorch's compiler"),
    "Tensor.polygamma": ({"input"}, "the tensor itself, which comes second there"),
    "Tensor.where": ({"input"}, "the tensor itself, which comes second there"),
}
OTHERWISE = {
    **dict.fromkeys(["empty", "ones", "zeros", "rand", "randn", "Tensor.resize_"], ONE_BY_ONE),
    **dict.fromkeys(["Tensor.new_empty", "Tensor.new_ones", "Tensor.new_zeros"], ONE_BY_ONE),
    "compile": "is our own, with a function of any arguments",
    "stft": "has no align_to_window behind them",
    "Tensor.stft": "has no align_to_window behind them",
    "Tensor.uniform_": "'from' is a word of Python's; it is taken by that name too",
    "linalg.norm": "A as documented, not input as in the code",
}


MODULES = {
    "optim": "optim", "optim.lr_scheduler": "optim.lr_scheduler", "optim.swa_utils": "optim.swa_utils",
    "utils.data": "autodiff.data", "autograd.functional": "autodiff.autograd.functional", "func": "autodiff.func",
    "autograd": "autodiff.autograd", "nn.init": "nn.init", "nn.utils": "nn.utils",
}  # fmt: skip
TOOLS_OTHERWISE = {
    "autograd.gradcheck": "takes complex_step, too",
    "optim.Optimizer": "makes itself anew for each subclass",
    "optim.lr_scheduler.LRScheduler": "takes verbose, which subclasses of older programs hand over",
    "optim.swa_utils.LRScheduler": "the same class",
    "utils.data.random_split": "the generator is None, PyTorch's is its default one",
    "autograd.backward": "grad_variables is deprecated",
    "autograd.enable_grad": "is a context, a decorator, or both",
    "autograd.no_grad": "is a context, a decorator, or both",
    "autograd.grad": "inputs may come behind others by name",
    "func.jacfwd": "randomness is that of the function",
    "func.jacrev": "has no private option",
}


def call_of(space: str, name: str) -> Any:
    return getattr(SPACES[space], name)


def takes(call: Any, name: str, *first: Any) -> bool:
    """Whether the signature has that name, or a call that gives it is not refused for it."""
    if name in inspect.signature(call).parameters:
        return True
    try:
        call(*first, **{name: object()})
    except TypeError as error:
        return "unexpected keyword" not in str(error)
    except Exception:
        return True
    return True


def same_default(mine: Any, wanted: Any) -> bool:
    if isinstance(wanted, (list, tuple)):
        return mine is None or list(mine) == list(wanted)  # None is what [] means there
    if wanted is REQUIRED and mine is None:  # one function for several ways to call it
        return True
    return repr(mine) == repr(wanted) or mine == wanted


def in_order(mine: list[Argument], wanted: list[Argument]) -> bool:
    """Whether a call by position means the same: the names and defaults of ``wanted``, one after the other."""
    by_position = [a for a in wanted if not a.by_name_only]
    pairs = list(zip(mine, by_position, strict=False))
    return len(pairs) == len(by_position) and all(
        a.name.strip("*") == b.name.strip("*") and not a.by_name_only and same_default(a.default, b.default)
        for a, b in pairs
    )


@pytest.mark.parametrize(("space", "name"), CALLS, ids=[".".join(call) for call in CALLS])
def test_arguments_have_the_names_of_pytorch(space: str, name: str) -> None:
    """Each name of each way to call it is taken as a keyword; the docstrings of its methods have names of their own."""
    call, first = call_of(space, name), (autodiff.tensor([1.0]),) if space == "Tensor" else ()
    wanted = {a.name for way in theirs(peer(), space, name, documented=space != "Tensor") for a in way}
    missing = {a for a in wanted if not a.startswith("*") and not takes(call, a, *first)}
    assert missing == NOT_TAKEN.get(f"{space}.{name}".lstrip("."), (set(),))[0]


@pytest.mark.parametrize(("space", "name"), CALLS, ids=[".".join(call) for call in CALLS])
def test_arguments_have_the_order_and_defaults_of_pytorch(space: str, name: str) -> None:
    """Those of one of its ways to be called; a function may take more behind them."""
    ways, mine = theirs(peer(), space, name), ours(call_of(space, name), space == "Tensor")
    if space == "Tensor":  # or those of the function of that name
        ways += [way[1:] for way in theirs(peer(), "", name)]
    fits = not ways or any(in_order(mine, way) for way in ways)
    assert fits != (f"{space}.{name}".lstrip(".") in OTHERWISE)


@pytest.mark.parametrize("path", MODULES)
def test_optimizers_and_tools_take_the_arguments_of_pytorch(path: str) -> None:
    """Optimizers, schedules, loading of data, initial values, transforms: what both have and Python can ask."""
    module, theirs_ = import_module(MODULES[path]), peer(path)
    compared = 0
    for name in [name for name in dir(module) if not name.startswith("_")]:
        mine, wanted = getattr(module, name), getattr(theirs_, name, None)
        is_ours = str(getattr(mine, "__module__", "")).startswith(("autodiff", "optim", "nn"))
        if is_ours and callable(mine) and callable(wanted) and name not in ("Tensor", "Variable"):
            same = ours(mine) == ours(wanted) or "*args" in [a.name for a in ours(wanted)]  # which says nothing
            assert same != (f"{path}.{name}" in TOOLS_OTHERWISE), name
            compared += 1
    assert compared >= 3


def test_every_public_function_has_a_signature_and_words_of_its_own() -> None:
    """Not those of the class Primitive, and no star for what has names."""
    for space, name in CALLS:
        call = call_of(space, name)
        assert inspect.getdoc(call), name
        assert "Primitive" not in (call.__doc__ or ""), name
        assert not call.__name__.startswith(("_", "<")), name
        stars = [p for p in inspect.signature(call).parameters.values() if p.kind == p.VAR_POSITIONAL]
        assert not any(p.name == "args" for p in stars) or name == "to", name


def test_a_wrong_call_is_refused_in_the_name_of_the_function() -> None:
    """Not in that of a closure or a wrapper inside."""
    for space, name in CALLS:
        with pytest.raises(Exception, match=r"^(?!.*<(lambda|locals)>)"):
            call_of(space, name)(autodiff.ones(1), not_an_argument=1)


def test_most_signatures_are_compared() -> None:
    """The two tests before find what PyTorch says of nearly all names that it has."""
    torch = peer()
    shared = [(space, name) for space, name in CALLS if callable(getattr(owner_in(torch, space), name, None))]
    assert sum(bool(theirs(torch, *call)) for call in shared) >= 0.95 * len(shared)

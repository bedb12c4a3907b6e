"""Numbers in the state of an optimizer: tensors for a program, numbers of Python's for the step."""

from __future__ import annotations

import copy
import pickle
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff
import optim
from autodiff.tensors import scalars
from autodiff.tensors.scalars import Scalar

NAMES = ["ASGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop"]


def stepped(lib: Any, name: str, count: int = 3) -> tuple[Any, Any]:
    """An optimizer after some steps, and its parameter."""
    w = lib.tensor([1.0, -2.0], dtype=lib.float64, requires_grad=True)
    optimizer = getattr(lib.optim, name)([w], lr=0.1)
    for _ in range(count):
        step(optimizer, w)
    return optimizer, w


def step(optimizer: Any, w: Any) -> None:
    optimizer.zero_grad()
    (w * w).sum().backward()
    optimizer.step()


@pytest.mark.parametrize("name", NAMES)
def test_numbers_are_pytorchs_tensors(name: str) -> None:
    """With their names, their values and what is computed with them."""
    found = []
    for lib in (autodiff, peer()):
        optimizer, w = stepped(lib, name)
        numbers = {key: x for key, x in optimizer.state[w].items() if lib.is_tensor(x) and x.ndim == 0}
        computed = {key: [x.item(), (x + 1).item(), (0.9**x).sqrt().item(), float(x), int(x), bool(x > 2)]
                    for key, x in numbers.items()}  # fmt: skip
        found.append((computed, {key: repr(x.to(lib.float32)) for key, x in numbers.items()}))
    assert found[0][1] == found[1][1]
    for key, mine in found[0][0].items():
        np.testing.assert_allclose(mine, found[1][0][key], rtol=1e-5)


def test_a_step_makes_no_arrays_for_numbers() -> None:
    """Only who looks at them pays; what was looked at is a number again after the next step."""
    scalars.settle()
    optimizer, w = stepped(autodiff, "NAdam")
    numbers = [x for x in optimizer.state[w].values() if type(x) is Scalar]
    assert len(numbers) == 2
    assert not scalars.looked_at
    assert numbers[0].item() == 3
    assert scalars.looked_at == [numbers[0]]
    step(optimizer, w)
    assert not scalars.looked_at
    assert numbers[0].number == 4


@pytest.mark.parametrize("way", ["in place", "a tensor", "a number", "fill_", "data"])
def test_what_a_program_writes_counts(way: str) -> None:
    """The next step goes on from it, as in PyTorch."""
    found = []
    for lib in (autodiff, peer()):
        optimizer, w = stepped(lib, "Adam")
        state = optimizer.state[w]
        if way == "in place":
            state["step"] += 4
        elif way == "a tensor" or lib is peer():  # who takes no number
            state["step"] = lib.tensor(7.0)
        elif way == "a number":
            state["step"] = 7
        elif way == "fill_":
            state["step"].fill_(7)
        else:
            state["step"].data = lib.tensor(7.0)
        step(optimizer, w)
        found.append([state["step"].item(), *w.tolist()])
    assert found[0][0] == 8
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_state_dicts_of_either_library_load(name: str) -> None:
    """From PyTorch's to ours and back, through a file of ours, and as copies."""
    theirs, v = stepped(peer(), name)
    ours, w = stepped(autodiff, name, 1)
    given = theirs.state_dict()
    given["state"] = {0: {key: autodiff.from_numpy(x.numpy()) for key, x in given["state"][0].items()}}
    ours.load_state_dict(given)
    assert ours.state[w]["step"].item() == 3
    file = BytesIO()
    autodiff.save(ours.state_dict(), file)
    file.seek(0)
    for saved in (autodiff.load(file), copy.deepcopy(ours.state_dict()), pickle.loads(pickle.dumps(ours.state_dict()))):
        again, u = stepped(autodiff, name, 1)
        with autodiff.no_grad():
            u.copy_(autodiff.tensor(v.tolist()))
        again.load_state_dict(saved)
        step(again, u)
        assert again.state[u]["step"].item() == 4
        assert ours.state[w]["step"].item() == 3
    back = ours.state_dict()
    back["state"] = {0: {key: peer().from_numpy(x.numpy().copy()) for key, x in back["state"][0].items()}}
    theirs.load_state_dict(back)
    step(theirs, v)
    np.testing.assert_allclose(u.tolist(), v.tolist(), rtol=1e-6)


def test_a_compiled_step_goes_on_from_what_was_written() -> None:
    """Between its calls a program looks at the count, and changes it."""

    def run(compiled: bool) -> list[float]:
        w = autodiff.tensor([1.0, -2.0], requires_grad=True)
        optimizer = optim.Adam([w], lr=0.1)
        call = autodiff.compile(lambda: step(optimizer, w)) if compiled else lambda: step(optimizer, w)
        counts = []
        for i in range(7):
            call()
            counts.append(optimizer.state[w]["step"].item())
            if i == 4:
                optimizer.state[w]["step"].fill_(0)
        assert not compiled or call.programs
        return [*counts, *w.tolist()]

    assert run(True) == run(False)
    assert run(True)[:7] == [1, 2, 3, 4, 5, 1, 2]


def test_a_number_that_float32_has_not_is_kept() -> None:
    """A count above 2^24 goes on, and is whole in a file; PyTorch's stops."""
    x = Scalar((1 << 24) + 1)
    assert x.item() == (1 << 24) + 1
    assert x.dtype == autodiff.float64
    x += 1
    scalars.settle()
    assert x.number == (1 << 24) + 2
    assert copy.deepcopy(x).number == x.number

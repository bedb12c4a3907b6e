"""What a step depends on besides arrays may change between its calls: the compiled step does what the step does."""

from __future__ import annotations

import copy
import functools
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import autodiff
import nn
import optim
from nn import functional as F

pytestmark = pytest.mark.filterwarnings("ignore::autodiff.errors.AutodiffWarning")
CALLS, CHANGE = 12, 6
FACTOR = 0.5
MASK: Any = None
OPTIONS = {"factor": 0.5}
Program = tuple[Callable[..., Any], Callable[[int], tuple[Any, ...]], Callable[[int], Any]]


def batch(i: int) -> tuple[Any, Any]:
    draw = np.random.default_rng(i)
    return autodiff.tensor(draw.standard_normal((4, 6)).astype(np.float32)), autodiff.tensor(draw.integers(0, 3, 4))


def ones() -> nn.Parameter:
    return nn.Parameter(autodiff.ones(8, 6))


class Training:
    """A net and its optimizer; ``extra`` of its output is added to the loss."""

    def __init__(self, kind: Any = optim.SGD, **options: Any) -> None:
        self.model: Any = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
        self.optimizer = kind(self.model.parameters(), lr=0.1, **options)
        self.batch, self.history, self.factor = batch(99), [], 1.0  # type: tuple[Any, Any], list[int], float
        self.hidden = autodiff.zeros(3)
        self.extra: Any = lambda out: 0.0

    def step(self, x: Any, y: Any) -> Any:
        self.optimizer.zero_grad()
        out = self.model(x)
        loss = F.cross_entropy(out, y) + self.extra(out)
        loss.backward()
        self.optimizer.step()
        return loss

    def of_its_own(self) -> Any:
        return self.step(*self.batch)

    def by_helper(self, x: Any, y: Any) -> Any:
        return self.step(x, y) * self.scaled()

    def scaled(self) -> float:
        return self.factor

    def carrying(self, x: Any, y: Any) -> Any:
        out = self.model(x).mean(0) + self.hidden
        self.hidden = out.detach()
        return out.sum().detach()

    def results(self) -> list[Any]:
        found = [x.detach().numpy().copy() for x in self.model.state_dict().values()]
        found += [None if p.grad is None else p.grad.numpy().copy() for p in self.model.parameters()]
        for state in self.optimizer.state.values():
            found += [x.numpy().copy() if isinstance(x, autodiff.Tensor) else x for x in state.values()]
        return found


def changing(attribute: str, value: Any) -> Callable[[Training], Any]:
    """A program in which an attribute of the module in the middle is another from call CHANGE on."""

    def change(t: Training) -> Any:
        middle = {"p": nn.Dropout(0.5), "momentum": nn.BatchNorm1d(8), "negative_slope": nn.LeakyReLU(0.1)}[attribute]
        t.model[1] = middle
        return t.step, batch, lambda: setattr(middle, attribute, value)

    return change


def rebound(t: Training) -> Any:
    x, y = batch(99)

    def step() -> Any:
        return t.step(x, y)

    def change() -> None:
        nonlocal x, y
        x, y = batch(1)

    return step, lambda i: (), change


def loss_swapped(t: Training) -> Any:
    loss: Any = F.cross_entropy

    def step(x: Any, y: Any) -> Any:
        t.optimizer.zero_grad()
        found = loss(t.model(x), y)
        found.backward()
        t.optimizer.step()
        return found

    def change() -> None:
        nonlocal loss
        loss = functools.partial(F.cross_entropy, label_smoothing=0.5)

    return step, batch, change


def of_global(t: Training) -> Any:
    def change() -> None:
        global FACTOR
        FACTOR = 2.0

    t.extra = lambda out: FACTOR * out.square().mean()
    return t.step, batch, change


def of_nothing(t: Training) -> Any:
    def change() -> None:
        global MASK
        MASK = autodiff.tensor([1.0, 0.0, 2.0])

    t.extra = lambda out: 0.0 if MASK is None else (out * MASK).mean()
    return t.step, batch, change


def of_dict(t: Training) -> Any:
    t.extra = lambda out: OPTIONS["factor"] * out.square().mean()
    return t.step, batch, lambda: OPTIONS.update(factor=2.0)


def of_list(t: Training) -> Any:
    factors = [0.5]
    t.extra = lambda out: factors[0] * out.square().mean()
    return t.step, batch, lambda: factors.__setitem__(0, 2.0)


def of_class(t: Training) -> Any:
    class Shared:
        factor = 0.5

    shared = Shared()
    t.extra = lambda out: shared.factor * out.mean()
    return t.step, batch, lambda: setattr(Shared, "factor", 2.0)


def of_slot(t: Training) -> Any:
    class Slotted:
        __slots__ = ("factor",)

    slotted = Slotted()
    slotted.factor = 0.5
    t.extra = lambda out: slotted.factor * out.mean()
    return t.step, batch, lambda: setattr(slotted, "factor", 2.0)


def of_dtype(t: Training) -> Any:
    t.extra = lambda out: (out * autodiff.ones(3)).mean()
    return t.step, batch, lambda: autodiff.set_default_dtype(autodiff.float64)


def halved(optimizer: Any, args: Any, kwargs: Any) -> None:
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad.mul_(0.5)


PROGRAMS: dict[str, Callable[[Training], Any]] = {
    "frozen": lambda t: (t.step, batch, lambda: t.model[0].requires_grad_(False)),
    "weight replaced": lambda t: (t.step, batch, lambda: setattr(t.model[0], "weight", ones())),
    "weight in its dict": lambda t: (t.step, batch, lambda: t.model[0]._parameters.update(weight=ones())),
    "data replaced": lambda t: (t.step, batch, lambda: setattr(t.model[0].weight, "data", autodiff.ones(8, 6))),
    "layer replaced": lambda t: (t.step, batch, lambda: t.model.__setitem__(1, nn.ReLU())),
    "layer appended": lambda t: (t.step, batch, lambda: t.model.append(nn.Tanh())),
    "forward replaced": lambda t: (t.step, batch, lambda: setattr(t.model, "forward", lambda x: t.model[0](x)[:, :3])),
    "dropout": changing("p", 0.1),
    "momentum of a norm": changing("momentum", 0.5),
    "slope": changing("negative_slope", 0.5),
    "hook of a module": lambda t: (t.step, batch, lambda: t.model[0].register_forward_hook(lambda m, x, out: out * 2)),
    "hook of a parameter": lambda t: (t.step, batch, lambda: t.model[0].weight.register_hook(lambda g: g * 2)),
    "hook of an optimizer": lambda t: (t.step, batch, lambda: t.optimizer.register_step_pre_hook(halved)),
    "parameter appended": lambda t: (
        t.step, batch, lambda: t.optimizer.param_groups[0]["params"].append(nn.Parameter(autodiff.ones(1))),
    ),
    "parameter taken out": lambda t: (t.step, batch, lambda: t.optimizer.param_groups[0]["params"].pop()),
    "batch of a variable": rebound,
    "batch of an object": lambda t: (t.of_its_own, lambda i: (), lambda: setattr(t, "batch", batch(1))),
    "attribute read by a method": lambda t: (t.by_helper, batch, lambda: setattr(t, "factor", 3.0)),
    "loss": loss_swapped, "global": of_global, "nothing": of_nothing,
    "dict": of_dict, "list": of_list, "class": of_class, "slot": of_slot,
    "default dtype": of_dtype,
}  # fmt: skip
STATES: dict[str, Callable[[Training], Any]] = {
    "cleared": lambda t: t.optimizer.state.clear(),
    "loaded": lambda t: t.optimizer.load_state_dict(t.saved),  # type: ignore[attr-defined]
    "one entry": lambda t: t.optimizer.state[t.model[0].weight].update(exp_avg=autodiff.ones(8, 6)),
    "a number": lambda t: t.optimizer.state[t.model[0].weight].update(step=1),
    "written": lambda t: t.optimizer.state[t.model[0].weight]["exp_avg"].zero_(),
}


def compare(make: Callable[[bool], tuple[Training, Any, Any, Callable[[], Any]]]) -> Any:
    """Run a program as it stands and compiled, changed before call CHANGE, and compare all bits; returns the step."""
    runs: list[list[Any]] = []
    for is_compiled in (False, True):
        autodiff.manual_seed(0)
        training, step, batches, change = make(is_compiled)
        step, run = autodiff.compile(step) if is_compiled else step, []
        for i in range(CALLS):
            if i == CHANGE:
                change()
            args = batches(i)
            run.append([step(*args).detach().numpy(), *training.results(), *[x.numpy() for x in args]])
        runs.append(run)
    for i, (theirs, mine) in enumerate(zip(*runs, strict=True)):
        assert len(theirs) == len(mine)
        for x, y in zip(theirs, mine, strict=True):
            assert (x is y is None) or np.array_equal(x, y, equal_nan=True), i
    return step


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    begin()


def begin() -> None:
    """Let what programs have in common be as it was."""
    global FACTOR, MASK
    FACTOR, OPTIONS["factor"], MASK = 0.5, 0.5, None
    autodiff.set_default_dtype(autodiff.float32)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_change_between_calls_is_noticed(name: str) -> None:
    def make(is_compiled: bool) -> Any:
        begin()
        training = Training()
        return training, *PROGRAMS[name](training)

    step = compare(make)
    assert step.programs or "hook" in step.summary()


@pytest.mark.parametrize("name", STATES)
def test_a_changed_state_of_an_optimizer_is_noticed(name: str) -> None:
    def make(is_compiled: bool) -> Any:
        training: Any = Training(optim.Adam)
        training.saved = copy.deepcopy(training.optimizer.state_dict())
        return training, training.step, batch, lambda: STATES[name](training)

    compare(make)


def test_what_a_step_carries_from_call_to_call_on_an_object() -> None:
    def make(is_compiled: bool) -> Any:
        training = Training()
        return training, training.carrying, batch, lambda: None

    compare(make)


@pytest.mark.parametrize("draw", [random.random, np.random.rand], ids=["random", "numpy"])
def test_writing_a_program_draws_no_numbers_of_others(draw: Callable[[], float]) -> None:
    def make(is_compiled: bool) -> Any:
        random.seed(0)
        np.random.seed(0)
        training = Training()
        training.extra = lambda out: draw() * out.mean()
        return training, training.step, batch, lambda: None

    compare(make)


def test_what_only_python_counts_is_counted_once() -> None:
    calls, w = [], autodiff.ones(2, requires_grad=True)  # type: tuple[list[str], Any]

    def step(x: Any) -> Any:
        calls.append("called")
        return (x * w).sum().detach()

    compiled = autodiff.compile(step)
    compiled(autodiff.ones(2))
    compiled(autodiff.ones(2))
    assert len(calls) == 2


def test_gradients_given_from_outside() -> None:
    runs = []
    for wrap in (lambda f: f, autodiff.compile):
        w, run = autodiff.ones(2, requires_grad=True), []

        def step(x: Any, w: Any = w) -> Any:
            loss = (w * x).sum()
            loss.backward()
            return loss

        compiled = wrap(step)
        for i in range(CALLS):
            compiled(autodiff.tensor([1.0, 2.0]) + i)
            run.append(w.grad.tolist())
            w.grad = autodiff.ones(2) * i if i % 2 else None
        runs.append(run)
    assert runs[0] == runs[1]
    assert all(case.program for case in compiled._cases)


def test_an_argument_that_a_step_writes_into_is_written_into() -> None:
    def step(x: Any, y: Any) -> Any:
        x.mul_(2).add_(y)
        return (x * y).sum()

    compiled = autodiff.compile(step)
    for i in range(6):
        x, y = autodiff.arange(3.0) + i, autodiff.ones(3) * i
        version = x._version
        assert compiled(x, y).item() == sum((2 * (k + i) + i) * i for k in range(3))
        assert x.tolist() == [2.0 * (k + i) + i for k in range(3)]
        assert x._version > version
    assert compiled.programs
    x = autodiff.ones(3)
    assert (compiled(x, x).item(), x.tolist()) == (48.0, [4.0, 4.0, 4.0])  # what it adds is x itself


def test_a_function_with_a_backward_of_its_own_is_written_down() -> None:
    class Square(autodiff.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return 2 * g * x

    def make(is_compiled: bool) -> Any:
        training = Training()
        training.extra = lambda out: Square.apply(out).mean()
        return training, training.step, batch, lambda: None

    assert compare(make).programs


LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "weighted classes": lambda out, y: F.cross_entropy(out, y, weight=out.detach()[0].exp()),
    "ignored": lambda out, y: F.nll_loss(out.log_softmax(1), y, ignore_index=1),
    "alignment": lambda out, y: F.ctc_loss(
        out.log_softmax(-1)[:, None], (y[:1] % 2 + 1)[None], autodiff.tensor([4]), autodiff.tensor([1])
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_whose_numbers_depend_on_targets_are_written_down(name: str) -> None:
    def make(is_compiled: bool) -> Any:
        training = Training()

        def step(x: Any, y: Any) -> Any:
            training.optimizer.zero_grad()
            loss = LOSSES[name](training.model(x), y)
            loss.backward()
            training.optimizer.step()
            return loss

        return training, step, batch, lambda: None

    assert compare(make).programs


def test_one_number_as_a_view_is_written_into() -> None:
    def step(x: Any) -> Any:
        total = x.sum()
        total[()].clamp_(-0.5, 1.0)
        x[1].mul_(3)
        x[..., 0].add_(total)
        return total + x.sum()

    compiled = autodiff.compile(step)
    for i in range(6):
        given = [autodiff.tensor([1.0, -2.0, 4.0]) * i for _ in range(2)]
        assert compiled(given[0]).item() == step(given[1]).item()
        assert given[0].tolist() == given[1].tolist()
    assert compiled.programs, compiled.summary()


def test_a_copy_that_lies_otherwise_is_made() -> None:
    """Products of vectors go by how these lie in memory: backwards, or every other number."""
    for way in (slice(None, None, -1), slice(None, None, 2)):

        def step(x: Any, way: slice = way) -> Any:
            return autodiff.dot(x[way].clone(), x[way].clone())

        compiled, draw = autodiff.compile(step), np.random.default_rng(0)
        for _ in range(40):
            x = autodiff.tensor(draw.standard_normal(9))
            assert compiled(x).item() == step(x).item()


def test_a_tensor_that_is_all_of_another() -> None:
    """A view of all of its base, which both are in reach."""
    base = autodiff.eye(3)
    whole = base.expand(3, 3)
    compiled = autodiff.compile(lambda x: (x @ base + whole).sum())
    for i in range(5):
        x = autodiff.ones(2, 3) * i
        assert compiled(x[:1]).item() == 3 * float(x[:1].sum()) + 3
    assert compiled.programs, compiled.summary()

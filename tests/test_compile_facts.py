"""What a step depends on besides arrays may change between its calls: the compiled step does what the step does."""

from __future__ import annotations

import copy
import functools
import random
from collections import OrderedDict
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from compiled_training import CALLS, Training, batch, compare, ones

import autodiff
import nn
import optim
from nn import functional as F

pytestmark = pytest.mark.filterwarnings("ignore::autodiff.errors.AutodiffWarning")
FACTOR = 0.5
MASK: Any = None
OPTIONS = {"factor": 0.5}
Program = tuple[Callable[..., Any], Callable[[int], tuple[Any, ...]], Callable[[int], Any]]


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


def of_attribute(t: Any) -> Any:
    t.factors = [0.5]
    t.extra = lambda out: t.factors[0] * out.square().mean()
    return t.step, batch, lambda: t.factors.__setitem__(0, 2.0)


def of_module(t: Training) -> Any:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.scales = t.model, {"all": [1.0, 0.5]}

        def forward(self, x: Any) -> Any:
            return self.inner(x) * self.scales["all"][1]

    model = Scaled()
    t.extra = lambda out: model(out.new_ones(4, 6)).mean()
    return t.step, batch, lambda: model.scales["all"].pop(0) and model.scales["all"].append(2.0)


def of_class(t: Training) -> Any:
    class Shared:
        factor = 0.5

    shared = Shared()
    t.extra = lambda out: shared.factor * out.mean()
    return t.step, batch, lambda: setattr(Shared, "factor", 2.0)


def of_name_of_class(t: Training) -> Any:
    class Shared:
        factor = 0.5
        factors = [1.0]  # noqa: RUF012  # which is the case

    t.extra = lambda out: Shared.factor * Shared.factors[0] * out.mean()
    return t.step, batch, lambda: Shared.factors.__setitem__(0, 2.0)


def of_python_module(t: Training) -> Any:
    settings: Any = ModuleType("settings")
    settings.factor = 0.5
    t.extra = lambda out: settings.factor * out.mean()
    return t.step, batch, lambda: setattr(settings, "factor", 2.0)


def of_ordered_dict(t: Training) -> Any:
    factors = OrderedDict(all=0.5)
    t.extra = lambda out: factors["all"] * out.mean()
    return t.step, batch, lambda: factors.update(all=2.0)


def of_array(t: Training) -> Any:
    factors = np.ones(3, np.float32)
    t.extra = lambda out: (autodiff.tensor(factors) * out).mean()
    return t.step, batch, lambda: factors.fill(2.0)


def of_arrays_in_a_list(t: Training) -> Any:
    factors, shifts = np.ones(3, np.float32), np.ones((2, 3), np.float32)
    t.extra = lambda out: (autodiff.tensor([factors, [1.0, 2.0, 3.0], *shifts])[:, None] * out).mean()

    def change() -> None:
        factors.fill(2.0)
        shifts.fill(3.0)

    return t.step, batch, change


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
    "dict": of_dict, "list": of_list, "list of an attribute": of_attribute, "list of a module": of_module,
    "class": of_class, "name of a class": of_name_of_class, "module of Python's": of_python_module,
    "ordered dict": of_ordered_dict, "array that is copied": of_array, "arrays in a list": of_arrays_in_a_list,
    "slot": of_slot,
    "default dtype": of_dtype,
}  # fmt: skip
STATES: dict[str, Callable[[Training], Any]] = {
    "cleared": lambda t: t.optimizer.state.clear(),
    "loaded": lambda t: t.optimizer.load_state_dict(t.saved),  # type: ignore[attr-defined]
    "one entry": lambda t: t.optimizer.state[t.model[0].weight].update(exp_avg=autodiff.ones(8, 6)),
    "a number": lambda t: t.optimizer.state[t.model[0].weight].update(step=1),
    "written": lambda t: t.optimizer.state[t.model[0].weight]["exp_avg"].zero_(),
}


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


def test_a_log_of_the_training_is_no_fact() -> None:
    """A list that grows between the calls changes nothing that a step reads of it."""

    class Trainer:
        def __init__(self) -> None:
            self.weight, self.losses = autodiff.ones(2, requires_grad=True), [0.0]
            self.compiled = autodiff.compile(self.step)

        def step(self, x: Any) -> Any:
            return (x * self.weight).sum().detach()

        def fit(self) -> None:
            for _ in range(12):
                self.losses.append(self.compiled(autodiff.ones(2)).item())

    trainer = Trainer()
    trainer.fit()
    assert len(trainer.compiled.programs) == 1
    assert trainer.compiled.programs[0].uses > 8


def test_what_numpy_alone_makes_of_an_array_is_kept() -> None:
    """The trap that docs/compile.md names, and the way around it."""
    factors = np.ones(2, np.float32)
    kept = autodiff.compile(lambda x: (x * autodiff.tensor(2 * factors)).sum())
    read = autodiff.compile(lambda x: (x * (2 * autodiff.tensor(factors))).sum())
    results = []
    for i in range(6):
        factors.fill(2.0 if i > 3 else 1.0)
        results.append((kept(autodiff.ones(2)).item(), read(autodiff.ones(2)).item()))
    assert results == [(4.0, 4.0)] * 4 + [(4.0, 8.0)] * 2


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

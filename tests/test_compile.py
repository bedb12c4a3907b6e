"""``compile``: programs replay bit for bit, notice what they depend on, and leave the rest as it stands."""

from __future__ import annotations

import itertools
from collections import deque
from typing import Any

import numpy as np
import pytest
from compiled import Way, replays, side_by_side

import autodiff
import nn
import optim
from autodiff.errors import AutodiffWarning, GraphError, OptionError

F = nn.functional
RNG = np.random.default_rng(0)


def normal(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32)


def dense(make: Any, *sizes: int, loss: Any = F.mse_loss) -> Any:
    """A network, its optimizer and its training step."""

    def build() -> Way:
        layers = [nn.Linear(a, b) for a, b in itertools.pairwise(sizes)]
        model = nn.Sequential(*(part for layer in layers for part in (layer, nn.Tanh())))
        optimizer = make(model.parameters())

        def step(x: Any, y: Any) -> Any:
            optimizer.zero_grad()
            value = loss(model(x), y)
            value.backward()
            optimizer.step()
            return value

        return Way(step, list(model.parameters()), optimizer)

    return build


def sgd(parameters: Any) -> Any:
    return optim.SGD(parameters, lr=0.1)


def test_a_training_step() -> None:
    """XOR's, with a learning rate that is changed midway."""

    def between(i: int, way: Way) -> None:
        if i == 5:
            way.optimizer.param_groups[0]["lr"] = 0.03

    assert replays(side_by_side(dense(sgd, 2, 8, 1), lambda i: (normal(21, 2), normal(21, 1)), 8, between))


def test_a_chain() -> None:
    """Five hundred operations one after another."""

    def build() -> Way:
        x = autodiff.tensor([0.5], requires_grad=True)

        def step(y: Any) -> Any:
            x.grad = None
            z = x * y
            for _ in range(250):
                z = (z * 1.01).sin()
            z.sum().backward()
            return z

        return Way(step, [x])

    assert replays(side_by_side(build, lambda i: (normal(1),)))


def test_a_gradient_of_a_gradient() -> None:
    """A penalty on the gradient: the VJPs are recorded, and run on tensors."""

    def build() -> Way:
        model = nn.Sequential(nn.Linear(3, 6), nn.Softplus(), nn.Linear(6, 1))
        optimizer = optim.Adam(model.parameters(), lr=0.01)

        def step(x: Any) -> Any:
            x = x.detach().requires_grad_()
            optimizer.zero_grad()
            out = model(x)
            (slope,) = autodiff.grad(out, x, autodiff.ones_like(out), create_graph=True)
            loss = out.mean() + ((slope.norm(dim=1) - 1) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        return Way(step, list(model.parameters()), optimizer)

    compiled = side_by_side(build, lambda i: (normal(5, 3),))
    assert replays(compiled)
    memory = compiled.programs[0].memory
    assert memory.bytes < memory.naive / 2  # arrays take each other's places


def test_a_classifier() -> None:
    """Labels are data, not constants, and their range is looked at in each call; the exponentials are taken once."""

    def data(i: int) -> Any:
        return normal(8, 4), RNG.integers(0, 3, 8)

    compiled = side_by_side(dense(optim.Adam, 4, 5, 3, loss=F.cross_entropy), data)
    assert replays(compiled)
    assert compiled.source().count("np.exp(") == 1
    assert not {np.put_along_axis} & {getattr(made, "func", None) for _, made in compiled.programs[0].memory.pairs}


def test_gradients_add_up() -> None:
    """Without zero_grad .grad is changed where it lies; the first call after it makes it anew."""

    def build() -> Way:
        w = autodiff.tensor([1.0, 2.0], requires_grad=True)

        def step(x: Any) -> Any:
            loss = (w * x).sum()
            loss.backward()
            return loss

        return Way(step, [w])

    def between(i: int, way: Way) -> None:
        if i % 4 == 0:
            way.tensors[0].grad = None

    compiled = side_by_side(build, lambda i: (normal(2),), 20, between)
    assert len(compiled.programs) == 2
    assert not compiled.said


def test_shapes_and_modes_have_programs_of_their_own() -> None:
    """The last batch is smaller; the model is evaluated in between."""
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))

    def build() -> Way:
        def step(x: Any) -> Any:
            with autodiff.no_grad():
                return model(x)

        return Way(step, [])

    def data(i: int) -> Any:
        model.train(i % 3 != 2)
        return (normal(5 if i % 2 else 4, 3),)

    compiled = side_by_side(build, data, 24)
    assert len(compiled.programs) == 4
    assert replays(compiled)


def test_data_of_a_parameter_are_replaced() -> None:
    """A parameter whose ``.data`` is another array is noticed."""

    def between(i: int, way: Way) -> None:
        if i in (4, 9):
            for p in way.tensors:
                p.data = p.data * 2

    assert replays(side_by_side(dense(sgd, 2, 3, 1), lambda i: (normal(4, 2), normal(4, 1)), 14, between))


def test_what_python_decides_by_values() -> None:
    """Where a value goes the other way the call runs as it stands, before anything has changed."""

    def build() -> Way:
        w = autodiff.tensor([1.0, 2.0], requires_grad=True)
        optimizer = sgd([w])

        def step(x: Any) -> Any:
            optimizer.zero_grad()
            h = (w * x).sum()
            loss = h * h if h > 0 else h * 3
            loss.backward()
            optimizer.step()
            return loss

        return Way(step, [w], optimizer)

    compiled = side_by_side(build, lambda i: (np.abs(normal(2)) * (1 if i % 5 else -1),), 10)
    assert replays(compiled)
    assert compiled.programs[0].failures


def test_a_guard_comes_before_every_write() -> None:
    """A statistic is written first, then the step decides by a value: the reading is made before the write."""

    def build() -> Way:
        total = autodiff.zeros(2)

        def step(x: Any) -> Any:
            with autodiff.no_grad():
                total.add_(x)
                y = x * 2
                return y.sum() if y[0] > 0 else y

        return Way(step, [total])

    compiled = side_by_side(build, lambda i: (np.array([1.0 if i % 4 else -1.0, i], np.float32),), 8)
    assert replays(compiled)
    assert compiled.programs[0].failures


def test_random_draws_follow_their_generator() -> None:
    """Each replay draws; manual_seed between the calls counts."""

    def build() -> Way:
        w = autodiff.ones(3)

        def step(x: Any) -> Any:
            return F.dropout(x * w, 0.5) + autodiff.rand(3)

        return Way(step, [w])

    assert replays(side_by_side(build, lambda i: (normal(3),)))


def test_tensors_that_the_step_makes() -> None:
    """Zeros that are written into begin as zeros each time; gradients are clipped by their norm."""

    def build() -> Way:
        w = autodiff.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
        optimizer = optim.SGD([w], lr=0.1)

        def step(x: Any, y: Any) -> Any:
            optimizer.zero_grad()
            picked = autodiff.zeros(3, 2).scatter_(1, y, 1.0)
            state = autodiff.zeros(4, 2)
            state[:3] = x @ w
            loss = ((state[:3] - picked) ** 2).sum()
            loss.backward()
            nn.utils.clip_grad_norm_([w], 0.5)
            optimizer.step()
            return loss.detach(), state.detach()

        return Way(lambda x, y: autodiff.cat([part.reshape(-1) for part in step(x, y)]), [w], optimizer)

    assert replays(side_by_side(build, lambda i: (normal(3, 2), RNG.integers(0, 2, (3, 1)))))


def test_arguments_and_results_are_copies() -> None:
    """A result keeps its value in later calls, and so does what was given."""
    compiled = autodiff.compile(lambda x: x.mul_(2).sum() * autodiff.ones(2))
    given = [autodiff.tensor([float(i)]) for i in range(6)]
    results = [compiled(x) for x in given]
    assert [r[0].item() for r in results] == [2.0 * i for i in range(6)]


def test_a_number_that_is_asked_for() -> None:
    """``item()`` of a floating value: the step runs as it stands, and a warning names the line."""
    compiled = autodiff.compile(lambda x: x * x.sum().item())
    x = autodiff.tensor([2.0])
    compiled(x)
    with pytest.warns(AutodiffWarning, match=r"test_compile.py:\d+ .*asks for a number"):
        compiled(x)
    assert compiled(x).item() == 4


def test_what_depends_on_something_else_is_found() -> None:
    """A number that changes from call to call where nobody looks: a warning says so, and all results are right."""
    count = deque([0])

    def step(x: Any, counted: deque[int] = count) -> Any:
        counted[0] += 1
        return x * counted[0]

    compiled, x = autodiff.compile(step), autodiff.tensor([1.0])
    compiled(x)
    compiled(x)
    with pytest.warns(AutodiffWarning, match="another result"):
        compiled(x)
    assert compiled(x).item() == count[0]


def test_a_step_that_counts_runs_as_it_stands() -> None:
    """A number that Python changes in the step, and may decide by, though it did not so far."""
    count = [0]

    def step(x: Any) -> Any:
        count[0] += 1
        return x * 2 if count[0] > 8 else x

    compiled, x = autodiff.compile(step), autodiff.tensor([1.0])
    compiled(x)
    with pytest.warns(AutodiffWarning, match="Python changes 1 to 2 in it; keep what counts outside"):
        compiled(x)
    assert [compiled(x).item() for _ in range(8)] == [1.0] * 6 + [2.0] * 2


def test_errors_leave_all_as_it_was() -> None:
    """An exception while notes are taken is the step's own, and undone is what came before it."""
    w, broken = autodiff.tensor([1.0], requires_grad=True), [False]

    def step(x: Any) -> Any:
        with autodiff.no_grad():
            w.add_(x)
        if broken[0]:
            raise ValueError("broken")
        return w * 1

    compiled, x = autodiff.compile(step), autodiff.tensor([1.0])
    compiled(x)
    broken[0] = True
    with pytest.raises(ValueError, match="broken"):
        compiled(x)
    assert w.item() == 3
    broken[0] = False
    for _ in range(4):
        with autodiff.no_grad():
            compiled(x)
    assert w.item() == 7


def test_a_module_for_inference() -> None:
    """``compile(model)`` replays under no_grad, trains as it stands, and has the model's attributes."""
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    compiled = autodiff.compile(model, fullgraph=True, mode="reduce-overhead")
    assert list(compiled.parameters()) == list(model.parameters())
    for _ in range(6):
        x = autodiff.tensor(normal(5, 3))
        with autodiff.no_grad():
            assert (compiled(x) == model(x)).all()
        compiled(x).sum().backward()
        model.zero_grad()
    assert len(compiled.programs) == 1


def test_options() -> None:
    """PyTorch's options are taken; others are refused; a decorator with options; nothing compiled."""
    assert autodiff.compile(len, disable=True) is len
    with pytest.raises(OptionError):
        autodiff.compile(len, fast=True)
    assert autodiff.compile(check=2)(lambda x: x + 1)(autodiff.tensor([1.0])).item() == 2


def test_changes_by_a_replay_are_changes() -> None:
    """A graph that saved a parameter before the replay that changed it refuses to walk."""
    way = dense(sgd, 2, 3, 1)()
    compiled = autodiff.compile(way.step)
    for _ in range(4):
        compiled(autodiff.tensor(normal(4, 2)), autodiff.tensor(normal(4, 1)))
    w = way.tensors[0]
    loss = (w * w).sum()
    compiled(autodiff.tensor(normal(4, 2)), autodiff.tensor(normal(4, 1)))
    with pytest.raises(GraphError, match="compiled step"):
        loss.backward()


def test_plain_values_that_change() -> None:
    """A weight that is annealed, in a closure or as an attribute: another value needs another program."""

    class Annealed:
        factor = 1.0

        def __init__(self) -> None:
            self.beta = 1.0

    def build() -> Way:
        w, options, beta = autodiff.tensor([1.0, 2.0], requires_grad=True), Annealed(), 1.0

        def step(x: Any) -> Any:
            w.grad = None
            loss = (w * x).sum() * beta * options.beta
            loss.backward()
            return loss

        def set_beta(value: float) -> None:
            nonlocal beta
            beta = options.beta = value

        return Way(step, [w], None, set_beta)

    def between(i: int, way: Way) -> None:
        if i % 25 == 5:
            way.change(i / 10)

    assert replays(side_by_side(build, lambda i: (normal(2),), 160, between))

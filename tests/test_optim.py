"""optim: update laws and schedules against PyTorch, state dicts, groups, and what optimizers tell the graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff
import optim
from autodiff.errors import DtypeError, OptionError, StateDictError
from optim import lr_scheduler, rules

SGD = [
    {"lr": 0.1},
    {"lr": 0.1, "weight_decay": 0.1},
    {"lr": 0.1, "maximize": True, "weight_decay": 0.1},
    {"lr": 0.1, "momentum": 0.9},
    {"lr": 0.1, "momentum": 0.9, "dampening": 0.3},
    {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
]
ADAM: list[dict[str, Any]] = [
    {},
    {"lr": 0.05, "betas": (0.5, 0.9), "eps": 1e-3},
    {"lr": 0.05, "weight_decay": 0.1},
    {"lr": 0.05, "amsgrad": True},
    {"lr": 0.05, "maximize": True, "amsgrad": True, "weight_decay": 0.1},
]
CASES = [("SGD", o) for o in SGD] + [(name, o) for name in ("Adam", "AdamW") for o in ADAM]
START = [np.random.default_rng(0).normal(size=shape) for shape in ((4, 3), (5,), ())]


def gradient(step: int, i: int, x: np.ndarray) -> np.ndarray:
    """Of a moving, bumpy function; the same for both sides."""
    return np.asarray(np.sin(3 * x + step) + x * (i + 1)).astype(x.dtype)


def run(optimizer: Any, params: list[Any], make: Any, steps: range) -> None:
    for step in steps:
        for i, p in enumerate(params):
            p.grad = make(gradient(step, i, p.detach().numpy()))
        optimizer.step()


def leaves(make: Any, dtype: Any = np.float64) -> list[Any]:
    return [make(np.array(x, dtype)).requires_grad_() for x in START]


@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_twenty_steps_are_pytorchs(name: str, options: dict[str, Any], dtype: Any) -> None:
    """From the same start, with the same gradients, each option ends where PyTorch's does, in the same dtype."""
    torch = pytest.importorskip("torch")
    ours, theirs = leaves(autodiff.tensor, dtype), leaves(torch.tensor, dtype)
    ours_opt, theirs_opt = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    run(ours_opt, ours, autodiff.tensor, range(20))
    run(theirs_opt, theirs, torch.tensor, range(20))
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == dtype
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-11 if dtype == np.float64 else 1e-4)
        for value in ours_opt.state[a].values():
            assert isinstance(value, int) or value.dtype == dtype


@pytest.mark.parametrize(("name", "options"), CASES)
def test_state_dict_round_trip(name: str, options: dict[str, Any]) -> None:
    """Ten steps, a copy through the state dict, and ten more are the same as twenty."""
    whole, first = leaves(autodiff.tensor), leaves(autodiff.tensor)
    make = getattr(optim, name)
    run(make(whole, **options), whole, autodiff.tensor, range(20))
    optimizer = make(first, **options)
    run(optimizer, first, autodiff.tensor, range(10))
    state = optimizer.state_dict()
    assert state["param_groups"][0]["params"] == [0, 1, 2]
    again = make(first, lr=123.0)
    again.load_state_dict(state)
    run(again, first, autodiff.tensor, range(10, 20))
    for a, b in zip(whole, first, strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


@pytest.mark.parametrize(("name", "options"), [("SGD", SGD[3]), ("Adam", ADAM[3])])
def test_a_pytorch_state_dict_loads(name: str, options: dict[str, Any]) -> None:
    """The layout is PyTorch's: its state after ten steps goes on here to where it goes on there."""
    torch = pytest.importorskip("torch")
    theirs = leaves(torch.tensor)
    theirs_opt = getattr(torch.optim, name)(theirs, **options)
    run(theirs_opt, theirs, torch.tensor, range(10))
    ours = [autodiff.tensor(p.detach().numpy(), requires_grad=True) for p in theirs]
    ours_opt = getattr(optim, name)(ours)
    ours_opt.load_state_dict(theirs_opt.state_dict())
    run(theirs_opt, theirs, torch.tensor, range(10, 20))
    run(ours_opt, ours, autodiff.tensor, range(10, 20))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-11)


@pytest.mark.parametrize(("name", "options"), [("SGD", SGD[5]), ("Adam", ADAM[4]), ("AdamW", ADAM[3])])
def test_blocks_do_not_change_the_law(name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Large arrays are updated a few rows at a time, of any memory layout, to the same numbers."""
    x = np.random.default_rng(1).normal(size=(7, 5))
    results = []
    for block, array in ((1 << 15, x.copy()), (8, x.copy()), (8, np.asfortranarray(x)), (1, x[::-1].copy()[::-1])):
        monkeypatch.setattr(rules, "BLOCK", block)
        p = autodiff.from_numpy(array).requires_grad_()
        run(getattr(optim, name)([p], **options), [p], autodiff.tensor, range(5))
        results.append(p.detach().numpy())
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


def test_groups_have_options_of_their_own_that_may_change() -> None:
    """A group's lr is its own, the defaults serve the rest, and what a program writes counts from the next step."""
    a, b = autodiff.zeros(1, requires_grad=True), autodiff.zeros(1, requires_grad=True)
    optimizer = optim.SGD([{"params": a, "lr": 1.0}, {"params": [b]}], lr=0.5)
    a.grad = b.grad = autodiff.ones(1)
    optimizer.step()
    optimizer.param_groups[1]["lr"] = 2.0
    optimizer.step()
    assert (a.item(), b.item()) == (-2.0, -2.5)
    c = autodiff.zeros(1, requires_grad=True)
    optimizer.add_param_group({"params": [c]})
    assert optimizer.param_groups[2]["lr"] == 0.5
    named = optim.SGD([("first", a), ("second", b)], lr=0.1)
    assert named.param_groups[0]["param_names"] == ["first", "second"]


def test_parameters_without_a_gradient_stay() -> None:
    """None means no step and no state; zero_grad gives None, or zeros where they lie."""
    a, b = autodiff.ones(1, requires_grad=True), autodiff.ones(1, requires_grad=True)
    optimizer = optim.Adam([a, b])
    a.grad = autodiff.ones(1)
    optimizer.step()
    assert b.item() == 1
    assert b not in optimizer.state
    optimizer.zero_grad(set_to_none=False)
    assert a.grad.item() == 0
    optimizer.zero_grad()
    assert a.grad is None


def test_a_closure_gives_the_loss() -> None:
    """step(closure) calls it, recording even under no_grad, and returns its loss."""
    x = autodiff.tensor([3.0], requires_grad=True)
    optimizer = optim.SGD([x], lr=0.5)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (x * x).sum()
        loss.backward()
        return loss

    with autodiff.no_grad():
        assert optimizer.step(closure).item() == 9
    assert x.item() == 0


def test_a_step_makes_an_older_graph_stale() -> None:
    """A backward pass through weights that a step has changed is an error, not a wrong gradient."""
    x = autodiff.tensor([3.0], requires_grad=True)
    loss = (x * x).sum()
    x.grad = autodiff.ones(1)
    optim.SGD([x], lr=0.5).step()
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


P = autodiff.zeros(2, requires_grad=True)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: optim.SGD([P], lr=-1), OptionError, "lr is 0 or more, not -1"),
        (lambda: optim.SGD([P], momentum=-1), OptionError, "momentum"),
        (lambda: optim.SGD([P], nesterov=True), OptionError, "above 0 with nesterov"),
        (lambda: optim.SGD([P], momentum=0.9, dampening=0.1, nesterov=True), OptionError, "dampening"),
        (lambda: optim.Adam([P], betas=(1.0, 0.9)), OptionError, "betas"),
        (lambda: optim.Adam([P], eps=-1), OptionError, "eps"),
        (lambda: optim.SGD([]), OptionError, "no parameters"),
        (lambda: optim.SGD(P), DtypeError, "a list of parameters"),
        (lambda: optim.SGD([1.0]), DtypeError, "changes tensors"),
        (lambda: optim.SGD([P, P]), OptionError, "given twice"),
        (lambda: optim.SGD([{"params": [P]}, {"params": [P]}]), OptionError, "given twice"),
        (lambda: optim.SGD([P * 2]), OptionError, "was computed"),
        (lambda: optim.SGD([P]).load_state_dict(optim.SGD([P, +P.detach()]).state_dict()), StateDictError, "groups of"),
        (lambda: lr_scheduler.StepLR(optim.SGD([P]), 0), OptionError, "step_size"),
        (lambda: lr_scheduler.LambdaLR(optim.SGD([P]), []), OptionError, "one for each group"),
        (lambda: lr_scheduler.ExponentialLR(optim.SGD([P]), 0.9, last_epoch=3), OptionError, "initial_lr"),
    ],
)
def test_errors_teach(make: Any, error: type[Exception], message: str) -> None:
    """Options and parameters that cannot be are refused by named errors when they are given."""
    with pytest.raises(error, match=message):
        make()


SCHEDULES: list[tuple[str, dict[str, Any]]] = [
    ("StepLR", {"step_size": 3}),
    ("StepLR", {"step_size": 1, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [7, 2, 7, 4], "gamma": 0.5}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("LambdaLR", {"lr_lambda": lambda epoch: 1 / (1 + epoch)}),
    ("LambdaLR", {"lr_lambda": [lambda epoch: 0.9**epoch, lambda epoch: 2 + epoch]}),
]


@pytest.mark.filterwarnings("ignore:Detected call of:UserWarning")  # PyTorch's, about its own optimizer
@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_schedules_are_pytorchs(name: str, options: dict[str, Any]) -> None:
    """Twelve epochs of rates for two groups, with a stop in the middle through a state dict."""
    torch = pytest.importorskip("torch")
    rates = []
    for package, make in ((optim, autodiff.tensor), (torch.optim, torch.tensor)):
        x, y = make([0.0]).requires_grad_(), make([0.0]).requires_grad_()
        optimizer = package.SGD([{"params": [x], "lr": 1.0}, {"params": [y], "lr": 0.3}], lr=0.1)
        schedule = getattr(package.lr_scheduler, name)(optimizer, **options)
        found = [schedule.get_last_lr()]
        for epoch in range(12):
            if epoch == 6:
                state = schedule.state_dict(), optimizer.state_dict()
                optimizer = package.SGD([{"params": [x], "lr": 1.0}, {"params": [y], "lr": 0.3}], lr=0.1)
                schedule = getattr(package.lr_scheduler, name)(optimizer, **options)
                schedule.load_state_dict(state[0])
                optimizer.load_state_dict(state[1])
            schedule.step()
            found.append(schedule.get_last_lr())
            assert [group["lr"] for group in optimizer.param_groups] == found[-1]
        rates.append(found)
    np.testing.assert_allclose(rates[0], rates[1], rtol=1e-12)


def test_step_to_an_epoch_is_that_many_steps() -> None:
    """step(epoch) goes to the rate that so many single steps lead to, forwards and back."""
    optimizer = optim.SGD([P], lr=1.0)
    schedule = lr_scheduler.MultiStepLR(optimizer, [2, 4], 0.5)
    for epoch, rate in ((4, 0.25), (1, 1.0), (2, 0.5), (0, 1.0)):
        schedule.step(epoch)
        assert schedule.get_last_lr() == [rate]


def test_optimizers_show_their_options() -> None:
    """repr lists the options of each group, in PyTorch's form."""
    assert repr(optim.SGD([P], lr=0.1)).startswith("SGD (\nParameter Group 0\n    dampening: 0\n    lr: 0.1\n")

"""optim.lr_scheduler: the rates are PyTorch's, through state dicts and jumps, and misuse is named."""

from __future__ import annotations

import copy
import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parity.harness import Near, agree, both, same

import autodiff
import optim
from autodiff.errors import DtypeError, OptionError
from optim import lr_scheduler, swa_utils

pytestmark = pytest.mark.filterwarnings("ignore:Please also save:UserWarning")  # PyTorch's, about state dicts
NEAR = Near(1e-12, 1e-15)
Case = Callable[[Any, Any], Any]  # a schedule of an optimizer, by the schedules of a library
nested_warning = pytest.mark.filterwarnings("ignore:Detected call of:UserWarning")  # of both, while it is being made


def optimizer_of(lib: Any, name: str = "SGD") -> Any:
    x, y = (lib.tensor([0.0]).requires_grad_() for _ in range(2))
    return getattr(lib.optim, name)([{"params": [x], "lr": 1.0}, {"params": [y], "lr": 0.3}], lr=0.1)


class Schedules:
    """The schedules of a library by their names, those of swa_utils too, made with ``options``."""

    def __init__(self, lib: Any, **options: Any) -> None:
        self.optim, self.options = lib.optim, options

    def __getattr__(self, name: str) -> Any:
        make = getattr(self.optim.swa_utils if name == "SWALR" else self.optim.lr_scheduler, name)
        return functools.partial(make, **self.options)


def sequential(made: Any, optimizer: Any) -> Any:
    first = made.ConstantLR(optimizer, 0.5, 3)
    return made.SequentialLR(optimizer, [first, made.ExponentialLR(optimizer, 0.8), made.LinearLR(optimizer)], [3, 8])


def chained(made: Any, optimizer: Any) -> Any:
    cosine = made.CosineAnnealingLR(optimizer, 7)
    return made.ChainedScheduler([made.ConstantLR(optimizer, 0.1, 4), made.ExponentialLR(optimizer, 0.9), cosine])


def nested(made: Any, optimizer: Any) -> Any:
    warm = made.ChainedScheduler([made.LinearLR(optimizer, 0.1, 1.0, 4), made.ExponentialLR(optimizer, 0.9)])
    return made.SequentialLR(optimizer, [warm, made.StepLR(optimizer, 2, 0.5)], [5])


def one(name: str, *args: Any, **options: Any) -> Any:
    case = lambda made, optimizer: getattr(made, name)(optimizer, *args, **options)
    return pytest.param(case, id=f"{name}-{'-'.join(f'{k}={v}' for k, v in options.items() if not callable(v))}")


class Halving:
    """A function of the epoch with attributes of its own, which a state dict keeps."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, epoch: int) -> float:
        self.calls += 1
        return 0.5**self.calls


SCHEDULES = [
    one("StepLR", 3),
    one("StepLR", step_size=1, gamma=0.5),
    one("MultiStepLR", milestones=[7, 2, 7, 4], gamma=0.5),
    one("ExponentialLR", gamma=0.9),
    one("LambdaLR", lr_lambda=lambda epoch: 1 / (1 + epoch)),
    one("LambdaLR", [lambda epoch: 0.9**epoch, lambda epoch: 2 + epoch]),
    one("MultiplicativeLR", lambda epoch: 1 / (1 + epoch)),
    one("MultiplicativeLR", [lambda epoch: 0.9, lambda epoch: 1.1]),
    one("ConstantLR"),
    one("ConstantLR", factor=0.25, total_iters=8),
    one("LinearLR"),
    one("LinearLR", start_factor=0.1, end_factor=0.7, total_iters=9),
    one("PolynomialLR"),
    one("PolynomialLR", total_iters=15, power=2.5),
    one("CosineAnnealingLR", T_max=5),
    one("CosineAnnealingLR", T_max=8, eta_min=0.05),
    one("CosineAnnealingWarmRestarts", T_0=4),
    one("CosineAnnealingWarmRestarts", T_0=2, T_mult=3, eta_min=0.1),
    one("CyclicLR", 0.1, 2.0, step_size_up=3),
    one("CyclicLR", [0.1, 0.2], [2.0, 1.0], step_size_up=3, step_size_down=2, mode="triangular2"),
    one("CyclicLR", 0.1, 2.0, step_size_up=2, mode="exp_range", gamma=0.9, base_momentum=0.3, max_momentum=0.99),
    one("CyclicLR", 0.1, 2.0, step_size_up=2, scale_fn=lambda x: 1 / x, cycle_momentum=False),
    one("CyclicLR", 0.1, 2.0, step_size_up=2, scale_fn=lambda x: 0.9**x, scale_mode="iterations"),
    one("OneCycleLR", max_lr=2.0, total_steps=20),
    one("OneCycleLR", [2.0, 1.0], epochs=3, steps_per_epoch=8, anneal_strategy="linear", three_phase=True),
    one("OneCycleLR", 1.0, 20, pct_start=0.4, cycle_momentum=False, div_factor=5.0, final_div_factor=10.0),
    pytest.param(sequential, id="SequentialLR"),
    pytest.param(chained, id="ChainedScheduler"),
    pytest.param(nested, id="SequentialLR of a ChainedScheduler", marks=nested_warning),
    pytest.param(lambda made, optimizer: made.SWALR(optimizer, 0.05), id="SWALR"),
    pytest.param(lambda made, optimizer: made.SWALR(optimizer, [0.05, 2.0], 4, "linear"), id="SWALR-linear"),
    pytest.param(lambda made, optimizer: made.SWALR(optimizer, 0.05, 0), id="SWALR-at once"),
]


def eighteen_epochs(lib: Any, case: Case, name: str, stop: int | None) -> list[Any]:
    """Rates and momenta of each epoch; at ``stop`` all is made anew and takes the states of what was."""
    optimizer = optimizer_of(lib, name)
    schedule = case(Schedules(lib), optimizer)
    found = []
    for epoch in range(18):
        momentum = [group.get("momentum", group.get("betas")) for group in optimizer.param_groups]
        found.append([schedule.get_last_lr(), [np.ravel(m).tolist() for m in momentum]])
        assert [group["lr"] for group in optimizer.param_groups] == found[-1][0]
        if epoch == stop:
            states = copy.deepcopy((schedule.state_dict(), optimizer.state_dict()))
            optimizer = optimizer_of(lib, name)
            schedule = case(Schedules(lib), optimizer)
            schedule.load_state_dict(states[0])
            optimizer.load_state_dict(states[1])
        optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize("case", SCHEDULES)
@pytest.mark.parametrize(("name", "stop"), [("SGD", None), ("SGD", 6), ("Adam", None)])
def test_rates_and_momenta_are_pytorchs(case: Case, name: str, stop: int | None) -> None:
    """Eighteen epochs for two groups, with and without a stop in the middle through a state dict."""
    same(eighteen_epochs, case, name, stop, near=NEAR)


def resumed(lib: Any, case: Case, last_epoch: int) -> list[Any]:
    """The rates of a schedule made with ``last_epoch``, or the name of the error where it takes none."""
    optimizer = optimizer_of(lib)
    for group in optimizer.param_groups:
        group.update(initial_lr=group["lr"], lr=0.2, max_lr=2.0, min_lr=0.01, max_momentum=0.9, base_momentum=0.5)
    try:
        schedule = case(Schedules(lib, last_epoch=last_epoch), optimizer)
    except TypeError as error:
        return [type(error).__name__]
    found = [schedule.get_last_lr()]
    for _ in range(6):
        optimizer.step()
        schedule.step()
        found.append(schedule.get_last_lr())
    return found


@pytest.mark.parametrize("case", SCHEDULES)
@pytest.mark.parametrize("last_epoch", [3, 7])
def test_going_on_from_an_epoch_is_pytorchs(case: Case, last_epoch: int) -> None:
    """A schedule made with last_epoch goes on as PyTorch's does, from rates that a program has set."""
    same(resumed, case, last_epoch, near=NEAR)


def jumping(lib: Any, case: Case) -> list[Any]:
    optimizer = optimizer_of(lib)
    schedule = case(Schedules(lib), optimizer)
    found = []
    for epoch in (None, 4, None, 1, 12, None, 0, 2, 3):
        optimizer.step()
        schedule.step() if epoch is None else schedule.step(epoch)
        found.append([schedule.last_epoch, *schedule.get_last_lr()])
    return found


@pytest.mark.filterwarnings("ignore:.*step.*epoch:UserWarning", "ignore:The epoch parameter:UserWarning")
@pytest.mark.parametrize("case", [case for case in SCHEDULES if not str(case.id).startswith(("Seq", "Chain"))])
def test_a_jump_to_an_epoch_is_pytorchs(case: Case) -> None:
    """step(epoch) goes to the rates of that epoch, forwards and back, and on from there."""
    same(jumping, case, near=NEAR)


def test_parts_of_an_epoch_are_pytorchs() -> None:
    """Warm restarts take any point in time."""

    def rates(lib: Any) -> list[Any]:
        schedule = lib.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer_of(lib), 2, 2)
        found = []
        for epoch in (0.5, 1.75, 2.25, 6.5, 14.0, 3.0):
            schedule.step(epoch)
            found.append(schedule.get_last_lr())
        return found

    same(rates, near=Near(1e-12))


METRICS = [1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.5, 0.499999, 0.6, 0.7, 0.8, 0.8, -0.1, -0.1, -0.1, -0.10001, 0.0, 2.0]


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 2},
        {"patience": 1, "mode": "max", "factor": 0.5},
        {"patience": 1, "threshold": 0.3, "threshold_mode": "abs"},
        {"patience": 0, "mode": "max", "threshold": 0.05, "threshold_mode": "abs", "factor": 0.7},
        {"patience": 1, "cooldown": 3, "min_lr": 0.02},
        {"patience": 0, "min_lr": [0.5, 0.01], "eps": 0.2},
    ],
)
def test_a_plateau_is_pytorchs(options: dict[str, Any]) -> None:
    """The rates fall where progress ends, as PyTorch's do, with a stop in the middle through a state dict."""

    def followed(lib: Any) -> tuple[list[Any], list[Any]]:
        optimizer = optimizer_of(lib)
        schedule = lib.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
        rates, counts = [], []
        for i, value in enumerate(METRICS):
            if i == 5:
                state = schedule.state_dict()
                schedule = lib.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
                schedule.load_state_dict(state)
            schedule.step(lib.tensor(value))
            rates.append(schedule.get_last_lr())
            counts.append([schedule.num_bad_epochs, float(schedule.best), schedule.last_epoch])
        return rates, counts

    (rates, counts), (their_rates, their_counts) = both(followed)
    agree(rates, their_rates, Near(1e-12))
    agree(counts, their_counts, Near(1e-7))  # the metrics are float32 tensors


def test_a_function_with_attributes_keeps_them() -> None:
    """A state dict has the attributes of a function that is an object, and none of a plain function."""
    optimizer = optimizer_of(autodiff)
    schedule = lr_scheduler.LambdaLR(optimizer, [Halving(), lambda epoch: 1.0])
    optimizer.step()
    schedule.step()
    state = schedule.state_dict()
    assert state["lr_lambdas"] == [{"calls": 2}, None]
    again = lr_scheduler.LambdaLR(optimizer, [Halving(), lambda epoch: 1.0])
    again.load_state_dict(state)
    optimizer.step()
    again.step()
    assert again.get_last_lr() == [0.125, 0.3]


def test_the_order_of_steps_is_watched() -> None:
    """A schedule that steps before its optimizer warns, once, also where the optimizer stepped before it was made."""
    optimizer = optimizer_of(autodiff)
    optimizer.step()
    schedule = lr_scheduler.ExponentialLR(optimizer, 0.9)
    with pytest.warns(UserWarning, match=r"Detected call of `lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        schedule.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schedule.step()
        other = lr_scheduler.ExponentialLR(optimizer, 0.9)
        optimizer.step()
        other.step()


class Plain(optim.Optimizer):
    """A user's optimizer, with a step of its own."""

    def __init__(self, params: Any, lr: float = 0.1) -> None:
        super().__init__(params, {"lr": lr})

    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                p.data -= group["lr"] * p.grad


def test_a_users_optimizer_is_watched_too() -> None:
    """A step that a subclass defines counts, and runs between the hooks."""
    x = autodiff.ones(1, requires_grad=True)
    optimizer, calls = Plain([x]), []
    schedule = lr_scheduler.StepLR(optimizer, 1)
    handle = optimizer.register_step_post_hook(lambda *given: calls.append(given))
    x.grad = autodiff.ones(1)
    optimizer.step()
    schedule.step()
    assert calls == [(optimizer, (), {})]
    handle.remove()
    optimizer.step()
    assert len(calls) == 1
    np.testing.assert_allclose(x.item(), 0.89, rtol=1e-6)


def test_a_rate_that_is_a_tensor_changes_in_place() -> None:
    """A tensor given as lr keeps its identity, so that whoever holds it sees the rate."""
    rate = autodiff.tensor(1.0)
    optimizer = optim.SGD([autodiff.zeros(1, requires_grad=True)], lr=rate)
    schedule = lr_scheduler.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    schedule.step()
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == 0.5
    assert schedule.base_lrs == [1.0]


A, B = (optimizer_of(autodiff) for _ in range(2))
STEP = lr_scheduler.StepLR(A, 1)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: lr_scheduler.StepLR("SGD", 1), DtypeError, "of an Optimizer"),
        (lambda: lr_scheduler.StepLR(A, 0), OptionError, "step_size"),
        (lambda: lr_scheduler.LambdaLR(A, []), OptionError, "one for each group"),
        (lambda: lr_scheduler.LambdaLR(A, 0.5), DtypeError, "a function of the epoch"),
        (lambda: lr_scheduler.ExponentialLR(B, 0.9, last_epoch=3), OptionError, "initial_lr"),
        (lambda: lr_scheduler.ConstantLR(A, 2.0), OptionError, "factor"),
        (lambda: lr_scheduler.LinearLR(A, 0.0), OptionError, "start_factor"),
        (lambda: lr_scheduler.LinearLR(A, 0.5, 2.0), OptionError, "end_factor"),
        (lambda: lr_scheduler.CosineAnnealingWarmRestarts(A, 0), OptionError, "T_0"),
        (lambda: lr_scheduler.CosineAnnealingWarmRestarts(A, 1, 1.5), OptionError, "T_mult"),
        (lambda: lr_scheduler.CyclicLR(A, 0.1, 1.0, mode="square"), OptionError, "mode"),
        (lambda: lr_scheduler.CyclicLR(optim.Adagrad([autodiff.ones(1)]), 0.1, 1.0), OptionError, "cycle_momentum"),
        (lambda: lr_scheduler.CyclicLR(A, [0.1], 1.0), OptionError, "base_lr takes one value or 2"),
        (lambda: lr_scheduler.OneCycleLR(A, 1.0), OptionError, "total_steps"),
        (lambda: lr_scheduler.OneCycleLR(A, 1.0, total_steps=0), OptionError, "count from 1"),
        (lambda: lr_scheduler.OneCycleLR(A, 1.0, 5, anneal_strategy="cubic"), OptionError, "anneal_strategy"),
        (lambda: lr_scheduler.OneCycleLR(A, 1.0, 5, pct_start=2.0), OptionError, "pct_start"),
        (lambda: lr_scheduler.ReduceLROnPlateau(A, factor=1.0), OptionError, "factor"),
        (lambda: lr_scheduler.ReduceLROnPlateau(A, "best"), OptionError, "mode"),
        (lambda: lr_scheduler.ReduceLROnPlateau(A, threshold_mode="x"), OptionError, "threshold_mode"),
        (lambda: lr_scheduler.SequentialLR(A, [], []), OptionError, "one schedule or more"),
        (lambda: lr_scheduler.SequentialLR(A, [STEP], [1]), OptionError, "0 milestones"),
        (lambda: lr_scheduler.SequentialLR(B, [STEP], []), OptionError, "another optimizer"),
        (lambda: lr_scheduler.ChainedScheduler([lr_scheduler.ReduceLROnPlateau(A)]), OptionError, "metrics"),
        (lambda: lr_scheduler.ChainedScheduler([A.step]), DtypeError, "made of schedules"),
        (lambda: swa_utils.SWALR(A, 0.1, -1), OptionError, "anneal_epochs"),
        (lambda: swa_utils.SWALR(A, 0.1, 1, "cubic"), OptionError, "anneal_strategy"),
    ],
)
def test_errors_teach(make: Any, error: type[Exception], message: str) -> None:
    """Options that cannot be are refused by named errors when they are given."""
    with pytest.raises(error, match=message):
        make()


def test_one_cycle_ends() -> None:
    """A step beyond the cycle is an error that says how long it is."""
    optimizer = optimizer_of(autodiff)
    schedule = lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=3)
    for _ in range(3):
        optimizer.step()
        schedule.step()
    with pytest.raises(OptionError, match="step 4 of a cycle of 3"):
        schedule.step()

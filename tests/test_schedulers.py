"""optim.lr_scheduler and optim.swa_utils: the rates are PyTorch's, through state dicts and jumps; averaged models."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff
import nn
import optim
from autodiff.errors import DtypeError, OptionError, StateDictError
from optim import lr_scheduler, swa_utils

pytestmark = pytest.mark.filterwarnings("ignore:Please also save:UserWarning")  # PyTorch's, about state dicts
nested_warning = pytest.mark.filterwarnings("ignore:Detected call of:UserWarning")  # of both, while it is being made


def optimizer_of(package: Any, make: Any, name: str = "SGD") -> Any:
    x, y = (make([0.0]).requires_grad_() for _ in range(2))
    return getattr(package, name)([{"params": [x], "lr": 1.0}, {"params": [y], "lr": 0.3}], lr=0.1)


def sequential(lib: Any, optimizer: Any) -> Any:
    first = lib.ConstantLR(optimizer, 0.5, 3)
    return lib.SequentialLR(optimizer, [first, lib.ExponentialLR(optimizer, 0.8), lib.LinearLR(optimizer)], [3, 8])


def chained(lib: Any, optimizer: Any) -> Any:
    inner = [lib.ConstantLR(optimizer, 0.1, 4), lib.ExponentialLR(optimizer, 0.9), lib.CosineAnnealingLR(optimizer, 7)]
    return lib.ChainedScheduler(inner)


def nested(lib: Any, optimizer: Any) -> Any:
    warm = lib.ChainedScheduler([lib.LinearLR(optimizer, 0.1, 1.0, 4), lib.ExponentialLR(optimizer, 0.9)])
    return lib.SequentialLR(optimizer, [warm, lib.StepLR(optimizer, 2, 0.5)], [5])


def made(name: str, *args: Any, **options: Any) -> Any:
    case = lambda lib, optimizer: getattr(lib, name)(optimizer, *args, **options)
    return pytest.param(case, id=f"{name}-{'-'.join(f'{k}={v}' for k, v in options.items() if not callable(v))}")


class Halving:
    """A function of the epoch with attributes of its own, which a state dict keeps."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, epoch: int) -> float:
        self.calls += 1
        return 0.5**self.calls


SCHEDULES = [
    made("StepLR", 3),
    made("StepLR", step_size=1, gamma=0.5),
    made("MultiStepLR", milestones=[7, 2, 7, 4], gamma=0.5),
    made("ExponentialLR", gamma=0.9),
    made("LambdaLR", lr_lambda=lambda epoch: 1 / (1 + epoch)),
    made("LambdaLR", [lambda epoch: 0.9**epoch, lambda epoch: 2 + epoch]),
    made("MultiplicativeLR", lambda epoch: 1 / (1 + epoch)),
    made("MultiplicativeLR", [lambda epoch: 0.9, lambda epoch: 1.1]),
    made("ConstantLR"),
    made("ConstantLR", factor=0.25, total_iters=8),
    made("LinearLR"),
    made("LinearLR", start_factor=0.1, end_factor=0.7, total_iters=9),
    made("PolynomialLR"),
    made("PolynomialLR", total_iters=15, power=2.5),
    made("CosineAnnealingLR", T_max=5),
    made("CosineAnnealingLR", T_max=8, eta_min=0.05),
    made("CosineAnnealingWarmRestarts", T_0=4),
    made("CosineAnnealingWarmRestarts", T_0=2, T_mult=3, eta_min=0.1),
    made("CyclicLR", 0.1, 2.0, step_size_up=3),
    made("CyclicLR", [0.1, 0.2], [2.0, 1.0], step_size_up=3, step_size_down=2, mode="triangular2"),
    made("CyclicLR", 0.1, 2.0, step_size_up=2, mode="exp_range", gamma=0.9, base_momentum=0.3, max_momentum=0.99),
    made("CyclicLR", 0.1, 2.0, step_size_up=2, scale_fn=lambda x: 1 / x, cycle_momentum=False),
    made("CyclicLR", 0.1, 2.0, step_size_up=2, scale_fn=lambda x: 0.9**x, scale_mode="iterations"),
    made("OneCycleLR", max_lr=2.0, total_steps=20),
    made("OneCycleLR", [2.0, 1.0], epochs=3, steps_per_epoch=8, anneal_strategy="linear", three_phase=True),
    made("OneCycleLR", 1.0, 20, pct_start=0.4, cycle_momentum=False, div_factor=5.0, final_div_factor=10.0),
    pytest.param(sequential, id="SequentialLR"),
    pytest.param(chained, id="ChainedScheduler"),
    pytest.param(nested, id="SequentialLR of a ChainedScheduler", marks=nested_warning),
    pytest.param(lambda lib, optimizer: lib.SWALR(optimizer, 0.05), id="SWALR"),
    pytest.param(lambda lib, optimizer: lib.SWALR(optimizer, [0.05, 2.0], 4, "linear"), id="SWALR-linear"),
    pytest.param(lambda lib, optimizer: lib.SWALR(optimizer, 0.05, 0), id="SWALR-at once"),
]


class Both:
    """The names of lr_scheduler and of swa_utils."""

    def __init__(self, package: Any) -> None:
        self.package = package

    def __getattr__(self, name: str) -> Any:
        return getattr(self.package.swa_utils if name == "SWALR" else self.package.lr_scheduler, name)


def sequence(package: Any, make: Any, case: Callable[..., Any], name: str, stop: int | None) -> list[Any]:
    optimizer = optimizer_of(package, make, name)
    schedule = case(Both(package), optimizer)
    found = []
    for epoch in range(18):
        momentum = [group.get("momentum", group.get("betas")) for group in optimizer.param_groups]
        found.append([schedule.get_last_lr(), [np.ravel(m).tolist() for m in momentum]])
        assert [group["lr"] for group in optimizer.param_groups] == found[-1][0]
        if epoch == stop:
            states = copy.deepcopy((schedule.state_dict(), optimizer.state_dict()))
            optimizer = optimizer_of(package, make, name)
            schedule = case(Both(package), optimizer)
            schedule.load_state_dict(states[0])
            optimizer.load_state_dict(states[1])
        optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize("case", SCHEDULES)
@pytest.mark.parametrize(("name", "stop"), [("SGD", None), ("SGD", 6), ("Adam", None)])
def test_rates_and_momenta_are_pytorchs(case: Callable[..., Any], name: str, stop: int | None) -> None:
    """Eighteen epochs for two groups, with and without a stop in the middle through a state dict."""
    torch = pytest.importorskip("torch")
    ours = sequence(optim, autodiff.tensor, case, name, stop)
    theirs = sequence(torch.optim, torch.tensor, case, name, stop)
    for mine, peer in zip(ours, theirs, strict=True):
        for a, b in zip(mine, peer, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("case", SCHEDULES)
@pytest.mark.parametrize("last_epoch", [3, 7])
def test_going_on_from_an_epoch_is_pytorchs(case: Callable[..., Any], last_epoch: int) -> None:
    """A schedule made with last_epoch goes on as PyTorch's does, from rates that a program has set."""
    torch = pytest.importorskip("torch")
    results = []
    for package, make in ((optim, autodiff.tensor), (torch.optim, torch.tensor)):
        optimizer = optimizer_of(package, make)
        for group in optimizer.param_groups:
            group.update(initial_lr=group["lr"], lr=0.2, max_lr=2.0, min_lr=0.01, max_momentum=0.9, base_momentum=0.5)
        try:
            schedule = case(_Resuming(Both(package), last_epoch), optimizer)
        except TypeError:
            pytest.skip("has no last_epoch")
        found = [schedule.get_last_lr()]
        for _ in range(6):
            optimizer.step()
            schedule.step()
            found.append(schedule.get_last_lr())
        results.append(found)
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12, atol=1e-15)


class _Resuming:
    """A library whose schedules are made with ``last_epoch``."""

    def __init__(self, package: Any, last_epoch: int) -> None:
        self.package, self.last_epoch = package, last_epoch

    def __getattr__(self, name: str) -> Any:
        make = getattr(self.package, name)
        return lambda *args, **options: make(*args, **options, last_epoch=self.last_epoch)


@pytest.mark.filterwarnings("ignore:.*step.*epoch:UserWarning", "ignore:The epoch parameter:UserWarning")
@pytest.mark.parametrize("case", [case for case in SCHEDULES if not str(case.id).startswith(("Seq", "Chain"))])
def test_a_jump_to_an_epoch_is_pytorchs(case: Callable[..., Any]) -> None:
    """step(epoch) goes to the rates of that epoch, forwards and back, and on from there."""
    torch = pytest.importorskip("torch")
    results = []
    for package, make in ((optim, autodiff.tensor), (torch.optim, torch.tensor)):
        optimizer = optimizer_of(package, make)
        schedule = case(Both(package), optimizer)
        found = []
        for epoch in (None, 4, None, 1, 12, None, 0, 2, 3):
            optimizer.step()
            schedule.step() if epoch is None else schedule.step(epoch)
            found.append([schedule.last_epoch, *schedule.get_last_lr()])
        results.append(found)
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12, atol=1e-15)


def test_parts_of_an_epoch_are_pytorchs() -> None:
    """Warm restarts take any point in time."""
    torch = pytest.importorskip("torch")
    results = []
    for package, make in ((optim, autodiff.tensor), (torch.optim, torch.tensor)):
        optimizer = optimizer_of(package, make)
        schedule = package.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 2, 2)
        found = []
        for epoch in (0.5, 1.75, 2.25, 6.5, 14.0, 3.0):
            schedule.step(epoch)
            found.append(schedule.get_last_lr())
        results.append(found)
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12)


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
    torch = pytest.importorskip("torch")
    results = []
    for package, make in ((optim, autodiff.tensor), (torch.optim, torch.tensor)):
        optimizer = optimizer_of(package, make)
        schedule = package.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
        found = []
        for i, value in enumerate(METRICS):
            if i == 5:
                state = schedule.state_dict()
                schedule = package.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
                schedule.load_state_dict(state)
            schedule.step(make(value))
            found.append([*schedule.get_last_lr(), schedule.num_bad_epochs, schedule.best, schedule.last_epoch])
        results.append(found)
    np.testing.assert_allclose(results[0], results[1], rtol=1e-7)  # the metrics are float32 tensors
    np.testing.assert_allclose(np.array(results[0])[:, :2], np.array(results[1])[:, :2], rtol=1e-12)


def test_a_function_with_attributes_keeps_them() -> None:
    """A state dict has the attributes of a function that is an object, and none of a plain function."""
    optimizer = optimizer_of(optim, autodiff.tensor)
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
    optimizer = optimizer_of(optim, autodiff.tensor)
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


A, B = (optimizer_of(optim, autodiff.tensor) for _ in range(2))
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
        (lambda: swa_utils.get_ema_avg_fn(2.0), OptionError, "decay"),
        (lambda: swa_utils.AveragedModel(nn.Linear(1, 1)).load_state_dict({}), StateDictError, "n_averaged"),
    ],
)
def test_errors_teach(make: Any, error: type[Exception], message: str) -> None:
    """Options that cannot be are refused by named errors when they are given."""
    with pytest.raises(error, match=message):
        make()


def test_one_cycle_ends() -> None:
    """A step beyond the cycle is an error that says how long it is."""
    optimizer = optimizer_of(optim, autodiff.tensor)
    schedule = lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=3)
    for _ in range(3):
        optimizer.step()
        schedule.step()
    with pytest.raises(OptionError, match="step 4 of a cycle of 3"):
        schedule.step()


AVERAGES: list[Any] = [
    lambda lib: {},
    lambda lib: {"avg_fn": lib.get_ema_avg_fn(0.9)},
    lambda lib: {"avg_fn": lib.get_swa_avg_fn()},
    lambda lib: {"multi_avg_fn": lib.get_ema_multi_avg_fn(0.8), "use_buffers": True},
    lambda lib: {"multi_avg_fn": lib.get_swa_multi_avg_fn()},
]


@pytest.mark.parametrize("options", AVERAGES)
def test_averaged_models_are_pytorchs(options: Callable[[Any], dict[str, Any]]) -> None:
    """Five updates give PyTorch's averages, under its keys, and the buffers it gives."""
    torch = pytest.importorskip("torch")
    results = []
    for package, layers, make in ((optim, nn, autodiff.tensor), (torch.optim, torch.nn, torch.tensor)):
        model = layers.Linear(3, 2)
        model.register_buffer("seen", make([0.0]))
        average = package.swa_utils.AveragedModel(model, **options(package.swa_utils))
        for step in range(5):
            for name, p in (*model.named_parameters(), *model.named_buffers()):
                p.data = make(np.full(tuple(p.shape), step * step + len(name), np.float32))
            average.update_parameters(model)
        results.append({key: value.numpy().tolist() for key, value in average.state_dict().items()})
        assert average.eval().training is False
        assert tuple(average(make(np.ones((1, 3), np.float32))).shape) == (1, 2)
    assert list(results[0]) == list(results[1])
    for key in results[0]:
        np.testing.assert_allclose(results[0][key], results[1][key], rtol=1e-6)


def test_an_averaged_model_goes_on_from_its_state() -> None:
    """Its state dict has the averages and how many they are of."""
    model = nn.Linear(2, 1)
    first, again = swa_utils.AveragedModel(model), swa_utils.AveragedModel(nn.Linear(2, 1))
    first.update_parameters(model)
    again.load_state_dict(first.state_dict())
    for average in (first, again):
        model.weight.data = autodiff.full((1, 2), 4.0)
        average.update_parameters(model)
    assert again.n_averaged.item() == 2
    for a, b in zip(first.parameters(), again.parameters(), strict=True):
        assert a.tolist() == b.tolist()


class CountingBatchNorm(nn.Module):
    """What update_bn needs of a batch normalisation: the mean of what it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.momentum: float | None = 0.1
        self.reset_running_stats()

    def reset_running_stats(self) -> None:
        self.seen: list[float] = []

    def forward(self, x: Any) -> Any:
        if self.training:
            self.seen.append(x.item())
            assert self.momentum is None
        return x


def test_update_bn_counts_every_batch_once() -> None:
    """The statistics start anew and take each batch alike; momentum and mode are as before."""
    norm = CountingBatchNorm()
    norm.seen.append(99.0)
    model = nn.Sequential(norm).eval()
    swa_utils.update_bn([autodiff.tensor(1.0), (autodiff.tensor(2.0), "label"), [autodiff.tensor(3.0)]], model)
    assert (norm.seen, norm.momentum, model.training) == ([1.0, 2.0, 3.0], 0.1, False)
    swa_utils.update_bn(iter("nobody looks at this"), nn.Linear(1, 1))

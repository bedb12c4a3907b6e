"""State that resumes: every optimizer and every schedule goes on from a file as if it had never stopped."""

from __future__ import annotations

import inspect
import io
from typing import Any

import numpy as np
import pytest
import test_schedulers
from helpers import as_arrays
from parity.harness import peer

import autodiff
import optim
from autodiff.errors import OptionError, StateDictError
from optim import lr_scheduler, swa_utils

OPTIMIZERS = [
    "ASGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "LBFGS", "Muon", "NAdam", "RAdam", "RMSprop",
    "Rprop", "SGD",
]  # fmt: skip
IDLE = ("foreach", "fused", "capturable")
VALUES: dict[str, Any] = {
    "lr": 0.07, "betas": (0.7, 0.8), "eps": 1e-3, "weight_decay": 0.1, "amsgrad": True, "maximize": True,
    "decoupled_weight_decay": True, "momentum": 0.9, "dampening": 0.3, "nesterov": True, "centered": True, "alpha": 0.9,
    "lambd": 0.1, "t0": 2, "etas": (0.3, 1.5), "step_sizes": (1e-2, 0.1), "rho": 0.5, "lr_decay": 0.1,
    "initial_accumulator_value": 0.5, "momentum_decay": 0.1, "beta2_decay": -0.5, "d": 2.0, "ns_steps": 3,
    "ns_coefficients": (2.0, -1.5, 0.5), "adjust_lr_fn": "match_rms_adamw", "max_iter": 3, "max_eval": 4,
    "tolerance_grad": 1e-3, "tolerance_change": 1e-4, "history_size": 2, "line_search_fn": "strong_wolfe",
    **dict.fromkeys(IDLE, True),
}  # fmt: skip
START = [np.random.default_rng(0).normal(size=shape) for shape in ((4, 3), (5,), (), (2, 2))]


def options_of(name: str) -> list[dict[str, Any]]:
    """No option, and each alone."""
    several: list[dict[str, Any]] = [{}]
    for option in list(inspect.signature(getattr(optim, name)).parameters)[1:]:
        if option != "differentiable":  # which is refused
            value = (1e-3, 1e-2) if (name, option) == ("Adafactor", "eps") else VALUES[option]
            also = {"momentum": 0.9} if option in ("dampening", "nesterov") and name == "SGD" else {}
            several.append({**also, option: value})
    return several


def made(name: str, params: list[Any], **options: Any) -> Any:
    """An optimizer of two groups, where it takes two."""
    if name == "LBFGS":
        return optim.LBFGS(params, **options)
    return getattr(optim, name)([{"params": params[:2]}, {"params": params[2:], "lr": 0.03}], **options)


def leaves(name: str, dtype: Any) -> list[Any]:
    start = [x for x in START if x.ndim == 2] * 2 if name == "Muon" else START
    return [autodiff.tensor(np.array(x, dtype)).requires_grad_() for x in start]


def steps(optimizer: Any, params: list[Any], count: int) -> None:
    def closure() -> Any:
        optimizer.zero_grad()
        loss = sum((((p - 0.3) ** 2).sum() + (3 * p).sin().sum() for p in params[:-1]), autodiff.tensor(0.0))
        loss.backward()  # the last has no gradient, and no state
        return loss

    for _ in range(count):
        optimizer.step(closure)


def through_a_file(obj: Any) -> Any:
    file = io.BytesIO()
    autodiff.save(obj, file)
    return autodiff.load(file)


def bits(value: Any) -> Any:
    """Something that is equal where all bits are."""
    if isinstance(value, (list, tuple)):
        return [bits(each) for each in value]
    if isinstance(value, dict):
        return {key: bits(each) for key, each in value.items()}
    array = np.asarray(value.detach().numpy() if hasattr(value, "detach") else value)
    return value if array.dtype == object else (str(array.dtype), array.shape, array.tobytes())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "options"), [(name, each) for name in OPTIMIZERS for each in options_of(name)])
def test_an_optimizer_resumes_from_a_file(name: str, options: dict[str, Any], dtype: Any) -> None:
    """Five steps, a file, a fresh optimizer and five more are ten steps, bit for bit, in parameters and state."""
    whole, first = leaves(name, dtype), leaves(name, dtype)
    unbroken, optimizer = made(name, whole, **options), made(name, first, **options)
    steps(unbroken, whole, 10)
    steps(optimizer, first, 5)
    saved = through_a_file({"params": first, "optimizer": optimizer.state_dict()})
    for fresh in (options, {}):  # the options come with the state
        params = [p.detach().clone().requires_grad_() for p in saved["params"]]
        again = made(name, params, **fresh)
        again.load_state_dict(saved["optimizer"])
        steps(again, params, 5)
        assert bits(params) == bits(whole)
        assert bits(again.state_dict()) == bits(unbroken.state_dict())


def test_the_vocabulary_is_whole() -> None:
    """No optimizer and no schedule is left out."""

    def classes(module: Any, base: type) -> set[str]:
        return {name for name, x in vars(module).items() if isinstance(x, type) and issubclass(x, base)}

    assert classes(optim, optim.Optimizer) - {"Optimizer"} == {*OPTIMIZERS, "SparseAdam"}
    names = classes(lr_scheduler, lr_scheduler.LRScheduler)
    tried = {str(case.id).split("-")[0] for case in test_schedulers.SCHEDULES}
    assert names - {"LRScheduler", "_LRScheduler", "ReduceLROnPlateau"} <= tried


@test_schedulers.nested_warning
@pytest.mark.parametrize("case", test_schedulers.SCHEDULES)
@pytest.mark.parametrize("name", ["SGD", "Adam"])
@pytest.mark.parametrize("stop", [0, 1, 4, 9])
def test_a_schedule_resumes_from_a_file(case: Any, name: str, stop: int) -> None:
    """A run that stops and goes on in fresh objects has the same rates and momenta, bit for bit."""

    def epochs(stop: int | None) -> list[Any]:
        optimizer = test_schedulers.optimizer_of(autodiff, name)
        schedule, found = case(test_schedulers.Schedules(autodiff), optimizer), []
        for epoch in range(15):
            if epoch == stop:
                saved = through_a_file([optimizer.state_dict(), schedule.state_dict()])
                optimizer = test_schedulers.optimizer_of(autodiff, name)
                schedule = case(test_schedulers.Schedules(autodiff), optimizer)
                optimizer.load_state_dict(saved[0])
                schedule.load_state_dict(saved[1])
            momenta = [group.get("momentum", group.get("betas")) for group in optimizer.param_groups]
            found.append(bits([schedule.get_last_lr(), [group["lr"] for group in optimizer.param_groups], momenta]))
            optimizer.step()
            schedule.step()
        return [*found, bits(schedule.state_dict())]

    assert epochs(stop) == epochs(None)


@test_schedulers.nested_warning
@pytest.mark.filterwarnings("ignore:Please also save:UserWarning")  # PyTorch's
@pytest.mark.parametrize("case", test_schedulers.SCHEDULES)
def test_a_state_of_pytorchs_schedule_loads(case: Any) -> None:
    """It has an attribute more, which nothing here needs."""
    torch = peer()
    optimizers = [test_schedulers.optimizer_of(lib) for lib in (torch, autodiff)]
    theirs, ours = (case(test_schedulers.Schedules(o), p) for o, p in zip((torch, autodiff), optimizers, strict=True))
    for _ in range(3):
        optimizers[0].step()
        theirs.step()
    ours.load_state_dict(theirs.state_dict())
    assert getattr(ours, "last_epoch", 3) == getattr(theirs, "last_epoch", 3)
    assert ours.get_last_lr() == pytest.approx(theirs.get_last_lr())


def test_a_plateau_resumes_from_a_file() -> None:
    """Its count of bad epochs, and the best value, which may be infinite, too."""

    def epochs(stops: tuple[int, ...]) -> list[Any]:
        optimizer = test_schedulers.optimizer_of(autodiff)
        schedule, found = lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, cooldown=1), []
        for epoch, value in enumerate(test_schedulers.METRICS):
            if epoch in stops:
                saved = through_a_file([optimizer.state_dict(), schedule.state_dict()])
                optimizer = test_schedulers.optimizer_of(autodiff)
                schedule = lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, cooldown=1)
                optimizer.load_state_dict(saved[0])
                schedule.load_state_dict(saved[1])
            schedule.step(value)
            found.append(bits([schedule.get_last_lr(), schedule.state_dict()]))
        return found

    assert epochs(tuple(range(12))) == epochs(())


def test_an_average_resumes_from_a_file() -> None:
    """The average of a model, too."""
    from nn import Linear

    model, found = Linear(2, 2), []
    average = swa_utils.AveragedModel(model)
    for _ in range(3):
        average.update_parameters(model)
        again = swa_utils.AveragedModel(model)
        again.load_state_dict(through_a_file(average.state_dict()))
        average = again
        found.append(int(average.n_averaged))
    assert found == [1, 2, 3]


def refused(target: Any, state: Any, error: Any = (StateDictError, OptionError)) -> str:
    """The error of loading ``state``, which must leave the target as it was."""
    before = bits(as_arrays(target.state_dict()))
    with pytest.raises(error) as caught:
        target.load_state_dict(state)
    assert bits(as_arrays(target.state_dict())) == before
    assert type(caught.value) in (StateDictError, OptionError)
    return str(caught.value)


def stepped(name: str, count: int = 2) -> Any:
    params = leaves(name if name == "Muon" else "Muon", np.float64)  # matrices: for all of them
    optimizer = made(name, params)
    steps(optimizer, params, count)
    return optimizer


@pytest.mark.parametrize("count", [0, 2])
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("other", OPTIMIZERS)
def test_anothers_state_is_refused(name: str, other: str, count: int) -> None:
    """With a state or before the first step; but Adam goes on as an AdamW, since it has all its options."""
    if name == other or (name, other) == ("Adam", "AdamW"):
        stepped(name).load_state_dict(stepped(other, count).state_dict())
    else:
        refused(stepped(name), stepped(other, count).state_dict())


def with_state(change: Any) -> Any:
    """A change of the state of the first parameter."""

    def changed(state: dict[str, Any]) -> Any:
        first = dict(state["state"][0])
        result = change(first)
        return {**state, "state": {**state["state"], 0: first if result is None else result}}

    return changed


def with_group(change: Any) -> Any:
    def changed(state: dict[str, Any]) -> Any:
        groups = [dict(group) for group in state["param_groups"]]
        return {**state, "param_groups": change(groups) or groups}

    return changed


def without(key: str) -> Any:
    """A change that takes a key away, of a state or of the last group."""

    def change(value: Any) -> None:
        (value[-1] if isinstance(value, list) else value).pop(key)

    return change


def largest(state: dict[str, Any]) -> str:
    return next(name for name, x in state.items() if isinstance(x, autodiff.Tensor) and x.ndim)


def replaced(change: Any) -> Any:
    return with_state(lambda state: state.update({largest(state): change(state[largest(state)])}))


MISFITS = {
    "no dict": lambda state: [state],
    "none": lambda state: None,
    "a model's": lambda state: {"0.weight": autodiff.ones(2)},
    "no groups": lambda state: {"state": state["state"]},
    "no state": lambda state: {"param_groups": state["param_groups"]},
    "groups that are a dict": lambda state: {**state, "param_groups": {}},
    "a state that is a list": lambda state: {**state, "state": list(state["state"].values())},
    "a state of a parameter that is a list": with_state(lambda state: list(state.values())),
    "a state of a parameter too many": lambda state: {**state, "state": {**state["state"], 99: {}}},
    "keys that became words": lambda state: {**state, "state": {str(k): v for k, v in state["state"].items()}},
    "a name too many": with_state(lambda state: state.update(more=1.0)),
    "a name that became another": with_state(lambda state: state.update(more=state.pop(largest(state)))),
    "another shape": replaced(lambda x: x.flatten()[:2]),
    "another dtype": replaced(lambda x: x.float()),
    "whole numbers": replaced(lambda x: x.long()),
    "a word": replaced(lambda x: "word"),
    "a number in place of an array": replaced(lambda x: 1.0),
    "a group too many": with_group(lambda groups: [*groups, {**groups[0], "params": []}]),
    "no group": with_group(lambda groups: groups.clear()),
    "a group that is a list": with_group(lambda groups: [list(group) for group in groups]),
    "a group without params": with_group(without("params")),
    "params too few": with_group(lambda groups: groups[0].update(params=groups[0]["params"][1:])),
    "params twice": with_group(lambda groups: groups[0].update(params=[0] * len(groups[0]["params"]))),
    "params that are words": with_group(lambda groups: groups[0].update(params=[*map(str, groups[0]["params"])])),
    "params that are a number": with_group(lambda groups: groups[0].update(params=4)),
}


@pytest.mark.parametrize("misfit", MISFITS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_misfit_is_refused_and_changes_nothing(name: str, misfit: str) -> None:
    """The error comes when the state is loaded, says what does not fit, and leaves the optimizer as it was."""
    options = {"momentum": 0.9} if name == "SGD" else {}
    optimizer = made(name, params := leaves("Muon", np.float64), **options)
    steps(optimizer, params, 2)
    message = refused(optimizer, MISFITS[misfit](optimizer.state_dict()))
    assert "\n" not in message
    assert len(message) > 20


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_option_and_number_has_its_kind(name: str) -> None:
    """An option that is missing, or is a word, and a number that is none, are refused one by one."""
    optimizer = stepped(name)
    state = optimizer.state_dict()
    for option in optimizer.defaults:
        if option in (*IDLE, "differentiable"):
            continue
        refused(optimizer, with_group(without(option))(state))
        for value in ("word", None, [1.0], ["a", "b"]):
            if value is None and option in ("line_search_fn", "adjust_lr_fn"):
                continue
            refused(optimizer, with_group(lambda groups, o=option, v=value: groups[-1].update({o: v}))(state))
    for key in state["state"].get(0, {}):
        counts = key in ("step", "n_iter", "func_evals")
        for value in ("1", [1], {}, float, np.array("1"), *((-1, 1.5, 10**400, np.nan) if counts else ())):
            refused(optimizer, with_state(lambda first, k=key, v=value: first.update({k: v}))(state))
        if (name, key) != ("Muon", "step"):
            refused(optimizer, with_state(without(key))(state))


def test_a_users_law_keeps_what_it_likes() -> None:
    """Only the library's own state is known well enough to be checked."""

    class Mine(optim.Adam):
        def step(self, closure: Any = None) -> Any:
            for p in self.param_groups[0]["params"]:
                self.state[p]["seen"] = ["a", autodiff.ones(3)]

    params = leaves("Adam", np.float32)
    optimizer, again = Mine(params), Mine(leaves("Adam", np.float32))
    optimizer.step()
    again.load_state_dict(through_a_file(optimizer.state_dict()))
    assert bits(again.state_dict()) == bits(optimizer.state_dict())


@test_schedulers.nested_warning
@pytest.mark.parametrize("case", test_schedulers.SCHEDULES)
def test_another_schedules_state_is_refused(case: Any) -> None:
    """Also where a value has another kind, a key is missing, or there are more groups; and nothing has changed."""
    optimizer = test_schedulers.optimizer_of(autodiff)
    schedule = case(test_schedulers.Schedules(autodiff), optimizer)
    name, own = type(schedule).__name__, schedule.state_dict()
    for parameter in test_schedulers.SCHEDULES:
        (other,) = parameter.values
        another = other(test_schedulers.Schedules(autodiff), test_schedulers.optimizer_of(autodiff))
        if {name, type(another).__name__} not in ({name}, {"LambdaLR", "MultiplicativeLR"}):
            refused(schedule, another.state_dict())
    for key, value in own.items():
        if key not in schedule._functions:
            refused(schedule, {k: v for k, v in own.items() if k != key})
            for wrong in ("word" if not isinstance(value, str) else 1, object(), [[]]):
                if value is not None:
                    refused(schedule, {**own, key: wrong})
    refused(schedule, {**own, "more": 1})
    refused(schedule, [own])
    refused(schedule, {**own, "_last_lr": [1.0]})

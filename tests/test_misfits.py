"""States that do not fit are refused when they are loaded, or make no later step fail: of optimizers and schedules."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import autodiff
import nn
import optim
from autodiff.errors import AutodiffError, DtypeError, OptionError, StateDictError
from optim import lr_scheduler as schedules

GONE = object()
ODD = [None, "x", 10**400, np.zeros(3), {}, [None], autodiff.ones(3), math.inf]
OPTIMIZERS = sorted(
    name for name, kind in vars(optim).items()
    if isinstance(kind, type) and issubclass(kind, optim.Optimizer) and kind is not optim.Optimizer
)  # fmt: skip
SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "StepLR": lambda o: schedules.StepLR(o, 2),
    "MultiStepLR": lambda o: schedules.MultiStepLR(o, [1, 3]),
    "LinearLR": schedules.LinearLR,
    "ExponentialLR": lambda o: schedules.ExponentialLR(o, 0.9),
    "PolynomialLR": schedules.PolynomialLR,
    "CosineAnnealingLR": lambda o: schedules.CosineAnnealingLR(o, 5),
    "CosineAnnealingWarmRestarts": lambda o: schedules.CosineAnnealingWarmRestarts(o, 3),
    "CyclicLR": lambda o: schedules.CyclicLR(o, 0.1, 0.5),
    "OneCycleLR": lambda o: schedules.OneCycleLR(o, 0.5, 10),
    "ReduceLROnPlateau": schedules.ReduceLROnPlateau,
    "LambdaLR": lambda o: schedules.LambdaLR(o, lambda epoch: 0.9**epoch),
    "SequentialLR": lambda o: schedules.SequentialLR(o, [schedules.ConstantLR(o), schedules.StepLR(o, 2)], [3]),
    "ChainedScheduler": lambda o: schedules.ChainedScheduler([schedules.ConstantLR(o), schedules.MultiStepLR(o, [2])]),
}


def places(state: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to all that a state dict holds."""
    pairs = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list) else ()
    for key, value in list(pairs):
        yield (*where, key)
        yield from places(value, (*where, key))


def with_odd(state: Any) -> Iterator[tuple[str, Any]]:
    """The state with something odd in one place, in each of them, or with nothing there."""
    for where in places(state):
        for odd in [*ODD, GONE]:
            changed = copy.deepcopy(state)
            *outer, last = where
            holder = changed
            for key in outer:
                holder = holder[key]
            if odd is GONE:
                del holder[last]
            else:
                holder[last] = odd
            yield f"{where}: {odd!r:.20}", changed


def refused_or_good(thing: Any, state: Any, step: Callable[[], object], case: str) -> None:
    before = repr(thing.state_dict())
    try:
        thing.load_state_dict(state)
    except AutodiffError as error:
        refusal = str(error)
    except Exception as error:
        raise AssertionError(f"{case}: load_state_dict raised {error!r}") from error
    else:
        refusal = ""
    if refusal:
        assert "\n" not in refusal, case
        assert repr(thing.state_dict()) == before, f"{case}: refused, and yet changed"
        return
    try:
        step()
    except Exception as error:
        raise AssertionError(f"{case}: loaded, and the next step raised {error!r}") from error


def optimizer_of(name: str) -> tuple[Any, Callable[[], object]]:
    """An optimizer of two parameters, and its step."""
    params = [nn.Parameter(autodiff.ones(3, 2)), nn.Parameter(autodiff.ones(2, 2))]
    few = {"max_iter": 2, "history_size": 2} if name == "LBFGS" else {}
    made = getattr(optim, name)(params, lr=0.1, **few)

    def loss() -> Any:
        made.zero_grad()
        rows = [nn.functional.embedding(autodiff.tensor([0, 1]), p, sparse=name == "SparseAdam") for p in params]
        value = sum(row.square().sum() for row in rows)
        value.backward()
        return value

    return made, lambda: made.step(loss)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.filterwarnings("ignore")
def test_an_odd_state_of_an_optimizer_is_refused_or_steps(name: str) -> None:
    """Whatever stands in one place of it: what is loaded steps, and what is refused changes nothing."""
    first, step = optimizer_of(name)
    step()
    for case, state in with_odd(first.state_dict()):
        made, step = optimizer_of(name)
        step()
        refused_or_good(made, state, step, case)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.filterwarnings("ignore")
def test_an_odd_state_of_a_schedule_is_refused_or_steps(name: str) -> None:
    """The same for the schedules, four steps on."""

    def made() -> tuple[Any, Callable[[], object]]:
        groups = [{"params": [nn.Parameter(autodiff.ones(2))]}, {"params": [nn.Parameter(autodiff.ones(3))], "lr": 0.5}]
        optimizer = optim.SGD(groups, lr=0.1, momentum=0.9)
        schedule = SCHEDULES[name](optimizer)
        metrics = (1.0,) if name == "ReduceLROnPlateau" else ()

        def steps() -> None:
            for _ in range(4):
                optimizer.step()
                schedule.step(*metrics)

        return schedule, steps

    first, steps = made()
    steps()
    for case, state in with_odd(first.state_dict()):
        schedule, steps = made()
        refused_or_good(schedule, state, steps, case)


def test_a_cycle_of_betas_is_none_of_momentum() -> None:
    """The state says which of them the schedule changes, and only one of them is there."""
    p = [nn.Parameter(autodiff.ones(2))]
    for make in (SCHEDULES["CyclicLR"], SCHEDULES["OneCycleLR"]):
        state = make(optim.Adam(p, lr=0.1)).state_dict()
        with pytest.raises(StateDictError, match=r"use_beta1 of a .* is True in the state_dict, and False here"):
            make(optim.SGD(p, lr=0.1, momentum=0.9)).load_state_dict(state)


def test_words_of_a_schedule_are_words_that_it_knows() -> None:
    """A mode that is none would be taken for the other one in silence."""
    optimizer = optim.SGD([nn.Parameter(autodiff.ones(2))], lr=0.1, momentum=0.9)
    for name, key in [("ReduceLROnPlateau", "mode"), ("OneCycleLR", "_anneal_func_type"), ("CyclicLR", "scale_mode")]:
        schedule = SCHEDULES[name](optimizer)
        with pytest.raises(StateDictError, match=f"{key} of a {name} is 'odd'"):
            schedule.load_state_dict({**schedule.state_dict(), key: "odd"})


def test_options_of_other_kinds_of_numbers_are_numbers() -> None:
    """NumPy's numbers and tensors of one number step as Python's do, and the learning rate may stay a tensor."""
    results = []
    for eps in (0.5, np.float64(0.5), np.float32(0.5), autodiff.tensor(0.5), autodiff.tensor([0.5])):
        p = nn.Parameter(autodiff.ones(2))
        optimizer = optim.Adam([p], lr=autodiff.tensor(0.25), eps=eps, betas=(eps, 0.5), weight_decay=eps)
        p.sum().backward()
        optimizer.step()
        results.append(p.tolist())
        assert isinstance(optimizer.param_groups[0]["lr"], autodiff.Tensor)
    assert results == results[:1] * 5
    with pytest.raises(OptionError, match="lr is a whole number of 16610 bits, which is no float"):
        optim.SGD([nn.Parameter(autodiff.ones(2))], lr=10**5000)
    with pytest.raises(OptionError, match=r"max_iter is a whole number, 0 or more, not 1.5"):
        optim.LBFGS([nn.Parameter(autodiff.ones(2))], max_iter=1.5)


def test_integers_do_not_become_parameters() -> None:
    """``assign=True`` takes the tensors of the state dict themselves, which then have gradients."""
    layer = nn.Linear(2, 3)
    weight = layer.weight.tolist()
    with pytest.raises(StateDictError, match="weight is int64 in the state_dict, which has no gradients"):
        layer.load_state_dict({"weight": np.zeros((3, 2), int), "bias": np.zeros(3)}, assign=True)
    assert layer.weight.tolist() == weight
    norm = nn.BatchNorm1d(3)
    norm.load_state_dict(norm.state_dict(), assign=True)


@pytest.mark.parametrize("count", [-1, 1.5, math.nan, [], autodiff.ones(2), None, "1"])
def test_an_average_of_no_whole_number_of_models_is_refused(count: Any) -> None:
    """The count is the weight of all that follows; nothing is loaded where it is none, nor of what is no state."""
    average = optim.swa_utils.AveragedModel(nn.Linear(2, 2))
    state = average.state_dict()
    state["module.bias"] = autodiff.full((2,), 7.0)
    with pytest.raises(StateDictError):
        average.load_state_dict({**state, "n_averaged": count})
    with pytest.raises(StateDictError):
        average.load_state_dict(count)
    assert average.module.bias.tolist() != [7, 7]
    average.load_state_dict({**state, "n_averaged": autodiff.tensor(3)})
    assert (average.n_averaged.item(), average.module.bias.tolist()) == (3, [7, 7])


NO_NUMBERS = [None, "x", [], {}, np.zeros(3), np.array([None]), print]


@pytest.mark.parametrize("given", NO_NUMBERS, ids=lambda given: f"{given!r:.12}")
@pytest.mark.filterwarnings("ignore")
def test_what_is_no_number_is_named_where_one_is_taken(given: Any) -> None:
    """Seeds, threads, states of generators, milestones and metrics: nothing has changed then."""
    before = autodiff.get_num_threads(), autodiff.initial_seed()
    optimizer = optim.SGD([nn.Parameter(autodiff.ones(2))], lr=0.1)
    plateau = schedules.ReduceLROnPlateau(optimizer)
    takers: list[Callable[[Any], Any]] = [
        autodiff.manual_seed, autodiff.Generator().manual_seed, autodiff.set_rng_state, autodiff.set_num_threads,
        plateau.step, lambda it: schedules.MultiStepLR(optimizer, [1, it]),
    ]  # fmt: skip
    for take in takers:
        with pytest.raises(AutodiffError):
            take(given)
    assert (autodiff.get_num_threads(), autodiff.initial_seed()) == before
    assert plateau.last_epoch == 0


def test_numbers_that_no_thread_and_no_milestone_has_are_named() -> None:
    """Half a thread, more than BLAS counts; a milestone that no epoch meets would be none, in silence."""
    optimizer = optim.SGD([nn.Parameter(autodiff.ones(2))], lr=0.1)
    for number in (1.5, 0, 10**400):
        with pytest.raises(OptionError, match="a number of threads is 1 or more, not"):
            autodiff.set_num_threads(number)
    for milestones in ("12", [1.5], None, [math.nan]):
        with pytest.raises(OptionError, match="milestones is a list of whole numbers"):
            schedules.MultiStepLR(optimizer, milestones)
    for kind in ([3.0], autodiff.tensor([3])):
        assert schedules.MultiStepLR(optimizer, kind).state_dict()["milestones"] == {3: 1}


def test_a_layer_names_not_a_number_too() -> None:
    """NaN is unlike itself, and is found all the same."""
    for given in (1.5, math.nan):
        with pytest.raises(DtypeError, match=f"Linear takes tensors, not {given}"):
            nn.Linear(2, 2)(given)

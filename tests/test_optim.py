"""optim: update laws against PyTorch, state dicts, groups, hooks, and what optimizers tell the graph."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from helpers import as_arrays
from parity.harness import Near, agree, both, peer, same

import autodiff
import optim
from autodiff.errors import DtypeError, OptionError, ShapeError, StateDictError
from optim import rules

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "SGD": [
        {"lr": 0.1},
        {"lr": 0.1, "weight_decay": 0.1},
        {"lr": 0.1, "maximize": True, "weight_decay": 0.1},
        {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.3},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    ],
    "Adam": [
        {},
        {"lr": 0.05, "betas": (0.5, 0.9), "eps": 1e-3},
        {"lr": 0.05, "weight_decay": 0.1},
        {"lr": 0.05, "amsgrad": True},
        {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True},
        {"lr": 0.05, "maximize": True, "amsgrad": True, "weight_decay": 0.1},
    ],
    "AdamW": [{}, {"lr": 0.05, "weight_decay": 0.1, "amsgrad": True, "maximize": True}],
    "Adagrad": [
        {},
        {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1},
        {"lr": 0.1, "initial_accumulator_value": 0.5, "maximize": True, "eps": 1e-3},
    ],
    "Adadelta": [{}, {"rho": 0.5, "weight_decay": 0.1, "maximize": True, "eps": 1e-3, "lr": 0.5}],
    "Adamax": [{}, {"lr": 0.05, "betas": (0.5, 0.8), "eps": 0.1, "weight_decay": 0.1, "maximize": True}],
    "NAdam": [
        {},
        {"lr": 0.05, "weight_decay": 0.1, "betas": (0.7, 0.8)},
        {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True, "momentum_decay": 0.1},
    ],
    "RAdam": [
        {"lr": 0.05},
        {"lr": 0.05, "weight_decay": 0.1, "eps": 1e-3},
        {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True, "betas": (0.5, 0.6)},
    ],
    "RMSprop": [
        {},
        {"centered": True},
        {"momentum": 0.9, "weight_decay": 0.1},
        {"momentum": 0.9, "centered": True, "maximize": True, "alpha": 0.9, "eps": 1e-3},
    ],
    "Rprop": [{}, {"lr": 0.05, "etas": (0.3, 1.5), "step_sizes": (1e-2, 0.1), "maximize": True}],
    "ASGD": [{}, {"lr": 0.1, "lambd": 0.1, "alpha": 0.5, "t0": 5}, {"weight_decay": 0.1, "maximize": True, "t0": 2}],
    "Adafactor": [
        {},
        {"lr": 0.5, "beta2_decay": -0.5, "eps": (1e-3, 1e-2), "d": 2.0, "weight_decay": 0.1, "maximize": True},
    ],
    "Muon": [
        {"lr": 0.05},
        {"lr": 0.05, "nesterov": False, "adjust_lr_fn": "match_rms_adamw", "weight_decay": 0.0},
        {"lr": 0.05, "ns_steps": 3, "ns_coefficients": (2.0, -1.5, 0.5), "adjust_lr_fn": "original", "momentum": 0.5},
    ],
}
CASES = [(name, options) for name, several in OPTIONS.items() for options in several]
LAST = [(name, several[-1]) for name, several in OPTIONS.items()]
START = [np.random.default_rng(0).normal(size=shape) for shape in ((4, 3), (5,), (), (2, 3, 4))]
RANDOM = np.random.default_rng(2)
MATRICES = [START[0], START[0].T[:, :2].copy()]


NUMBERS = {"eta", "mu", "mu_product"}  # of a state, which may be tensors in PyTorch's


def gradient(step: int, i: int, x: np.ndarray) -> np.ndarray:
    """Of a moving, bumpy function; the same for both sides."""
    return np.asarray(np.sin(3 * x + step) + x * (i + 1)).astype(x.dtype)


def run(lib: Any, optimizer: Any, params: list[Any], steps: range) -> None:
    for step in steps:
        for i, p in enumerate(params):
            p.grad = lib.tensor(gradient(step, i, p.detach().numpy()))
        optimizer.step()


def leaves(lib: Any, name: str, dtype: Any = np.float64) -> list[Any]:
    return [lib.tensor(np.array(x, dtype)).requires_grad_() for x in (MATRICES if name == "Muon" else START)]


def made(lib: Any, name: str, params: list[Any], **options: Any) -> Any:
    return getattr(lib.optim, name)(params, **options)


@pytest.mark.usefixtures("precise")
@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_twenty_steps_are_pytorchs(name: str, options: dict[str, Any], dtype: Any) -> None:
    """From the same start, with the same gradients, each option ends where PyTorch's does, in the same dtype.

    What is remembered has PyTorch's names, and the options of a group too.
    """

    def twenty_steps(lib: Any) -> tuple[list[Any], list[Any], set[str]]:
        params = leaves(lib, name, dtype)
        optimizer = made(lib, name, params, **options)
        run(lib, optimizer, params, range(20))
        state = [
            {key: float(x) if key in NUMBERS else x for key, x in sorted(optimizer.state[p].items())
             if x is not None and key != "step"}  # which PyTorch does not always keep
            for p in params
        ]
        return params, state, set(optimizer.param_groups[0])

    rtol = 1e-11 if dtype == np.float64 else 1e-4
    (params, state, names), (their_params, their_state, their_names) = both(twenty_steps)
    agree(params, their_params, Near(rtol))
    agree(state, their_state, Near(rtol, rtol))
    assert names == their_names


@pytest.mark.parametrize(("name", "options"), CASES)
def test_state_dict_round_trip(name: str, options: dict[str, Any]) -> None:
    """Ten steps, a copy through the state dict, and ten more are the same as twenty."""
    whole, first = leaves(autodiff, name), leaves(autodiff, name)
    run(autodiff, made(autodiff, name, whole, **options), whole, range(20))
    optimizer = made(autodiff, name, first, **options)
    run(autodiff, optimizer, first, range(10))
    state = optimizer.state_dict()
    assert state["param_groups"][0]["params"] == list(range(len(first)))
    again = made(autodiff, name, first, lr=123.0)
    again.load_state_dict(state)
    run(autodiff, again, first, range(10, 20))
    for a, b in zip(whole, first, strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


@pytest.mark.parametrize(("name", "options"), [*LAST, ("SGD", OPTIONS["SGD"][0])])
@pytest.mark.parametrize("convert", [lambda state: state, as_arrays])
def test_a_pytorch_state_dict_loads(name: str, options: dict[str, Any], convert: Any, precise: Any) -> None:
    """PyTorch's state after ten steps loads here, as it is or as arrays, and ours there: all end where PyTorch ends."""
    theirs = leaves(precise, name)
    theirs_opt = made(precise, name, theirs, **options)
    run(precise, theirs_opt, theirs, range(10))
    ours, again = ([lib.tensor(p.detach().numpy()).requires_grad_() for p in theirs] for lib in (autodiff, precise))
    ours_opt, again_opt = made(autodiff, name, ours), made(precise, name, again)
    ours_opt.load_state_dict(convert(theirs_opt.state_dict()))
    again_opt.load_state_dict(as_arrays(ours_opt.state_dict(), precise.tensor))
    run(precise, theirs_opt, theirs, range(10, 20))
    run(autodiff, ours_opt, ours, range(10, 20))
    run(precise, again_opt, again, range(10, 20))
    agree(ours, theirs, Near(1e-11))
    agree(again, theirs, Near(1e-11))


@pytest.mark.parametrize(("name", "options"), [case for case in LAST if case[0] not in ("Muon", "Adafactor")])
def test_blocks_do_not_change_the_law(name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Large arrays are updated a few rows at a time, of any memory layout, to the same numbers."""
    x = np.random.default_rng(1).normal(size=(7, 5))
    results = []
    for block, array in ((1 << 15, x.copy()), (8, x.copy()), (8, np.asfortranarray(x)), (1, x[::-1].copy()[::-1])):
        monkeypatch.setattr(rules, "BLOCK", block)
        p = autodiff.from_numpy(array).requires_grad_()
        run(autodiff, made(autodiff, name, [p], **options), [p], range(5))
        results.append(p.detach().numpy())
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


def test_muons_step_is_orthogonal() -> None:
    """The singular values of its step are all near 1, whatever those of the gradient are."""
    for shape in ((6, 3), (3, 6), (4, 4)):
        values = np.linalg.svd(rules.orthogonalized(RANDOM.normal(size=shape), (3.4445, -4.7750, 2.0315), 5, 1e-7))[1]
        assert 0.6 < values.min() <= values.max() < 1.3


def test_hooks_stand_around_steps_and_state_dicts() -> None:
    """Each is called at its moment, may replace what it is given, and goes when its handle says so."""
    x = autodiff.tensor([3.0], requires_grad=True)
    x.grad = autodiff.ones(1)
    optimizer, seen = optim.SGD([x], lr=1.0), []
    handles = [
        optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append("before") or ((None,), {})),
        optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(args)),
        optimizer.register_state_dict_pre_hook(lambda o: seen.append("making")),
        optimizer.register_state_dict_post_hook(lambda o, state: {**state, "note": 1}),
        optimizer.register_load_state_dict_pre_hook(lambda o, state: seen.append(state["note"])),
        optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded")),
    ]
    optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append("second"))
    optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
    assert seen == ["before", "second", (None,), "making", 1, "loaded"]
    for handle in handles:
        handle.remove()
    optimizer.step()
    assert seen[6:] == ["second"]
    assert "note" not in optimizer.state_dict()


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


def test_the_dict_that_is_given_is_the_group() -> None:
    """A program may keep it and set options there; a second optimizer of the same dicts finds those of the first."""
    a, b = autodiff.zeros(1, requires_grad=True), autodiff.zeros(1, requires_grad=True)
    groups: list[Any] = [{"lr": 1.0, "params": iter([a])}, {"params": b}]
    optimizer = optim.SGD(groups, lr=0.5, momentum=0.9)
    assert all(mine is given for mine, given in zip(optimizer.param_groups, groups, strict=True))
    assert groups[0]["params"] == [a]
    assert groups[1]["momentum"] == 0.9
    groups[1]["lr"] = 2.0
    a.grad = b.grad = autodiff.ones(1)
    optimizer.step()
    assert (a.item(), b.item()) == (-1.0, -2.0)
    second = optim.SGD(groups, lr=7.0, weight_decay=0.1)
    assert [group["lr"] for group in second.param_groups] == [1.0, 2.0]
    broken = {"params": [autodiff.zeros(1, requires_grad=True)], "lr": -1.0}
    with pytest.raises(OptionError):
        optim.SGD([broken], lr=0.1, momentum=0.9)
    assert "momentum" not in broken


def test_the_line_search_that_minimizers_of_programs_import() -> None:
    """``_strong_wolfe`` finds a point with less loss and a flatter slope, as PyTorch's finds the same."""
    start, target = autodiff.tensor([3.0, -2.0]), autodiff.tensor([1.0, 1.0])

    def run(lib: Any, search: Any) -> list[Any]:
        x, to = lib.tensor(start.tolist(), dtype=lib.float64), lib.tensor(target.tolist(), dtype=lib.float64)
        value = lambda z: (((z - to) ** 4).sum().item(), 4 * (z - to) ** 3)
        loss, g = value(x)
        found = search(lambda x, t, d: value(x + t * d), x, 1.0, -g, loss, g, -(g * g).sum())
        return [float(found[0]), *map(float, found[1]), float(found[2]), found[3]]

    from optim.lbfgs import _strong_wolfe

    wanted = run(peer(), importlib.import_module("torch.optim.lbfgs")._strong_wolfe)
    np.testing.assert_allclose(run(autodiff, _strong_wolfe), wanted, rtol=1e-9)
    with pytest.raises(OptionError, match="constants"):
        _strong_wolfe(None, None, 1.0, start, 0.0, start, 0.0, c1=0.5)  # type: ignore[arg-type]


def test_parameters_without_a_gradient_stay() -> None:
    """None means no step and no state; zero_grad sets None, or zeros in place."""
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
M = autodiff.zeros(2, 2, requires_grad=True)


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
        (lambda: optim.Adam([P], differentiable=True), OptionError, "outside the graph"),
        (lambda: optim.Adagrad([P], lr_decay=-1), OptionError, "lr_decay"),
        (lambda: optim.Adadelta([P], rho=2), OptionError, "rho"),
        (lambda: optim.Adamax([P], betas=(0.9,)), OptionError, "betas"),
        (lambda: optim.NAdam([P], momentum_decay=-1), OptionError, "momentum_decay"),
        (lambda: optim.RAdam([P], eps=-1), OptionError, "eps"),
        (lambda: optim.RMSprop([P], momentum=-1), OptionError, "momentum"),
        (lambda: optim.Rprop([P], etas=(1.5, 1.2)), OptionError, "etas"),
        (lambda: optim.ASGD([P], weight_decay=-1), OptionError, "weight_decay"),
        (lambda: optim.Adafactor([P], d=0.5), OptionError, "d is 1 or more"),
        (lambda: optim.Adafactor([P], beta2_decay=0.5), OptionError, "beta2_decay"),
        (lambda: optim.Muon([P]), ShapeError, "changes matrices"),
        (lambda: optim.Muon([M], adjust_lr_fn="x"), OptionError, "adjust_lr_fn"),
        (lambda: optim.LBFGS([P], line_search_fn="x"), OptionError, "strong_wolfe"),
        (lambda: optim.LBFGS([{"params": [P]}, {"params": [M]}]), OptionError, "one group"),
        (lambda: optim.LBFGS([P]).step(), OptionError, "a closure"),
    ],
)
def test_errors_teach(make: Any, error: type[Exception], message: str) -> None:
    """Options and parameters that cannot be are refused by named errors when they are given."""
    with pytest.raises(error, match=message):
        make()


def test_optimizers_show_their_options() -> None:
    """repr lists the options of each group, in PyTorch's form."""
    same(lambda lib: repr(lib.optim.SGD([lib.zeros(2, requires_grad=True)], lr=0.1, momentum=0.5)))


class Warmer(optim.Adam):
    """A user's optimizer: Adam's options, and a type that only the type checker imports."""

    def __init__(self, params: Any, kind: NotImported = None) -> None:  # noqa: F821
        super().__init__(params, lr=0.1)


def test_a_subclass_inherits_the_limits_of_its_options() -> None:
    """Options are checked in every group and in a state dict, also where a subclass has a constructor of its own."""
    optimizer = Warmer([P])
    with pytest.raises(OptionError, match="eps is 0 or more, not -1"):
        optimizer.add_param_group({"params": [M], "eps": -1})
    state = optimizer.state_dict()
    state["param_groups"][0]["betas"] = (0.9, 1.0)
    with pytest.raises(OptionError, match="betas is a pair"):
        optimizer.load_state_dict(state)

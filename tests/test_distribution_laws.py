"""Every distribution has PyTorch's laws: shapes, moments, densities, entropies, and two orders of their gradients."""

from __future__ import annotations

import importlib
import inspect
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from distributions_made import MADE, X, Y
from parity.harness import Near, agree, peer, weights

import autodiff
from autodiff import distributions
from autodiff.distributions import Distribution

NUMBERS = ("mean", "mode", "variance", "stddev")
LOOSE = {  # PyTorch's Bessel functions have seven digits; its GeneralizedPareto takes float32 alone
    "VonMises": Near(1e-4, 1e-6), "GeneralizedPareto": Near(1e-4, 1e-5),
}  # fmt: skip
WRONG_THERE = {"Kumaraswamy: mode": "always NaN: the logarithm of a number below 0"}
LAWLESS = ("Distribution", "ExponentialFamily")


def _asked(lib: Any, d: Any, name: str, value: Any) -> Any:
    """What a distribution says, or the kind of its refusal."""
    try:
        if name in NUMBERS:
            return getattr(d, name)
        if name == "icdf":
            return d.icdf(lib.tensor(0.3, dtype=lib.float64))
        if name in ("log_prob", "cdf"):
            return getattr(d, name)(value)
        return getattr(d, name)()
    except NotImplementedError:
        return "not implemented"


def _finite(out: Any) -> Any:
    """The finite numbers as they are, the others outside the graph, where gradients of them have no meaning."""
    return out if out.isfinite().all() else out.detach()


def _laws(lib: Any, name: str) -> Any:
    """All numbers of a distribution, and two orders of gradients of those that have them."""
    made = MADE[name]
    x, y = (lib.tensor(a, requires_grad=True, dtype=lib.float64) for a in (X, Y))
    value = lib.tensor(made.value, dtype=None if isinstance(np.ravel(made.value)[0], np.integer) else lib.float64)
    found: dict[str, Any] = {}
    for asked in (*NUMBERS, "log_prob", "cdf", "icdf", "entropy", "perplexity", "enumerate_support"):
        d = made.make(lib.distributions, x, y)
        out = found[asked] = _asked(lib, d, asked, value)
        if isinstance(out, str) or not out.requires_grad or not out.isfinite().all():
            found[asked] = out if isinstance(out, str) else out.detach()
            continue
        total = (out * lib.tensor(weights(out))).sum()
        try:
            first = lib.autograd.grad(total, (x, y), create_graph=True, allow_unused=True)
        except NotImplementedError:
            found[asked] = "not implemented"
            continue
        again = sum((g * lib.tensor(weights(g))).sum() for g in first if g is not None)
        found[f"{asked}, first"] = [_plain(lib, g, x) for g in first]
        tracked = hasattr(again, "requires_grad") and again.requires_grad
        second = lib.autograd.grad(again, (x, y), allow_unused=True) if tracked else (None, None)
        found[f"{asked}, second"] = [_plain(lib, g, x) for g in second]
        found[asked] = out.detach()
    return found


def _plain(lib: Any, g: Any, x: Any) -> Any:
    return lib.zeros_like(x).detach() if g is None else g.detach()


@pytest.mark.parametrize("name", MADE)
def test_numbers_and_two_orders_of_gradients_are_those_of_torch(name: str) -> None:
    """Moments, mode, log_prob, cdf, icdf, entropy, perplexity, the support listed; or the same refusals."""
    ours, theirs = _laws(autodiff, name), _laws(peer(), name)
    for asked in theirs:
        near = LOOSE.get(name.partition(" ")[0], Near(1e-6, 1e-9) if "second" in asked else Near(1e-6, 1e-11))
        if isinstance(theirs[asked], str) and not isinstance(ours[asked], str):
            continue  # a law more than PyTorch has; the samples and tests of their own try it
        if f"{name}: {asked.partition(',')[0]}" in WRONG_THERE:
            continue
        agree(ours.get(asked), theirs[asked], near, f"{name}: {asked}")


@pytest.mark.filterwarnings("ignore:Singular sample")  # PyTorch's Wishart
@pytest.mark.parametrize("name", MADE)
def test_shapes_supports_and_expansions_are_those_of_torch(name: str) -> None:
    """batch_shape, event_shape, support, has_rsample, the shapes of draws, and all of it of an expanded one."""

    def shapes(lib: Any) -> Any:
        d = MADE[name].make(lib.distributions, lib.tensor(X), lib.tensor(Y))
        found: list[Any] = []
        for each in (d, d.expand((4, *d.batch_shape))):
            draws = [tuple(each.sample(s).shape) for s in ((), (2,), (5, 1))]
            found += [tuple(each.batch_shape), tuple(each.event_shape), draws, bool(each.has_rsample)]
            found += [each.has_enumerate_support, str(each.support).partition("(")[0]]
            found += [str(each.sample().dtype).rpartition(".")[2], type(each).__name__]
            found += [tuple(each.log_prob(each.sample((2,))).shape), each.support.event_dim]
        return found

    assert shapes(autodiff) == shapes(peer())


@pytest.mark.parametrize("name", MADE)
def test_an_expanded_distribution_has_the_laws_of_its_first(name: str) -> None:
    """Its density and its mean are those of the distribution, repeated."""
    d = MADE[name].make(distributions, autodiff.tensor(X), autodiff.tensor(Y))
    wide = d.expand((4, *d.batch_shape))
    value = d.sample()
    whole = d.log_prob(value).expand((4, *d.batch_shape))
    np.testing.assert_allclose(wide.log_prob(value).expand(whole.shape).numpy(), whole.numpy(), rtol=1e-12)
    with suppress(NotImplementedError):
        assert tuple(wide.mean.shape) == tuple(wide.batch_shape) + tuple(wide.event_shape)


def test_every_name_and_signature_is_that_of_torch() -> None:
    """The package has PyTorch's names, and the classes their arguments, in order, with their defaults."""
    theirs = peer().distributions
    for name in theirs.__all__:
        if not inspect.isclass(getattr(theirs, name)):
            continue
        mine, wanted = (_arguments(getattr(lib, name)) for lib in (distributions, theirs))
        assert mine == wanted, name


def test_every_class_is_tried_here() -> None:
    """The table of distributions has each class of the package."""
    classes = {n for n, c in vars(distributions).items() if inspect.isclass(c) and issubclass(c, Distribution)}
    assert classes - {*LAWLESS} == {name.partition(" ")[0] for name in MADE}


def test_every_submodule_has_the_path_of_torch() -> None:
    """``torch.distributions.normal.Normal`` and its like are found by the same path."""
    theirs = peer().distributions
    for name in theirs.__all__:
        path = getattr(getattr(theirs, name), "__module__", "").replace("torch.", "autodiff.", 1)
        if path:
            assert hasattr(importlib.import_module(path), name), f"{path}.{name}"


def _arguments(kind: Any) -> list[tuple[str, Any]]:
    found = inspect.signature(kind.__init__).parameters.values()
    return [(p.name, () if p.default == () else p.default) for p in found]


@pytest.mark.parametrize("name", MADE)
def test_constraints_of_parameters_are_those_of_torch(name: str) -> None:
    """The same parameters have the same constraints."""

    def limits(lib: Any) -> Any:
        d = MADE[name].make(lib.distributions, lib.tensor(X), lib.tensor(Y))
        return {key: str(value).partition("(")[0] for key, value in d.arg_constraints.items()}

    assert limits(autodiff) == limits(peer())

"""Modules with ``__getattr__`` or ``__setattr__`` of their own, and weights that are no parameters any more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff


def around(t: Any) -> Any:
    class Around(t.nn.Module):  # type: ignore[misc]
        def __init__(self, module: Any) -> None:
            super().__init__()
            self.module = module

        def __getattr__(self, name: str) -> Any:
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(super().__getattr__("module"), name)

    class Twice(Around):
        def forward(self, x: Any) -> Any:
            return self.module(self.module(x)) + self.bias

    found = Twice(t.nn.Linear(2, 2))
    t.nn.init.ones_(found.weight)
    t.nn.init.constant_(found.bias, 0.5)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        found.nothing  # noqa: B018
    return [found.in_features, [name for name, _ in found.named_parameters()], found(t.ones(1, 2))]


def past(t: Any) -> Any:
    """As libraries of meta-learning do it: weights that are computed stand in dicts that PyTorch's hooks never saw."""

    class Fast(t.nn.Linear):  # type: ignore[misc]
        def __init__(self) -> None:
            t.nn.Module.__init__(self)
            self._parameters = {"weight": None, "bias": None}

        def __setattr__(self, name: str, value: Any) -> None:
            if name in self.__dict__.get("_parameters", ()):
                self._parameters[name] = value
            else:
                object.__setattr__(self, name, value)

    layer, slow = Fast(), t.ones(1, 2, requires_grad=True)
    found = []
    for factor in (1.0, 2.0):
        layer.weight, layer.bias = slow * factor, t.zeros(1)
        found += t.autograd.grad(layer(t.ones(3, 2)).sum(), slow)
    return found


def hidden(t: Any) -> Any:
    """A buffer of the name of a property, which is seen as long as the property raises AttributeError."""

    class Decay(t.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("beta", t.tensor(0.5))
            self.seen = self.beta
            self.register_buffer("tau", 1 / (1 - self.beta))

        @property
        def beta(self) -> Any:
            return (self.tau - 1) / self.tau * 2

    made = Decay()
    return [made.seen, made.beta, list(made.state_dict()), made.state_dict()["beta"]]


def dropped(t: Any) -> Any:
    """The weights of a recurrent layer are computed before each call."""
    found = []
    for kind in (t.nn.LSTM, t.nn.GRU, t.nn.RNN):
        layer = kind(2, 3)
        for weight in layer.parameters():
            t.nn.init.constant_(weight, 0.3)
        raw = t.nn.Parameter(layer.weight_hh_l0.detach().clone())
        del layer._parameters["weight_hh_l0"]
        layer.register_parameter("weight_hh_l0_raw", raw)
        for factor in (1.0, 0.5):
            layer.weight_hh_l0 = raw * factor
            output, _ = layer(t.ones(4, 1, 2))
            found += [output, *t.autograd.grad(output.sum(), [raw, layer.bias_hh_l0])]
        found += [layer._flat_weights_names, [tuple(weight.shape) for weight in layer._flat_weights]]
    return found


def flat(t: Any) -> Any:
    layer = t.nn.GRU(2, 3)
    layer._flat_weights = [t.full_like(weight, 0.2) for weight in layer._flat_weights]
    return layer(t.ones(4, 1, 2))[0]


@pytest.mark.filterwarnings("ignore:RNN module weights are not part of single")
@pytest.mark.parametrize("program", [around, past, hidden, dropped, flat])
def test_members_are_found_as_in_pytorch(program: Any) -> None:
    """The same values, gradients and names."""
    compare(program(autodiff), program(peer()))


def compare(ours: Any, theirs: Any) -> None:
    if hasattr(theirs, "detach"):
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-5)
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            compare(one, other)
    else:
        assert ours == theirs


def test_other_modules_do_without() -> None:
    """A class with a __getattr__ finds every attribute more slowly."""
    assert not hasattr(autodiff.nn.Linear, "__getattr__")

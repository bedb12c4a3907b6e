"""Lazy layers, and the containers of parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff
import nn
import optim
from autodiff.errors import AxisError

SHAPES = {1: (2, 4, 7), 2: (2, 4, 7, 6), 3: (2, 4, 5, 6, 7)}
LAZY = [("LazyLinear", "Linear", (3,), (5, 4))] + [
    (f"Lazy{kind}{axes}d", f"{kind}{axes}d", args, SHAPES[axes])
    for kind, args in (("Conv", (3, 2)), ("ConvTranspose", (6, 2)), ("BatchNorm", ()), ("InstanceNorm", ()))
    for axes in (1, 2, 3)
]


@pytest.mark.parametrize(("lazy", "name", "args", "shape"), LAZY, ids=lambda x: str(x))
def test_a_lazy_layer_becomes_the_layer_its_input_asks_for(lazy: str, name: str, args: Any, shape: Any) -> None:
    """It gets the class, text and state of a layer made for that size; an optimizer still holds its parameters."""
    layer = getattr(nn, lazy)(*args)
    held = list(layer.parameters())
    optimizer = optim.SGD(held, lr=0.1)
    x = autodiff.ones(*shape)
    layer(x).sum().backward()
    optimizer.step()
    channels = shape[1]
    whole = getattr(nn, name)(channels, *args) if "Norm" not in name else getattr(nn, name)(
        channels, affine=True, track_running_stats=True)
    assert type(layer) is type(whole)
    assert repr(layer) == repr(whole)
    assert all(a is b for a, b in zip(layer.parameters(), held, strict=True))
    assert {k: v.shape for k, v in layer.state_dict().items()} == {k: v.shape for k, v in whole.state_dict().items()}
    layer(x)


def test_a_lazy_layer_takes_the_shapes_of_a_state_dict() -> None:
    """Loaded before its first input, it has the values it was given."""
    whole, lazy = nn.Linear(4, 3), nn.LazyLinear(3)
    lazy.load_state_dict(whole.state_dict())
    x = autodiff.ones(2, 4)
    assert np.array_equal(lazy(x).detach().numpy(), whole(x).detach().numpy())


def test_parameter_containers_register_what_they_hold() -> None:
    """A tensor becomes a parameter; names are positions or keys, in the state dict too; what is removed is gone."""
    held = nn.ParameterList([autodiff.ones(2)])
    held.append(nn.Parameter(autodiff.zeros(3)))
    held += [autodiff.ones(1)]
    assert [n for n, _ in held.named_parameters()] == ["0", "1", "2"]
    assert held[-1].shape == (1,)
    assert len(held[1:]) == 2
    held[0] = autodiff.ones(5)
    assert [tuple(p.shape) for p in held] == [(5,), (3,), (1,)]
    with pytest.raises(AxisError, match="no parameter 3"):
        held[3]
    named = nn.ParameterDict({"a": autodiff.ones(2)})
    named["b"] = nn.Parameter(autodiff.zeros(1))
    named |= {"c": autodiff.ones(1)}
    assert list(named.state_dict()) == ["a", "b", "c"]
    assert named.pop("a").shape == (2,)
    assert "a" not in named
    assert named.setdefault("d", autodiff.ones(4)) is named["d"]
    assert named.popitem()[0] == "d"
    assert list((named | nn.ParameterDict({"e": autodiff.ones(1)})).keys()) == ["b", "c", "e"]
    named.clear()
    assert not list(named.parameters())

"""The arguments of containers, layers and functions beside PyTorch's: names, order and defaults."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from parity.harness import peer

import autodiff
import nn
import nn.functional as F

CONTAINERS = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]


def arguments(call: Any) -> list[tuple[str, Any]]:
    """The names and defaults of the arguments, in order."""
    return [(name, p.default) for name, p in inspect.signature(call).parameters.items()]


@pytest.mark.parametrize("container", CONTAINERS)
def test_methods_of_containers_take_the_arguments_of_pytorch(container: str) -> None:
    """Each public method that both have; ``pop`` takes the last module by default here."""
    ours, theirs = getattr(nn, container), getattr(peer().nn, container)
    for name in [name for name in vars(theirs) if name in dir(ours) and not name.startswith("_")]:
        mine, wanted = arguments(getattr(ours, name)), arguments(getattr(theirs, name))
        if name == "pop" and mine[-1][1] == -1:
            mine[-1] = wanted[-1]
        assert mine == wanted, name


def test_containers_take_members_by_the_names_of_pytorch() -> None:
    """By name as in PyTorch, and whether it is installed or not."""
    layer, value = nn.ReLU(), autodiff.ones(2)
    assert len(nn.ModuleList().append(module=layer).extend(modules=[layer])) == 2
    assert len(nn.Sequential().append(module=layer).extend(sequential=[layer])) == 2
    assert len(nn.ParameterList().append(value=value).extend(values=[value])) == 2
    modules, parameters = nn.ModuleDict(), nn.ParameterDict()
    modules.update(modules={"a": layer})
    parameters.update(parameters={"a": value})
    assert list(modules) == list(parameters) == ["a"]


@pytest.mark.parametrize(
    "function",
    [F.conv2d, F.conv_transpose1d, F.max_pool2d, F.avg_pool3d, F.adaptive_avg_pool2d, F.fractional_max_pool3d],
    ids=lambda function: function.__name__,
)
def test_an_error_about_arguments_names_the_function_that_was_called(function: Any) -> None:
    """As if the function were written out for its number of axes."""
    name = function.__name__
    for option in ("bogus", "axes"):
        with pytest.raises(TypeError, match=rf"^{name}\(\) got an unexpected keyword argument '{option}'$"):
            function(autodiff.ones(1, 1, 4, 4), 2, **{option: 1})
    with pytest.raises(TypeError, match=rf"^{name}\(\) missing a required argument: 'input'$"):
        function()


def test_an_error_about_the_inputs_names_the_layer() -> None:
    """Also where a private base defines ``forward``; the error of a class of the user is Python's."""

    class Own(nn.Module):
        def forward(self, x: Any) -> Any:
            return x

    class Derived(Own):
        pass

    x = autodiff.ones(2)
    for layer in (nn.ReLU(), nn.ZeroPad1d(1), nn.BatchNorm1d(2), nn.Linear(2, 2)):
        with pytest.raises(TypeError, match=rf"^{type(layer).__name__}.forward\(\) missing 1 .*'input'"):
            layer()
        with pytest.raises(TypeError, match=rf"^{type(layer).__name__}.forward\(\) takes 2 positional arguments"):
            nn.Sequential(layer)[0](x, x)
    with pytest.raises(TypeError, match=r"Own.forward\(\) missing 1"):
        Derived()()

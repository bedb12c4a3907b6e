"""The arguments of containers, layers and functions beside PyTorch's: names, order and defaults."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from parity.harness import peer

import autodiff
import nn

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

"""The arguments of containers, layers and functions beside PyTorch's: names, order and defaults."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import Any

import pytest
from parity.harness import peer

import autodiff
import nn
import nn.functional as F
from nn.modules.function_module import FunctionModule

CONTAINERS = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]
LAYERS = [name for name, layer in vars(nn).items() if isinstance(layer, type) and not name.startswith("_")]
FUNCTIONS = [name for name, f in vars(F).items() if inspect.isroutine(f) and not name.startswith("_")]
REST = "takes the options of the layer that it becomes as *args and **kwargs"
ACCEPTED = {
    "EmbeddingBag": "has _freeze as Embedding has it, for from_pretrained",
    "Hardtanh": "min_value and max_value are deprecated in PyTorch",
    "LazyConv1d": REST,
    "LazyConv2d": REST,
    "LazyConv3d": REST,
    "LazyConvTranspose1d": REST,
    "LazyConvTranspose2d": REST,
    "LazyConvTranspose3d": REST,
    "RNNBase": "the class says which cell it is, not an argument",
    "RNNCellBase": "the class says which cell it is, not an argument",
    "Transformer": "activation is 'relu', PyTorch's is the function of that name",
    "TransformerDecoderLayer": "activation is 'relu', PyTorch's is the function of that name",
    "TransformerEncoderLayer": "activation is 'relu', PyTorch's is the function of that name",
    "UninitializedBuffer": "whether a buffer is persistent is said where it is registered",
    "one_hot": "the tensor is called input as in all other functions",
}


def arguments(call: Any) -> list[tuple[str, Any]]:
    """The names and defaults of the arguments, in order."""
    return [(name, p.default) for name, p in inspect.signature(call).parameters.items()]


def arguments_in_pytorch(module: Any, name: str) -> list[tuple[str, Any]] | None:
    """The same of PyTorch's function or class, from its documentation if it is compiled; None where nothing says it."""
    call = getattr(module, name, None)
    if not callable(call):
        return None
    try:
        found = arguments(call)
        if [name for name, _ in found] == ["args", "kwargs"]:  # a choice between two functions, or overloads
            found = arguments(getattr(module, f"_{name}"))
    except AttributeError:
        return None
    except ValueError:
        documented = re.search(rf"(?s)\b{name}\(([^()]*)\)\s*->", call.__doc__ or "")
        if documented is None:
            return None
        found = arguments(eval(f"(lambda {documented[1]}: 0)"))
    return [(name, default) for name, default in found if name != "_stacklevel"]


@pytest.mark.parametrize("name", [name for name in LAYERS + FUNCTIONS if name not in ACCEPTED])
def test_layers_and_functions_take_the_arguments_of_pytorch(name: str) -> None:
    """In its order, with its names and defaults, where PyTorch has the name and says what it takes."""
    ours, theirs = (nn, peer().nn) if name in LAYERS else (F, peer().nn.functional)
    wanted = arguments_in_pytorch(theirs, name)
    assert wanted is None or arguments(getattr(ours, name)) == wanted


def test_most_arguments_are_compared_with_those_of_pytorch() -> None:
    """The test before this one finds PyTorch's arguments of nearly all names."""
    torch = peer()
    found = [name for name in LAYERS if arguments_in_pytorch(torch.nn, name) is not None]
    assert len(found) >= 0.9 * len(LAYERS)
    found = [name for name in FUNCTIONS if arguments_in_pytorch(torch.nn.functional, name) is not None]
    assert len(found) >= 0.9 * len(FUNCTIONS)


@pytest.mark.parametrize("options", [{}, {"inplace": True}], ids=["default", "in place"])
def test_the_texts_of_declared_layers_are_those_of_pytorch(options: dict[str, Any]) -> None:
    """repr() of each layer that is declared by its options, without more options than it needs."""
    torch = peer()
    for layer in filter(lambda layer: issubclass(layer, FunctionModule), map(vars(nn).get, LAYERS)):
        taken = inspect.signature(layer).parameters
        given = {name: 2 for name, option in taken.items() if option.default is option.empty}
        given |= {"unflattened_size": (2, 3)} if "unflattened_size" in taken else {}
        given |= {"output_size": 2} if "output_ratio" in taken else {}
        if options.keys() <= taken.keys() and layer is not nn.TripletMarginWithDistanceLoss:  # there it has a submodule
            assert repr(layer(**given, **options)) == repr(getattr(torch.nn, layer.__name__)(**given, **options))


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


def test_layers_are_found_under_the_paths_of_pytorch() -> None:
    """Files that name a class by its module, pickles among them, are read as before."""
    assert import_module("nn.modules.sparse").EmbeddingBag is nn.EmbeddingBag
    assert import_module("nn.modules.flatten").Unflatten is nn.Unflatten

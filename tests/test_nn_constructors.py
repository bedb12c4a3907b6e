"""Layers that are declared by a function and options: their constructors, and the classes derived from them."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

import autodiff
import nn
from nn.modules.function_module import FunctionModule

DECLARED = [
    layer
    for layer in map(vars(nn).get, sorted(vars(nn)))
    if isinstance(layer, type) and issubclass(layer, FunctionModule)
]


@pytest.mark.parametrize("layer", DECLARED, ids=lambda layer: layer.__name__)
def test_a_constructor_names_its_class_and_the_argument_it_does_not_know(layer: type[FunctionModule]) -> None:
    """Errors of a constructor are those of Python, with the argument's name."""
    with pytest.raises(TypeError, match=r"__init__\(\) got an unexpected keyword argument 'no_such'"):
        layer(no_such=1)
    required = [p.name for p in inspect.signature(layer).parameters.values() if p.default is p.empty]
    if required:
        with pytest.raises(TypeError, match=f"missing .*'{required[0]}'"):
            layer()


@pytest.mark.parametrize("layer", DECLARED, ids=lambda layer: layer.__name__)
def test_options_are_attributes_that_survive_copies(layer: type[FunctionModule]) -> None:
    """Options are read by their names, set, copied and pickled; the class itself has none of them."""
    options = inspect.signature(layer).parameters
    given = {name: 2 for name, option in options.items() if option.default is option.empty}
    given |= {"output_size": 2} if "output_ratio" in options else {}
    made = layer(**given)
    for twin in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert repr(twin) == repr(made)
    for name in options.keys() - {"size_average", "reduce"}:
        assert hasattr(made, name)
        assert not hasattr(layer, name)
    for name in options.keys() & {"size_average", "reduce"}:
        assert not hasattr(made, name)


def test_a_layer_reads_an_option_at_each_call() -> None:
    """An option that is set later is the one that counts, and a call cannot give it a second time."""
    layer, x = nn.LeakyReLU(0.1), autodiff.tensor([-1.0])
    layer.negative_slope = 0.5
    assert layer(x).item() == -0.5
    with pytest.raises(TypeError, match="multiple values for keyword argument 'negative_slope'"):
        layer(x, negative_slope=0.2)


def test_a_loss_takes_its_inputs_by_name() -> None:
    """The inputs have the names of the function's arguments, as in PyTorch."""
    assert nn.MSELoss()(input=autodiff.ones(2), target=autodiff.zeros(2)).item() == 1.0


def test_a_class_derived_from_a_layer_is_an_ordinary_class() -> None:
    """Its annotations are not options, and its constructor is the one it defines or inherits."""

    class Counting(nn.ReLU):
        count: int

    class Scaled(nn.MSELoss):
        scale: float
        offset: float = 0.0

        def __init__(self, scale: float) -> None:
            super().__init__(reduction="sum")
            self.scale = scale

    assert Counting(inplace=True).inplace
    assert Scaled(2.0).reduction == "sum"
    with pytest.raises(TypeError):
        Scaled(2.0, offset=1.0)


def test_twins_are_classes_beside_each_other() -> None:
    """As in PyTorch, a layer of images is no layer of signals."""
    assert not isinstance(nn.Dropout2d(), nn.Dropout)
    assert not isinstance(nn.AvgPool3d(2), nn.AvgPool2d)
    assert isinstance(nn.UpsamplingNearest2d(2), nn.Upsample)

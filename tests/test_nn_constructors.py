"""Layers that are declared by a function and options: their constructors, and the classes derived from them."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from parity.harness import peer

import autodiff
import nn
from nn.modules import loss
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

    @dataclasses.dataclass(eq=False)
    class Typed(nn.ReLU):
        note: str

        def __post_init__(self) -> None:
            super().__init__()

    assert Counting(inplace=True).inplace
    assert Typed("as PyTorch").note == "as PyTorch"
    assert Scaled(2.0).reduction == "sum"
    with pytest.raises(TypeError):
        Scaled(2.0, offset=1.0)


def test_a_layer_takes_part_in_cooperative_inheritance() -> None:
    """The constructor of a layer calls that of the next class, once."""

    class Base(nn.Module):
        made = 0

        def __init__(self) -> None:
            super().__init__()
            self.tag = 1
            Base.made += 1

    class Tagged(nn.ReLU, Base):
        pass

    class Counted(nn.MSELoss, Base):
        pass

    assert Tagged(inplace=True).tag == Counted(reduction="sum").tag == 1
    assert Base.made == 2


def test_losses_derive_from_the_bases_of_pytorch() -> None:
    """Programs ask for ``_Loss`` and derive from it; the losses with weights are ``_WeightedLoss``."""
    made = {layer for layer in DECLARED if layer.__name__.endswith("Loss")}
    assert len(made) == 21
    assert all(issubclass(layer, loss._Loss) for layer in made)
    assert {layer.__name__ for layer in made if issubclass(layer, loss._WeightedLoss)} == {
        "BCELoss", "CrossEntropyLoss", "MultiLabelSoftMarginLoss", "MultiMarginLoss", "NLLLoss",
    }  # fmt: skip
    torch = peer()
    for layer in made:
        theirs = getattr(torch.nn, layer.__name__)
        for base in ("_Loss", "_WeightedLoss"):
            assert issubclass(layer, getattr(loss, base)) == issubclass(theirs, getattr(torch.nn.modules.loss, base))


def test_a_loss_of_the_user_is_an_ordinary_class() -> None:
    """Its annotations are neither options nor taken from it; the constructor is that of the base."""

    class Dice(loss._Loss):
        smooth: float
        classes: list[int] = []  # noqa: RUF012 - as programs have it
        power: float = 2.0

        def forward(self, input: autodiff.Tensor, target: autodiff.Tensor) -> autodiff.Tensor:
            return nn.functional.mse_loss(input, target, reduction=self.reduction)

    class Weighted(loss._WeightedLoss):
        scale: float = 1.0

    assert (Dice.classes, Dice.power, Weighted.scale) == ([], 2.0, 1.0)
    assert Dice()(autodiff.ones(2), autodiff.zeros(2)).item() == 1.0
    assert Dice(None, None, "sum")(autodiff.ones(2), autodiff.zeros(2)).item() == 2.0
    assert Dice(size_average=False).reduction == "sum"
    assert repr(Dice()) == "Dice()"
    assert list(Weighted(autodiff.ones(3)).state_dict()) == ["weight"]
    with pytest.raises(TypeError, match="unexpected keyword argument 'power'"):
        Dice(power=1.0)


def test_a_layer_is_no_dataclass() -> None:
    """A dataclass that holds a layer keeps it whole, and no annotation speaks of ``InitVar``."""

    @dataclasses.dataclass
    class Config:
        act: nn.Module

    assert isinstance(dataclasses.asdict(Config(nn.LeakyReLU(0.2)))["act"], nn.LeakyReLU)
    for layer in DECLARED:
        assert not dataclasses.is_dataclass(layer)
        assert not {"__dataclass_fields__", "__dataclass_params__", "__match_args__"} & set(dir(layer))
        assert "InitVar" not in str(inspect.signature(layer))
    assert str(inspect.signature(nn.MSELoss)) == (
        "(size_average: 'bool | None' = None, reduce: 'bool | None' = None, reduction: 'str' = 'mean') -> 'None'"
    )


def test_twins_are_classes_beside_each_other() -> None:
    """As in PyTorch, a layer of images is no layer of signals."""
    assert not isinstance(nn.Dropout2d(), nn.Dropout)
    assert not isinstance(nn.AvgPool3d(2), nn.AvgPool2d)
    assert isinstance(nn.UpsamplingNearest2d(2), nn.Upsample)


def fresh(code: str) -> str:
    """What a program prints in which no layer has been made yet."""
    root = Path(nn.__file__).parent.parent
    line = [sys.executable, "-c", f"import copy, inspect, pickle, threading, nn\n{code}"]
    return subprocess.run(line, cwd=root, capture_output=True, text=True, check=True).stdout.strip()


def test_constructors_are_made_when_they_are_first_asked_for() -> None:
    """An import makes none of them, since that takes time; asking one class makes its own and those of its bases."""
    made = "print(sum(inspect.isfunction(vars(layer)['__init__']) for layer in (nn.ReLU, nn.MaxPool2d, nn.MSELoss)))"
    assert fresh(made) == "0"
    assert fresh(f"nn.ReLU(); {made}") == "1"
    assert fresh("print(inspect.signature(nn.MaxPool2d.__init__))").startswith("(self, kernel_size: 'Any', stride")


def test_layers_need_no_constructor_to_have_been_called() -> None:
    """A layer that comes from a file or a copy computes and shows its options, in a program that made none."""
    stored = pickle.dumps(nn.Sequential(nn.LeakyReLU(0.5), nn.MaxPool1d(2)))
    call = "import autodiff; print(model(autodiff.tensor([[-2., -4.]])).item(), model[0])"
    assert fresh(f"model = pickle.loads({stored!r}); {call}") == "-1.0 LeakyReLU(negative_slope=0.5)"
    assert fresh("print(nn.ReLU.passed, copy.copy(nn.ReLU(True)))") == "('inplace',) ReLU(inplace=True)"


def test_a_constructor_of_the_user_stays() -> None:
    """A program may put its own in the place of one that was never looked at."""
    patch = "def mine(self): nn.Module.__init__(self); self.inplace = 'mine'\nnn.ReLU.__init__ = mine\n"
    assert fresh(f"{patch}print(nn.ReLU().inplace, nn.ReLU.passed, nn.ReLU().inplace)") == "mine ('inplace',) mine"


def test_threads_may_make_the_first_layer_at_once() -> None:
    """Each gets a whole layer, of whichever constructor was made last."""
    code = """
barrier, made = threading.Barrier(8), []
def make():
    barrier.wait()
    made.append(repr(nn.CrossEntropyLoss(label_smoothing=0.5).label_smoothing) + repr(nn.AvgPool2d(3)))
threads = [threading.Thread(target=make) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(*set(made), len(made))
"""
    assert fresh(code) == "0.5AvgPool2d(kernel_size=3, stride=3, padding=0) 8"

"""Layers and tensors that a model does not see, attributes that hide its methods, constructors that forget super()."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

import nn
import optim
from autodiff import grad, ones
from autodiff.errors import AttributeNameError, AutodiffWarning, OptionError
from autodiff.unregistered import asked
from autodiff.viz import summary

Layer = nn.Linear(3, 3)
HELD: dict[str, tuple[Callable[[], Any], str]] = {
    "list": (lambda: [nn.Linear(3, 3), nn.Linear(3, 3)], r"Net\.part is a plain list of 2 modules.*ModuleList"),
    "tuple": (lambda: (nn.Linear(3, 3),), r"Net\.part is a plain tuple of 1 module.*ModuleList"),
    "dict": (lambda: {"a": nn.Linear(3, 3)}, r"Net\.part is a plain dict of 1 module.*ModuleDict"),
    "set": (lambda: {nn.Linear(3, 3)}, r"Net\.part is a plain set of 1 module.*ModuleList"),
    "nested": (lambda: [[nn.Linear(3, 3)], {"b": nn.Linear(3, 3)}], r"Net\.part is a plain list of 2 modules"),
    "parameters": (lambda: [nn.Parameter(ones(2))], r"Net\.part is a plain list of 1 tensor.*ParameterList"),
    "named parameters": (lambda: {"a": nn.Parameter(ones(2))}, r"Net\.part is a plain dict.*ParameterDict"),
    "tensor": (lambda: ones(2, requires_grad=True), r"Net\.part is a tensor that requires grad.*assign Parameter"),
}
HARMLESS: dict[str, Callable[[nn.Module], Any]] = {
    "registered too": lambda net: [net.first],
    "without parameters": lambda net: [nn.ReLU(), nn.Dropout(0.5)],
    "frozen": lambda net: [nn.Linear(3, 3).requires_grad_(False)],
    "numbers": lambda net: [1, 2.0, "a", None],
    "a tensor outside the graph": lambda net: ones(2),
    "a result": lambda net: ones(2, requires_grad=True) * 2,
}


class Net(nn.Module):
    """A model with a layer that it knows, and a part that it may not know."""

    def __init__(self, part: Any) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.part = part(self) if callable(part) and part.__code__.co_argcount else part()

    def forward(self, x: Any) -> Any:
        return self.first(x)


GIVEN: list[Callable[[nn.Module], Any]] = [
    lambda net: net.parameters(),
    lambda net: list(net.parameters()),
    lambda net: net.named_parameters(),
    lambda net: [{"params": net.parameters()}],
    lambda net: (p for p in net.parameters() if p.requires_grad),
]


@pytest.mark.parametrize("name", HELD)
def test_an_optimizer_names_what_its_model_does_not_see(name: str) -> None:
    """One warning, at the line of the user, with the path of the attribute and the container that registers."""
    make, words = HELD[name]
    with pytest.warns(AutodiffWarning, match=words) as caught:
        optim.SGD(Net(make).parameters(), lr=0.1)
    assert len(caught) == 1
    assert caught[0].filename == __file__


@pytest.mark.parametrize("given", GIVEN)
def test_it_does_not_matter_how_the_parameters_are_given(given: Callable[[nn.Module], Any]) -> None:
    """A generator, a list, names, groups, a filter; and deep inside another model."""
    model = nn.Sequential(nn.ReLU(), Net(HELD["list"][0]))
    with pytest.warns(AutodiffWarning, match=r"Sequential\.1\.part is a plain list"):
        optim.Adam(given(model))


@pytest.mark.parametrize("name", HARMLESS)
def test_what_needs_no_training_is_not_named(name: str) -> None:
    """Layers that are registered elsewhere, that have nothing to train, or that were frozen."""
    optim.SGD(Net(HARMLESS[name]).parameters(), lr=0.1)


def test_a_list_of_parameters_is_given_as_it_is() -> None:
    """As in PyTorch: a ParameterList is a list of parameters, to an optimizer and to grad."""
    held = nn.ParameterList([ones(2), ones(3)])
    optimizer = optim.SGD(held, lr=0.1)
    assert [p.shape for p in optimizer.param_groups[0]["params"]] == [(2,), (3,)]
    assert len(grad(sum(p.sum() for p in held), held)) == 2


def test_models_that_were_asked_for_parameters_are_forgotten() -> None:
    """None is kept alive, and none is looked at again once an optimizer got its parameters."""
    before = len(asked())
    net = Net(HARMLESS["numbers"])
    net.parameters()
    assert len(asked()) == before + 1
    del net
    assert len(asked()) == before
    net = Net(HARMLESS["numbers"])
    optim.SGD(net.parameters(), lr=0.1)
    assert len(asked()) == before


def test_an_optimizer_that_is_given_the_rest_as_well_says_nothing() -> None:
    """Whoever adds the parameters by hand needs no warning."""
    net = Net(HELD["list"][0])
    optim.SGD([*net.parameters(), *(p for layer in net.part for p in layer.parameters())], lr=0.1)


def test_where_nothing_is_left_the_error_names_the_list() -> None:
    """A model with all of its layers in a list has no parameters at all; a used-up generator has another repair."""

    class Empty(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = [nn.Linear(3, 3)]

    with pytest.raises(OptionError, match=r"Empty\.layers is a plain list.*ModuleList"):
        optim.SGD(Empty().parameters(), lr=0.1)
    used = Layer.parameters()
    list(used)
    with pytest.raises(OptionError, match="used up before"):
        optim.SGD(used, lr=0.1)


@pytest.mark.parametrize("name", HELD)
def test_a_summary_names_what_it_does_not_count(name: str) -> None:
    """In one warning, and below its table."""
    make, words = HELD[name]
    with pytest.warns(AutodiffWarning, match=words) as caught:
        found = summary(Net(make), ones(2, 3))
    assert len(caught) == 1
    assert len(found.unregistered) == 1
    assert f"not counted: {found.unregistered[0]}" in str(found)


def test_a_step_does_not_look_for_anything() -> None:
    """Only the optimizer's constructor and the summary look; neither zero_grad nor a call does."""
    net = Net(HELD["list"][0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net(ones(2, 3)).sum().backward()
        net.zero_grad()
        net.train()


@pytest.mark.parametrize("value", [[1], True, "a", None, Layer, nn.ReLU, ones(2)], ids=str)
@pytest.mark.parametrize("name", ["modules", "train", "parameters", "eval", "state_dict", "add_module"])
def test_an_attribute_that_would_hide_a_method_is_refused(name: str, value: Any) -> None:
    """Those of Module and of its bases; whatever is assigned, a module as well."""

    class Own(nn.Module):
        pass

    module = Own()
    with pytest.raises(AttributeNameError, match=f"{name!r} is a method of Own.*another name") as caught:
        setattr(module, name, value)
    assert isinstance(caught.value, AttributeError)
    assert name not in vars(module)


def test_an_attribute_may_hide_a_method_of_the_users_own() -> None:
    """As in PyTorch: programs have options that are called as the methods that ask for them."""

    class Own(nn.Module):
        def normalize(self) -> None:
            """A method of the user's."""

    module = Own()
    module.normalize = True
    assert module.normalize


def test_a_function_may_take_the_place_of_a_method() -> None:
    """As programs do on purpose: forward chosen by an option, train() of a frozen part that does nothing."""
    module = nn.Linear(3, 2)
    module.forward = lambda x: x * 2
    module.train = lambda mode=True: module
    module.training = False
    assert module(ones(3)).tolist() == [2, 2, 2]
    assert module.train(True) is module
    assert module.training is False


class Forgotten(nn.Module):
    """Plain attributes alone, which do not need super().__init__()."""

    def __init__(self) -> None:
        self.factor = 2.0

    def forward(self, x: Any) -> Any:
        return self.factor * x


@pytest.mark.parametrize(
    "use",
    [
        lambda m: m(ones(2)), lambda m: m.parameters().__next__(), lambda m: m.state_dict(), lambda m: m.train(),
        lambda m: optim.SGD(m.parameters(), lr=0.1), lambda m: list(m.modules()), lambda m: m.zero_grad(),
        lambda m: nn.Sequential(m)(ones(2)), lambda m: setattr(m, "layer", Layer),
        lambda m: m.register_forward_hook(print), lambda m: list(m.children()),
    ],
)  # fmt: skip
def test_a_module_whose_constructor_forgets_super_says_so_at_each_use(use: Callable[[Any], Any]) -> None:
    """Not only where a parameter is assigned."""
    with pytest.raises(AttributeNameError, match=r"Forgotten\.__init__ .*super\(\).__init__\(\); call it first"):
        use(Forgotten())
    assert "does not call super().__init__()" in repr(Forgotten())

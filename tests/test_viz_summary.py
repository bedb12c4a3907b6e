"""The summary of a model: what each layer gives, owns, keeps and costs, as text, as HTML and as a list."""

from __future__ import annotations

from typing import Any

import pytest
from parity.harness import peer
from several_models import MODELS

import autodiff
import nn
import optim
from autodiff.viz import DrawingError, Summary, summary


@pytest.mark.parametrize("name", MODELS)
def test_every_kind_of_model_is_summarised(name: str) -> None:
    """The totals are those of the model; what a layer costs is at least what the layers in it cost."""
    model, inputs = MODELS[name]()
    found = summary(model, *inputs)
    assert [layer.path for layer in found] == [path for path, _ in model.named_modules()]
    assert found.parameters + found.frozen == sum(p.numel() for p in model.parameters()) == found[0].parameters
    assert found.bytes == 4 * found[0].parameters == found[0].bytes
    below: dict[str, int] = {}
    for layer in found[1:]:
        parent = layer.path.rpartition(".")[0]
        below[parent] = below.get(parent, 0) + layer.multiply_adds
    assert all(layer.multiply_adds >= below.get(layer.path, 0) for layer in found)
    assert found.multiply_adds == found[0].multiply_adds > 0
    assert found.kept == found[0].kept > 0


@pytest.mark.parametrize("name", ["lenet", "u-net"])
def test_multiply_adds_are_those_that_pytorch_counts(name: str) -> None:
    """Of convolutions, transposed ones and matrices; a multiply-add is two of its operations."""
    torch = peer()
    flop_counter = peer("utils.flop_counter")
    model, inputs = MODELS[name]()
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 5), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Conv2d(6, 16, 5), torch.nn.ReLU(),
        torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(256, 120), torch.nn.Linear(120, 84),
        torch.nn.Linear(84, 10),
    )  # fmt: skip
    if name == "u-net":
        first, up = torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.ConvTranspose2d(8, 4, 2, stride=2)
        down, middle = torch.nn.Conv2d(4, 8, 3, padding=1, stride=2), torch.nn.Conv2d(8, 8, 3, padding=1)
        last = torch.nn.Conv2d(8, 1, 1)

        def theirs(x: Any) -> Any:
            y = first(x)
            return last(torch.cat([y, up(middle(down(y)))], 1))

    with flop_counter.FlopCounterMode(display=False) as counter:
        theirs(torch.ones(*inputs[0].shape))
    assert counter.get_total_flops() == 2 * summary(model, *inputs).multiply_adds


def test_multiply_adds_of_products_of_other_kinds() -> None:
    """Matrices of any rank, einsum, attention and recurrences, by hand."""

    class Program(nn.Module):
        def __init__(self, function: Any) -> None:
            super().__init__()
            self.function = function

        def forward(self, *inputs: Any) -> Any:
            return self.function(*inputs)

    def count(function: Any, *shapes: tuple[int, ...]) -> int:
        return summary(Program(function), *(autodiff.ones(*shape) for shape in shapes)).multiply_adds

    assert count(lambda a, b: a @ b, (5, 2, 3), (3, 4)) == 5 * 2 * 3 * 4
    assert count(lambda a, b: a @ b, (3,), (3,)) == 3
    assert count(lambda a, b: autodiff.einsum("bij,bjk->bik", a, b), (5, 2, 3), (5, 3, 4)) == 5 * 2 * 3 * 4
    attention = nn.functional.scaled_dot_product_attention
    assert count(attention, (2, 7, 4), (2, 5, 4), (2, 5, 6)) == 2 * 7 * 5 * (4 + 6)
    for layer, gates in ((nn.RNN, 1), (nn.LSTM, 4), (nn.GRU, 3)):
        assert summary(layer(2, 3), autodiff.ones(5, 7, 2)).multiply_adds == 5 * 7 * gates * (2 * 3 + 3 * 3)
    assert count(lambda a: (a * a).exp().sum(), (9,)) == 0


def test_depth_leaves_out_what_lies_deeper() -> None:
    """What is in a layer is counted in it; the totals stay."""
    model, inputs = MODELS["gpt"]()
    whole, shallow = summary(model, *inputs), summary(model, *inputs, depth=1)
    assert [layer.path for layer in shallow] == ["", "tokens", "positions", "blocks", "norm", "head"]
    assert [layer for layer in whole if layer.path.count(".") == 0] == list(shallow)
    assert str(shallow).splitlines()[-1] == str(whole).splitlines()[-1]
    with pytest.raises(DrawingError, match="expected a number from 0 on"):
        summary(model, *inputs, depth=-1)


def test_calls_frozen_layers_and_dtypes_have_columns_where_they_differ() -> None:
    """A module that is used twice says so, and so do parameters that cannot be trained, and other dtypes."""
    model, inputs = MODELS["siamese"]()
    twice = summary(model, *inputs)
    assert [layer.calls for layer in twice] == [1, 2, 2, 2, 2]
    assert "calls" in str(twice).splitlines()[0]
    model, inputs = MODELS["backbone"]()
    frozen = summary(model, *inputs)
    assert [layer.frozen for layer in frozen if layer.parameters] == [48, 48, 40, 8, 0]
    assert "483 (48 frozen)" in str(frozen)
    assert "48 frozen " in str(frozen)
    assert "calls" not in str(frozen).splitlines()[0]
    mixed = summary(nn.Sequential(nn.Linear(2, 2).double(), nn.Flatten()), autodiff.ones(1, 2, dtype=autodiff.float64))
    assert {layer.dtype for layer in mixed} == {"float64"}
    assert "dtype" not in str(mixed).splitlines()[0]
    model, inputs = MODELS["packed"]()
    model.head.double()

    def cast(module: nn.Module, args: Any) -> Any:
        return tuple(x.double() for x in args)

    model.head.register_forward_pre_hook(cast)
    assert [layer.dtype for layer in summary(model, *inputs)] == ["float32, float64", "float32", "float32", "float64"]


def test_time_is_measured_where_it_is_asked_for() -> None:
    """Each layer has its share, the model all of it; the hooks and the state are gone afterwards."""
    model = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64))
    before = {name: value.tolist() for name, value in model.state_dict().items()}
    found = summary(model, autodiff.ones(32, 64), time=True)
    assert found[0].share == 1.0
    assert all(layer.share is not None and 0 < layer.share <= 1 for layer in found)
    assert found.seconds is not None
    assert "ms forward" in str(found)
    assert {name: value.tolist() for name, value in model.state_dict().items()} == before
    assert model._hooks is None or not any(vars(model._hooks).values())


@pytest.mark.parametrize(
    ("optimizer", "times"),
    [(optim.SGD, 0), (optim.Adam, 2), (optim.AdamW, 2), (optim.RMSprop, 1), (optim.Adagrad, 1),
     (lambda params: optim.SGD(params, momentum=0.9), 1), (lambda params: optim.Adam(params, amsgrad=True), 3)],
)  # fmt: skip
def test_what_an_optimizer_adds_is_what_it_will_keep(optimizer: Any, times: int) -> None:
    """In arrays as large as the parameters; a frozen parameter has none."""
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    model[0].bias.requires_grad_(False)
    found = summary(model, autodiff.ones(1, 3), optimizer=optimizer)
    assert found.state == times * 4 * (26 - 4) == times * found.gradients
    assert "adds" in str(found)
    assert all(p.grad is None for p in model.parameters())


def test_an_optimizer_of_matrices_says_what_it_does_not_take() -> None:
    """Muon is for matrices: the biases are told apart."""
    found = summary(nn.Linear(3, 4), autodiff.ones(1, 3), optimizer=optim.Muon)
    assert (found.optimizer, found.state, found.refused) == ("Muon", 48, 4)
    assert str(found).endswith("Muon adds 48 B, and takes no part of 4 parameters")
    evaluating = summary(nn.Linear(3, 4), autodiff.ones(1, 3), optimizer=optim.LBFGS)  # its step needs the loss
    assert "LBFGS adds" in str(evaluating)


def test_a_notebook_shows_a_table() -> None:
    """The same columns and totals, with names that are safe in HTML."""

    class Odd(nn.Module):
        def forward(self, x: Any) -> Any:
            return x * 2.0

    Odd.__name__ = "<Odd>"
    found = summary(nn.Sequential(nn.Linear(2, 2), Odd()), autodiff.ones(1, 2))
    page = found._repr_html_()
    assert page.count("<tr") == 4
    assert "&lt;Odd&gt;" in page
    assert "<Odd>" not in page
    assert str(found).splitlines()[-1] in page
    assert isinstance(found, Summary)

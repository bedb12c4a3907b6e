"""Drawings of models that are run for them: all that is computed, whatever the tape knows of it."""

from __future__ import annotations

import dataclasses
import weakref
from typing import Any, NamedTuple

import numpy as np
import pytest
from several_models import MODELS

import autodiff
import nn
from autodiff import Tensor
from autodiff.autograd import Function
from autodiff.engine.modes import PLAIN, current
from autodiff.viz import Drawing, DrawingError, draw


def operations(drawing: Drawing) -> list[str]:
    return [node.name for node in drawing.nodes if node.kind == "operation"]


def inputs_of(drawing: Drawing, name: str) -> set[str]:
    """The names of what has an arrow to the box called ``name``."""
    names = {node.id: node.name for node in drawing.nodes}
    (target,) = [node.id for node in drawing.nodes if node.name == name]
    return {names[edge.source] for edge in drawing.edges if edge.target == target}


@pytest.mark.parametrize("name", MODELS)
def test_every_kind_of_model_is_drawn(name: str) -> None:
    """From the inputs down to the outputs: arrows lead forward, every parameter is somewhere once, nothing is left."""
    model, inputs = MODELS[name]()
    for depth in (0, 1, None):
        drawing = draw(model, *inputs, depth=depth, max_nodes=10**6)
        order = {node.id: i for i, node in enumerate(drawing.nodes)}
        assert all(order[e.source] < order[e.target] for e in drawing.edges if drawing.nodes[order[e.source]].parts)
        assert sum(node.kind == "input" for node in drawing.nodes) == len(inputs)
        assert any(node.is_output for node in drawing.nodes)
        found = [n.name for n in drawing.nodes if n.kind == "parameter"]
        found += [part.name for n in drawing.nodes for part in n.parts]
        assert len(found) == len(set(found))
        assert set(found) <= {path for path, _ in model.named_parameters()}
        assert "<svg" in drawing.svg()
    assert current() is PLAIN


def test_a_frozen_layer_is_drawn_and_said_to_be_frozen() -> None:
    """Under a mode in which nothing is recorded everything is drawn as well; nothing is kept then."""
    model, inputs = MODELS["backbone"]()
    drawing = draw(model, *inputs)
    features, head = (node for node in drawing.nodes if node.kind == "module")
    assert (features.frozen, head.frozen) == (True, False)
    assert inputs_of(drawing, "features") == {"images"}
    assert "features.0.weight (4, 1, 3, 3) · 36 frozen" in drawing.svg()
    with autodiff.no_grad():
        unrecorded = draw(model, *inputs)
    assert [node.name for node in unrecorded.nodes] == [node.name for node in drawing.nodes]
    assert unrecorded.kept == 0 < drawing.kept


def test_what_leads_nowhere_is_drawn() -> None:
    """Integers, comparisons and results that nobody uses are operations too."""

    def program(x: Any) -> Any:
        _ = x.exp()
        return x.argmax() + (x > 1.0).sum()

    assert operations(draw(program, autodiff.ones(3))) == ["exp", "argmax", "greater", "sum", "add"]


def test_indices_and_masks_lead_to_what_they_choose() -> None:
    """A tensor that an operation takes as a static parameter has its arrow."""
    drawing = draw(lambda x, ids: x[ids].sum(), autodiff.ones(3, 2), autodiff.tensor([0, 2]))
    assert inputs_of(drawing, "index") == {"x", "ids"}


class Result(NamedTuple):
    logits: Any
    states: Any


@dataclasses.dataclass
class Answer:
    logits: Any
    states: Any


@pytest.mark.parametrize("make", [dict, Result, Answer])
def test_outputs_stand_in_containers_of_any_kind(make: Any) -> None:
    """Each output is marked with the name it is returned by, of a model that is run and of what it returned."""

    def program(x: Any) -> Any:
        return make(logits=x.exp(), states=[x.sin(), x.cos()])

    x = autodiff.ones(3, requires_grad=True)
    drawing = draw(program, x)
    assert [(n.name, n.returned) for n in drawing.nodes if n.is_output] == [
        ("exp", "logits"), ("sin", "states[0]"), ("cos", "states[1]"),
    ]  # fmt: skip
    assert "output states[0]" in drawing.svg()
    returned = draw(program(x))
    assert [n.returned for n in returned.nodes if n.is_output] == ["logits", "states[0]", "states[1]"]
    assert [n.returned for n in draw([x.exp(), x.sin()]).nodes if n.is_output] == ["", ""]


def test_inputs_have_the_names_of_the_arguments() -> None:
    """Positional and keyword inputs, arrays, and tensors inside containers."""

    def program(x: Any, *, mask: Any, state: Any) -> Any:
        return x * mask + state["h"][0]

    drawing = draw(program, autodiff.ones(2), mask=np.ones(2, np.float32), state={"h": (autodiff.ones(2),)})
    assert [n.name for n in drawing.nodes if n.kind == "input"] == ["x", "mask", "state.h[0]"]
    assert inputs_of(drawing, "add") == {"multiply", "state.h[0]"}


def test_an_input_that_no_operation_reads_says_so() -> None:
    """Lengths that are read as numbers, or an argument that was forgotten."""
    drawing = draw(lambda x, lengths: x[: int(lengths[0])].sum(), autodiff.ones(3), autodiff.tensor([2]))
    assert [(n.name, n.unread) for n in drawing.nodes if n.kind == "input"] == [("x", False), ("lengths", False)]
    drawing = draw(lambda x, forgotten: x.sum(), autodiff.ones(3), autodiff.ones(2))
    assert [(n.name, n.unread) for n in drawing.nodes if n.kind == "input"] == [("x", False), ("forgotten", True)]
    assert "read by no operation" in drawing.svg()


def test_a_module_in_a_plain_list_is_drawn_with_the_repair() -> None:
    """It is called and no part of the model: its box says so, the picture says so, and it has a name to find it by."""

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = [nn.Linear(3, 4), nn.Linear(4, 3)]

        def forward(self, x: Any) -> Any:
            for layer in self.layers:
                x = layer(x)
            return x

    drawing = draw(Plain(), autodiff.ones(2, 3))
    assert [n.name for n in drawing.nodes if n.kind == "module"] == ["layers[0]", "layers[1]"]
    assert drawing.notes == ("layers[0], layers[1]: called, but not a part of the model; use ModuleList",)
    assert [part.name for part in drawing.nodes[1].parts] == ["layers[0].weight", "layers[0].bias"]
    assert drawing.svg().count("use ModuleList") >= 3


def test_another_method_of_a_module_has_its_box() -> None:
    """``encoder.encode(x)`` is a call as ``encoder(x)`` is; a helper of the module itself is none."""

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up = nn.Linear(3, 3)

        def encode(self, x: Any) -> Any:
            return self.up(x).relu()

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.head = Encoder(), nn.Linear(3, 1)

        def helper(self, x: Any) -> Any:
            return self.head(x * 2.0)

        def forward(self, x: Any) -> Any:
            return self.helper(self.encoder.encode(x)) + self.head.forward(x)

    drawing = draw(Model(), autodiff.ones(2, 3))
    found = [(n.name, n.module) for n in drawing.nodes if n.kind == "module"]
    assert found == [("encoder", "Encoder.encode"), ("head", "Linear"), ("head", "Linear")]
    assert [group.module for group in drawing.groups] == ["Model"]


def test_calls_in_a_loop_are_calls_each() -> None:
    """A module that is called again and again from one line is as many boxes."""
    cell = nn.RNNCell(2, 3)

    def program(x: Any) -> Any:
        h = None
        for _ in range(3):
            h = cell(x, h)
        return h

    drawing = draw(program, autodiff.ones(1, 2))
    assert [(group.id, group.name) for group in drawing.groups] == [(f"m{i}", "RNNCell") for i in range(3)]


def test_a_change_in_place_comes_before_what_reads_it() -> None:
    """``y[i] = z`` is an operation on ``y``, and what reads ``y`` afterwards, or a view of it, comes from there."""

    def program(z: Any) -> Any:
        y = autodiff.zeros(3)
        top = y[:2]
        y[0] = z
        return top.sum() + y.exp().sum()

    drawing = draw(program, autodiff.tensor(2.0), show=("constants",))
    assert inputs_of(drawing, "put") >= {"z"}
    assert inputs_of(drawing, "exp") == {"put"}
    first_sum = next(n for n in drawing.nodes if n.name == "sum")
    put = next(n for n in drawing.nodes if n.name == "put")
    assert put.id in {e.source for e in drawing.edges if e.target == first_sum.id}


def test_a_function_of_ones_own_is_one_box() -> None:
    """An autograd Function is drawn as the operation it defines."""

    class Cube(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * 3 * x * x

    assert operations(draw(lambda x: Cube.apply(x).sum(), autodiff.ones(2))) == ["Cube", "sum"]


def test_values_gradients_and_bytes_are_shown_of_a_run_as_well() -> None:
    """``show`` means the same as for a tensor that was computed before."""
    x = autodiff.tensor([1.0, 2.0], requires_grad=True)
    w = autodiff.tensor([3.0, 4.0])
    drawing = draw(lambda x: (x * w).sum(), x, params={"w": w}, show=("value", "grad", "bytes"))
    assert [n.name for n in drawing.nodes] == ["x", "w", "multiply", "sum"]
    assert [n.value for n in drawing.nodes] == ["[1.0000, 2.0000]", "[3.0000, 4.0000]", "[3.0000, 8.0000]", "11.0000"]
    gradients = [n.gradient.norm for n in drawing.nodes if n.gradient]
    assert gradients == pytest.approx([5.0, 2**0.5, 1.0])
    assert x.grad is None


def test_a_run_leaves_the_model_as_it_was() -> None:
    """Buffers, random numbers and gradients are after it what they were before; an error ends the notes."""
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    before = {name: value.tolist() for name, value in model.state_dict().items()}
    autodiff.manual_seed(0)
    expected = autodiff.rand(3).tolist()
    autodiff.manual_seed(0)
    draw(model, autodiff.ones(5, 3))
    assert autodiff.rand(3).tolist() == expected
    assert {name: value.tolist() for name, value in model.state_dict().items()} == before
    with pytest.raises(autodiff.errors.ShapeError):
        draw(model, autodiff.ones(5, 2))
    assert current() is PLAIN


def test_inputs_that_do_not_fit_are_refused_with_the_call() -> None:
    """Before anything runs; inputs beside a tensor have nothing to go into."""
    model = nn.Linear(3, 4)
    with pytest.raises(DrawingError, match=r"draw runs Linear on inputs, as in draw\(model, x\).*missing"):
        draw(model)
    with pytest.raises(DrawingError, match=r"not with a shape \(2, 3\); give zeros\(2, 3\)"):
        draw(model, (2, 3))
    x: Tensor = autodiff.ones(2, requires_grad=True)
    with pytest.raises(DrawingError, match="draw takes inputs where it runs a model, not beside "):
        draw(x.sum(), x)


def test_a_run_keeps_no_value_alive() -> None:
    """What the model computed on its way is gone while the rest is computed."""
    gone: list[Any] = []

    def program(x: Any) -> Any:
        y = x.exp()
        reference = weakref.ref(y._array)
        y = y.sin()
        gone.append(reference())
        return y

    draw(program, autodiff.ones(3))
    assert gone == [None]

"""explain, memory, summary and info: graphs and tensors in words, and in numbers that can be checked by hand."""

from __future__ import annotations

import math

import pytest

import autodiff
import nn
from autodiff.errors import GraphError
from autodiff.viz import memory, summary


def test_explain_walks_backwards_with_rules_and_norms() -> None:
    """Each operation comes before what it was made from, with its primitive's formula and the norms on both sides."""
    x = autodiff.tensor([3.0, 4.0], requires_grad=True)
    steps = autodiff.explain((x * x).sum(), {"x": x})
    assert [(step.operation, step.norm) for step in steps] == [("sum", 1.0), ("multiply", math.sqrt(2)), ("x", 10.0)]
    assert [(flow.to, flow.rule, flow.norm) for flow in steps[1].outgoing] == [("x", "g * y", 5.0), ("x", "g * x", 5.0)]
    assert steps[1].source == 'steps = autodiff.explain((x * x).sum(), {"x": x})'
    assert steps[1].place.startswith("tests/test_viz_words.py:") or "test_viz_words.py:" in steps[1].place
    assert "to x goes g * y, of norm 5" in str(steps)
    assert x.grad is None


def test_explain_agrees_with_backward() -> None:
    """What arrives at each parameter is its gradient, and explaining changes nothing and calls no hook."""
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Tanh(), nn.Linear(4, 2))
    loss = nn.functional.cross_entropy(model(autodiff.randn(5, 3)), autodiff.tensor([0, 1, 1, 0, 1]))
    called: list[int] = []
    handle = model[0].weight.register_hook(lambda g: called.append(1))
    arrives = {step.operation: step.norm for step in autodiff.explain(loss)}
    assert not called
    loss.backward()
    for name, parameter in model.named_parameters():
        assert arrives[name] == pytest.approx(float((parameter.grad**2).sum().sqrt()), rel=1e-5, abs=1e-8)
    assert called
    handle.remove()


def test_explain_of_a_freed_graph_says_so() -> None:
    """What backward() freed cannot be explained, unless it can be computed again from what is known."""
    x = autodiff.ones(3, requires_grad=True)
    known, unknown = (x * 2.0).exp().sum(), (x * autodiff.ones(3)).exp().sum()
    before = str(autodiff.explain(known))
    for loss in (known, unknown):
        loss.backward()
    assert str(autodiff.explain(known)) == before
    with pytest.raises(GraphError, match="freed by an earlier backward pass"):
        autodiff.explain(unknown)
    with pytest.raises(GraphError, match=r"not of shape \(3,\)"):
        autodiff.explain(x * 2.0)


def test_values_of_another_time_are_not_explained() -> None:
    """Where an optimizer has changed a leaf since, its new value is not taken for the one that was used."""
    x = autodiff.ones(3, requires_grad=True)
    loss = (x * x).sum()
    loss.backward()
    with autodiff.no_grad():
        x.add_(1.0)
    with pytest.raises(GraphError, match="or changed"):
        autodiff.explain(loss)


def test_memory_lists_each_array_once_with_its_operation_and_line() -> None:
    """Arrays that several operations keep count once, those of leaves not at all; after backward() nothing is left."""
    x = autodiff.ones(100, requires_grad=True)
    y = (x * 2.0).exp()
    loss = (y * y).sum()
    kept = memory(loss)
    assert [(k.operation, k.shape, k.bytes) for k in kept] == [("exp", (100,), 400)]
    assert "test_viz_words.py:" in kept[0].place
    assert kept.total == 400
    assert str(kept).splitlines()[-1] == "400 B in all"
    assert [type(k) for k in autodiff.memory(x * autodiff.ones(100))] == [type(kept[0])]
    loss.backward()
    assert memory(loss).total == 0


def test_a_view_keeps_all_of_its_memory() -> None:
    """A slice that is kept keeps the whole array alive, and is counted so."""
    x = autodiff.ones(10, requires_grad=True)
    assert memory(x * autodiff.ones(1000)[:10]).total == 4000


def test_summary_counts_parameters_once_and_bytes_by_layer() -> None:
    """Shapes, unique parameters and kept bytes by layer; the totals are those of the model and of the graph."""
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Tanh(), nn.Linear(3, 3, bias=False))
    model[2].weight = model[0].weight
    found = summary(model, autodiff.ones(5, 3))
    assert [(layer.path, layer.kind, layer.shape) for layer in found] == [
        ("", "Sequential", (5, 3)), ("0", "Linear", (5, 3)), ("1", "Tanh", (5, 3)), ("2", "Linear", (5, 3)),
    ]  # fmt: skip
    assert [layer.parameters for layer in found] == [9, 9, 0, 0]
    assert [layer.kept for layer in found] == [120, 60, 60, 0]
    assert (found.parameters, found.frozen, found.kept) == (9, 0, 120)
    assert str(found).splitlines()[-1] == "9 parameters (36 B), 90 multiply-adds, 120 B kept for backward"


def test_summary_leaves_the_model_as_it_was() -> None:
    """Running means, random numbers, hooks and gradients are after it what they were before; frozen ones are told."""
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    model[0].requires_grad_(False)
    autodiff.manual_seed(0)
    expected = autodiff.rand(3).tolist()
    autodiff.manual_seed(0)
    before = {name: value.tolist() for name, value in model.state_dict().items()}
    with autodiff.no_grad():
        found = summary(model, autodiff.randn(5, 3, generator=autodiff.Generator().manual_seed(1)))
    assert autodiff.rand(3).tolist() == expected
    assert {name: value.tolist() for name, value in model.state_dict().items()} == before
    assert (found.parameters, found.frozen) == (8, 16)
    assert "8 parameters and 16 frozen (96 B)" in str(found)
    calls: list[int] = []
    model.register_forward_hook(lambda *_: calls.append(1))
    summary(model, autodiff.ones(5, 3))
    model(autodiff.ones(5, 3))
    assert len(calls) == 2


def test_info_tells_range_mean_and_what_is_wrong() -> None:
    """Shape, dtype, range and mean of the finite entries, and the counts of NaN, infinities and zeros."""
    info = autodiff.tensor([[0.0, -1.0], [math.nan, math.inf]], dtype=autodiff.float64).info()
    assert info == ((2, 2), "float64", -1.0, 0.0, -0.5, 1, 1, 1)
    assert str(info) == "float64 (2, 2) in [-1, 0], mean -0.5, 1 of 4 NaN, 1 of 4 infinite, 1 of 4 zero"
    assert str(autodiff.zeros(0).info()) == "float32 (0,)"
    assert autodiff.tensor([True, False]).info()[2:5] == (False, True, 0.5)
    assert autodiff.ones(2, requires_grad=True).exp().info().mean == pytest.approx(math.e)

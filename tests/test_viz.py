"""`viz.draw`: the graph as it was recorded, and the same text for the same program."""

from __future__ import annotations

import json
import time
import weakref
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any

import drawings
import pytest
from drawings import chain, network, texts_of

import autodiff
import nn
from autodiff.errors import AutodiffError, GraphError
from autodiff.viz import DrawingError, draw

LINES = Path(drawings.__file__).read_text(encoding="utf-8").splitlines()


def test_the_same_program_gives_the_same_text() -> None:
    """Running the same program again gives the same text, byte for byte, in every form; ids are numbers from 0."""
    (first, second), forms = (draw(loss, params=named) for loss, named in (network(), network())), []
    for drawing in (first, second):
        forms.append((str(drawing), drawing.table(), drawing.mermaid(), drawing.dot.source, drawing.text("json")))
    assert forms[0] == forms[1]
    ids = [node.id for node in first.nodes if node.kind != "constant"]
    assert ids == [f"n{i}" for i in range(len(ids))]
    order = {node.id: i for i, node in enumerate(first.nodes)}
    assert all(order[edge.source] < order[edge.target] for edge in first.edges)


def test_every_parameter_appears_once_with_path_shape_and_count() -> None:
    """A parameter is one node however often it is used, and its label says path, shape and how many numbers it has."""
    loss, named = network()
    drawing = draw(loss + named["1.weight"].sum(), params=named)
    drawn = {node.name: node.shape for node in drawing.nodes if node.kind in ("parameter", "constant")}
    assert drawn == {name: tensor.shape for name, tensor in named.items()}
    assert max(Counter(node.name for node in drawing.nodes if node.kind != "operation").values()) == 1
    texts = texts_of(drawing.svg())
    assert [texts.count(name) for name in named] == [1] * len(named)
    assert "(3, 4) · 12" in texts


def test_an_operation_shows_name_output_shape_and_the_line_that_made_it() -> None:
    """Each operation has one line of the listing, spelled as a call, and its line of source in the tooltip."""
    loss, named = network()
    drawing = draw(loss, params=named)
    lines = str(drawing).splitlines()
    assert len(lines) == sum(node.kind == "operation" for node in drawing.nodes)
    assert lines[0].startswith("n4 = matmul(images, 0.weight) -> (5, 4)  # ")
    assert lines[-1].endswith(", output")
    for node in drawing.nodes:
        if node.kind == "operation":
            file, _, line = node.place.rpartition(":")
            assert Path(file).name == "drawings.py"
            assert LINES[int(line) - 1].strip() == node.source
            assert node.place in drawing.dot.source
    assert {edge.shape for edge in drawing.edges if edge.source == "n4"} == {(5, 4)}
    assert "(5, 4)" in texts_of(drawing.svg())
    assert "(5, 4)" not in texts_of(draw(loss, show=()).svg())


@pytest.mark.parametrize(
    "spell", [dict, dict.items, lambda named: type("Model", (), {"named_parameters": named.items})()]
)
def test_params_are_a_dict_or_pairs_or_a_module(spell: Any) -> None:
    """A dict, pairs, and whatever has named_parameters() name the same tensors."""
    loss, named = network()
    assert str(draw(loss, params=spell(named))) == str(draw(loss, params=named))


def test_a_tensor_with_two_names_has_one_node_with_both() -> None:
    """Tied parameters are one leaf, and are drawn as one."""
    w = autodiff.ones(2, requires_grad=True)
    drawing = draw((w * w).sum(), params={"encoder": w, "decoder": w})
    assert [node.name for node in drawing.nodes if node.kind == "parameter"] == ["encoder = decoder"]


@pytest.mark.parametrize("engine", ["found", "none"])
def test_names_are_text_and_never_markup(engine: str, request: pytest.FixtureRequest) -> None:
    """A name with signs that DOT, HTML or its escapes could read otherwise comes out as it is."""
    if engine == "none":
        request.getfixturevalue("no_engine")
    w = autodiff.ones(2, requires_grad=True)
    name = 'a<b>&"c"\\n{d}|</script>'
    drawing = draw(w.sum(), params={name: w})
    bundle = drawing._repr_mimebundle_()  # without the hint
    assert name in texts_of(bundle["image/svg+xml"])
    assert name not in drawing.mermaid()
    assert drawing.text("html").count("</script>") == 1


def test_tooltips_are_text_as_well() -> None:
    """What a tooltip says comes out as it is, with the signs that would mean something between DOT's quotes."""
    layer, name = nn.Linear(2, 2, bias=False), 'a"b\\n\\"<c>'
    model = nn.Sequential(layer)
    svg = draw(model(autodiff.ones(1, 2)).sum(), params={name: layer.weight}).svg()
    tooltips = [value for e in ET.fromstring(svg).iter() for key, value in e.items() if key.endswith("title")]
    assert any(name in tooltip for tooltip in tooltips)


def test_constants_are_drawn_where_they_are_asked_for() -> None:
    """An array that nobody wants a gradient for is left out unless it has a name or show has "constants"."""
    x = autodiff.ones(2, requires_grad=True)
    data = autodiff.ones(2)
    loss = (x * data).sum()
    assert [node.kind for node in draw(loss).nodes] == ["leaf", "operation", "operation"]
    assert [node.kind for node in draw(loss, show="constants").nodes] == ["leaf", "constant", "operation", "operation"]
    assert [node.name for node in draw(loss, params={"data": data}).nodes if node.kind == "constant"] == ["data"]


def test_a_scalar_expression_shows_data_and_gradient_in_every_node() -> None:
    """The classroom's picture: numbers by hand, before backward() and after it, when the graph has been freed."""
    a, b = autodiff.tensor(2.0, requires_grad=True), autodiff.tensor(-3.0, requires_grad=True)
    loss = ((a * b + 10.0) * -2.0) ** 2
    expected = {"a": ("2.0000", -96.0), "b": ("-3.0000", 64.0), "multiply": ("-6.0000", 32.0)}
    expected |= {"add": ("4.0000", 32.0), "power": ("64.0000", 1.0)}

    def shown() -> dict[str, tuple[str, float]]:
        nodes = draw(loss, params={"a": a, "b": b}, show=("value", "grad")).nodes
        second = [node for node in nodes if node.operands == ("n3", "-2")]
        assert [(node.value, float(node.gradient.text)) for node in second if node.gradient] == [("-8.0000", -16.0)]
        return {n.name: (n.value, float(n.gradient.text)) for n in nodes if n.gradient and n not in second}

    assert shown() == expected
    assert a.grad is None
    loss.backward()
    assert shown() == expected
    assert "power(·, 2)" in texts_of(draw(loss, show=("value", "grad")).svg())


def test_gradients_stand_out_where_something_is_wrong_with_them() -> None:
    """After backward() a leaf shows the norm of its gradient; zero, NaN, inf and vanishing are said and coloured."""
    leaves = {name: autodiff.ones(2, requires_grad=True) for name in ("fine", "zero", "NaN", "inf", "vanishing")}
    factors = [(3.0, 4.0), (0.0, 0.0), (1.0, float("nan")), (1.0, float("inf")), (1e-6, 0.0)]
    loss = sum((x * autodiff.tensor(f) for x, f in zip(leaves.values(), factors, strict=True)), autodiff.zeros(2)).sum()
    assert all(node.gradient is None for node in draw(loss, params=leaves).nodes)
    loss.backward()
    drawing = draw(loss, params=leaves)
    found = {node.name: node.gradient for node in drawing.nodes if node.gradient is not None}
    assert {name: gradient.state for name, gradient in found.items()} == {name: name for name in found} | {"fine": ""}
    assert found["fine"].norm == 5.0
    for text in ("|grad| 5", "|grad| 0", "|grad| NaN", "|grad| inf", "|grad| 1e-06 vanishing"):
        assert text in texts_of(drawing.svg())
    assert len({line.split(":::")[1] for line in drawing.mermaid().splitlines() if "grad" in line}) == 4
    json.loads(drawing.text("json"))


def test_a_shared_value_is_one_node() -> None:
    """y = y * y eighteen times is a graph of nineteen nodes, not of 2**18 paths."""
    x = y = autodiff.tensor(1.0, requires_grad=True)
    for _ in range(18):
        y = y * y
    drawing = draw(y, params={"x": x})
    assert len(drawing.nodes) == 19
    assert len(drawing.edges) == 36


def test_several_outputs_are_all_marked() -> None:
    """A list of outputs gives one drawing of everything behind any of them."""
    x = autodiff.ones(2, requires_grad=True)
    y = x * 2.0
    drawing = draw([y.sum(), y.exp(), y])
    assert sorted(node.name for node in drawing.nodes if node.is_output) == ["exp", "multiply", "sum"]
    assert str(drawing).count(", output") == 3
    assert drawing.svg().count(">output</text>") == 3


def test_a_double_backward_graph_is_drawn_as_any_other() -> None:
    """A gradient made with create_graph=True leads back to the same leaves, through the derivative's own operations."""
    x = autodiff.tensor(2.0, requires_grad=True)
    (slope,) = autodiff.grad(x.sin(), x, create_graph=True)
    drawing = draw(slope, params={"x": x}, show=("value", "grad"))
    assert [node.name for node in drawing.nodes] == ["x", "cos", "multiply"]
    assert [node.gradient.text for node in drawing.nodes if node.gradient] == ["-0.9093", "1.0000", "1.0000"]


def test_a_graph_that_was_freed_can_still_be_drawn() -> None:
    """After backward() the edges are still there, though the arrays are not."""
    loss, named = network()
    del named["images"]
    before = draw(loss, params=named)
    loss.backward()
    after = draw(loss, params=named)
    assert [(node.id, node.name) for node in after.nodes] == [(node.id, node.name) for node in before.nodes]
    assert after.edges == before.edges
    assert after.kept == 0 < before.kept


def test_a_drawing_keeps_no_tensor_alive() -> None:
    """Where the drawing is kept, the graph it was made of is still freed."""
    loss, named = network()
    drawing = draw(loss, params=named, show=("value", "grad"))
    finalized: list[str] = []
    weakref.finalize(named["0.weight"], finalized.append, "freed")
    del loss, named
    assert finalized == ["freed"]
    assert drawing.svg()


def test_a_large_graph_says_what_was_left_out() -> None:
    """Beyond max_nodes the beginning and the end are drawn, connected through one box that counts the rest."""
    drawing = draw(chain(10_000), max_nodes=20)
    assert len(drawing.nodes) == 21
    assert [node.id for node in drawing.nodes[9:12]] == ["n9", "cut", "n9991"]
    assert drawing.nodes[10].name == "9,981 of 10,001 nodes left out (max_nodes=20)"
    assert [(edge.source, edge.target) for edge in drawing.edges if "cut" in edge] == [("n9", "cut"), ("cut", "n9991")]
    for text in (str(drawing), drawing.svg(), drawing.mermaid(), drawing.table(), drawing.text("json")):
        assert "9,981 of 10,001 nodes left out" in text
    assert "cut" not in {node.id for node in draw(chain(19), max_nodes=20).nodes}


@pytest.mark.parametrize("max_nodes", [1, 2, 3])
def test_what_is_left_out_makes_no_cycle(max_nodes: int) -> None:
    """Every arrow goes from an earlier box to a later one; an output that is left out is counted."""
    x = autodiff.ones(2, requires_grad=True)
    y = x * 2.0
    drawing = draw([y, ((y + x) * y).sum()], max_nodes=max_nodes)
    order = {node.id: i for i, node in enumerate(drawing.nodes)}
    assert all(order[edge.source] < order[edge.target] for edge in drawing.edges)
    assert len(set(drawing.edges)) == len(drawing.edges)
    hidden = 1 - any(node.name == "multiply" and node.is_output for node in drawing.nodes)
    assert sum("1 of the outputs" in node.name for node in drawing.nodes) == hidden


def test_drawing_is_linear() -> None:
    """Four times the nodes take about four times as long, far from sixteen times, even where all are drawn."""

    def seconds(length: int) -> float:
        end, best = chain(length), float("inf")
        for _ in range(3):
            start = time.process_time()
            str(draw(end, max_nodes=10**9))
            best = min(best, time.process_time() - start)
        return best

    assert seconds(20_000) < 9 * seconds(5_000)


def test_wrong_arguments_are_named() -> None:
    """Each mistake is an error of this library that says what was given and what is expected."""
    x = autodiff.ones(2, requires_grad=True)
    wrong = [
        (lambda: draw(autodiff.ones(2)), GraphError, "nothing was recorded"),
        (lambda: draw([3.0]), DrawingError, "an output is a float"),  # type: ignore[list-item]
        (lambda: draw(x, direction="up"), DrawingError, "expected one of TB, LR, BT, RL"),
        (lambda: draw(x, max_nodes=0), DrawingError, "expected at least 1"),
        (lambda: draw(x, depth=-1), DrawingError, "expected a number from 0 on"),
        (lambda: draw(x, show=("shapes",)), DrawingError, "'shapes' is not one of shape, value, grad"),
        (lambda: draw(x, params={"x": 1.0}), DrawingError, "'x' as a float"),
        (lambda: draw(x).save("graph.gif"), DrawingError, r"\.svg, \.png, \.pdf, \.dot, \.mmd"),
    ]
    for call, kind, message in wrong:
        with pytest.raises(kind, match=message):
            call()
    assert issubclass(DrawingError, AutodiffError)

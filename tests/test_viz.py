"""`viz.draw`: the graph as it was recorded, the same text for the same program, pictures where an engine is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest

import autodiff
from autodiff import Tensor, viz
from autodiff.errors import AutodiffError, GraphError
from autodiff.viz import Drawing, DrawingError, draw


def network() -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of two dense layers on ones, and its parameters and input by name."""
    shapes = {"0.weight": (3, 4), "0.bias": (4,), "1.weight": (4, 2), "1.bias": (2,)}
    named = {name: autodiff.ones(shape, requires_grad=True) for name, shape in shapes.items()}
    named["images"] = autodiff.ones(5, 3)
    hidden = (named["images"] @ named["0.weight"] + named["0.bias"]).tanh()
    return (hidden @ named["1.weight"] + named["1.bias"]).exp().sum(), named


def test_nodes_come_in_the_order_of_creation_with_stable_ids() -> None:
    """Running the same program again gives the same text, byte for byte, in every form; ids are numbers from 0."""
    first, second = (draw(loss, params=named) for loss, named in (network(), network()))
    assert str(first) == str(second)
    assert first.dot.source == second.dot.source
    ids = [node.id for node in first.nodes if node.kind != "data"]
    assert ids == [f"n{i}" for i in range(len(ids))]
    order = {node.id: i for i, node in enumerate(first.nodes)}
    assert all(order[edge.source] < order[edge.target] for edge in first.edges)


def test_every_parameter_appears_once_with_path_shape_and_count() -> None:
    """A parameter is one node however often it is used, and its label says path, shape and how many numbers it has."""
    loss, named = network()
    drawing = draw(loss + named["1.weight"].sum(), params=named)
    drawn = {node.name: node.shape for node in drawing.nodes if node.kind in ("parameter", "data")}
    assert drawn == {name: tensor.shape for name, tensor in named.items()}
    assert max(Counter(node.name for node in drawing.nodes if node.kind != "operation").values()) == 1
    source = drawing.dot.source
    assert "0.weight" in source
    assert "(3, 4) · 12" in source


def test_an_operation_shows_name_output_shape_and_the_line_that_made_it() -> None:
    """Each operation has one line of the listing, spelled as a call, and its place as the tooltip of its box."""
    loss, named = network()
    drawing = draw(loss, params=named)
    lines = str(drawing).splitlines()
    assert len(lines) == sum(node.kind == "operation" for node in drawing.nodes)
    assert lines[0].startswith("n4 = matmul(images, 0.weight) -> (5, 4)  # ")
    assert lines[-1].endswith(", output")
    for node in drawing.nodes:
        if node.kind == "operation":
            file, _, line = node.place.rpartition(":")
            assert Path(file).name == "test_viz.py"
            assert line.isdigit()
            assert node.place in drawing.dot.source
    assert {edge.shape for edge in drawing.edges if edge.source == "n4"} == {(5, 4)}


@pytest.mark.parametrize(
    "spell", [dict, dict.items, lambda named: type("Model", (), {"named_parameters": named.items})()]
)
def test_params_are_a_dict_or_pairs_or_a_module(spell: object) -> None:
    """A dict, pairs, and whatever has named_parameters() name the same tensors."""
    loss, named = network()
    assert str(draw(loss, params=spell(named))) == str(draw(loss, params=named))  # type: ignore[operator]


def test_a_tensor_with_two_names_has_one_node_with_both() -> None:
    """Tied parameters are one leaf, and are drawn as one."""
    w = autodiff.ones(2, requires_grad=True)
    drawing = draw((w * w).sum(), params={"encoder": w, "decoder": w})
    assert [node.name for node in drawing.nodes if node.kind == "parameter"] == ["encoder = decoder"]


def test_names_are_text_and_never_markup() -> None:
    """A name with signs that DOT, HTML or its escapes could read otherwise comes out as it is."""
    w = autodiff.ones(2, requires_grad=True)
    name = 'a<b>&"c"\\n{d}|'
    root = ET.fromstring(draw(w.sum(), params={name: w}).svg())
    assert name in ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]


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
    assert drawing.dot.source.count("· output") == 3


def test_a_double_backward_graph_is_drawn_as_any_other() -> None:
    """A gradient made with create_graph=True leads back to the same leaves, through the rows of the derivative."""
    x = autodiff.tensor(2.0, requires_grad=True)
    (slope,) = autodiff.grad(x.sin(), x, create_graph=True)
    assert [node.name for node in draw(slope, params={"x": x}).nodes if node.kind != "data"] == ["x", "cos", "multiply"]


def test_a_graph_that_was_freed_can_still_be_drawn() -> None:
    """After backward() the edges are still there, though the arrays are not."""
    loss, named = network()
    before = [node for node in draw(loss, params=named).nodes if node.kind != "data"]
    loss.backward()
    assert draw(loss, params=named).nodes == before


def test_a_drawing_keeps_no_tensor_alive() -> None:
    """Where the drawing is kept, the graph it was made of is still freed."""
    loss, named = network()
    drawing = draw(loss, params=named)
    finalized: list[str] = []
    import weakref

    weakref.finalize(named["0.weight"], finalized.append, "freed")
    del loss, named
    assert finalized == ["freed"]
    assert drawing.svg()


def chain(length: int) -> Tensor:
    x = autodiff.ones(2, requires_grad=True)
    for _ in range(length):
        x = x * 1.0
    return x


def test_a_large_graph_says_what_was_left_out() -> None:
    """Beyond max_nodes the beginning and the end are drawn, connected through one box that counts the rest."""
    drawing = draw(chain(10_000), max_nodes=20)
    assert len(drawing.nodes) == 21
    assert [node.id for node in drawing.nodes[9:12]] == ["n9", "cut", "n9991"]
    assert drawing.nodes[10].name == "9,981 of 10,001 nodes left out (max_nodes=20)"
    assert [(edge.source, edge.target) for edge in drawing.edges if "cut" in edge] == [("n9", "cut"), ("cut", "n9991")]
    assert "9,981 of 10,001 nodes left out" in str(drawing)
    assert "9,981 of 10,001 nodes left out" in drawing.svg()
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
            start = time.perf_counter()
            str(draw(end, max_nodes=10**9))
            best = min(best, time.perf_counter() - start)
        return best

    assert seconds(40_000) < 9 * seconds(10_000)


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *arguments, **options: None)


@pytest.mark.usefixtures("no_engine")
def test_without_an_engine_text_works_and_a_picture_says_what_to_install(tmp_path: Path) -> None:
    """str, DOT, .dot and .txt need no engine; .svg raises one named error with the repair, and writes nothing."""
    loss, named = network()
    drawing = draw(loss, params=named)
    drawing.save(tmp_path / "a.dot")
    drawing.save(tmp_path / "a.txt")
    assert (tmp_path / "a.dot").read_text(encoding="utf-8") == drawing.dot.source
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == f"{drawing}\n"
    for write in (drawing.svg, lambda: drawing.save(tmp_path / "a.svg")):
        with pytest.raises(DrawingError, match="pip install graphviz-pure"):
            write()
    with pytest.raises(DrawingError, match=r"install Graphviz, or save as \.svg"):
        drawing.save(tmp_path / "a.pdf")
    assert sorted(os.listdir(tmp_path)) == ["a.dot", "a.txt"]
    assert set(drawing._repr_mimebundle_()) == {"text/plain"}


def test_without_the_graphviz_package_the_listing_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one package that drawing needs is asked for by name, and only when DOT is wanted."""
    monkeypatch.setitem(sys.modules, "graphviz", None)
    drawing = draw(chain(1))
    assert "multiply" in str(drawing)
    with pytest.raises(DrawingError, match="pip install graphviz"):
        drawing.svg()


def test_a_picture_is_written_whole_by_its_suffix(tmp_path: Path) -> None:
    """.svg and .png are what they say they are, and show every node; nothing else is left in the folder."""
    loss, named = network()
    drawing = draw(loss, params=named, direction="LR")
    drawing.save(tmp_path / "graph.svg")
    drawing.save(tmp_path / "graph.PNG")
    root = ET.parse(tmp_path / "graph.svg").getroot()
    groups = [group for group in root.iter("{http://www.w3.org/2000/svg}g") if group.get("class") == "node"]
    assert len(groups) == len(drawing.nodes)
    assert (tmp_path / "graph.PNG").read_bytes().startswith(b"\x89PNG")
    assert sorted(os.listdir(tmp_path)) == ["graph.PNG", "graph.svg"]
    assert drawing._repr_mimebundle_()["image/svg+xml"] == drawing.svg()


def test_an_engine_that_fails_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the engine complains of reaches the user, and no empty picture is written."""
    monkeypatch.setattr(Drawing, "dot", type("Broken", (), {"source": "digraph {"})())
    with pytest.raises(DrawingError, match="failed to draw svg: "):
        draw(chain(1)).save(tmp_path / "a.svg")
    assert not os.listdir(tmp_path)


def test_saving_fails_with_the_name_that_was_given(tmp_path: Path) -> None:
    """The error of an unwritable place names that place, not a temporary file."""
    with pytest.raises(FileNotFoundError, match=r"missing.a\.txt"):
        draw(chain(1)).save(tmp_path / "missing" / "a.txt")


def test_wrong_arguments_are_named() -> None:
    """Each mistake is an error of this library that says what was given and what is expected."""
    x = autodiff.ones(2, requires_grad=True)
    wrong = [
        (lambda: draw(autodiff.ones(2)), GraphError, "nothing was recorded"),
        (lambda: draw([3.0]), DrawingError, "an output is a float"),  # type: ignore[list-item]
        (lambda: draw(x, direction="up"), DrawingError, "expected one of TB, LR, BT, RL"),
        (lambda: draw(x, max_nodes=0), DrawingError, "expected at least 1"),
        (lambda: draw(x, params={"x": 1.0}), DrawingError, "'x' as a float"),
        (lambda: draw(x).save("graph.gif"), DrawingError, r"\.svg, \.png, \.pdf, \.dot, \.txt"),
    ]
    for call, kind, message in wrong:
        with pytest.raises(kind, match=message):
            call()
    assert issubclass(DrawingError, AutodiffError)


def test_graphviz_waits_until_dot_is_asked_for() -> None:
    """Importing the module and listing a graph load nothing but the library and NumPy."""
    code = (
        "import sys, autodiff; from autodiff.viz import draw; x = autodiff.ones(2, requires_grad=True);"
        "str(draw(x.sum())); print('graphviz' in sys.modules)"
    )
    root = Path(viz.__file__).parent.parent
    printed = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout
    assert printed == "False\n"

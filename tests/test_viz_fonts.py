"""Texts stay in their boxes whatever font a picture is shown in."""

from __future__ import annotations

import re
import string
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from drawings import SVG

import autodiff
import nn
from autodiff.viz import draw
from autodiff.viz.fonts import OTHERS, width
from examples import graphs

CHARACTERS = string.printable[:95] + "".join(OTHERS)
Measure = Callable[[str, float, bool], float]


def measure_of(regular: str | Path, bold: str | Path) -> Measure:
    """How wide a text is in a font, in the unit of its size."""
    fonts = pytest.importorskip("fontTools.ttLib", reason="fontTools, which comes with matplotlib, reads the fonts")
    tables: list[dict[str, float]] = []
    for path in (regular, bold):
        font = fonts.TTFont(str(path))
        names, widths, unit = font.getBestCmap(), font["hmtx"], font["head"].unitsPerEm
        tables.append({c: widths[names[ord(c)]][0] / unit for c in CHARACTERS if ord(c) in names})
    return lambda text, size, is_bold: size * sum(tables[is_bold].get(c, 0.6) for c in text)


def dejavu() -> Measure:
    """The font that matplotlib brings along."""
    matplotlib = pytest.importorskip("matplotlib", reason="it brings the font DejaVu Sans along")
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return measure_of(folder / "DejaVuSans.ttf", folder / "DejaVuSans-Bold.ttf")


def liberation() -> Measure:
    """The font that stands in for Arial and Helvetica on most Linux machines."""
    folder = Path("/usr/share/fonts/truetype/liberation")
    if not folder.is_dir():
        pytest.skip("the fonts Liberation are not installed (Debian: fonts-liberation)")
    return measure_of(folder / "LiberationSans-Regular.ttf", folder / "LiberationSans-Bold.ttf")


FONTS = {"DejaVu": dejavu, "Liberation": liberation}
PICTURES = [name for name in graphs.GRAPHS if name.endswith(".svg")]


class Text(NamedTuple):
    left: float
    right: float
    y: float
    size: float
    text: str


def texts_in(group: Any, measure: Measure) -> Iterator[Text]:
    for text in group.iter(f"{SVG}text"):
        words, size = "".join(text.itertext()), float(text.attrib["font-size"])
        wide = measure(words.strip(), size, text.get("font-weight") == "bold")
        x, y, anchor = float(text.attrib["x"]), float(text.attrib["y"]), text.get("text-anchor", "middle")
        left = x if anchor == "start" else x - wide / 2
        yield Text(left, left + wide, y, size, words)


def box_of(group: Any) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of the first shape."""
    for shape in group.iter():
        if shape.tag == f"{SVG}rect":
            x, y, w, h = (float(shape.attrib[key]) for key in ("x", "y", "width", "height"))
            return x, x + w, y, y + h
        points = shape.get("points") or shape.get("d")
        if points:
            numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", points)]
            return min(numbers[::2]), max(numbers[::2]), min(numbers[1::2]), max(numbers[1::2])
    raise AssertionError("a group without a shape")


def groups(svg: str, kind: str) -> list[Any]:
    return [group for group in ET.fromstring(svg).iter(f"{SVG}g") if group.get("class") == kind]


@pytest.fixture(params=["found", "none"])
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "none":
        request.getfixturevalue("no_engine")
    return str(request.param)


@pytest.mark.parametrize("font", FONTS)
def test_no_character_is_wider_than_the_table_says(font: str) -> None:
    """The table of widths holds for each character, regular and bold."""
    measure = FONTS[font]()
    for bold in (False, True):
        wide = {c: measure(c, 100, bold) for c in CHARACTERS}
        assert not {c: w for c, w in wide.items() if w > width(c, 100, bold) + 1e-6}


@pytest.mark.filterwarnings("ignore::autodiff.viz.DrawingWarning")
@pytest.mark.parametrize("font", FONTS)
@pytest.mark.parametrize("name", PICTURES)
def test_every_text_of_the_docs_stays_in_its_box(name: str, font: str, engine: str) -> None:
    """Names, parameters and counts inside boxes, titles inside modules, and no line touches the one below."""
    measure, svg = FONTS[font](), graphs.GRAPHS[name]().svg()
    assert groups(svg, "node")
    for kind in ("node", "cluster"):
        for group in groups(svg, kind):
            left, right, top, bottom = box_of(group)
            found = list(texts_in(group, measure))
            for text in found:
                assert left <= text.left, text
                assert text.right <= right, text
                assert top < text.y - 0.76 * text.size, text
                assert text.y + 0.24 * text.size < bottom, text
            for above, below in pairwise(found):
                assert above.y + 0.2 * above.size <= below.y - 0.7 * below.size, (above, below)
            middles = [(text.left + text.right) / 2 for text in found]
            assert kind == "cluster" or max(middles) - min(middles) < 1


@pytest.mark.filterwarnings("ignore::autodiff.viz.DrawingWarning")
@pytest.mark.parametrize("font", FONTS)
@pytest.mark.parametrize("name", PICTURES)
def test_what_arrows_carry_keeps_off_boxes(name: str, font: str, engine: str) -> None:
    """The text of an arrow lies over no box."""
    measure, svg = FONTS[font](), graphs.GRAPHS[name]().svg()
    boxes = [box_of(group) for group in groups(svg, "node")]
    texts = [text for group in groups(svg, "edge") for text in texts_in(group, measure)]
    if engine == "none":
        texts = [text for text in texts_in(ET.fromstring(svg), measure) if text.size == 9]
    for text in texts:
        for left, right, top, bottom in boxes:
            apart = text.right < left or text.left > right or text.y < top or text.y - 0.7 * text.size > bottom
            assert apart, (text, (left, right, top, bottom))


def test_the_text_of_an_arrow_lies_over_no_arrow() -> None:
    """Where an engine draws, no curve passes through the text of its own arrow."""
    measure = dejavu()
    for name in PICTURES:
        for group in groups(graphs.GRAPHS[name]().svg(), "edge"):
            for text in texts_in(group, measure):
                for x, y in curve_of(group):
                    assert not (text.left < x < text.right and text.y - 0.6 * text.size < y < text.y), (name, text)


def curve_of(group: Any) -> Iterator[tuple[float, float]]:
    """Points along the curve of an arrow."""
    path = next(shape.attrib["d"] for shape in group.iter(f"{SVG}path"))
    numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", path)]
    points = list(zip(numbers[::2], numbers[1::2], strict=True))
    for i in range(0, len(points) - 3, 3):
        for step in range(21):
            t = step / 20
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            xs, ys = zip(*points[i : i + 4], strict=True)
            x, y = (sum(w * c for w, c in zip(weights, each, strict=True)) for each in (xs, ys))
            yield x, y


@pytest.mark.usefixtures("no_engine")
@pytest.mark.filterwarnings("ignore::autodiff.viz.DrawingWarning")
def test_arrows_of_a_plain_picture_pass_beside_boxes() -> None:
    """What skips a row has a lane of its own in it: no vertical part of an arrow runs through a box."""
    svg = graphs.block().svg()
    boxes = [box_of(group) for group in groups(svg, "node")]
    for group in groups(svg, "edge"):
        path = next(shape.attrib["d"] for shape in group.iter(f"{SVG}path"))
        ends = [tuple(map(float, pair.split(","))) for pair in re.findall(r"L(-?[\d.]+,-?[\d.]+)", path)]
        for x, y in ends[1:]:  # the first leaves its box
            assert not any(left < x < right and top < y - 1 < bottom for left, right, top, bottom in boxes), path


def test_names_of_wide_letters_fit_too() -> None:
    """A module's name may be long, or of other letters."""
    model = nn.Sequential()
    model.add_module("MMMMMMMMMMMMMMMMMMMMWWWWWWWWWWWW", nn.Linear(2, 2))
    model.add_module("層", nn.Linear(2, 2))
    svg = draw(model, autodiff.ones(1, 2)).svg()
    for group in groups(svg, "node"):
        left, right, _, _ = box_of(group)
        assert all(left <= text.left and text.right <= right for text in texts_in(group, dejavu()))

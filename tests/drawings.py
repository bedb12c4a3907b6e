"""What the tests of drawings share: graphs to draw, and what stands in an SVG."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import autodiff
from autodiff import Tensor

SVG = "{http://www.w3.org/2000/svg}"


def network() -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of two dense layers on ones, and its parameters and input by name."""
    shapes = {"0.weight": (3, 4), "0.bias": (4,), "1.weight": (4, 2), "1.bias": (2,)}
    named = {name: autodiff.ones(shape, requires_grad=True) for name, shape in shapes.items()}
    named["images"] = autodiff.ones(5, 3)
    hidden = (named["images"] @ named["0.weight"] + named["0.bias"]).tanh()
    return (hidden @ named["1.weight"] + named["1.bias"]).exp().sum(), named


def chain(length: int) -> Tensor:
    """So many multiplications by 1, one after another."""
    x = autodiff.ones(2, requires_grad=True)
    for _ in range(length):
        x = x * 1.0
    return x


def texts_of(svg: str) -> list[str]:
    """What is written in the picture."""
    return ["".join(text.itertext()).strip() for text in ET.fromstring(svg).iter(f"{SVG}text")]


def ids_of(svg: str) -> list[str]:
    """The ids of all elements, which must differ."""
    return [element.attrib["id"] for element in ET.fromstring(svg).iter() if "id" in element.attrib]

"""A program: a few lines of Python over named tensors, and the variables of which gradients are asked.

    a = lib.tensor([[1.0, -2.0]], dtype=lib.float64).t().requires_grad_()
    b = a.exp()
    with lib.no_grad(): b[0].mul_(2.0)
    gradients([b], order=1)

``lib`` is this library or PyTorch. The text runs with either (:mod:`benchmarks.fuzzing.run`).
"""

from __future__ import annotations

import ast
import math
import re
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
FLOATS = ("float16", "float32", "float64")


class Line(NamedTuple):
    """A statement."""

    text: str

    def __str__(self) -> str:
        return self.text


class Leaf(NamedTuple):
    """A tensor of given numbers: ``array`` in memory, ``layout`` what is made of it (".t()"), ``grad`` if tracked."""

    name: str
    array: Array
    dtype: str
    layout: str = ""
    grad: bool = False

    @property
    def text(self) -> str:
        """The statement that makes it."""
        made = f"lib.zeros({tuple(self.array.shape)}, dtype=lib.{self.dtype}"
        if self.array.size:
            made = f"lib.tensor({_literal(self.array)}, dtype=lib.{self.dtype}"
        if self.layout:
            return f"{self.name} = {made}){self.layout}{'.detach().requires_grad_()' if self.grad else ''}"
        return f"{self.name} = {made}{', requires_grad=True' if self.grad else ''})"

    def __str__(self) -> str:
        return self.text


def _literal(array: Array) -> str:
    return str(array.tolist())  # nan and inf are names of the program


class Program(NamedTuple):
    """Lines, and the names whose gradients of first and second order are asked with respect to all leaves."""

    lines: tuple[Line | Leaf, ...]
    outputs: tuple[str, ...]
    order: int

    def __str__(self) -> str:
        asked = [f"gradients([{', '.join(self.outputs)}], order={self.order})"] if self.order else []
        return "\n".join([*(line.text for line in self.lines), *asked])

    @property
    def leaves(self) -> list[Leaf]:
        """The lines that are tensors of given numbers."""
        return [line for line in self.lines if isinstance(line, Leaf)]

    def in_double(self) -> Program:
        """The program with float64 in the place of the other two."""
        lines: list[Line | Leaf] = []
        for line in self.lines:
            if isinstance(line, Leaf):
                lines.append(line._replace(dtype="float64") if line.dtype in FLOATS else line)
            else:
                text = re.sub(r"lib\.float(16|32)\b", "lib.float64", line.text)
                text = re.sub(r"lib\.(Float|Half)Tensor\b", "lib.DoubleTensor", text)
                lines.append(Line(re.sub(r"\.(float|half)\(\)", ".double()", text)))
        return self._replace(lines=tuple(lines))

    def finite(self) -> Program:
        """The program with ordinary numbers in the place of those that are not finite or very large."""
        lines = [
            line._replace(array=np.where(np.abs(line.array) < 1e10, line.array, 0.7))
            if isinstance(line, Leaf) and line.dtype in FLOATS else line for line in self.lines
        ]  # fmt: skip
        return self._replace(lines=tuple(lines))

    def nudged(self, amount: float, seed: int = 0) -> Program:
        """The program at leaves a little aside.

        Equal numbers stay equal, and multiples of 1/2 stay what they are, so that no tie and no kink is left.
        """
        return self._replace(lines=tuple(_nudge(line, amount, seed) for line in self.lines))

    def moved(self) -> Program:
        """The program at leaves a little aside, no two entries by the same amount: without ties, and off every kink."""
        return self._replace(lines=tuple(_moved(line, k) for k, line in enumerate(self.lines)))

    def has_leaf(self, name: str) -> bool:
        """Whether a line makes a leaf of this name, or a layer that has it as a parameter."""
        return "." in name or any(
            line.name == name if isinstance(line, Leaf)
            else "requires_grad_()" in line.text and re.match(rf"{name}( = |\.requires)", line.text)
            for line in self.lines
        )


def _moved(line: Line | Leaf, k: int) -> Line | Leaf:
    if not isinstance(line, Leaf) or line.dtype not in FLOATS:
        return line
    if (stretched := re.fullmatch(r"\.expand\((.*)\)", line.layout)) is not None:
        shape = [int(n) for n in stretched[1].split(",") if n.strip()]
        line = line._replace(array=np.broadcast_to(line.array, shape), layout="")
    by = 1e-3 * np.cos(np.arange(line.array.size) + 3.0 * k)
    return line._replace(array=line.array + by.reshape(line.array.shape))


def _nudge(line: Line | Leaf, amount: float, seed: int) -> Line | Leaf:
    if not isinstance(line, Leaf) or line.dtype not in FLOATS:
        return line
    flat = [x if not math.isfinite(x) or x * 2 == round(x * 2) or abs(x) > 1e15
            else x * (1 + amount * math.cos(x * 1e3 + seed)) for x in line.array.reshape(-1).tolist()]
    return line._replace(array=np.array(flat, line.array.dtype).reshape(line.array.shape))


def parsed(source: str) -> Program:
    """The program of a text; comments and a docstring aside."""
    lines: list[Line | Leaf] = []
    outputs: tuple[str, ...] = ()
    order = 0
    for node in ast.parse(source).body:
        match node:
            case ast.Expr(ast.Constant()):
                continue
            case ast.Expr(ast.Call(func=ast.Name("gradients"), args=[ast.List(names)], keywords=[given])):
                outputs = tuple(ast.unparse(name) for name in names)
                order = ast.literal_eval(given.value)
            case ast.With():
                head, body = ast.unparse(node.items[0]), "; ".join(ast.unparse(part) for part in node.body)
                lines.append(Line(f"with {head}: {body}"))
            case _:
                lines.append(_leaf(node) or Line(ast.unparse(node)))
    return Program(tuple(lines), outputs, order)


def _leaf(node: ast.stmt) -> Leaf | None:
    """The leaf that a statement makes, if it is one: it can be run at other numbers."""
    text = ast.unparse(node)
    found = re.fullmatch(r"(\w+) = lib\.(tensor|zeros)\(([^=]*), dtype=lib\.(\w+)(, requires_grad=True)?\)(.*)", text)
    if not found:
        return None
    name, maker, numbers, dtype, tracked, layout = found.groups()
    value = eval(numbers, {"nan": math.nan, "inf": math.inf})
    array = np.zeros(value) if maker == "zeros" else np.array(value)
    plain = layout.removesuffix(".detach().requires_grad_()")
    leaf = Leaf(name, array, dtype, plain, bool(tracked) or layout != plain)
    return leaf if leaf.text == text else None

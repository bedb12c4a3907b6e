"""Draws programs: each line fits the values that this library gave for the lines before it.

So a program is drawn and run at once. ``draw(seed, k)`` is the k-th program of a seed, whatever else is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.fuzzing import lines
from benchmarks.fuzzing.lines import pick
from benchmarks.fuzzing.program import FLOATS, Leaf, Line, Program
from benchmarks.fuzzing.run import OURS, Outcome, Run, is_tensor
from benchmarks.fuzzing.templates import Template, templates

Array = np.ndarray[Any, Any]
SHAPES = [(2, 3), (3,), (), (2, 3, 4), (3, 3), (1, 3), (2, 1, 3), (4,), (1, 2, 4, 4), (2, 2), (0, 3), (2, 0), (1,),
          (3, 2, 2)]  # fmt: skip
HARD = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0]
EXTREME = [1e20, -1e20, 1e-20, float("inf"), float("-inf"), float("nan")]
MOST_ENTRIES, MOST_LINES = 400, 14


def draw(seed: int, k: int) -> tuple[Program, Outcome]:
    """The k-th program of a seed, and what it comes to with this library."""
    return Drawing(np.random.default_rng([seed, k])).made()


class Drawing:
    """A program under way."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.run = Run(OURS)
        self.lines: list[Line | Leaf] = []
        self.dtype = str(rng.choice(["float64", "float32", "float16"], p=[0.5, 0.45, 0.05]))
        self.hard, self.extreme = rng.random() < 0.25, rng.random() < 0.04
        self.order = int(rng.choice([1, 2], p=[0.6, 0.4]))
        self.count = 0

    def made(self) -> tuple[Program, Outcome]:
        """The program, and what it comes to."""
        rng = self.rng
        self.leaf(pick(rng, SHAPES), grad=True)
        kinds: list[Callable[[], Any]] = [self.call, self.view, self.write, self.pair, self.cut, self.layer]
        for _ in range(int(rng.integers(2, 8))):
            kinds[int(rng.choice(len(kinds), p=[0.5, 0.13, 0.15, 0.12, 0.06, 0.04]))]()
            if len(self.lines) >= MOST_LINES:
                break
        program = self.program()
        return program, self.run.finish(program)

    def program(self) -> Program:
        """The lines, with up to three of the variables that are tracked as outputs, the last one among them."""
        tracked = [n for n, x in self.run.variables.items() if x.requires_grad and not x.is_leaf]
        some = [n for n in tracked[:-1] if self.rng.random() < 0.5]
        outputs = tuple(some[-3:] + tracked[-1:])
        return Program(tuple(self.lines), outputs, self.order if outputs else 0)

    # --- names and values

    def fresh(self) -> str:
        """A name that is not taken."""
        self.count += 1
        letters = "abcdefghijkloqrstuvwxyz"
        return letters[(self.count - 1) % 23] + ("" if self.count <= 23 else str(self.count // 23))

    def tensors(self, keep: Callable[[Any], bool] = lambda x: True) -> list[str]:
        """The names of variables for which ``keep`` holds."""
        return [n for n, x in self.run.names.items() if is_tensor(x) and keep(x)]

    def floats(self, keep: Callable[[Any], bool] = lambda x: True) -> list[str]:
        """The names of floating variables for which ``keep`` holds; the newest twice, so that programs are deep."""
        found = self.tensors(lambda x: x.is_floating_point() and keep(x))
        return found + found[-2:]

    def value(self, name: str) -> Any:
        """The tensor of that name."""
        return self.run.names[name]

    def add(self, line: Line | Leaf) -> BaseException | None:
        """The line is part of the program, and executed."""
        self.lines.append(line)
        return self.run.step(line)

    # --- leaves

    def leaf(self, shape: Any, grad: bool | None = None, like: Array | None = None) -> str:
        """A tensor of random numbers of this shape, or of numbers near those of ``like``."""
        rng, name = self.rng, self.fresh()
        if like is not None and like.dtype.kind != "f":
            self.add(Leaf(name, like, str(like.dtype)))
            return name
        array = rng.uniform(-2, 2, shape) if like is None else like * (1 + 0.04 * rng.uniform(-1, 1, like.shape))
        array = np.where(np.abs(array) < 1e-2, array, np.round(array, 3))
        if self.hard:
            self._harden(array)
        if self.extreme and array.size:
            array.flat[int(rng.integers(array.size))] = pick(rng, EXTREME)
        dtype = self.dtype if rng.random() < 0.94 else pick(rng, FLOATS)
        layout = ""
        if array.ndim and rng.random() < 0.3:
            array, layout = self._laid(array)
        self.add(Leaf(name, array, dtype, layout, rng.random() < 0.75 if grad is None else grad))
        return name

    def _harden(self, array: Array) -> None:
        """Zeros, ones and ties in some places; signs stay what they are, for the sake of the domain."""
        rng = self.rng
        for _ in range(int(rng.integers(0, array.size // 2 + 2)) if array.size else 0):
            i, j = (int(k) for k in rng.integers(array.size, size=2))
            old, new = array.flat[i], array.flat[j] if rng.random() < 0.4 else pick(rng, HARD)
            array.flat[i] = new if old < 0 or new > 0 or rng.random() < 0.2 else abs(old)

    def _laid(self, array: Array) -> tuple[Array, str]:
        """Numbers in memory, and the text of what makes of them a tensor of the array's shape in another layout."""
        kind = pick(self.rng, ["transposed", "step", "expanded", "flipped", "part", "permuted"])
        if kind == "transposed" and array.ndim == 2:
            return array.T, ".t()"
        if kind == "permuted" and array.ndim > 2:
            return np.moveaxis(array, -1, 0), f".permute({', '.join(map(str, [*range(1, array.ndim), 0]))})"
        if kind == "expanded" and array.shape[0]:
            return array[:1], f".expand({', '.join(map(str, array.shape))})"
        if kind == "flipped":
            return array[::-1], ".flip(0)"
        if kind == "part" and array.shape[0]:
            return np.concatenate([array[:1], array]), "[1:]"
        if array.shape[-1]:
            return np.repeat(array, 2, axis=-1), "[..., ::2]"
        return array, ""

    # --- lines

    def bind(self, expression: str, before: str = "") -> None:
        """``name = expression``, unless it gives nothing to go on with; tuples of tensors are taken apart."""
        try:
            with OURS.set_grad_enabled(not before):
                result = eval(expression, self.run.names)
        except Exception:
            if self.rng.random() < 0.25:  # does the other library refuse it, too?
                self.add(Line(f"{before}{self.fresh()} = {expression}"))
            return
        parts = [result] if is_tensor(result) else list(result) if isinstance(result, (tuple, list)) else []
        if not parts or len(parts) > 5 or not all(is_tensor(x) for x in parts):
            return
        if sum(x.numel() for x in parts) > MOST_ENTRIES:
            return
        if self.extreme or all(self._finite(x) for x in parts) or self.rng.random() < 0.05:
            targets = [self.fresh() for _ in parts]
            comma = "," if parts[0] is not result and len(parts) == 1 else ""
            self.lines.append(Line(f"{before}{', '.join(targets)}{comma} = {expression}"))
            self.run.names |= dict(zip(targets, parts, strict=True))
            self.run.lines += 1

    def _finite(self, x: Any) -> bool:
        array = x.detach().numpy()
        return bool(array.dtype.kind != "f" or np.isfinite(array).all())

    def call(self) -> None:
        """A call of the vocabulary."""
        table = templates()
        template = pick(self.rng, table[pick(self.rng, list(table))])
        if sum(x.size for x in template.inputs) > 150 and self.rng.random() < 0.9:
            return
        used = [self.argument(template, k) for k in range(len(template.inputs))]
        text = template.text.format(*used)
        if "pdist" in text and not self.value(used[0]).numel():  # PyTorch's backward pass of it ends the process
            return
        if template.writes:
            self.written(text, used[0])
        else:
            if template.order == 1:
                self.order = min(self.order, 1)
            untracked = template.order == 0 and any(x.dtype.kind == "f" for x in template.inputs)
            self.bind(text, "with lib.no_grad(): " if untracked else "")

    def argument(self, template: Template, k: int) -> str:
        """A variable, or a new leaf, for the k-th input."""
        rng, example = self.rng, template.inputs[k]
        if example.dtype.kind != "f":
            dtype, shape = str(example.dtype), example.shape
            names = self.tensors(lambda x: str(x.dtype).endswith(dtype) and tuple(x.shape) == shape)
            again = names and rng.random() < 0.2 and "ctc" not in template.name  # there a label may be no blank
            return pick(rng, names) if again else self.leaf(example.shape, like=example)
        draw = rng.random()
        if draw < 0.02:
            return str(pick(rng, self.tensors() or [self.leaf(example.shape)]))
        if draw < 0.7 and (names := self.floats(lambda x: self._fits(x, example))):
            return str(pick(rng, names))
        if draw < 0.45 and (names := self.floats(lambda x: x.numel() >= example.size > 0)):
            return self.adapted(pick(rng, names), example)
        return self.leaf(example.shape, like=example)

    def _fits(self, x: Any, example: Array) -> bool:
        if x.ndim != example.ndim or (tuple(x.shape) != example.shape and self.rng.random() < 0.9):
            return False
        return self._inside(x, example)

    def _inside(self, x: Any, example: Array) -> bool:
        if not x.numel() or not example.size:
            return True
        array, room = x.detach().numpy(), 0.1 * float(np.ptp(example))
        inside = bool(array.min() >= example.min() - room and array.max() <= example.max() + room)
        return inside or bool(example.min() < -1.5 and example.max() > 1.5 and self.rng.random() < 0.5)

    def adapted(self, name: str, example: Array) -> str:
        """The first entries of a variable in the shape, and within the range, of the example."""
        if not np.isfinite(example).all():
            return self.leaf(example.shape, like=example)
        text = f"{name}.reshape(-1)[:{example.size}].view({', '.join(map(str, example.shape)) or '()'})"
        low, high = float(example.min()), float(example.max())
        if not self._inside(self.value(name), example):
            text += f".sigmoid() * {round(high - low, 2)} + {round(low + 0.02, 2)}"
        new = self.fresh()
        self.add(Line(f"{new} = {text}"))
        return new if new in self.run.names else self.leaf(example.shape, like=example)

    def view(self) -> None:
        """A view of a variable."""
        name = pick(self.rng, self.floats() if self.rng.random() < 0.9 else self.tensors())
        self.bind(name + lines.view(self.rng, self.value(name)))

    def write(self) -> None:
        """A write into a variable or a view of it."""
        rng = self.rng
        if not (names := self.floats()):
            return
        name = pick(rng, names)
        target, x = name, self.value(name)
        if rng.random() < 0.4:
            text = name + lines.view(rng, x)
            try:
                target, x = text, eval(text, self.run.names)
            except Exception:
                target = name
        fitting = self.floats(lambda y: lines.broadcasts(x, y))
        self.written(lines.write(rng, target, x, fitting), name)

    def written(self, text: str, name: str) -> None:
        """A statement that writes into the variable; into a leaf that is tracked mostly without recording."""
        x = self.run.names.get(name)
        tracked_leaf = is_tensor(x) and x.requires_grad and x.is_leaf
        if self.rng.random() < (0.8 if tracked_leaf else 0.08):
            text = f"with lib.no_grad(): {text}"
        if re.search(r"\)(\[-1\]|\[0\])? [-+*]= ", text):  # a call, or an entry of a tuple, is no target of +=
            return
        self.add(Line(text))

    def pair(self) -> None:
        """An expression of two variables."""
        names = self.floats()
        a = pick(self.rng, names)
        x = self.value(a)
        b = pick(self.rng, self.floats(lambda y: lines.broadcasts(x, y) or lines.broadcasts(y, x)))
        self.bind(lines.pair(self.rng, a, b))

    def cut(self) -> None:
        """An end of recording, a copy, or a gradient that is kept."""
        self.add(Line(lines.cut(self.rng, pick(self.rng, self.floats()), self.fresh())))

    def layer(self) -> None:
        """A layer with given weights, and a call of it."""
        text, shape = pick(self.rng, lines.LAYERS)
        x = np.resize(np.linspace(-1.7, 1.9, 7), shape)
        template = Template("layer", "", (x, np.resize(x, (3,))), 1, False)
        name = self.argument(template, 0)
        dtype = str(self.value(name).dtype).rpartition(".")[2]
        made = self.fresh() + "m"
        self.add(Line(f"{made} = given(lib.nn.{text.format(d='lib.' + dtype)})"))
        self.bind(f"{made}({name})")

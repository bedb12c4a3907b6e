"""Makes a program that shows a difference smaller, as long as it shows one of the same kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.fuzzing.compare import Difference
from benchmarks.fuzzing.program import FLOATS, Leaf, Line, Program
from benchmarks.fuzzing.run import OURS, Run, is_tensor, numbers_of, peer

Judge = Callable[[Program], Difference | None]
MOST_TRIES = 300


def minimised(program: Program, found: Difference, judge: Judge) -> tuple[Program, Difference]:
    """The smallest program reached by single steps, and its difference."""
    tries, again = 0, True
    while again:
        again = False
        for steps in (_beginnings, _without_lines, _fewer_gradients, _simpler_leaves, _values):
            options, k = list(steps(program)), 0
            while k < len(options) and tries < MOST_TRIES:
                tries += 1
                other = judge(options[k])
                if other is None or not _alike(other, found):
                    k += 1
                    continue
                program, found, again = options[k], other, True
                options = list(steps(program))
    return program, found


def _alike(a: Difference, b: Difference) -> bool:
    """Whether it is the same kind of difference; of errors, that the same side raises the like of it."""
    def said(x: object) -> str:
        return f"{type(x).__name__} {re.sub('[^a-z ]', '', str(x)[:60])}" if isinstance(x, BaseException) else ""

    return a.kind == b.kind and said(a.ours)[:40] == said(b.ours)[:40] and said(a.theirs)[:40] == said(b.theirs)[:40]


def _beginnings(program: Program) -> Iterator[Program]:
    for k in range(1, len(program.lines)):
        yield program._replace(lines=program.lines[:k])


def _without_lines(program: Program) -> Iterator[Program]:
    lines = program.lines
    for k in reversed(range(len(lines))):
        yield program._replace(lines=lines[:k] + lines[k + 1 :])
    for k in reversed(range(len(lines) - 1)):
        yield program._replace(lines=lines[:k] + lines[k + 2 :])


def _fewer_gradients(program: Program) -> Iterator[Program]:
    lines, outputs, order = program
    if order:
        yield Program(lines, (), 0)
    if order > 1:
        yield program._replace(order=order - 1)
    if len(outputs) > 1:
        for k in range(len(outputs)):
            yield program._replace(outputs=outputs[:k] + outputs[k + 1 :])


def _simpler_leaves(program: Program) -> Iterator[Program]:
    lines = program.lines
    for k, line in enumerate(lines):
        for other in _leaves(line) if isinstance(line, Leaf) else []:
            yield program._replace(lines=(*lines[:k], other, *lines[k + 1 :]))


def _leaves(leaf: Leaf) -> Iterator[Leaf]:
    """Simpler leaves in the place of one."""
    if leaf.layout:
        shown = eval(f"x{leaf.layout.replace('.detach()', '')}", {"x": OURS.tensor(leaf.array)}).numpy()
        yield leaf._replace(array=np.array(shown), layout="")
    if leaf.dtype in ("float16", "float32"):
        yield leaf._replace(dtype="float64")
    if leaf.grad:
        yield leaf._replace(grad=False)
    for axis, size in enumerate(leaf.array.shape if leaf.array.size else ()):
        for fewer in {1, size // 2, size - 1} - {0, size}:
            if fewer > 0:
                yield leaf._replace(array=leaf.array.take(range(fewer), axis))
    if leaf.dtype in FLOATS and leaf.array.size:
        rounded = np.round(leaf.array)
        for simple in (np.ones_like(leaf.array), rounded, np.round(leaf.array, 1)):
            if len(str(simple.tolist())) < len(str(leaf.array.tolist())):
                yield leaf._replace(array=simple)


def _values(program: Program) -> Iterator[Program]:
    """Programs in which one line is a leaf of the value that it makes, as PyTorch has it where it is installed."""
    running = Run(peer() or OURS)
    for k, line in enumerate(program.lines):
        running.step(line)
        found = re.match(r"(with [^:]*: )?(\w+) = ", line.text)
        x = running.names.get(found.group(2)) if found else None
        if isinstance(line, Line) and found and is_tensor(x):
            array = numbers_of(x)
            rounded = np.round(array, 4) if str(array.dtype) in FLOATS else array
            leaf = Leaf(found.group(2), rounded, str(array.dtype), "", bool(x.requires_grad))
            yield program._replace(lines=(*program.lines[:k], leaf, *program.lines[k + 1 :]))

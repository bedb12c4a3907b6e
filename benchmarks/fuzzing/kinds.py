"""What tells the kinds of known differences: the words of a refusal, or that the libraries agree but for something."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.fuzzing.compare import Difference, compared, near, none_or_zeros
from benchmarks.fuzzing.program import Leaf, Line, Program
from benchmarks.fuzzing.run import OURS, Value, peer, run

VARIABLE = re.compile(r"(?<![\w.'])([a-z]\d*)(?![\w(='])")  # a name where it is read


class Known(NamedTuple):
    """A kind of difference: ``holds`` says whether one is of this kind, ``right`` who is right, and why."""

    name: str
    right: str
    holds: Callable[[Program, Difference], bool]


def refused(*said: str) -> Callable[[Program, Difference], bool]:
    """PyTorch refuses with one of these words what this library does."""
    return lambda program, found: (
        found.kind == "error" and found.ours == "none" and any(re.search(text, str(found.theirs)) for text in said)
    )


def we_refuse(*said: str) -> Callable[[Program, Difference], bool]:
    """PyTorch does what this library refuses with one of these words."""
    return lambda program, found: (
        found.kind == "error" and found.theirs == "none" and any(re.search(text, str(found.ours)) for text in said)
    )


ALL: list[Known] = []  # every kind, which ``known.py`` enters
_asked: list[Program] = []  # a program about which is asked whether what differs beside is known, too


def agree(program: Program) -> bool:
    """Whether PyTorch is installed and agrees, or differs by what another kind names: programs have two of them."""
    torch = peer()
    found = None if torch is None else compared(program, run(program, OURS), run(program, torch))
    if torch is None or found is None or none_or_zeros(found) or nan_behind_where(program, found):
        return torch is not None
    if _asked:
        return False
    _asked.append(program)
    try:
        return any(entry.holds(program, found) for entry in ALL)
    finally:
        _asked.clear()


WHERE = r"lib\.where\((\w+) > 0, (\w+)\.(\w+)\(\)"


def _agree_guarded(program: Program) -> bool:
    """Whether the libraries agree where ``where`` computes what it does not take at 1."""
    return agree_changed(program, lambda text: re.sub(WHERE, r"lib.where(\1 > 0, lib.where(\1 > 0, \2, 1).\3()", text))


def nan_behind_where(program: Program, found: Difference) -> bool:
    """Only PyTorch's gradient has NaN, and all other entries agree."""
    mine, other = found.ours, found.theirs
    if not (found.kind.startswith("gradient") and isinstance(mine, Value) and isinstance(other, Value)):
        return False
    if found.kind.endswith("none") or mine.array.shape != other.array.shape:
        return False
    if any(re.search(WHERE, line.text) for line in program.lines):
        return _agree_guarded(program)
    leaked = np.isnan(other.array) & np.isfinite(mine.array)
    mine, other = np.where(leaked, 0, mine.array), np.where(leaked, 0, other.array)
    return bool(leaked.any()) and (near(mine, other, 10) or np.allclose(mine, other, atol=1e-6, equal_nan=True))


def agree_aside(program: Program) -> bool:
    """Whether the libraries agree a little aside of the numbers of the program."""
    return agree(program.in_double().moved())


def agree_beside(program: Program, at: str, alike: bool = False) -> bool:
    """Whether the libraries agree where all that the lines that match ``at`` read is a little aside.

    Unlike numbers that are moved, it parts those that are equal by what the program does; ``alike`` moves a variable
    that stands twice in a line by the same numbers, so that ``x @ x.mT`` stays symmetric.
    """
    program = program.in_double()
    lines = tuple(_beside(line, at, alike) for line in program.lines)
    return lines != program.lines and agree(program._replace(lines=lines))


def _beside(line: Line | Leaf, at: str, alike: bool) -> Line | Leaf:
    if isinstance(line, Leaf) or not re.search(at, line.text):
        return line
    found = re.match(r"((?:with [^:]*: )?[\w, ]+ = )?(.*)$", line.text)
    count = iter(range(1, 99))
    read = re.sub(VARIABLE, lambda name: f"aside({name[1]}, {1 if alike else next(count)})", found[2]) if found else ""
    return Line(f"{found[1] or ''}{read}") if found else line


def agree_changed(program: Program, change: Callable[[str], str]) -> bool:
    """Whether the libraries agree where each statement is what ``change`` makes of it, which is another for some."""
    lines = tuple(line if isinstance(line, Leaf) else Line(change(line.text)) for line in program.lines)
    return lines != program.lines and agree(program._replace(lines=lines))


def has_nothing(program: Program) -> bool:
    """Whether the program has a leaf, or a part of one, without entries."""
    return re.search(r"lib\.zeros\(\([^)]*\b0\b|np\.array\(\[\]|:0\b", str(program)) is not None

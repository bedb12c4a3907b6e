"""Differences that are known, each with who is right; what none of these names is a disagreement."""

from __future__ import annotations

import re

import numpy as np

from benchmarks.fuzzing.compare import Difference, compared
from benchmarks.fuzzing.kinds import ALL, VARIABLE, Known
from benchmarks.fuzzing.known_numbers import NUMBERS
from benchmarks.fuzzing.known_refusals import REFUSALS
from benchmarks.fuzzing.program import Leaf, Line, Program
from benchmarks.fuzzing.run import OURS, Outcome, Value, peer, run


def _read_first(program: Program, found: Difference) -> bool:
    """The libraries agree, or differ by what is known, where both read a copy of what they write; ours is as before."""
    copying = program._replace(lines=tuple(_reading_copies(line) for line in program.lines))
    if found.kind != "value" or copying == program or (torch := peer()) is None:
        return False
    mine, theirs = run(copying, OURS), run(copying, torch)
    if not _has(mine, found.where, found.ours) or _has(theirs, found.where, found.theirs):
        return False
    other = compared(copying, mine, theirs)
    return other is None or any(entry.holds(copying, other) for entry in (*REFUSALS, *NUMBERS))


def _has(outcome: Outcome, name: str, value: Value) -> bool:
    """Whether the value of that name is the same."""
    return name in outcome.values and np.array_equal(outcome.values[name].array, value.array, equal_nan=True)


def _reading_copies(line: Line | Leaf) -> Line | Leaf:
    parts = re.match(r"((?:with [^:]*: )?\w+.*?(?:\w_\(| [-+*]= |\] = ))(.*)$", line.text)
    if isinstance(line, Leaf) or parts is None:
        return line
    return Line(parts[1] + VARIABLE.sub(r"\1.clone()", parts[2]))


def _two_reasons(program: Program, found: Difference) -> bool:
    """What was changed in place is refused here, and in PyTorch before that what is known to be refused there alone."""
    alone = found._replace(kind="error", ours="none")
    return (found.kind == "kind of error" and "needs was changed in place" in str(found.ours)
            and any(entry.holds(program, alone) for entry in REFUSALS))


KNOWN = [Known("refused for two reasons", "both: which is met first", _two_reasons),
         Known("reads what it has written", "ours: what is read is read before", _read_first), *REFUSALS, *NUMBERS]
ALL[:] = KNOWN


def known(program: Program, found: Difference) -> str | None:
    """The name of the kind that the difference is of, if it is known."""
    return next((entry.name for entry in KNOWN if entry.holds(program, found)), None)

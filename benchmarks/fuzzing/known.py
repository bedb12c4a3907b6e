"""Differences that are known, each with who is right; what none of these names is a disagreement."""

from __future__ import annotations

from benchmarks.fuzzing.compare import Difference
from benchmarks.fuzzing.known_numbers import NUMBERS
from benchmarks.fuzzing.known_refusals import REFUSALS
from benchmarks.fuzzing.program import Program

KNOWN = [*REFUSALS, *NUMBERS]


def known(program: Program, found: Difference) -> str | None:
    """The name of the kind that the difference is of, if it is known."""
    return next((entry.name for entry in KNOWN if entry.holds(program, found)), None)

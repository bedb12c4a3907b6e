"""Programs of views and writes: every line does what it does in PyTorch, and every gradient is PyTorch's.

The programs are drawn by ``view_lines``; ``view_conventions`` names what differs on purpose. More of them than here::

    VIEW_PROGRAMS=10000 python -m pytest tests/test_view_programs.py

It was shown to fail, by a few of 300 programs, with each of these faults in the library:

- a recorded pass adds to ``.grad`` in place;
- a view keeps its node when what it looks into is written and then taken out of the graph (programs run blind);
- a view of a view is recorded anew on the one in between, which is out of date (mostly blind);
- ``apply`` does not record a view anew (blind);
- a hook of a view runs for the value before it was written;
- a retained gradient stays at the node that the tensor had before a write;
- an operation that overwrites its operand keeps the new value of it;
- a write to entries is not counted as a change.

A view of memory that its base gave up is refused by ``test_histories``; these programs do not notice if it is not.
"""

from __future__ import annotations

import os
import warnings
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from view_conventions import CONVENTIONS
from view_programs import DisagreementError, Machine, play, run

PROGRAMS = int(os.environ.get("VIEW_PROGRAMS", "200"))

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's, of .grad of what is no leaf


@settings(
    max_examples=max(50, PROGRAMS // 10), deadline=None, suppress_health_check=list(HealthCheck), database=None,
    derandomize="VIEW_PROGRAMS" not in os.environ,  # others are drawn by hand
)  # fmt: skip
@given(st.randoms(use_true_random=False))
def test_programs_drawn_by_hypothesis_agree_with_torch(random: Random) -> None:
    """Values, flags, refusals and gradients of two orders; hypothesis looks for the shortest that does not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        play(random, 12)


def test_programs_agree_with_torch() -> None:
    """The same of programs drawn by a seed, faster; a failure prints the lines that it needs."""
    found = run(PROGRAMS, seed=0)
    assert not found.disagreements, "\n\n".join(found.disagreements)
    assert found.lines > 8 * PROGRAMS


def test_each_convention_is_a_difference() -> None:
    """What the table excuses is of a name, and has a reason."""
    assert len({c.name for c in CONVENTIONS}) == len(CONVENTIONS)
    assert all(c.reason.endswith(".") for c in CONVENTIONS)


def test_a_disagreement_is_found_and_cut_down() -> None:
    """A line that means something else here and there ends the program, which is printed without what needs not be."""
    machine = Machine()
    machine("a = values((3,), 0, T.float64)")
    with pytest.raises(DisagreementError, match=r"a\.value"):
        machine("a.add_(len(T.__name__))")

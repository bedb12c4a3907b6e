"""Random programs, compiled: values and gradients are those of the program as it stands, on other data in each call."""

from __future__ import annotations

import pytest

from benchmarks.fuzzing.compiled import compared, source_differs

PROGRAMS, SHARE = 100, 20  # in shares that can run beside each other
SEED = 7


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("first", range(0, PROGRAMS, SHARE))
def test_programs(first: int) -> None:
    """All bits agree, of results and gradients, also where an error is raised; ``--compiled`` runs more of them."""
    replayed = 0
    for number in range(first, first + SHARE):
        report, was_replayed = compared(SEED, number)
        assert not report, report
        replayed += was_replayed
    assert replayed > SHARE // 4, "hardly any program was compiled at all"


@pytest.mark.filterwarnings("ignore")
def test_sources() -> None:
    """The text of a program gives the bits of its replay."""
    found = [source_differs(SEED, number) for number in range(40)]
    assert not any(found), next(filter(None, found))
    assert found.count("") > 10, "hardly any program had a source"

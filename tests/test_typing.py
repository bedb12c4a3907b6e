"""What a checker of types sees of the library: the programs of ``tests/typing`` under ``mypy --strict``."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROGRAMS = ROOT / "tests" / "typing"


def complaints(program: Path, cache: Path) -> list[tuple[int, str]]:
    """The lines of a program that mypy refuses, with the codes of its errors."""
    api = pytest.importorskip("mypy.api")
    options = ["--strict", "--config-file=", "--follow-imports=silent", f"--cache-dir={cache}", "--no-error-summary"]
    text, failure, _ = api.run([*options, str(program)])
    assert not failure, failure
    return [(int(line), code) for line, code in re.findall(r"(?m)^[^:\n]+:(\d+): error: .*\[([a-z-]+)\]$", text)]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One cache for both programs: the library, which mypy finds where it is run, is read once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        yield tmp_path_factory.mktemp("mypy")


def test_programs_of_users_are_accepted(cache: Path) -> None:
    """Results are Tensors, not Any, and calls by PyTorch's names are understood."""
    assert complaints(PROGRAMS / "accepted.py", cache) == []


def test_mistakes_are_refused(cache: Path) -> None:
    """Each line with a code in its comment, and no other."""
    program = PROGRAMS / "refused.py"
    lines = enumerate(program.read_text().splitlines(), 1)
    wanted = [(number, found[1]) for number, line in lines if (found := re.search(r"  # ([a-z-]+)$", line))]
    assert complaints(program, cache) == wanted


def test_the_accepted_program_runs() -> None:
    """It is no use to accept what fails."""
    runpy.run_path(str(PROGRAMS / "accepted.py"))

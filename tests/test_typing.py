"""What checkers of types see of the library: the programs of ``tests/typing`` under ``mypy --strict`` and pyright."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import autodiff

ROOT = Path(__file__).parent.parent
PROGRAMS = ROOT / "tests" / "typing"


def complaints(program: Path, cache: Path) -> list[tuple[int, str]]:
    """The lines of a program that mypy refuses, with the codes of its errors."""
    api = pytest.importorskip("mypy.api")
    options = ["--strict", "--config-file=", "--follow-imports=silent", f"--cache-dir={cache}", "--no-error-summary"]
    text, failure, _ = api.run([*options, str(program)])
    assert not failure, failure
    found = re.findall(r"(?m)^[^:\n]+:(\d+): error: .*\[([a-z-]+)\]$", text)
    return list(dict.fromkeys((int(line), code) for line, code in found))


def refused_by_pyright(program: Path) -> list[int]:
    """The lines of a program that pyright refuses."""
    pytest.importorskip("pyright", reason="pyright is not installed; the extra dev has it")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, str(program)]
    quiet = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}  # it does not ask for a newer version then
    found = json.loads(subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, check=False).stdout)
    assert found["summary"]["filesAnalyzed"] == 1
    errors = [report for report in found["generalDiagnostics"] if report["severity"] == "error"]
    return sorted({report["range"]["start"]["line"] + 1 for report in errors})


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


def test_pyright_accepts_and_refuses_the_same() -> None:
    """Editors ask pyright, or a checker like it."""
    assert refused_by_pyright(PROGRAMS / "accepted.py") == []
    program = PROGRAMS / "refused.py"
    lines = enumerate(program.read_text().splitlines(), 1)
    assert refused_by_pyright(program) == [number for number, line in lines if re.search(r"  # [a-z-]+$", line)]


def test_the_accepted_program_runs() -> None:
    """It is no use to accept what fails."""
    runpy.run_path(str(PROGRAMS / "accepted.py"))


def test_checkers_know_every_public_name(cache: Path, tmp_path: Path) -> None:
    """What ``autodiff/__init__.py`` imports when it is used is declared too, or a checker would refuse it."""
    names = sorted({*dir(autodiff), *autodiff._OF_LAYERS, *autodiff._METHODS})
    program = tmp_path / "names.py"
    program.write_text("import autodiff\n" + "".join(f"autodiff.{name}\n" for name in names))
    assert [(names[line - 2], code) for line, code in complaints(program, cache)] == []

"""Where messages say that something happened: in the user's code, whoever noticed it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from architecture import ROOT

import autodiff
from autodiff.errors import GraphError

PROGRAM = """
import warnings
import numpy as np
import autodiff
x = autodiff.tensor([0.0, 1.0], requires_grad=True)
y = x.log()
for _ in range(3):
    z = autodiff.log(x)
z = (x * 0).sqrt()
w = np.log(np.zeros(2))
warnings.warn("mine")
"""


def warned(tmp_path: Path, *options: str) -> list[str]:
    """The lines of PROGRAM of which Python shows a warning, and what it says."""
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    command = [sys.executable, *options, str(file)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return [line.partition("program.py:")[2] for line in done.stderr.splitlines() if "Warning:" in line]


def test_a_warning_of_numpy_names_the_line_of_the_program(tmp_path: Path) -> None:
    """Each line once, also of one operation at two lines and of a backward pass; others' warnings are as they were."""
    found = warned(tmp_path)
    assert [int(line.partition(":")[0]) for line in found] == [6, 8, 10, 11]
    assert "RuntimeWarning: divide by zero encountered in log" in found[0]


def test_others_warnings_keep_their_source(tmp_path: Path) -> None:
    """A file that was left open is shown with the line that opened it, as without this library."""
    file = tmp_path / "program.py"
    file.write_text("import autodiff\ndef read():\n    open(__file__)\nread()\n")
    command = [sys.executable, "-X", "tracemalloc=5", "-W", "always", str(file)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert "Object allocated at (most recent call last)" in done.stderr
    assert "lineno 4\n    read()" in done.stderr


def test_filters_of_the_user_hold(tmp_path: Path) -> None:
    """What is ignored is not shown."""
    assert warned(tmp_path, "-W", "ignore") == []


def test_a_cell_of_a_notebook_is_named_as_a_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """IPython compiles cells under names of temporary files; messages say which cell it was."""

    def format_code_name(filename: str) -> tuple[str, str] | None:
        return ("Cell", "In[3]") if filename.endswith("ipykernel_1/2.py") else None

    shell = SimpleNamespace(compile=SimpleNamespace(format_code_name=format_code_name))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    for name, expected in (("/tmp/ipykernel_1/2.py", r"In\[3\]:2"), ("/tmp/other.py", r"/tmp/other\.py:2")):
        program = compile("x = autodiff.ones(2, requires_grad=True).exp()\ny = x.detach()\n", name, "exec")
        names = {"autodiff": autodiff}
        exec(program, names)
        with pytest.raises(GraphError, match=expected):
            names["y"].sum().backward()

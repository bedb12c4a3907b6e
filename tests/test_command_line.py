"""``python -m autodiff``: the report for bugs, and models in files as pictures and tables."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from architecture import ROOT

import autodiff
from autodiff import version
from autodiff.caches import cache_folder
from autodiff.commands import main
from autodiff.commands.report import OPTIONAL, report

MODELS = """
import autodiff
from autodiff import nn
from beside import width

model = nn.Sequential(nn.Linear(3, width), nn.Dropout(0.5), nn.ModuleDict({"a": nn.Linear(1, 1)})["a"])
class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(5, 2)
    def forward(self, words, x):
        return {"both": self.words(words).sum(1) + x, "x": x}
def needing(size): return nn.Linear(size, 1)
loss = model(autodiff.ones(2, 3)).sum()
number = 3
if __name__ == "__main__":
    raise SystemExit("the file was run as the main program")
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "beside.py").write_text("width = 1")
    (tmp_path / "net.py").write_text(MODELS)
    return str(tmp_path / "net.py")


def test_the_report_has_what_a_bug_report_needs(capsys: pytest.CaptureFixture[str]) -> None:
    """Versions, BLAS, threads, processor, what else is installed, engines and the cache."""
    assert main([]) == 0
    found = capsys.readouterr().out
    for word in (version.__version__, np.__version__, sys.executable, f"threads {autodiff.get_num_threads()}"):
        assert word in re.sub(" +", " ", found)
    heads = [line.split("  ")[0] for line in found.splitlines()]
    for head in ("tapegrad", "Python", "system", "processor", "NumPy", "BLAS", "optional", "drawing", "cache"):
        assert head in heads


def test_the_report_knows_every_package_of_the_extras() -> None:
    """Those that a user may install; and it says of each which version is here."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for extra in ("weights", "onnx", "examples"):
        for package in extras[extra]:
            name = re.match(r"[\w-]+", package)[0]  # type: ignore[index]
            assert name in OPTIONAL
            assert re.search(rf"{name} (\d|not installed)", report())


def test_it_runs_as_a_module(file: str) -> None:
    """The exit code is 0, or 2 with one line for a mistake."""
    run = [sys.executable, "-m", "autodiff", "summary", file + ":model"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*run, "2,3"], capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Linear" in done.stdout
    failed = subprocess.run([*run, "2,x"], capture_output=True, text=True, check=False, env=environment)
    assert (failed.returncode, failed.stdout, failed.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(("name", "sizes", "layers"), [
    ("model", ["2,3"], ["Sequential", "0: Linear", "(2, 1)"]),
    ("model.0", ["7,3"], ["Linear", "(7, 1)"]),
    ("Pair", ["4,2:int64", "4,2"], ["Pair", "words: Embedding", "(4, 2, 2)"]),
])  # fmt: skip
def test_summary_of_a_model_in_a_file(
    name: str, sizes: list[str], layers: list[str], file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its name, a dotted path, or a class that makes it; inputs of several sizes and dtypes."""
    assert main(["summary", f"{file}:{name}", *sizes]) == 0
    found = capsys.readouterr().out
    for layer in layers:
        assert layer in found


@pytest.mark.parametrize(("name", "sizes"), [("model", ["2,3"]), ("Pair", ["4,2:int64", "4,2"]), ("loss", [])])
def test_draw_writes_the_format_of_the_suffix(name: str, sizes: list[str], file: str, tmp_path: Path) -> None:
    """Of a model, of one with several outputs, of a tensor."""
    for out, word in (("g.svg", "<svg"), ("g.txt", "add" if name == "Pair" else "linear")):
        assert main(["draw", f"{file}:{name}", *sizes, "-o", str(tmp_path / out), "--depth", "all"]) == 0
        assert word in (tmp_path / out).read_text()


MISTAKES = {
    "expected FILE.py:NAME": ["summary", "net.py"],
    "there is no such file": ["summary", "nowhere.py:model"],
    "has no net; the models in it: model": ["summary", "FILE:net", "1"],
    "has no 9": ["summary", "FILE:model.9", "1"],
    "expected a model, what makes one, or a tensor": ["draw", "FILE:number"],
    "missing a required argument: 'size'": ["draw", "FILE:needing"],
    "takes words, x: say the size of each input": ["draw", "FILE:Pair"],
    "2x3: expected sizes with commas": ["draw", "FILE:model", "2x3"],
    "ints is no dtype": ["draw", "FILE:model", "2,3:ints"],
    "--depth deep: expected": ["draw", "FILE:model", "2,3", "--depth", "deep"],
    "'colour' is not one of": ["draw", "FILE:model", "2,3", "--show", "colour"],
    "expected a name that ends in": ["draw", "FILE:model", "2,3", "-o", "graph.bmp"],
    "no such directory": ["draw", "FILE:model", "2,3", "-o", "nowhere/graph.svg"],
}


@pytest.mark.parametrize("expected", MISTAKES)
def test_a_mistake_is_named_in_one_line(expected: str, file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 2, and nothing on the standard output."""
    assert main([word.replace("FILE", file) for word in MISTAKES[expected]]) == 2
    said = capsys.readouterr()
    assert expected in said.err
    assert (said.out, said.err.count("\n")) == ("", 1)


def test_random_numbers_of_the_program_are_not_touched(file: str) -> None:
    """The inputs are drawn aside, so that a seed in the file means the same with and without this program."""
    first, second = (_after(file, size) for size in ("2,3", "9,3"))
    assert first == second


def _after(file: str, size: str) -> float:
    autodiff.manual_seed(0)
    main(["summary", f"{file}:model.0", size])
    return float(autodiff.rand(1).item())


def test_the_folder_of_the_cache_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By an environment variable; the report says what is in it."""
    monkeypatch.setenv("TAPEGRAD_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    assert f"{tmp_path} (empty)" in report()
    (tmp_path / "x").write_bytes(bytes(2**20))
    assert f"{tmp_path} (1 files, 1.0 MB)" in report()

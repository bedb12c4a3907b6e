"""The fuzzer finds faults that are planted, and makes them small; programs that it found are run again."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff
from autodiff.engine.primitive import primitives
from benchmarks import fuzz
from benchmarks.fuzzing import judge, run
from benchmarks.fuzzing.draw import draw
from benchmarks.fuzzing.minimise import minimised
from benchmarks.fuzzing.numeric import slopes
from benchmarks.fuzzing.program import Leaf, parsed
from benchmarks.fuzzing.templates import templates
from benchmarks.mutations import planted

FOUND = sorted((Path(__file__).parent / "fuzzed").glob("*.txt"))


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The libraries' warnings are none of the programs' results."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("path", FOUND, ids=[path.stem for path in FOUND])
def test_a_program_that_was_found_agrees_now(path: Path) -> None:
    """With PyTorch, or with central differences where it is not installed."""
    assert judge.disagreement(parsed(path.read_text(encoding="utf-8"))) is None


def test_a_program_is_drawn_again_from_its_number() -> None:
    """Alone, whatever was drawn before."""
    first = [str(draw(3, k)[0]) for k in range(6)]
    assert str(draw(3, 4)[0]) == first[4]
    assert len(set(first)) == 6


def test_a_program_is_read_as_it_is_written() -> None:
    """Its text says all of it, leaves that can be run at other numbers included."""
    for k in range(40):
        program = draw(3, k)[0]
        again = parsed(str(program))
        assert str(again) == str(program)
        assert sum(isinstance(line, Leaf) for line in again.lines) >= len(program.leaves) - 1


def test_most_of_the_vocabulary_is_drawn() -> None:
    """The calls of nearly every entry of the parity tests can be taken apart."""
    assert len(templates()) > 550


@contextmanager
def _forward(name: str, change: Callable[[Any], Any]) -> Iterator[None]:
    """The primitive with another forward."""
    primitive = primitives[name]
    sound = primitive.forward
    primitive.forward = lambda *args, **params: change(sound(*args, **params))
    try:
        yield
    finally:
        primitive.forward = sound


@contextmanager
def _method(name: str, method: Any) -> Iterator[None]:
    sound = getattr(autodiff.Tensor, name)
    setattr(autodiff.Tensor, name, method)
    try:
        yield
    finally:
        setattr(autodiff.Tensor, name, sound)


PLANTED: dict[str, tuple[Callable[[], Any], str]] = {
    "a VJP": (lambda: planted("sigmoid", 0, lambda c, g, shape: c * 1.01), "sigmoid"),
    "a second derivative": (
        lambda: planted("multiply", 0, lambda c, g, shape: c.detach() if isinstance(c, autodiff.Tensor) else c), ""),
    "a forward": (lambda: _forward("sin", lambda out: out + 1e-5), "sin"),
    "a view that is a copy": (lambda: _method("transpose", lambda x, a, b: x.clone().permute(
        *[{a % x.ndim: b % x.ndim, b % x.ndim: a % x.ndim}.get(k, k) for k in range(x.ndim)])), "transpose"),
    "a write that is not recorded": (lambda: _method("mul_", lambda x, y: x.data.copy_(x.data * y) and x), "mul_"),
}  # fmt: skip


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found_and_made_small(fault: str) -> None:
    """Within 1,500 programs, as a program of at most five lines that names it, and agrees without the fault."""
    peer()
    plant, name = PLANTED[fault]
    for k in range(1500):
        with plant():
            program, ours = draw(3, k)
            kind, found = judge.examined(program, ours)
        if kind == "disagreement" and found is not None and judge.disagreement(program) is None:
            break
    else:
        pytest.fail("not found")
    with plant():
        small, _ = minimised(program, found, judge.disagreement)
    assert len(str(small).splitlines()) <= 5, str(small)
    assert name in str(small)
    assert judge.disagreement(small) is None


def test_central_differences_find_a_wrong_slope(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no PyTorch."""
    program = parsed("a = lib.tensor([0.3, -1.2], dtype=lib.float64, requires_grad=True)\nb = a.sigmoid() * a\n"
                     "gradients([b], order=1)")
    monkeypatch.setattr(judge, "peer", lambda: None)
    assert slopes(program, run.run(program, autodiff)) is None
    assert judge.disagreement(program) is None
    with planted("sigmoid", 0, lambda c, g, shape: c * 1.01):
        found = judge.disagreement(program)
    assert found is not None
    assert found.kind == "gradient 1"


def test_the_command_writes_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that shows the disagreement again, and the exit status 1; without a fault nothing, and 0."""
    peer()
    with _forward("exp", lambda out: out * 1.001):
        assert fuzz.main(["--programs", "150", "--seed", "1", "--write", str(tmp_path), "--most", "2"]) == 1
        paths = list(tmp_path.glob("*.txt"))
        assert any(judge.disagreement(parsed(path.read_text(encoding="utf-8"))) for path in paths)
    assert "=== disagreement" in capsys.readouterr().out

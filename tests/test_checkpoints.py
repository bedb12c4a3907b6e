"""Trainings that go on after a kill: the program of the page and `examples.mnist` end as if nothing had happened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from killed_trainings import few_images

import autodiff
from autodiff.errors import OptionError
from examples import mnist

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked to start quickly")
@pytest.mark.parametrize(("program", "kills"), [("recipe", 10), ("workers", 6), ("mnist", 4)])
def test_a_killed_training_ends_as_an_unbroken_one(program: str, kills: int) -> None:
    """Killed at random moments, bit for bit; ``python -m tests.killed_trainings recipe 50`` tries more."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.fspath(ROOT)}
    line = [sys.executable, ROOT / "tests" / "killed_trainings.py", program, str(kills)]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{kills} killed")


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of few images."""
    folder = tmp_path_factory.mktemp("few") / "data"
    few_images(folder)
    return folder


def run(few: Path, out: Path, *options: object) -> int:
    return mnist.main([str(each) for each in ("--data", few, "--epochs", 2, "--out", out, *options)])


@pytest.fixture
def stopped(few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a run was interrupted in its second epoch, which left a checkpoint."""
    evaluate, calls = mnist.evaluate, []

    def interrupted(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return evaluate(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(mnist, "evaluate", interrupted)
        assert run(few, tmp_path, "--checkpoint-every", 3) == 130
    assert os.listdir(tmp_path) == ["checkpoint"]
    return tmp_path


def test_resume_goes_on_and_leaves_no_checkpoint(
    stopped: Path, few: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the step of the checkpoint, to the same weights; without one, from the start."""
    other = tmp_path_factory.mktemp("other")
    capsys.readouterr()
    assert run(few, stopped, "--resume") == 0
    said = capsys.readouterr().out
    assert "going on in epoch 2 after 6 steps" in said
    assert "epoch 1/2" not in said
    assert run(few, other, "--resume") == 0
    assert "going on" not in capsys.readouterr().out
    assert (stopped / "weights").read_bytes() == (other / "weights").read_bytes()
    assert not (stopped / "checkpoint").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--seed", 1], "found a checkpoint with seed 0, expected one with 1"),
        (["--lr", 0.5], "a checkpoint with lr 0.005, expected one with 0.5"),
        (["--batch-size", 7], "a checkpoint with batch_size 50"),
        (["--epochs", 3], "a checkpoint with epochs 2, expected one with 3"),
        (["--model", "one-conv"], "a checkpoint with model two-conv"),
        (["--data", "others"], "a checkpoint with data"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(
    options: list[Any], said: str, stopped: Path, few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says what differs, and nothing is trained or written."""
    if options[0] == "--data":
        options = ["--data", tmp_path / "others"]
        few_images(options[1], 390)
    before = (stopped / "checkpoint").read_bytes()
    capsys.readouterr()
    assert run(few, stopped, "--resume", *options) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said.removeprefix("found ") in err
    assert err.count("\n") == 1
    assert (stopped / "checkpoint").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "an empty file"), (b"half", "not a whole file"), (None, "a checkpoint of this program")]
)
def test_what_is_no_checkpoint_is_named(
    content: bytes | None, said: str, few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A damaged file, or another one of the library."""
    path = tmp_path / "checkpoint"
    if content is None:
        autodiff.save({"a": 1}, path)
    else:
        path.write_bytes(content)
    assert run(few, tmp_path, "--resume") == 2
    assert said in capsys.readouterr().err


def test_the_state_of_a_generator_is_saved_and_what_is_none_changes_nothing() -> None:
    """It goes through a file, and anything else is refused."""
    generator = autodiff.Generator().manual_seed(5)
    autodiff.randn(3, generator=generator)
    state = generator.get_state()
    first = autodiff.randn(4, generator=generator)
    for wrong in (None, {}, {"seed": 1}, 7, {**state, "bit_generator": "MT19937"}, {**state, "state": {"state": -1}}):
        now = generator.get_state()
        with pytest.raises(OptionError, match="a dict that get_state"):
            generator.set_state(wrong)  # type: ignore[arg-type]
        assert generator.get_state() == now
    again = autodiff.randn(4, generator=generator.set_state(state))
    np.testing.assert_array_equal(first.numpy(), again.numpy())

"""The programs that learn sequences, and the residual net: each in its short run, and the parts they are made of."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff
from examples import gpt, lstm, residual
from examples.report import main

pytest.importorskip("matplotlib")
VERSES = gpt.Text(gpt.VERSES.read_text(encoding="utf-8"))


def figures(program: Any, folder: Path, *options: str) -> dict[str, Any]:
    """What the short run of a program writes as JSON."""
    parser = program.parser() if hasattr(program, "parser") else None
    arguments = ["--quick", "--json", f"{folder}/figures.json", "--out", str(folder), *options]
    assert main("examples.x", program.__doc__, program.run, arguments, parser) == 0
    found: dict[str, Any] = json.loads((folder / "figures.json").read_text())
    return found


def test_the_gpt_learns_and_writes(tmp_path: Path, capsys: Any) -> None:
    """The loss begins near that of guessing and falls; a sample of the text's characters is printed; a picture lies."""
    found = figures(gpt, tmp_path)
    assert abs(found["losses"][0] - math.log(len(VERSES.characters))) < 0.7
    assert found["losses"][-1] < found["losses"][0] - 0.5
    assert set(found["sample"]) <= set(VERSES.characters)
    assert found["sample"] in capsys.readouterr().out
    assert (tmp_path / "gpt.png").stat().st_size > 1000


def test_the_gpt_learns_another_text(tmp_path: Path) -> None:
    """``--text`` names a file, whose characters are all that is written."""
    (tmp_path / "text").write_text("ab" * 100)
    assert set(figures(gpt, tmp_path, "--text", f"{tmp_path}/text")["sample"]) <= {"a", "b"}


def test_the_gpt_looks_at_nothing_that_comes_later() -> None:
    """The logits of a place do not change with the characters after it."""
    autodiff.manual_seed(0)
    model = gpt.make_model(autodiff, 5)
    one, other = np.array([[1, 2, 3, 4, 0]]), np.array([[1, 2, 3, 0, 4]])
    first, second = (gpt.logits(autodiff, model, autodiff.tensor(x)).detach().numpy() for x in (one, other))
    np.testing.assert_allclose(first[:, :3], second[:, :3], rtol=1e-5, atol=1e-6)
    assert np.abs(first[:, 3:] - second[:, 3:]).max() > 1e-3


def test_the_entropy_of_pairs_is_that_of_their_counts() -> None:
    """After a comes b or c, as often: ln 2; after b and c always a: nothing."""
    assert gpt.bigram_entropy(gpt.Text("abacabaca")) == pytest.approx(math.log(2) / 2)


def test_the_lstm_learns(tmp_path: Path) -> None:
    """The loss begins near ln 10 and falls; a picture lies in the folder."""
    found = figures(lstm, tmp_path)
    assert abs(found["losses"][0] - math.log(10)) < 0.2
    assert found["losses"][-1] < 0.8 * found["losses"][0]
    assert (tmp_path / "lstm.png").stat().st_size > 1000


def test_sums_are_asked_and_answered_from_the_last_digit() -> None:
    """What the LSTM reads and should write is the addition of the numbers whose digits it is given."""
    asked, answers = lstm.sums(np.random.default_rng(0), 20, 4)
    powers = 10 ** np.arange(5)
    assert asked.shape == (5, 20, 2)
    assert ((asked * powers[:, None, None]).sum((0, 2)) == (answers * powers[:, None]).sum(0)).all()
    assert (asked[:4] > 0).any()
    assert not asked[4].any()


def test_the_residual_net_learns(tmp_path: Path) -> None:
    """The loss of the net with additions, and of that without, begins near ln 10 and falls; a picture lies."""
    found = figures(residual, tmp_path)
    for losses in found["losses"].values():
        assert abs(losses[0] - math.log(10)) < 0.7
        assert np.mean(losses[-5:]) < 0.9 * losses[0]
    assert (tmp_path / "residual.png").stat().st_size > 1000


def test_a_block_without_findings_lets_its_input_pass() -> None:
    """Where batch norm multiplies by 0, a residual block is relu(x), and the plain one nothing."""
    x = autodiff.randn(2, 8, 5, 5)
    for added in (True, False):
        block = residual.make_model(residual=added)[3]
        block.found[-1].weight.data.zero_()
        np.testing.assert_array_equal(block(x).detach().numpy(), x.relu().numpy() * added)

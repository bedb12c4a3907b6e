"""The first example: points of the plane, learnt one at a time."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parity.harness import Near, same

import autodiff
from examples import peer, points, report
from examples.points_training import PLAIN, Job, dense, falling, make_step, train
from examples.points_training import points as make_points

SEEDS = range(3)


def test_the_data_are_those_of_the_task() -> None:
    """XOR has 21 points, label 1 on one diagonal but for the middle; linear has 100, label 0 where x > y."""
    places, labels = make_points("xor")
    assert (len(places), int(labels.sum())) == (21, 10)
    on_rising, on_falling = np.isclose(places[:, 0], places[:, 1]), np.isclose(places.sum(axis=1), 1)
    assert (labels[:, 0] == (on_falling & ~on_rising)).all()
    assert (on_rising | on_falling).all()
    places, labels = make_points("linear")
    assert places.shape == (100, 2)
    assert ((places >= 0) & (places < 1)).all()
    assert (labels[:, 0] == (places[:, 0] <= places[:, 1])).all()


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_adam_learns_xor_one_sample_at_a_time(seed: int) -> None:
    """A twentieth of the epochs puts all 21 points on their sides, from any seed."""
    run = train(Job(recipe="adam", seed=seed, epochs=500))
    assert run.accuracy == 1
    assert run.losses[-1] < 0.03 < 0.2 < run.losses[0]


def test_gradients_vanish_through_five_sigmoids_and_scaled_weights_keep_them() -> None:
    """With nn.Linear's own weights a layer gets a fraction of the next one's gradient; with larger ones, most of it."""
    for seed in SEEDS:
        jobs = (Job(name, seed=seed, epochs=1, share=0.8) for name in ("deep", "deep, repaired"))
        stuck, repaired = (train(job).norms[0] for job in jobs)
        assert all(low < 0.5 * high for low, high in pairwise(stuck))
        assert stuck[0] / stuck[-1] < 0.01 < 0.03 < repaired[0] / repaired[-1]


def test_the_learning_rate_falls_in_steps() -> None:
    """0.5, 0.2 and 0.1, for a third of the epochs each."""
    rates = [round(0.5 * falling(epoch, 9), 6) for epoch in range(9)]
    assert rates == [0.5] * 3 + [0.2] * 3 + [0.1] * 3


@pytest.mark.parametrize("seed", SEEDS)
def test_divergence_is_stopped_before_the_weights_are_spoiled(seed: int) -> None:
    """Without activations the first operation that is not finite is named with its line, and the weights are finite."""
    stopped = points.without_activations(seed)
    assert stopped["weights_finite"]
    assert stopped["operation"] in ("mse", "linear")
    assert stopped["file"] == "examples/points_training.py"
    source = (Path(points.__file__).parents[1] / stopped["file"]).read_text(encoding="utf-8").splitlines()
    assert "criterion(model(x), y)" in source[stopped["line"] - 1]
    assert "not finite; its inputs: float32" in stopped["message"]


def test_numbers_do_not_depend_on_the_number_of_workers() -> None:
    """One process and two give the same runs, in the same order."""
    jobs = {"a": [Job(epochs=3), Job(seed=1, epochs=3)], "b": [Job("convolution", epochs=3)]}
    alone, together = points.train_all(jobs, 1), points.train_all(jobs, 2)
    assert [[run.losses for run in runs] for runs in alone.values()] == [
        [run.losses for run in runs] for runs in together.values()
    ]


def test_the_program_writes_the_figures_and_pictures_it_promises(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A quick run has every key of the results, every picture, and a table."""
    arguments = ["--quick", "--epochs", "2", "--workers", "1"]
    arguments += ["--out", str(tmp_path), "--json", str(tmp_path / "f.json")]
    assert report.main("examples.points", points.__doc__, points.run, arguments, points.parser()) == 0
    found = json.loads((tmp_path / "f.json").read_text(encoding="utf-8"))
    for name in ("linear", "xor"):
        assert found[name].keys() >= {"loss", "losses", "accuracy", "split_accuracy"}
        assert found[name]["loss"] == min(found[name]["losses"])
    for name in ("momentum", "tanh", "relu", "convolution", "steps"):
        assert found[name].keys() >= {"loss", "accuracy"}
    assert found["xor"]["improved_median"] > 0
    assert found["deep"].keys() >= {"split_accuracy", "repaired_split_accuracy", "gradient_norms"}
    assert len(found["deep"]["gradient_norms"]) == 5
    assert found["no_activation"].keys() >= {"operation", "file", "line"}
    assert found["torch_ratio"] is None or found["torch_ratio"] > 0
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [
        f"points_{name}.png" for name in ("curves", "gradients", "predictions", "surfaces")
    ]
    assert "number to beat" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--seed", "x"], "whole number"),
        (["--epochs", "0"], "above 0"),
        (["--json", "no/such/folder.json"], "cannot be written"),
        (["--nonsense"], "unrecognized"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bad arguments and paths that cannot be written are found before the work."""
    try:
        code = report.main("examples.points", points.__doc__, points.run, arguments, points.parser())
    except SystemExit as end:
        code = int(end.code or 0)
    message = capsys.readouterr().err
    assert code == 2
    assert said in message
    assert message.count("\n") == 1


def test_a_row_says_whether_the_number_is_beaten() -> None:
    """Smaller losses and larger accuracies beat; what was not measured says nothing."""
    row = report.Row
    rows = [row("a", 1.0, 2.0), row("b", 0.9, 0.95, ">="), row("c", None, 1.0), row("d", "x")]
    assert [each.holds for each in rows] == [True, False, None, None]
    text = report.table(rows, markdown=True).splitlines()
    assert len({line.count("|") for line in text}) == 1
    assert len({len(line) for line in text}) == 1


def test_json_has_no_word_for_nan(tmp_path: Path) -> None:
    """NumPy's numbers are written as numbers; NaN is an error, and the file that was there stays."""
    path = tmp_path / "f.json"
    report.write_json(path, {"a": np.float32(0.5), "b": np.arange(2)})
    with pytest.raises(ValueError, match="Out of range"):
        report.write_json(path, {"a": math.nan})
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": 0.5, "b": [0, 1]}


def test_the_peer_says_the_same_to_both() -> None:
    """From the same weights, PyTorch's step and ours lead to the same loss."""
    start = {name: value.detach().numpy().copy() for name, value in dense(autodiff.nn, PLAIN).state_dict().items()}

    def loss_after_20_steps(lib: Any) -> float:
        model = dense(lib.nn, PLAIN)
        model.load_state_dict({name: lib.tensor(value) for name, value in start.items()})
        step = make_step(model, lib.optim.SGD(model.parameters(), lr=0.1), lib.nn.MSELoss())
        x, y = lib.tensor([[0.2, 0.8]]), lib.tensor([[1.0]])
        for _ in range(20):
            step(x, y)
        return lib.nn.MSELoss()(model(x), y).item()  # type: ignore[no-any-return]

    same(loss_after_20_steps, near=Near(1e-5))
    assert peer.torch_ratio(points.build_step, 1, 1) > 0

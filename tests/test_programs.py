"""The programs of ``examples``, each in its short run, and all of them in one."""

from __future__ import annotations

import functools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff
from examples import all as all_programs
from examples import mnist_mlp, one_conv, two_layer, zeros_and_ones
from examples.report import Report, Row, main

pytest.importorskip("matplotlib")

Figures = dict[str, Any]
FIGURES = {
    "points.linear": {"loss", "losses", "accuracy", "split_accuracy"},
    "points.xor": {"loss", "losses", "accuracy", "split_accuracy", "improved_median"},
    **{f"points.{name}": {"loss", "accuracy"} for name in ("momentum", "tanh", "relu", "convolution", "steps")},
    "points.deep": {"split_accuracy", "repaired_split_accuracy", "gradient_norms"},
    "points.no_activation": {"operation", "file", "line"},
    "points": {"torch_ratio"},
    "convolution": {
        "conv1d", "sum", "changed_sum", "input_gradient", "kernel_gradient", "batch_outputs", "batch_kernel_gradient",
        "shape",
    },
    "one_conv": {"test_accuracy", "validation_loss", "torch_ratio"},
    "zeros_and_ones": {"test_accuracy", "raw_pixel_losses"},
    "two_layer": {"loss", "train_accuracy"},
    "two_layer.gradient_error": {"W1", "W2", "b1", "b2"},
    "mnist_mlp": {"test_accuracy", "torch_ratio"},
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one short run of everything writes."""
    where = tmp_path_factory.mktemp("everything")
    arguments = ["--quick", "--workers", "1", "--json", f"{where}/results.json", "--docs", f"{where}/docs"]
    assert main("examples.all", all_programs.__doc__, all_programs.run, arguments, all_programs.parser()) == 0
    return where


@pytest.fixture(scope="module")
def figures(folder: Path) -> Figures:
    found: Figures = json.loads((folder / "results.json").read_text())
    return found


@pytest.mark.parametrize("path", FIGURES)
def test_one_object_has_every_figure(figures: Figures, path: str) -> None:
    """``examples.all --json`` writes the keys that others rely on, and a value for each but PyTorch's ratio."""
    found = figures
    for key in path.split("."):
        found = found[key]
    assert set(found) >= FIGURES[path]
    assert all(found[key] is not None for key in FIGURES[path] - {"torch_ratio"})


def test_the_page_of_results_has_every_row_and_picture(folder: Path) -> None:
    """``results.md`` shows the rows of all programs and links to pictures that exist."""
    page = (folder / "docs" / "results.md").read_text()
    for words in ("xor: loss", "one convolution: accuracy", "zeros and ones", "dense net", "W1"):
        assert words in page
    pictures = sorted(path.stem for path in (folder / "docs" / "images").glob("*.png"))
    assert pictures == sorted(all_programs.PICTURES)
    assert all(f"](images/{name}.png)" in page for name in pictures)


def test_some_programs_can_be_run_again(folder: Path, tmp_path: Path) -> None:
    """``--again`` runs what it names and keeps the results of the others, which have to be there."""
    before = json.loads((folder / "results.json").read_text())
    path = tmp_path / "results.json"
    again = ["--quick", "--json", str(path), "--again", "two_layer", "--seed", "1"]
    run = functools.partial(main, "examples.all", "", all_programs.run, again, all_programs.parser())
    assert run() == 2  # nothing is there yet
    path.write_text(json.dumps(before))
    assert run() == 0
    after = json.loads(path.read_text())
    assert after["points"] == before["points"]
    assert after["two_layer"]["losses"] != before["two_layer"]["losses"]


def test_convolution_has_the_numbers_worked_by_hand(figures: Figures) -> None:
    """One dimension, 'same' padding: outputs, sums and gradients are those of the course, exactly."""
    found = figures["convolution"]
    assert (found["conv1d"], found["sum"], found["changed_sum"]) == ([3, 6, 9, 12, 9], 39, 41)
    assert (found["input_gradient"], found["kernel_gradient"]) == ([2, 3, 3, 3, 2], [10, 15, 14])
    assert found["batch_outputs"] == [[1, 3, 6, 9, 12, 15, 11], [3, 6, 9, 12, 15, 18, 13]]
    assert (found["batch_kernel_gradient"], found["shape"]) == ([36, 49, 48], [10, 16, 32, 32])


def test_raw_pixels_give_no_nan(figures: Figures) -> None:
    """Bytes from 0 to 255 saturate every sigmoid; the losses are finite and fall (a warning would be an error here)."""
    losses = figures["zeros_and_ones"]["raw_pixel_losses"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def test_the_two_layer_classifier_starts_from_ln_3_with_exact_gradients(figures: Figures) -> None:
    """Small weights make the classes equally likely; gradients agree with numeric ones to 1e-7; it learns its data."""
    found = figures["two_layer"]
    assert abs(found["loss"] - math.log(3)) < 1e-6
    assert max(found["gradient_error"].values()) < 1e-7
    assert found["train_accuracy"] == 1


def test_the_digits_are_learnt_in_part(figures: Figures) -> None:
    """A short run on a thousand digits does far better than chance, with a convolution and with dense layers."""
    assert figures["one_conv"]["test_accuracy"] > 0.7
    assert figures["mnist_mlp"]["test_accuracy"] > 0.7
    losses = figures["mnist_mlp"]["losses"]["training"]
    assert losses[-1] < losses[0]


def test_numeric_slopes_are_those_of_calculus() -> None:
    """What the gradients of ``two_layer`` are compared with: 3 x^2 for the sum of x^3, and x is put back."""
    x = np.array([[0.5, -1.0], [2.0, 0.25]])
    before = x.copy()
    np.testing.assert_allclose(two_layer.slopes(lambda: autodiff.tensor(x**3).sum(), x), 3 * x**2, rtol=1e-9)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("program", [one_conv, zeros_and_ones, mnist_mlp])
def test_a_folder_without_the_images_is_named(program: Any, tmp_path: Path, capsys: Any) -> None:
    """Bad input ends a program with code 2 and one line that names the folder."""
    arguments = ["--quick", "--data", str(tmp_path)]
    assert main("examples.x", program.__doc__, program.run, arguments, program.parser()) == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1
    assert str(tmp_path) in errors[0]


def test_a_file_that_cannot_be_written_is_found_before_the_work(tmp_path: Path, capsys: Any) -> None:
    """``--json`` into a folder that is not there stops a program before it starts."""

    def run(options: Any) -> Report:
        raise AssertionError("the work began")

    assert main("examples.x", "", run, ["--json", str(tmp_path / "no" / "f.json")]) == 2
    assert "no" in capsys.readouterr().err


def test_a_row_says_no_where_the_number_is_not_beaten() -> None:
    """A table cannot hide a miss."""
    assert Row("loss", 2.0, 1.0).cells()[-1] == "NO"
    assert Row("accuracy", 0.99, 0.98, ">=").cells()[-1] == "yes"

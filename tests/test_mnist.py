"""`python -m examples.mnist`: what it writes, what it says about mistakes, and that a seed decides everything."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from architecture import ROOT

import autodiff
from autodiff.data.idx import EMBEDDED, FILES, Mnist, load_mnist, write_idx
from examples import mnist

PICTURES = ["graph.svg", "learning_curve.png"]


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of four IDX files: the first 400 embedded training images, and the first 100 test images."""
    folder = tmp_path_factory.mktemp("few")
    data = load_mnist(EMBEDDED)
    parts = data.train_images[:400], data.train_labels[:400], data.test_images[:100], data.test_labels[:100]
    for name, part in zip(FILES, parts, strict=True):
        write_idx(folder / name, part.astype("u1"))
    return folder


@pytest.fixture(scope="module")
def trained(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where one quick run has written everything."""
    out = tmp_path_factory.mktemp("out") / "new"
    arguments = ["--data", few, "--epochs", 2, "--out", out, "--json", out.parent / "results.json"]
    assert run(*arguments) == 0
    return out


def run(*arguments: object) -> int:
    try:
        return mnist.main([str(argument) for argument in arguments])
    except SystemExit as exit:
        return int(exit.code or 0)


def results(out: Path) -> dict[str, Any]:
    return json.loads((out.parent / "results.json").read_text())  # type: ignore[no-any-return]


def test_a_run_writes_curve_graph_and_weights(trained: Path) -> None:
    """The folder is made and holds the three files and nothing else, each of its kind."""
    assert sorted(os.listdir(trained)) == [*PICTURES, "weights"]
    assert (trained / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    svg = (trained / "graph.svg").read_text(encoding="utf-8")
    for name, _ in mnist.make_model().named_parameters():
        assert f">{name}</text>" in svg
    assert "cross_entropy" in svg
    assert "images" in svg


def test_the_picture_of_the_readme_is_the_one_the_program_draws(trained: Path) -> None:
    """Its boxes, modules and shapes; where they lie is up to the engine; how long gradients are, to the training."""
    words = [
        sorted(re.findall(r"<text[^>]*>(?!\|grad\|)([^<]*)</text>", path.read_text(encoding="utf-8")))
        for path in (trained / "graph.svg", ROOT / "docs" / "images" / "graph.svg")
    ]
    assert words[0] == words[1]


def test_the_results_are_data(trained: Path) -> None:
    """--json has the settings, and for each epoch losses, accuracies and seconds, as numbers."""
    found = results(trained)
    assert found["seed"] == 0
    assert found["parameters"] == sum(parameter.numel() for parameter in mnist.make_model().parameters())
    assert (found["train_images"], found["test_images"]) == (400, 100)
    assert len(found["epochs"]) == 2
    for epoch in found["epochs"]:
        assert set(epoch) == set(mnist.Epoch._fields)
        assert all(isinstance(value, float) and math.isfinite(value) for value in epoch.values())
    assert found["test_accuracy"] == found["epochs"][-1]["test_accuracy"]
    assert found["epochs"][1]["train_loss"] < found["epochs"][0]["train_loss"]


def test_the_weights_load_into_a_new_model_and_give_the_same_accuracy(trained: Path, few: Path) -> None:
    """What was saved is what was tested."""
    model = mnist.make_model()
    model.load_state_dict(autodiff.load(trained / "weights"))
    data = load_mnist(few)
    loss, accuracy = mnist.evaluate(model, data.test_images, data.test_labels)
    last = results(trained)["epochs"][-1]
    assert (loss, accuracy) == (last["test_loss"], last["test_accuracy"])


def test_the_seed_decides_everything_but_the_time(trained: Path, few: Path, tmp_path: Path) -> None:
    """The same seed gives the same numbers to the last bit, another one other numbers."""

    def numbers(out: Path) -> list[dict[str, float]]:
        return [{**epoch, "seconds": 0.0} for epoch in results(out)["epochs"]]

    for seed in (0, 1):
        out = tmp_path / f"{seed}" / "out"
        out.parent.mkdir()
        arguments = ["--data", few, "--epochs", 2, "--out", out, "--json", out.parent / "results.json", "--seed", seed]
        assert run(*arguments) == 0
    assert numbers(tmp_path / "0" / "out") == numbers(trained)
    assert numbers(tmp_path / "1" / "out") != numbers(trained)


def test_the_network_learns_the_embedded_digits(tmp_path: Path) -> None:
    """One pass over the 5,000 images is enough for nine digits of ten; the page says that all layers learn."""
    autodiff.manual_seed(0)
    model, page = mnist.make_model(), tmp_path / "training.html"
    (epoch,) = mnist.train(model, load_mnist(EMBEDDED), epochs=1, batch_size=50, lr=0.005, page=page)
    assert epoch.test_accuracy > 0.9
    assert "all layers learn" in page.read_text(encoding="utf-8")


MISTAKES = {
    "epochs": (["--epochs", "0"], "'0' is not a whole number above 0"),
    "batch size": (["--batch-size", "x"], "'x' is not a whole number above 0"),
    "learning rate": (["--lr", "nan"], "'nan' is not a number above 0"),
    "infinite rate": (["--lr", "inf"], "'inf' is not a number above 0"),
    "seed": (["--seed", "-1"], "'-1' is not a whole number from 0 on"),
    "unknown": (["--epoch-count", "1"], "--epoch-count"),
    "no value": (["--data"], "--data"),
    "no data": (["--data", "missing"], "missing: no such directory"),
    "data is a file": (["--data", "file"], "file: no such directory"),
    "damaged data": (["--data", "damaged"], "damaged gzip data"),
    "half the data": (["--data", "half"], "no such file"),
    "out is a file": (["--out", "file"], "file"),
    "out in a file": (["--out", "file/out"], "file"),
    "out is read-only": (["--out", "/proc"], "/proc"),
    "weights is a directory": (["--out", "taken"], "it is a directory"),
    "json in no directory": (["--json", "missing/results.json"], "cannot be written"),
    "json is a directory": (["--json", "taken"], "it is a directory"),
}


@pytest.mark.parametrize(("arguments", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_line_and_exit_code_2_before_any_work(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    few: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is trained, printed or written where the result could not be."""
    if arguments[-1] == "/proc" and not os.path.isdir("/proc/self"):
        pytest.skip("this system has no folder that refuses files even to root")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mnist, "train", lambda *arguments: pytest.fail("training was begun"))
    (tmp_path / "file").write_text("")
    (tmp_path / "taken" / "weights").mkdir(parents=True)
    for folder in ("damaged", "half"):
        shutil.copytree(few, tmp_path / folder)
    (tmp_path / "half" / FILES[3]).unlink()
    (tmp_path / "damaged" / FILES[0]).write_bytes((EMBEDDED / f"{FILES[0]}.gz").read_bytes()[:9000])
    before = sorted(tmp_path.rglob("*"))
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("python -m examples.mnist: ")
    assert said in err
    assert err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_loss_that_explodes_is_named(few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where training cannot go on, one line says so and what to change, and no weights are written."""
    with pytest.warns(RuntimeWarning):
        assert run("--data", few, "--epochs", 3, "--lr", 1e30, "--out", tmp_path) == 2
    assert "try a smaller --lr" in capsys.readouterr().err.splitlines()[-1]
    assert not os.listdir(tmp_path)


def test_an_interrupt_ends_with_a_line_and_130(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C in the middle of training is no traceback, and leaves no file."""

    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(mnist, "evaluate", interrupted)
    monkeypatch.setattr(mnist, "load_mnist", lambda _: Mnist(*(part[:60] for part in load_mnist(EMBEDDED))))
    assert run("--out", tmp_path) == 130
    assert capsys.readouterr().err.endswith("python -m examples.mnist: interrupted\n")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("missing", "lost"), [("matplotlib.figure", "learning_curve.png"), ("graphviz", None), ("tqdm", None)]
)
def test_without_an_optional_package_the_rest_is_done(
    missing: str,
    lost: str | None,
    few: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A picture that cannot be made is a line that says what to install; all else is written, and the code is 0."""
    monkeypatch.setitem(sys.modules, missing, None)
    assert run("--data", few, "--epochs", 1, "--out", tmp_path) == 0
    assert sorted(os.listdir(tmp_path)) == sorted({*PICTURES, "weights"} - {lost})
    errors = [line for line in capsys.readouterr().err.splitlines() if "was not written" in line]
    if lost is None:
        assert not errors
    else:
        (line,) = errors
        assert f"{lost} was not written" in line
        assert "pip install" in line


def test_importing_the_program_does_nothing() -> None:
    """Nothing is printed by it, and others can use the model: images become ten scores, each call makes a new one."""
    line = [sys.executable, "-c", "from examples import mnist"]
    done = subprocess.run(line, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
    images = mnist.to_tensor(load_mnist(EMBEDDED).test_images[:3])
    assert mnist.make_model()(images).shape == (3, 10)
    assert mnist.make_model() is not mnist.make_model()

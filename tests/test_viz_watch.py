"""A watched training: the numbers are those of the training, what is wrong is named, and nothing is changed."""

from __future__ import annotations

import copy
import math
import pickle
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import autodiff
import nn
import optim
from autodiff.viz import DrawingError, Watch
from autodiff.viz.watching import Sample


def small() -> nn.Module:
    autodiff.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def deep(activation: Any = nn.Sigmoid, layers: int = 8) -> nn.Module:
    autodiff.manual_seed(1)
    hidden = [layer for _ in range(layers) for layer in (nn.Linear(8, 8), activation())]
    return nn.Sequential(nn.Linear(4, 8), *hidden, nn.Linear(8, 2))


def trained(model: nn.Module, steps: int = 12, lr: float = 0.01, watched: bool = True, **options: Any) -> Any:
    """The watch of a training, or its losses where it is not watched."""
    optimizer = optim.SGD(model.parameters(), lr=lr)
    watch = Watch(model, optimizer, **{"every": 1, **options}) if watched else None
    generator = autodiff.Generator().manual_seed(2)
    losses = []
    for _ in range(steps):
        x = autodiff.randn(16, 4, generator=generator)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), autodiff.arange(16) % 2)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if watch:
            watch(loss)
    return watch or losses


def kinds(watch: Watch) -> set[tuple[str, str]]:
    return {(finding.layer, finding.kind) for finding in watch.findings()}


def test_the_numbers_are_those_of_the_training() -> None:
    """Norms of gradients, of parameters before the step, and of the change beside them, of each layer."""
    model = small()
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    watch = Watch(model, optimizer, every=1)
    before = [p.detach().clone() for p in model[0].parameters()]
    loss = model(autodiff.ones(3, 4)).square().mean()
    loss.backward()
    gradients = [p.grad.clone() for p in model[0].parameters()]
    optimizer.step()
    watch(loss)
    (sample,) = watch.record.samples
    norm = math.sqrt(sum(float((g * g).sum()) for g in gradients))
    size = math.sqrt(sum(float((w * w).sum()) for w in before))
    assert sample.gradients["0: Linear"] == pytest.approx(norm)
    assert sample.weights["0: Linear"] == pytest.approx(size)
    assert sample.updates["0: Linear"] == pytest.approx(0.5 * norm / size, rel=1e-4)
    assert list(watch.record.losses) == [loss.item()]
    assert watch.record.rates == [(1, 0.5)]
    assert set(sample.activations) == {"0: Linear", "1: ReLU", "2: Linear"}
    assert sum(sample.activations["2: Linear"].counts) == 6
    hidden = model[1](model[0](autodiff.ones(3, 4)))
    assert sample.dead == {"1: ReLU": pytest.approx(float((hidden[0] == 0).float().mean()), abs=0.2)}


def test_watching_changes_nothing() -> None:
    """Losses have the same bits, and after ``close`` no hook is left."""
    with trained(model := small()) as watch:
        assert list(watch.record.losses) == trained(small(), watched=False)
    assert all(module._hooks is None for module in model.modules())
    seen = len(watch.record.samples)
    trained(model, watched=False)
    assert len(watch.record.samples) == seen


def test_copies_of_a_watched_model_are_not_watched() -> None:
    """In memory and in a file, also between two steps of which the next one is sampled."""
    watch = trained(model := small(), steps=1)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        twin(autodiff.full((2, 4), 1e6))
    watch.close()
    assert all(abs(sample.activations["2: Linear"].high) < 1e3 for sample in watch.record.samples)
    assert twin(autodiff.ones(2, 4)).tolist() == model(autodiff.ones(2, 4)).tolist()


def test_a_healthy_net_is_said_to_learn() -> None:
    """No finding, and words that say so."""
    watch = trained(small())
    assert watch.findings() == []
    assert str(watch).splitlines()[-1].endswith("learning rate 0.01: all layers learn")
    assert [line.split()[0] for line in str(watch).splitlines()[1:4]] == ["0:", "2:", "1:"]


def test_vanishing_and_exploding_layers_are_named() -> None:
    """Beside the layer next to the loss, per entry; the layers in between are not."""
    found = kinds(trained(deep()))
    assert ("0: Linear", "vanishing") in found
    assert ("17: Linear", "vanishing") not in found
    model = deep(nn.Identity, layers=1)
    with autodiff.no_grad():
        model[-1].weight.mul_(1e5)
    watch = trained(model, lr=1e-9)
    assert {("0: Linear", "exploding"), ("1: Linear", "exploding")} <= kinds(watch)
    assert any("its gradient explodes" in line for line in str(watch).splitlines())


def test_gradients_that_grow_are_named() -> None:
    """A gradient that is a thousand times what it was."""
    watch = trained(small(), steps=12)
    samples = watch.record.samples
    for sample in samples[-5:]:
        sample.gradients = {layer: 1e4 * norm for layer, norm in sample.gradients.items()}
    assert kinds(watch) == {("0: Linear", "exploding"), ("2: Linear", "exploding")}


def test_dead_units_and_layers_without_gradient_are_named() -> None:
    """A ReLU that is always 0, and the layer before it, which learns nothing."""
    model = small()
    with autodiff.no_grad():
        model[0].bias.fill_(-100.0)
    found = kinds(trained(model))
    assert {("1: ReLU", "dead"), ("0: Linear", "no gradient")} <= found


def test_steps_that_are_too_large_or_too_small_are_named() -> None:
    """By how much a step changes a layer."""
    assert ("2: Linear", "too fast") in kinds(trained(small(), lr=20.0, steps=3))
    assert ("0: Linear", "too slow") in kinds(trained(small(), lr=1e-8))


def test_a_loss_that_is_no_number_is_named_with_its_step() -> None:
    """And so are gradients; the charts can be drawn all the same."""
    watch = trained(small(), steps=3)
    for _ in range(2):
        watch(float("nan"))
    assert watch.findings()[0].text == "the loss is nan since step 4"
    lost = small()
    with autodiff.no_grad():
        lost[2].weight.fill_(float("nan"))
    broken = trained(lost, steps=3)
    assert ("0: Linear", "not finite") in kinds(broken)
    for each in (watch, broken):
        assert "no finite number" in each._repr_html_() or "polyline" in each._repr_html_()


def test_samples_are_as_rare_as_their_price_demands() -> None:
    """Left to itself a watch of a tiny net, whose steps are cheap, samples few of them, and keeps a bounded number."""
    watch = trained(small(), steps=300, every=None)
    assert 2 <= len(watch.record.samples) <= 40
    assert len(watch.record.losses) == 300
    many = trained(small(), steps=0)
    many.record.samples += [Sample(i) for i in range(400)]
    many(0.0)
    assert len(many.record.samples) < 250


def test_a_training_without_an_optimizer_is_watched_too() -> None:
    """There are no updates then, and gradients are those that are there when the loss is told."""
    model = small()
    watch = Watch(model, every=1)
    loss = model(autodiff.ones(3, 4)).square().mean()
    loss.backward()
    watch(loss)
    (sample,) = watch.record.samples
    assert sample.gradients
    assert not sample.updates
    assert not watch.record.rates


def test_frozen_layers_are_no_layers_that_fail_to_learn() -> None:
    """A layer whose parameters cannot be trained has no gradient, and that is right."""
    model = small()
    model[0].requires_grad_(False)
    watch = trained(model)
    assert watch.findings() == []
    assert list(watch.record.entries) == ["2: Linear"]


def test_the_page_is_one_file(tmp_path: Path) -> None:
    """It loads nothing, its charts are sound, names are escaped, and it says what is wrong."""
    watch = trained(deep(), title="<deep>")
    watch.save(tmp_path / "training.html")
    page = (tmp_path / "training.html").read_text(encoding="utf-8")
    assert not {word for word in ("src=", "href=", "@import", "url(", "<script") if word in page}
    assert "prefers-color-scheme:dark" in page
    assert "&lt;deep&gt;" in page
    assert "its gradient vanishes" in page
    charts = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert [ET.fromstring(chart).get("aria-label") for chart in charts] == [
        "loss", "gradient norms", "updates: change by a step / norm", "weight norms", "activations",
    ]  # fmt: skip
    assert "nothing was seen yet" in Watch(small())._repr_html_()


def test_pictures_are_matplotlibs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PNG is one; without matplotlib the error says what to install, and what needs nothing."""
    pytest.importorskip("matplotlib")
    watch = trained(small())
    watch.save(tmp_path / "a.PNG")
    watch.save(tmp_path / "a.txt")
    assert (tmp_path / "a.PNG").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == f"{watch}\n"
    with pytest.raises(DrawingError, match=r"ends in \.html, \.png"):
        watch.save(tmp_path / "a.gif")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(DrawingError, match=r"pip install matplotlib; \.html needs nothing"):
        watch.save(tmp_path / "b.png")


def test_a_notebook_keeps_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """``show`` displays the watch, steps update what is displayed, not too often, and ``close`` once more."""

    class Handle:
        updates = 0

        def update(self, watch: Any) -> None:
            self.updates += 1

    handle, displayed = Handle(), []

    def display(watch: Any, display_id: bool) -> Handle:
        displayed.append(watch)
        return handle

    notebook: Any = ModuleType("IPython")
    notebook.display = ModuleType("IPython.display")
    notebook.get_ipython, notebook.display.display = object, display
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setitem(sys.modules, "IPython.display", notebook.display)
    watch = trained(small(), steps=2)
    watch.show()
    watch(1.0)
    assert (displayed, handle.updates) == ([watch], 0)
    watch._shown -= 3
    watch(1.0)
    assert handle.updates == 1
    watch.close()
    assert handle.updates == 2
    monkeypatch.setitem(sys.modules, "IPython", None)
    with pytest.raises(DrawingError, match="no notebook"):
        watch.show()


def test_mistakes_are_refused() -> None:
    """What is no model, no optimizer, no loss, and no number of steps."""
    model = small()
    with pytest.raises(DrawingError, match="takes a model"):
        Watch(model(autodiff.ones(1, 4)))
    with pytest.raises(DrawingError, match="a model and its optimizer"):
        Watch(model, model)
    with pytest.raises(DrawingError, match="every=0"):
        Watch(model, every=0)
    with pytest.raises(DrawingError, match="the loss of each step, one number"):
        Watch(model)(model(autodiff.ones(1, 4)))

"""Pickles are written and opened on demand only; whoever saves a whole module learns how else to do it."""

from __future__ import annotations

import argparse
import os
import pickle
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff
import nn
import optim
from autodiff.errors import AutodiffWarning, DtypeError, FileFormatError


class Net(nn.Module):
    """A model of a user, with tied weights, a buffer and a plain attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.width = nn.Linear(3, 3), nn.Linear(3, 3), 3
        self.second.weight = self.first.weight
        self.norm = nn.BatchNorm1d(3)

    def forward(self, x: Any) -> Any:
        return self.norm(self.second(self.first(x).relu()))


class Reckless:
    def __reduce__(self) -> Any:
        return os.abort, ()


def through_file(obj: object) -> Any:
    file = BytesIO()
    autodiff.save(obj, file, pickle=True)
    file.seek(0)
    with pytest.warns(AutodiffWarning, match="can run any program"):
        return autodiff.load(file, weights_only=False)


def test_a_whole_module_comes_back() -> None:
    """With its class, mode, ties and buffers; a step of training changes both weights that are one."""
    model, x = Net(), autodiff.rand(4, 3)
    model(x)
    model.eval()
    twin = through_file(model)
    assert type(twin) is Net
    assert not twin.training
    assert twin.second.weight is twin.first.weight
    assert np.array_equal(twin(x).detach(), model(x).detach())
    optim.SGD(twin.parameters(), lr=0.1)
    assert len(list(twin.parameters())) == len(list(model.parameters()))


def test_an_optimizer_and_its_schedule_go_on_together() -> None:
    """Saved beside their model in one dict, they change that model's parameters."""
    model = nn.Linear(2, 1)
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    schedule = optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    model(autodiff.ones(1, 2)).sum().backward()
    optimizer.step()
    schedule.step()
    saved = {"model": model, "optimizer": optimizer, "schedule": schedule, "args": argparse.Namespace(lr=0.1)}
    found = through_file(saved)
    assert found["optimizer"].param_groups[0]["params"][0] is found["model"].weight
    assert found["schedule"].optimizer is found["optimizer"]
    assert found["args"].lr == 0.1
    for one, own in ((optimizer, model), (found["optimizer"], found["model"])):
        one.zero_grad()
        own(autodiff.ones(1, 2)).sum().backward()
        one.step()
    assert np.array_equal(found["model"].weight.detach(), model.weight.detach())


@pytest.mark.parametrize("make", [Net, lambda: optim.SGD([autodiff.ones(1, requires_grad=True)], lr=0.1)])
def test_what_is_not_pickled_says_how_to_save_it(make: Callable[[], Any], tmp_path: Path) -> None:
    """The two lines of the error work as they stand."""
    model, path = make(), tmp_path / "file"
    with pytest.raises(DtypeError, match=r"nothing is pickled unless you ask") as caught:
        autodiff.save(model, path)
    assert list(tmp_path.iterdir()) == []
    lines = [line.strip() for line in str(caught.value).splitlines() if line.startswith("    ")]
    assert len(lines) == 2
    exec("\n".join(lines), {"autodiff": autodiff, "model": model, "f": path})
    with pytest.raises(DtypeError, match=r"(?s)obj\['net'\] is a .*pickle=True"):
        autodiff.save({"net": model}, path)


def test_a_pickle_is_opened_only_when_asked(tmp_path: Path) -> None:
    """By the default nothing of it runs; files of numbers need no warning in either way."""
    path = tmp_path / "file"
    autodiff.save(Reckless(), path, pickle=True)
    for weights_only in (True, None):
        with pytest.raises(FileFormatError, match=r"a pickle.*weights_only=False"):
            autodiff.load(path, weights_only=weights_only)
    autodiff.save({"a": autodiff.ones(2)}, path)
    assert autodiff.load(path, weights_only=False)["a"].sum() == 2


def test_what_cannot_be_pickled_leaves_the_old_file(tmp_path: Path) -> None:
    """The pickle is whole before the file is touched; a damaged one is a FileFormatError."""
    path = tmp_path / "file"
    autodiff.save(3, path, pickle=True, pickle_protocol=2)
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        autodiff.save(lambda x: x, path, pickle=True)
    with pytest.warns(AutodiffWarning, match="can run any program"):
        assert autodiff.load(path, pickle_module=pickle, weights_only=False) == 3
    path.write_bytes(pickle.dumps([Net()])[:-20])
    with pytest.warns(AutodiffWarning, match="can run"), pytest.raises(FileFormatError, match="cannot be read here"):
        autodiff.load(path, weights_only=False)

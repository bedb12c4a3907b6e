"""``source()``: the whole step as one NumPy function, which runs where the library cannot be imported."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff
import nn
import optim

F = nn.functional
ALONE = """
import pickle, sys
import numpy as np
sys.modules["autodiff"] = sys.modules["nn"] = sys.modules["optim"] = None
text, given, calls = pickle.load(open(sys.argv[1], "rb"))
names = {"np": np}
exec(text, names)
results = [[np.asarray(x).tobytes() for x in names["step"](*x, **given)] for x in calls]
lasting = {name: x.tobytes() for name, x in given.items() if isinstance(x, np.ndarray)}
pickle.dump((results, lasting), open(sys.argv[1], "wb"))
"""


def xor(x: Any, y: Any, model: Any) -> Any:
    return F.mse_loss(model(x), y)


def penalty(x: Any, y: Any, model: Any) -> Any:
    x = x.detach().requires_grad_()
    (slope,) = autodiff.grad(model(x).sum(), x, create_graph=True)
    return (((slope**2).sum(1).sqrt() - 1) ** 2).mean() + F.mse_loss(model(x), y)


def dropped(x: Any, y: Any, model: Any) -> Any:
    return F.mse_loss(F.dropout(model(x), 0.5), y)


CASES = {
    "xor": (xor, lambda p: optim.SGD(p, lr=0.1), nn.Tanh),
    "penalty": (penalty, lambda p: optim.SGD(p, lr=0.1), nn.Softplus),
    "momentum": (xor, lambda p: optim.SGD(p, lr=0.1, momentum=0.9), nn.ReLU),
    "norm": (xor, lambda p: optim.SGD(p, lr=0.1), lambda: nn.BatchNorm1d(8)),
    "dropout": (dropped, lambda p: optim.SGD(p, lr=0.1), nn.GELU),
}


@pytest.mark.parametrize("name", CASES)
def test_the_source_runs_alone(name: str, tmp_path: Path) -> None:
    """Three steps in a process without the library come to the bits of three replays."""
    loss_of, make, activation = CASES[name]
    autodiff.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), activation(), nn.Linear(8, 1))
    optimizer = make(model.parameters())

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(x, y, model)
        loss.backward()
        optimizer.step()
        return loss

    compiled, rng = autodiff.compile(step), np.random.default_rng(0)
    for _ in range(4):
        compiled(autodiff.rand(6, 2), autodiff.rand(6, 1))
    source = compiled.programs[-1].source()
    assert not [name for name in source.opaque if name != "random"]
    calls = [(rng.random((6, 2)).astype("f"), rng.random((6, 1)).astype("f")) for _ in range(3)]
    file = tmp_path / "step"
    file.write_bytes(pickle.dumps((source.text, source.given, calls)))
    subprocess.run([sys.executable, "-c", ALONE, str(file)], check=True, cwd=tmp_path)
    results, lasting = pickle.loads(file.read_bytes())
    for (x, y), alone in zip(calls, results, strict=True):
        loss = compiled(autodiff.tensor(x), autodiff.tensor(y))
        grads = [p.grad.numpy().tobytes() for p in model.parameters()]
        assert alone[0] == loss.numpy().tobytes()
        assert sorted(alone[1:]) == sorted(grads)
    names = {name for name, value in source.given.items() if isinstance(value, np.ndarray)}
    assert {name: source.given[name].tobytes() for name in names} == lasting


def test_the_source_reads_like_the_program() -> None:
    """Names are the model's, comments have the user's lines, and what is opaque is said."""
    model = nn.Sequential(nn.Conv2d(1, 2, 3))
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = model(x).sum()
        loss.backward()
        optimizer.step()
        return loss

    compiled = autodiff.compile(step)
    assert compiled.summary() == "no program was written yet"
    for _ in range(4):
        compiled(autodiff.rand(2, 1, 5, 5))
    text = compiled.source()
    assert "p_0_weight" in text
    assert "loss.backward()" in text
    assert "conv2d" in compiled.summary()
    assert "bytes for temporary arrays" in compiled.summary()

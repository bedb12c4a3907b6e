"""``source()``: the whole step as one NumPy function, which runs where the library cannot be imported."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiled import bits

import autodiff
import nn
import optim

F = nn.functional
ALONE = """
import pickle, sys
import numpy as np
sys.modules["autodiff"] = sys.modules["nn"] = sys.modules["optim"] = None
text, calls = pickle.load(open(sys.argv[1], "rb"))
names = {"np": np}
exec(text, names)
found = []
for arguments, given in calls:
    results = [np.asarray(x).tobytes() for x in names["step"](*arguments, **given)]
    found.append((results, {name: x.tobytes() for name, x in given.items() if isinstance(x, np.ndarray)}))
pickle.dump(found, open(sys.argv[1], "wb"))
"""


def dense(activation: Any) -> Any:
    return lambda: nn.Sequential(nn.Linear(2, 8), activation(), nn.Linear(8, 1))


def convolutional() -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 2, 3),
        nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(8, 3),
    )  # fmt: skip


def mean_squares(x: Any, y: Any, model: Any) -> Any:
    return F.mse_loss(model(x), y)


def penalty(x: Any, y: Any, model: Any) -> Any:
    x = x.detach().requires_grad_()
    (slope,) = autodiff.grad(model(x).sum(), x, create_graph=True)
    return ((slope.norm(dim=1) - 1) ** 2).mean() + F.mse_loss(model(x), y)


def dropped(x: Any, y: Any, model: Any) -> Any:
    return F.mse_loss(F.dropout(model(x), 0.5), y)


def classes(x: Any, y: Any, model: Any) -> Any:
    return F.cross_entropy(model(x), (y[:, 0] * 3).long())


def sgd(p: Any) -> Any:
    return optim.SGD(p, lr=0.1)


CASES = {
    "xor": (mean_squares, sgd, dense(nn.Sigmoid), (2,)),
    "penalty": (penalty, sgd, dense(nn.Tanh), (2,)),
    "penalty, softplus": (penalty, sgd, dense(nn.Softplus), (2,)),
    "momentum": (mean_squares, lambda p: optim.SGD(p, lr=0.1, momentum=0.9), dense(nn.ReLU), (2,)),
    "adam": (mean_squares, lambda p: optim.Adam(p, lr=0.1), dense(nn.ReLU), (2,)),
    "adamw": (mean_squares, lambda p: optim.AdamW(p, lr=0.1, weight_decay=0.1), dense(nn.ReLU), (2,)),
    "norm": (mean_squares, sgd, dense(lambda: nn.BatchNorm1d(8)), (2,)),
    "dropout": (dropped, sgd, dense(nn.GELU), (2,)),
    "convolutions": (classes, lambda p: optim.SGD(p, lr=0.1, momentum=0.9), convolutional, (1, 8, 8)),
}


@pytest.mark.parametrize("name", CASES)
def test_the_source_runs_alone(name: str, tmp_path: Path) -> None:
    """Three steps in a process without the library come to the bits of three replays."""
    loss_of, make, build, shape = CASES[name]
    autodiff.manual_seed(0)
    model = build()
    optimizer = make(model.parameters())

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(x, y, model)
        loss.backward()
        optimizer.step()
        return loss

    compiled, rng = autodiff.compile(step), np.random.default_rng(0)
    for _ in range(4):
        compiled(autodiff.rand(6, *shape), autodiff.rand(6, 1))
    calls, expected = [], []
    for _ in range(3):
        before = pickle.loads(pickle.dumps(compiled.programs[-1].source().given))
        x, y = rng.random((6, *shape)).astype("f"), rng.random((6, 1)).astype("f")
        loss = compiled(autodiff.tensor(x), autodiff.tensor(y))
        source = compiled.programs[-1].source()
        assert not [name for name in source.opaque if name != "random"]
        numbers = {name: value for name, value in source.given.items() if "number" in name}  # those of this call
        calls.append(((x, y), {**before, **pickle.loads(pickle.dumps(numbers))}))
        arrays = {name: x.tobytes() for name, x in source.given.items() if isinstance(x, np.ndarray)}
        expected.append((loss.numpy().tobytes(), sorted(p.grad.numpy().tobytes() for p in model.parameters()), arrays))
    file = tmp_path / "step"
    file.write_bytes(pickle.dumps((source.text, calls)))
    subprocess.run([sys.executable, "-c", ALONE, str(file)], check=True, cwd=tmp_path)
    for (results, lasting), wanted in zip(pickle.loads(file.read_bytes()), expected, strict=True):
        assert (results[0], sorted(results[1:]), lasting) == wanted


def test_what_is_written_over() -> None:
    """A result that is written over an array is one of its own, unless dtype, shape or a view tells them apart."""

    def step(x: Any, y: Any) -> Any:
        kept, narrow, wide, viewed = (x.numpy() * i for i in (2, 3, 4, 5))
        np.add(kept, 1, out=kept)
        np.add(narrow, y.numpy(), out=narrow)
        np.multiply(wide[0] + 1, 2, out=wide)
        row = viewed[0]
        np.add(viewed, 1, out=viewed)
        return tuple(map(autodiff.as_tensor, (kept, narrow, wide, viewed, row)))

    compiled, rng = autodiff.compile(step), np.random.default_rng(0)
    for _ in range(6):
        x, y = rng.random((2, 3)).astype("f"), rng.random((2, 3))
        expected = [each.numpy() for each in step(autodiff.tensor(x), autodiff.tensor(y))]
        results = compiled(autodiff.tensor(x), autodiff.tensor(y))
        assert [bits(each) for each in results] == [bits(each) for each in expected]
    names = {"np": np}
    exec(compiled.source(), names)
    assert [bits(each) for each in names["step"](x, y)] == [bits(each) for each in expected]
    assert compiled.source().count("out=") == 3


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
        compiled(autodiff.rand(40, 1, 16, 16))
    text = compiled.source()
    assert "p_0_weight" in text
    assert "loss.backward()" in text
    assert "conv2d" in compiled.summary()
    assert "bytes for temporary arrays" in compiled.summary()

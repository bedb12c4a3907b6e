"""The trial that a new kernel passes before anybody uses it: for every kind of kernel, without a trace."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the lane of llvmlite needs the extra `fast`")

from llvm_lane import kernels, new_process

import autodiff
from autodiff.kernels import convolution as numpys
from autodiff.kernels import lanes
from autodiff.kernels.geometry import Geometry
from autodiff.kernels.llvm import builder, library, trial
from optim.rules import by_block, descend


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The lane as in a new process, where the first call compiles."""
    with new_process(tmp_path) as folder:
        monkeypatch.setenv("AUTODIFF_LLVM", "now")
        yield folder


def everything() -> list[Any]:
    """Results and gradients of what there are kernels for."""
    functional, found = autodiff.nn.functional, []
    autodiff.manual_seed(0)
    lstm = autodiff.nn.LSTM(12, 32)
    steps: dict[str, Callable[[Any], Any]] = {
        "4 8 20 20": lambda x: functional.conv2d(x, autodiff.randn(16, 8, 3, 3).requires_grad_(), padding=1),
        "2 256 64": lambda x: functional.linear(x, autodiff.randn(64, 64).requires_grad_()),
        "4 6 40 40": lambda x: functional.batch_norm(x, None, None, training=True),
        "300 70": lambda x: functional.layer_norm(x, (70,), autodiff.ones(70).requires_grad_(), autodiff.zeros(70)),
        "16 16 12": lambda x: lstm(x)[0],
        "300 301": lambda x: functional.gelu(x).sigmoid().tanh().exp().relu(),
    }  # fmt: skip
    for shape, step in steps.items():
        x = autodiff.randn([int(n) for n in shape.split()]).requires_grad_()
        out = step(x)
        out.backward(autodiff.randn(out.shape))
        found += [out.detach().numpy(), x.grad.numpy()]
        by_block(descend, (x.detach().numpy(), x.grad.numpy()), 0.5)
        found.append(x.detach().numpy())
    return found


def test_a_wrong_kernel_of_any_kind_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where kernels write twice their results, all numbers are NumPy's, and every kind is switched off."""
    lanes.set_enabled(False)
    expected = everything()
    lanes.set_enabled(True)
    store = builder.Code.store
    monkeypatch.setattr(builder.Code, "store", lambda k, x, *to, **last: store(k, k.binary("fadd", x, x), *to, **last))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", autodiff.errors.AutodiffWarning)
        found = everything()
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not kernels()
    assert library._off == {
        "convolution", "the gradient of a convolution's weights", "matrix product", "normalization",
        "lstm", "lstm_back", "gelu", "gelu_back", "sigmoid", "sigmoid_back", "tanh", "tanh_back", "exp", "relu",
        "relu_back", "the formula descend",
    }  # fmt: skip


def test_a_trial_changes_nothing_and_is_passed_once(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It works on copies, of finite numbers only; the file that is kept tells that there was one."""
    tried: list[Any] = []
    passes = trial.passes
    monkeypatch.setattr(trial, "passes", lambda *call: tried.append(call[2]) or passes(*call))
    random, geometry = np.random.default_rng(0), Geometry(padding=((1, 1), (1, 1)))
    x, w = random.standard_normal((4, 8, 20, 20), np.float32), random.standard_normal((16, 8, 3, 3), np.float32)
    x[0, 0, 0, 0] = np.nan
    before, bias = x.copy(), np.zeros(16, np.float32)
    first = numpys.convolve(x, w, geometry, bias)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(np.argwhere(np.isnan(first[0, 0])), [[0, 0], [0, 1], [1, 0], [1, 1]])
    assert not bias.any()
    assert len([*fresh.iterdir()]) == len(tried) == 1
    monkeypatch.setattr(library, "_kernels", {})
    np.testing.assert_array_equal(numpys.convolve(x, w, geometry, bias), first)
    assert len(tried) == 1

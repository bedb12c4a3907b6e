"""The workloads of ``benchmarks``: the same numbers everywhere, and no more memory than they may take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from parity.harness import Near, agree, both, peer

import autodiff
import nn
from benchmarks import memory, report
from benchmarks.workloads import WORKLOADS, Workload

every_workload = pytest.mark.parametrize("workload", WORKLOADS, ids=[workload.name for workload in WORKLOADS])


class Plain:
    """NumPy itself, in the place of a library that differentiates the pure functions."""

    np = np
    gradient = staticmethod(autodiff.func.grad)

    @staticmethod
    def conv(x: Any, w: Any, padding: int, stride: int = 1, groups: int = 1) -> Any:
        return nn.functional.conv2d(x, w, None, stride, padding, 1, groups).numpy()

    @staticmethod
    def max_pool(x: Any, size: int, stride: int, padding: int) -> Any:
        return nn.functional.max_pool2d(x, size, stride, padding).numpy()


@every_workload
def test_a_workload_comes_to_the_same_with_either_library(workload: Workload) -> None:
    """Before and after three steps the losses agree, so that times are compared of the same work.

    After a step with dropout they do not, for the libraries draw different numbers.
    """
    ours, theirs = both(workload.build)
    for _ in range(1 if "dropout" in workload.name else 2):
        agree(ours.loss(), theirs.loss(), Near(2e-4, of_largest=2e-4))
        for _ in range(3):
            ours.step(), theirs.step()


@pytest.mark.parametrize("workload", [w for w in WORKLOADS if w.pure], ids=[w.name for w in WORKLOADS if w.pure])
def test_a_pure_function_is_the_workload(workload: Workload) -> None:
    """Its value is the loss, or the sum of what comes out times its cotangent."""
    ours = workload.build(autodiff)
    parameters = [p.detach().numpy() for p in ours.parameters]
    loss = ours.loss().detach().numpy()
    data = ours.data if ours.cotangent is None else [*ours.data, ours.cotangent]
    expected = loss if ours.cotangent is None else np.sum(loss * ours.cotangent)
    value = workload.pure(Plain(), parameters, *data) if workload.pure else None
    value = value.detach().numpy() if isinstance(value, autodiff.Tensor) else value
    np.testing.assert_allclose(value, expected, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("workload", [w for w in WORKLOADS if w.group == "model"], ids=lambda w: w.name)
def test_a_model_keeps_no_more_than_pytorch(workload: Workload) -> None:
    """The bytes kept for the backward pass are at most 1.1 times PyTorch's."""
    ours, theirs = memory.kept_by_ours(workload.build(autodiff)), memory.kept_by_torch(workload.build(peer()))
    assert 0 < ours <= 1.1 * theirs


def test_the_bytes_of_an_operation_do_not_grow_with_the_chain() -> None:
    """A chain four times as long takes four times the memory."""
    short, long = memory.growth(1000), memory.growth(4000)
    assert 100 < long["bytes"] < 1.02 * short["bytes"]


def test_the_tables_have_a_line_for_each_workload_and_the_mean_of_each_group() -> None:
    """The geometric mean is over PyTorch's ratios; a library that cannot run a workload leaves its cell empty."""
    rows = [
        {"group": "dense", "name": "a", "microseconds": {"ours": 5.0}, "ratio": {"PyTorch": 2.0, "MyGrad": 3.0}},
        {"group": "dense", "name": "b", "microseconds": {"ours": 6.0}, "ratio": {"PyTorch": 8.0}},
    ]
    text = report.table({"workloads": rows})
    assert "| dense | ours, µs | PyTorch | MyGrad |" in text
    assert "| a | 5 | 2.00 | 3.00 |" in text
    assert "| b | 6 | 8.00 |  |" in text
    assert "| **4.00** | |" in text
    assert "convolution" not in text

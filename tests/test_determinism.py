"""The same bits in a fresh process and later, and with any number of threads under deterministic algorithms."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff
import optim
from autodiff.kernels import lanes, threads
from nn import functional as F

HERE = Path(__file__).parent


def numbers(*shape: int, dtype: str = "float32") -> autodiff.Tensor:
    values = np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)
    return autodiff.tensor(values, requires_grad=True)


def with_gradients(function: Callable[..., Any], *inputs: Any) -> list[Any]:
    out = function(*inputs)
    out.backward(autodiff.tensor(np.random.default_rng(1).standard_normal(out.shape), dtype=out.dtype))
    return [out.detach(), *(x.grad for x in inputs if isinstance(x, autodiff.Tensor) and x.grad is not None)]


def stepped(make: Callable[[Any], Any]) -> list[Any]:
    weight = numbers(1 << 20)
    optimizer = make([weight])
    for _ in range(2):
        weight.grad = weight.detach() * 0.5
        optimizer.step()
    return [weight]


def attention(q: Any, k: Any, v: Any) -> Any:
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def embedded(weight: Any) -> Any:
    return F.embedding(autodiff.tensor(np.arange(40000) * 7 % 500), weight)


PROGRAMS: dict[str, Callable[[], list[Any]]] = {
    "tall product": lambda: with_gradients(autodiff.matmul, numbers(2003, 130), numbers(130, 117)),
    "wide product": lambda: with_gradients(autodiff.matmul, numbers(61, 1999), numbers(1999, 131)),
    "double product": lambda: with_gradients(autodiff.matmul, *(numbers(n, 333, dtype="float64") for n in (333, 333))),
    "product of middle size": lambda: with_gradients(autodiff.matmul, numbers(70, 130), numbers(130, 80)),
    "few rows": lambda: with_gradients(F.linear, numbers(3, 943), numbers(1265, 943), numbers(1265)),
    "batch of products": lambda: with_gradients(autodiff.matmul, numbers(9, 200, 130), numbers(9, 130, 170)),
    "matrix and vector": lambda: with_gradients(autodiff.matmul, numbers(900, 1100), numbers(1100)),
    "column": lambda: with_gradients(autodiff.matmul, numbers(900, 1100), numbers(1100, 1)),
    "layer": lambda: with_gradients(F.linear, numbers(257, 784), numbers(500, 784), numbers(500)),
    "convolution": lambda: with_gradients(
        lambda *a: F.conv2d(*a, padding=1), numbers(13, 16, 28, 28), numbers(24, 16, 3, 3), numbers(24)
    ),
    "strided convolution": lambda: with_gradients(
        lambda *a: F.conv2d(*a, stride=2), numbers(21, 32, 29, 29), numbers(40, 32, 3, 3)
    ),
    "1x1 convolution": lambda: with_gradients(F.conv2d, numbers(15, 64, 28, 28), numbers(48, 64, 1, 1)),
    "depthwise": lambda: with_gradients(
        lambda *a: F.conv2d(*a, padding=1, groups=16), numbers(11, 16, 28, 28), numbers(16, 1, 3, 3), numbers(16)
    ),
    "transposed": lambda: with_gradients(
        lambda *a: F.conv_transpose2d(*a, stride=2), numbers(9, 32, 20, 20), numbers(32, 24, 3, 3)
    ),
    "volume": lambda: with_gradients(F.conv3d, numbers(5, 8, 9, 14, 14), numbers(12, 8, 3, 3, 3)),
    "pooling": lambda: with_gradients(lambda x: F.max_pool2d(x, 3, 2), numbers(17, 32, 33, 33)),
    "average": lambda: with_gradients(lambda x: F.avg_pool2d(x, 3, 2), numbers(17, 32, 33, 33)),
    "sum of columns": lambda: with_gradients(lambda x: x.sum(0), numbers(1023, 200)),
    "sum of middles": lambda: with_gradients(lambda x: x.sum((0, 1)), numbers(4, 200, 150)),
    "sum": lambda: with_gradients(lambda x: x.sum(), numbers(1 << 20)),
    "mean and variance": lambda: with_gradients(lambda x: x.var(0) + x.mean(0), numbers(999, 300)),
    "batch norm": lambda: with_gradients(
        lambda x: F.batch_norm(x, None, None, training=True), numbers(13, 32, 28, 28)
    ),
    "layer norm": lambda: with_gradients(lambda x: F.layer_norm(x, (300,)), numbers(1024, 300)),
    "softmax": lambda: with_gradients(lambda x: F.softmax(x, -1), numbers(1024, 300)),
    "cross entropy": lambda: with_gradients(
        lambda x: F.cross_entropy(x, autodiff.tensor(np.arange(1024) % 300)), numbers(1024, 300)
    ),
    "exp": lambda: with_gradients(autodiff.exp, numbers(600001)),
    "tanh": lambda: with_gradients(autodiff.tanh, numbers(600001)),
    "gelu": lambda: with_gradients(F.gelu, numbers(600001)),
    "attention": lambda: with_gradients(attention, *(numbers(7, 3, 96, 32) for _ in range(3))),
    "attention, many short": lambda: with_gradients(
        lambda *a: F.scaled_dot_product_attention(*a), numbers(210, 20, 16), numbers(210, 64, 16), numbers(210, 64, 8)
    ),
    "embedding": lambda: with_gradients(embedded, numbers(500, 64)),
    "norm": lambda: with_gradients(lambda x: x.norm(), numbers(1 << 20)),
    "inverse": lambda: with_gradients(autodiff.linalg.inv, numbers(230, 230, dtype="float64")),
    "SGD": lambda: stepped(lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1)),
    "Adam": lambda: stepped(lambda p: optim.Adam(p, lr=0.1)),
}


def digests() -> dict[str, str]:
    """For each program its bits."""
    return {
        name: hashlib.sha256(b"".join(x.detach().numpy().tobytes() for x in program())).hexdigest()
        for name, program in PROGRAMS.items()
    }


def fresh(count: int, names: list[str], deterministic: bool = False) -> dict[str, str]:
    """The bits of the programs in a new process, in this order, with so many threads."""
    code = (
        f"import sys; sys.path[:0] = {[str(HERE), str(HERE.parent)]!r}\n"
        "import autodiff, test_determinism as t\n"
        f"autodiff.use_deterministic_algorithms({deterministic}); autodiff.set_num_threads({count})\n"
        f"t.PROGRAMS = {{name: t.PROGRAMS[name] for name in {names!r}}}\n"
        "print(*(f'{k}={v}' for k, v in t.digests().items()), sep='\\n')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    assert run.returncode == 0, run.stderr
    return dict(line.split("=") for line in run.stdout.splitlines())


@pytest.fixture
def two_threads(own_number: None) -> Any:
    autodiff.set_num_threads(2)
    yield
    autodiff.use_deterministic_algorithms(False)


@pytest.fixture
def without_kernels(monkeypatch: pytest.MonkeyPatch) -> Any:
    """NumPy's lane alone, here and in new processes: whether a kernel of llvmlite is ready depends on the time."""
    monkeypatch.setenv(lanes.VARIABLE, "off")
    lanes.set_enabled(True)  # which looks anew
    yield
    monkeypatch.undo()
    lanes.set_enabled(True)


@pytest.mark.usefixtures("two_threads", "without_kernels")
def test_what_ran_before_does_not_change_bits() -> None:
    """In this process helpers have been at work; in a new one they have not, when it comes to the first products."""
    threads.parallel_map(lambda start, stop: None, 2, parallel=True)
    assert fresh(2, [*PROGRAMS]) == digests()


@pytest.mark.usefixtures("two_threads")
def test_the_number_of_threads_does_not_change_bits_where_that_is_asked_for() -> None:
    """Under deterministic algorithms one, two and a hundred threads come to the same bits."""
    autodiff.use_deterministic_algorithms(True)
    found = digests()
    autodiff.set_num_threads(1)
    assert digests() == found
    assert fresh(100, [*PROGRAMS], deterministic=True) == found


def test_the_switch() -> None:
    """It says what it is, and BLAS has its threads back after it."""
    from autodiff.kernels.blas import _limit

    before = [get() for get, _ in _limit.libraries or ()]
    assert not autodiff.are_deterministic_algorithms_enabled()
    autodiff.use_deterministic_algorithms(True, warn_only=True)
    try:
        assert autodiff.are_deterministic_algorithms_enabled()
        assert autodiff.is_deterministic_algorithms_warn_only_enabled()
        assert all(get() == 1 for get, _ in _limit.libraries or ())
    finally:
        autodiff.use_deterministic_algorithms(False)
    assert not autodiff.are_deterministic_algorithms_enabled()
    assert not autodiff.is_deterministic_algorithms_warn_only_enabled()
    assert [get() for get, _ in _limit.libraries or ()][: len(before)] == before

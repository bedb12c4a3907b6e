"""Arguments by PyTorch's names, where a function takes sizes one by one, or calls an operand otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parity.harness import Near, same

import autodiff
from autodiff import tensor
from autodiff.errors import OptionError

CALLS: list[Callable[[Any, Any, Any], Any]] = [
    lambda lib, x, m: lib.permute(input=x, dims=(1, 0)), lambda lib, x, m: x.permute(dims=(1, 0)),
    lambda lib, x, m: lib.reshape(input=x, shape=(3, 2)), lambda lib, x, m: x.reshape(shape=(3, 2)),
    lambda lib, x, m: x.view(size=(3, 2)), lambda lib, x, m: x.expand(size=(4, 2, 3)),
    lambda lib, x, m: lib.tile(input=x, dims=(2, 1)), lambda lib, x, m: x.repeat(repeats=(2, 1)),
    lambda lib, x, m: lib.flip(input=x, dims=(0,)), lambda lib, x, m: x.flip(dims=(0, 1)),
    lambda lib, x, m: lib.broadcast_to(input=x, size=(2, 2, 3)), lambda lib, x, m: x.broadcast_to(size=(2, 2, 3)),
    lambda lib, x, m: lib.swapaxes(input=x, axis0=0, axis1=1), lambda lib, x, m: x.swapdims(dim0=0, dim1=1),
    lambda lib, x, m: lib.pow(input=x, exponent=2), lambda lib, x, m: x.pow(exponent=2),
    lambda lib, x, m: lib.max(input=x, other=x * 2), lambda lib, x, m: x.min(other=-x),
    lambda lib, x, m: x.split(split_size=1, dim=0), lambda lib, x, m: lib.split(tensor=x, split_size_or_sections=1),
    lambda lib, x, m: lib.tensor_split(input=x, sections=2), lambda lib, x, m: lib.tensor_split(x, indices=(1,)),
    lambda lib, x, m: lib.inverse(input=m), lambda lib, x, m: lib.logdet(input=m),
    lambda lib, x, m: lib.slogdet(input=m),
    lambda lib, x, m: lib.matrix_power(input=m, n=2), lambda lib, x, m: lib.cholesky_inverse(input=m.tril()),
    lambda lib, x, m: lib.cholesky_solve(input=m, input2=m.tril()), lambda lib, x, m: lib.linalg.inv(A=m),
    lambda lib, x, m: x.to(device="cpu", dtype=lib.float32, non_blocking=True),
    lambda lib, x, m: lib.cat([lib.zeros(0, dtype=lib.float64), lib.tensor([1, 2])]),
    lambda lib, x, m: lib.cat([lib.zeros(0), lib.tensor([[1, 2]])]), lambda lib, x, m: lib.histc(x[0] * 0 + 2, 4),
    lambda lib, x, m: lib.histc(lib.tensor([1e8, 1e8]), 5), lambda lib, x, m: lib.histc(x, 4, 1, 1),
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS, ids=range(len(CALLS)))
def test_a_call_by_name_gives_what_it_gives_in_pytorch(call: Any) -> None:
    """Values, shapes and dtypes."""

    def program(lib: Any) -> Any:
        x = lib.tensor([[1.0, 2.0, -0.5], [0.3, 0.2, 1.0]], dtype=lib.float64)
        return call(lib, x, lib.tensor([[2.0, 0.3], [0.3, 1.0]], dtype=lib.float64))

    same(program, near=Near(1e-9, 1e-12))


def test_an_unknown_name_is_refused() -> None:
    """Also one that is given by position and by name."""
    x = tensor([[1.0, 2.0]])
    for wrong in (lambda: x.reshape(sizes=(2,)), lambda: x.permute((1, 0), dims=(0, 1)), lambda: x.flip(dims=0, dim=0)):
        with pytest.raises(TypeError, match="keyword"):
            wrong()


def test_ranges_of_histc() -> None:
    """Bins above 0 between finite numbers in order."""
    for bins, low, high in ((0, 0, 1), (3, 2, 1)):
        with pytest.raises(OptionError, match="histc"):
            autodiff.histc(tensor([1.0]), bins, low, high)
    for spoiled in (np.nan, np.inf):
        with pytest.raises(OptionError, match="finite"):
            autodiff.histc(tensor([1.0, spoiled]), 3)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1), (0, -1), (0, 1, 2)])
@pytest.mark.parametrize("name", ["median", "quantile", "percentile", "nanmedian", "nanquantile", "nanpercentile"])
def test_numpys_order_statistics_over_several_axes(name: str, axis: Any, keepdims: bool) -> None:
    """Values and shapes are NumPy's, also for several shares at once."""
    numbers = np.sin(np.arange(60.0) * 7).reshape(3, 4, 5)
    if name.startswith("nan"):
        numbers[0, 0, 0] = np.nan
    scale = 100 if "percent" in name else 1
    for q in [()] if "median" in name else [(0.3 * scale,), ([0.2 * scale, 0.5 * scale],)]:
        wanted = getattr(np, name)(numbers, *q, axis=axis, keepdims=keepdims)
        found = getattr(np, name)(tensor(numbers), *q, axis=axis, keepdims=keepdims)
        assert found.shape == np.shape(wanted)
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-12, atol=1e-12)


def test_half_precision_holds_means_of_what_it_cannot_add() -> None:
    """Sums beyond 65504 on the way to a result that is far below."""
    layers, x = autodiff.nn.functional, autodiff.full((4096,), 30.0).half()
    images, rows = x.reshape(1, 1, 64, 64), (x * 6).reshape(64, 64)
    for found, wanted in (
        (layers.avg_pool2d(images, 64), 30), (layers.avg_pool1d(x[None], 4096), 30),
        (layers.avg_pool3d(x.reshape(1, 16, 16, 16), 16), 30), (layers.adaptive_avg_pool2d(images, 1), 30),
        (layers.lp_pool2d(images, 2, 64), 1920), (layers.lp_pool1d(x[None] * 10, 3, 4), 476.2),
        (layers.embedding_bag(autodiff.arange(4096)[None], x[:, None], mode="mean"), 30),
        (layers.scaled_dot_product_attention(rows, rows, rows), 180),
    ):  # fmt: skip
        assert found.dtype == np.float16
        np.testing.assert_allclose(found.numpy().astype(float), wanted, rtol=2e-3)

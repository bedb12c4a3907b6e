"""The plain NumPy kernels of pooling: against windows cut out, against PyTorch, and each against its adjoint."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from kernel_cases import Array, close, laid_out, layouts, paddings, pairs, quick
from parity.harness import delivered, leaf, peer, plain

from autodiff.kernels import pooling, threads
from autodiff.kernels.pooling import Window


class Pooled(NamedTuple):
    """One random pooling with random values on both sides; x has many ties."""

    x: Array
    c: Array
    g: Array
    window: Window


@st.composite
def poolings(draw: st.DrawFn) -> Pooled:
    """Draw windows that overlap, touch and leave gaps."""
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    stride = draw(st.one_of(pairs, st.just(kernel)))
    window = Window(kernel, stride, draw(paddings), draw(st.one_of(pairs, st.just((1, 1)))))
    size = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    output = window.output_size(size)
    assume(min(output) >= 1)
    batch = draw(st.tuples(st.integers(0, 2), st.integers(1, 3)))
    random = np.random.default_rng(draw(st.integers(0, 9999)))
    x = random.integers(-2, 3, (*batch, *size)).astype(np.float64)
    c, g = random.standard_normal((*batch, *size)), random.standard_normal((*batch, *output))
    return Pooled(laid_out(x, draw(layouts)), laid_out(c, draw(layouts)), laid_out(g, draw(layouts)), window)


def naive_windows(x: Array, window: Window, fill: float) -> Array:
    """Cut every window out of the padded input."""
    (kh, kw), (sh, sw), padding, (dh, dw) = window
    oh, ow = window.output_size((x.shape[2], x.shape[3]))
    padded = np.pad(x, ((0, 0), (0, 0), *padding), constant_values=fill)
    columns = np.empty((*x.shape[:2], kh, kw, oh, ow))
    for i, j, p, q in np.ndindex(kh, kw, oh, ow):
        columns[:, :, i, j, p, q] = padded[:, :, p * sh + i * dh, q * sw + j * dw]
    return columns


@quick
@given(poolings())
def test_pooling_is_its_definition(case: Pooled) -> None:
    """Windows, maximum and sum equal what cutting out every window gives."""
    x, c, _, window = case
    np.testing.assert_array_equal(pooling.windows(x, window), naive_windows(x, window, 0))
    np.testing.assert_array_equal(pooling.max_pool(x, window), naive_windows(x, window, -np.inf).max((2, 3)))
    close(pooling.sum_pool(c, window), naive_windows(c, window, 0).sum((2, 3)))


@quick
@given(poolings())
def test_pooling_adjoints(case: Pooled) -> None:
    """<A x, y> = <x, A* y> for windows and fold, sum pooling, and handing to and taking from the winners."""
    x, c, g, window = case
    size, out = (x.shape[2], x.shape[3]), pooling.max_pool(x, window)
    if not np.isfinite(out).all():
        with pytest.raises(ValueError, match="wholly in the padding"):
            pooling.max_pool_scatter(g, x, out, window)
        return
    columns = pooling.windows(c, window)
    y = np.cos(np.arange(columns.size)).reshape(columns.shape)
    folded, spread = pooling.fold(y, window, size), pooling.sum_pool_adjoint(g, window, size)
    given_, taken = pooling.max_pool_scatter(g, x, out, window), pooling.max_pool_gather(c, x, out, window)
    left = [np.vdot(columns, y), np.vdot(pooling.sum_pool(c, window), g), np.vdot(taken, g)]
    right = [np.vdot(c, folded), np.vdot(c, spread), np.vdot(c, given_)]
    np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-9)


@quick
@given(poolings(), st.booleans(), st.sampled_from([None, np.nan, -np.inf]))
def test_max_pool_agrees_with_torch(case: Pooled, rounded_up: bool, special: float | None) -> None:
    """Values, indices and gradients are PyTorch's, at ties, NaN and -inf too, and in ``ceil_mode``."""
    torch = peer()
    x, c, _, (kernel, stride, _, dilation) = case
    size, (top, left) = (x.shape[2], x.shape[3]), (kernel[0] // 2, kernel[1] // 2)
    window = Window(kernel, stride, ((top, top), (left, left)), dilation)
    assume(len(x) and min(window.output_size(size)) >= 1)
    window = window.ceil_padding(size) if rounded_up else window
    # PyTorch crashes on a window that lies in the padding altogether.
    assume(np.isfinite(naive_windows(np.zeros_like(x), window, -np.inf).max((2, 3))).all())
    x = x if special is None else np.where(c > 0.5, special, x)
    tx = leaf(torch, x)
    theirs, indices = torch.nn.functional.max_pool2d(
        tx, kernel, stride, (top, left), dilation, rounded_up, return_indices=True
    )
    g = np.cos(np.arange(theirs.numel())).reshape(theirs.shape)
    (gradient,) = delivered(torch, theirs, [tx], [g])
    out = pooling.max_pool(x, window)
    np.testing.assert_array_equal(out, plain(theirs))
    np.testing.assert_array_equal(pooling.max_pool_indices(x, out, window), indices.numpy())
    close(pooling.max_pool_scatter(g, x, out, window), plain(gradient))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("n", [0, 1, 3])
def test_dtype_is_kept_and_inputs_are_not_modified(dtype: str, n: int) -> None:
    """Every kernel returns its input's dtype and works with read-only inputs and an empty batch."""
    x = np.random.default_rng(0).standard_normal((n, 4, 8, 7)).astype(dtype)
    x.flags.writeable = False
    window = Window((2, 3), (2, 2), ((0, 1), (1, 1)))
    pooled = pooling.max_pool(x, window)
    results = [
        pooled,
        pooling.max_pool_scatter(pooled, x, pooled, window),
        pooling.max_pool_gather(x, x, pooled, window),
        pooling.sum_pool(x, window),
        pooling.sum_pool(x, Window((8, 7), (1, 1))),
        pooling.sum_pool_adjoint(pooled, window, (8, 7)),
        pooling.fold(pooling.windows(x, window), window, (8, 7)),
    ]
    assert pooling.windows(x, window).dtype == dtype
    assert [result.dtype for result in results] == [np.dtype(dtype)] * len(results)
    assert all(result.flags.c_contiguous for result in results)


def test_half_precision_sums_in_single() -> None:
    """A float16 sum pool of 4,096 ones is 4,096; a float16 running sum stops at 2,048."""
    x = np.ones((1, 1, 64, 64), np.float16)
    assert pooling.sum_pool(x, Window((64, 64), (1, 1))).item() == 4096
    assert pooling.sum_pool(x, Window((64, 64), (1, 1), ((1, 0), (0, 0)))).max() == 4096


@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2), (3, 1)])
def test_pooling_threads_do_not_change_the_result(kernel: int, stride: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pooling a batch large enough to be shared among threads gives the one-thread result exactly."""
    random = np.random.default_rng(0)
    x = random.standard_normal((40, 16, 28, 28))
    window = Window((kernel, kernel), (stride, stride))

    def run() -> list[Array]:
        out = pooling.max_pool(x, window)
        total = pooling.sum_pool(x, window)
        return [
            out,
            pooling.max_pool_scatter(total, x, out, window),
            pooling.max_pool_gather(x, x, out, window),
            total,
            pooling.sum_pool_adjoint(out, window, (28, 28)),
        ]

    monkeypatch.setattr(threads, "workers", lambda: 1)
    alone = run()
    monkeypatch.setattr(threads, "workers", lambda: 3)
    for one, other in zip(alone, run(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_output_sizes() -> None:
    """(I - F + P) // S + 1, rounded up where asked, but no window begins in the padding behind."""
    assert Window((2, 2), (2, 2)).ceil_padding((5, 5)).output_size((5, 5)) == (3, 3)
    assert Window((1, 1), (2, 2)).ceil_padding((4, 4)).output_size((4, 4)) == (2, 2)
    assert Window((1, 1), (3, 3)).ceil_padding((5, 7)).output_size((5, 7)) == (2, 3)

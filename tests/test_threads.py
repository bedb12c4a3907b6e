"""Work shared among threads, and elementwise functions of long arrays, which are computed in blocks."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import autodiff
from autodiff.kernels import blas, blocks, lanes, products, threads


@pytest.mark.parametrize("layout", [np.asarray, lambda x: x[::-1], lambda x: x.T], ids=["made", "reversed", "turned"])
def test_blocks_do_not_change_the_result(layout: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In blocks a function of long arrays has the same result, for two threads, a short last block and any layout."""
    monkeypatch.setattr(blocks, "BLOCK", 64)
    monkeypatch.setattr(blocks, "LONG", 128)
    monkeypatch.setattr(threads, "workers", lambda: 2)
    x, y = (layout(np.random.default_rng(seed).standard_normal((30, 9)).astype(np.float32)) for seed in (0, 1))
    found = blocks.by_blocks(lambda x, y: x * y + 1, x, y)
    assert found.dtype == x.dtype
    np.testing.assert_array_equal(found, x * y + 1)
    np.testing.assert_array_equal(blocks.by_blocks(np.add, x, y[:1]), x + y[:1])
    for given in (x, x.astype(np.float16), x[:3], x.astype(np.int64)):
        np.testing.assert_array_equal(blocks.shared(np.tanh)(given), np.tanh(given), strict=True)
    sigmoid = autodiff.tensor(x).sigmoid().numpy()
    np.testing.assert_array_equal(sigmoid, [autodiff.tensor(row).sigmoid().numpy() for row in x], strict=True)


def test_long_arrays_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function of a long array sees its blocks and never all of it, and in the end each number has been seen once."""
    seen: list[int] = []

    def double(x: Any, out: Any = None) -> Any:
        seen.append(x.size)
        return np.multiply(x, 2, out=out)

    monkeypatch.setattr(threads, "workers", lambda: 2)
    x = np.arange(3 * blocks.BLOCK + 5, dtype=np.float32)
    np.testing.assert_array_equal(blocks.shared(double)(x), x * 2)
    assert sorted(seen) == [5, blocks.BLOCK, blocks.BLOCK, blocks.BLOCK]


def test_errors_in_a_helper_thread_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception of any part reaches the caller, after every part has ended."""

    def task(start: int, stop: int) -> float:
        return 1 / (stop - start - 3 * bool(start))

    monkeypatch.setattr(threads, "workers", lambda: 2)
    with pytest.raises(ZeroDivisionError):
        threads.parallel_map(task, 3 * threads.workers(), parallel=True)
    assert not blas._limit.holders
    assert not blas._limit.limited


def test_turns_cover_everything_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slices that the threads take have one size and fill the range; each of two threads can have one."""
    monkeypatch.setattr(threads, "workers", lambda: 2)
    for count in (1, 2, 7, 16):
        turns = threads.WorkQueue(count, parallel=True)
        parts = threads.parallel_map(lambda start, stop: list(turns.tiles(turns.most)), count, parallel=True)  # noqa: B023
        slices = sorted((s for part in parts for s in part), key=lambda s: s.start)
        assert [i for s in slices for i in range(s.start, s.stop)] == list(range(count))
        assert len(slices) >= min(2, count)


def test_what_no_helper_takes_is_done_by_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task may share work itself, though all helpers wait for such tasks; all is done once, in order."""
    monkeypatch.setattr(threads, "workers", lambda: 2)

    def inner(start: int, stop: int) -> list[int]:
        return list(range(start, stop))

    def outer(start: int, stop: int) -> list[int]:
        return [10 * i + k for i in range(start, stop) for part in threads.parallel_map(inner, 4, True) for k in part]

    found = [k for part in threads.parallel_map(outer, 4, parallel=True) for k in part]
    assert found == [10 * i + k for i in range(4) for k in range(4)]


PRODUCTS = {
    "none": ((3, 4), (4, 5)),
    "held": ((64, 96), (96, 64)),
    "by rows": ((1024, 96), (96, 128)),
    "by terms": ((96, 1024), (1024, 128)),
}


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("turned", [False, True])
def test_products_beside_helpers(name: str, turned: bool) -> None:
    """However a product is shared, it is NumPy's, of float16 too and of matrices that are transposed views."""
    random = np.random.default_rng(0)
    for dtype, tolerance in (("float16", 1e-1), ("float32", 1e-4), ("float64", 1e-12)):
        x, y = (random.standard_normal(shape[:: -1 if turned else 1]).astype(dtype).T if turned
                else random.standard_normal(shape).astype(dtype) for shape in PRODUCTS[name])  # fmt: skip
        found = products.dot(x, y)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, x.astype(np.float64) @ y.astype(np.float64), tolerance, 20 * tolerance)


def test_blas_has_one_thread_beside_helpers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has one during the products of a dense layer, and as many as before after them, in every thread."""
    pytest.importorskip("threadpoolctl")
    blas.alone(int)
    libraries, counts, dot = blas._limit.libraries or [], [], np.dot
    if not libraries:
        pytest.skip("threadpoolctl knows no BLAS library of this NumPy")
    before = [get() for get, _ in libraries]

    def spy(*arrays: Any) -> Any:
        counts.extend(get() for get, _ in libraries)
        return dot(*arrays)

    monkeypatch.setattr(np, "dot", spy)
    monkeypatch.setattr(threads, "workers", lambda: 2)
    monkeypatch.setattr(lanes, "_routes", {})  # no product is a kernel's

    def train() -> None:
        x, w, b = (autodiff.ones(*shape, requires_grad=True) for shape in ((600, 64), (40, 64), (40,)))
        autodiff.ops.linear_algebra.linear(x, w, b).sum().backward()

    train()
    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert counts == [1] * 2 * 3 * len(libraries)
    assert [get() for get, _ in libraries] == before

"""The kernels of llvmlite's lane for products of matrices: against NumPy, in layers, with threads, by guard pages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llvmlite", reason="the lane of llvmlite needs the extra `fast`")

from llvm_lane import MACHINES, Guarded, guard_pages, machine, only_kernels, survives, workers

import autodiff
from autodiff.kernels import lanes
from autodiff.kernels import products as numpys
from autodiff.kernels.llvm import library, products
from nn import functional

SIZES = [(6, 1), (7, 16), (13, 5), (40, 70), (64, 192), (17, 33)]  # across the left factor, and columns
_kernels: dict[Any, library.Kernel] = {}


def kernel(key: products.Key, kind: str = "host") -> library.Kernel:
    if (key, kind) not in _kernels:
        code = products.build(machine(kind), key)
        _kernels[key, kind] = library.Kernel(library.compiled(code.text(), code.machine), code)
    return _kernels[key, kind]


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(SIZES), st.booleans(), st.sampled_from(MACHINES), st.integers(products.ROWS, 80), st.data())
def test_products_are_numpys(
    sizes: tuple[int, int], by_columns: bool, kind: str, count: int, data: st.DataObject
) -> None:
    """Of all sizes around those of a tile; NaN and infinities come where NumPy has them."""
    (size, columns), random = sizes, np.random.default_rng(data.draw(st.integers(0, 999)))
    x, y = random.standard_normal((count, size)), random.standard_normal((count if by_columns else size, columns))
    x, y = x.astype(np.float32), y.astype(np.float32)
    for place in data.draw(st.lists(st.integers(0, x.size - 1), max_size=3)):
        x.flat[place] = data.draw(st.sampled_from([np.inf, -np.inf, np.nan]))
    x, b = x.T if by_columns else x, None if by_columns or count % 2 else y[0] + 1
    key = by_columns, size, columns, b is not None
    with np.errstate(all="ignore"):
        found = products._multiplied(kernel(key, kind), key, x, y, b)
        expected = np.einsum("ij,jk->ik", x, y) + (0 if b is None else b)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def _gradients(turned: bool) -> list[Any]:
    """A layer's result and two orders of gradients, of inputs (8, 40, 60)."""
    autodiff.manual_seed(0)
    x, w, b = autodiff.randn(8, 40, 60), autodiff.randn(50, 60, requires_grad=True), autodiff.randn(50)
    x = (x.transpose(0, 1).contiguous().transpose(0, 1) if turned else x).requires_grad_()
    out = functional.linear(x, w, b.requires_grad_())
    first = autodiff.autograd.grad((out**3).sum(), (x, w, b), create_graph=True)
    second = autodiff.autograd.grad(sum((c * c).sum() for c in first), (x, w))
    return [c.detach().numpy() for c in (out, *first, *second)]


@pytest.mark.parametrize("turned", [False, True])
def test_layers_take_kernels(turned: bool) -> None:
    """Result and two orders of gradients are those without kernels."""
    lanes.set_enabled(False)
    try:
        expected = _gradients(turned)
    finally:
        lanes.set_enabled(True)
    with only_kernels():
        found = _gradients(turned)
        assert {key[0] for kind, key in library._kernels if kind == "matrix product"} == {False, True}
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * np.abs(b).max())


@pytest.mark.parametrize("by_columns", [False, True])
def test_any_number_of_threads_gives_the_same_bits(by_columns: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of products along rows always, of others under use_deterministic_algorithms."""
    monkeypatch.setattr(products, "PART", 1 << 12)
    x, y = np.random.default_rng(0).standard_normal((2, 300, 66)).astype(np.float32)
    x, y, runs = (x.T, y, []) if by_columns else (x, np.ascontiguousarray(y[:66]), [])
    autodiff.use_deterministic_algorithms(by_columns)
    try:
        for number in (1, 2, 4):
            with only_kernels(), workers(number):
                runs.append(numpys.dot(x, y))
                assert len(library._kernels) == 1
    finally:
        autodiff.use_deterministic_algorithms(False)
    np.testing.assert_allclose(runs[0], x @ y, atol=1e-4)
    np.testing.assert_array_equal(runs[0], runs[1])
    np.testing.assert_array_equal(runs[0], runs[2])


def test_several_threads_share_a_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each makes a part of it."""
    monkeypatch.setattr(products, "PART", 1 << 12)
    x, y = np.random.default_rng(0).integers(-4, 5, (2, 300, 66)).astype(np.float32)
    with only_kernels(), workers(4):
        np.testing.assert_array_equal(numpys.dot(x.T, y), x.T @ y)


def test_a_compiled_step_has_the_bits_of_the_step() -> None:
    """For ``compile`` a product is one call."""

    def step(x: Any, w: Any) -> Any:
        w = w.detach().requires_grad_()
        (functional.linear(x, w) ** 2).sum().backward()
        return w.grad

    with only_kernels():
        x, w, run = autodiff.randn(320, 60), autodiff.randn(50, 60), autodiff.compile(step)
        for _ in range(5):
            np.testing.assert_array_equal(run(x, w).numpy(), step(x, w).numpy())
        assert len(run.programs) == 1


def _touch(kind: str, at_end: bool) -> None:
    for sizes in SIZES:
        for by_columns in (False, True):
            guarded, made = Guarded(at_end), kernel((by_columns, *sizes, not by_columns), kind)
            made(*(guarded.array(27 * a.each + a.fixed) for a in made.arguments), stop=27)


@guard_pages
@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("kind", MACHINES)
def test_kernels_touch_no_memory_but_their_arrays(kind: str, at_end: bool) -> None:
    """With a guard page before and after each array, no kernel dies."""
    assert survives(_touch, kind, at_end)

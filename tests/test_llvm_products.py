"""The kernels of llvmlite's lane for products of matrices: against NumPy, in layers, with threads, by guard pages."""

from __future__ import annotations

from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llvmlite", reason="the lane of llvmlite needs the extra `fast`")

from llvm_lane import MACHINES, Guarded, calls_on_arm, guard_pages, machine, on_arm, only_kernels, survives, workers

import autodiff
from autodiff.kernels import lanes
from autodiff.kernels import products as numpys
from autodiff.kernels.llvm import library, packed
from nn import functional

KEYS = [(x, y) for x in (False, True) for y in (False, True)]
SIZES = [1, 2, 5, 12, 15, 16, 17, 33, 50, 70, 130]  # around those of tiles, vectors and, of terms, blocks
LAYOUTS = ["rows", "columns", "rows apart", "columns apart"]
_kernels: dict[Any, library.Kernel] = {}
DEPTH, ROWS = packed.DEPTH, packed.ROWS


def kernel(key: packed.Key, kind: str = "host") -> library.Kernel:
    if (key, kind) not in _kernels:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(packed, "DEPTH", DEPTH)
            patch.setattr(packed, "ROWS", ROWS)
            code = packed.build(machine(kind), key)
        _kernels[key, kind] = library.Kernel(library.compiled(code.text(), code.machine), code)
    return _kernels[key, kind]


def _laid_out(x: Any, layout: str) -> Any:
    if layout.startswith("columns"):
        return _laid_out(x.T.copy(), layout.replace("columns", "rows")).T
    return x if layout == "rows" else np.concatenate([x, x * np.nan], axis=1)[:, : x.shape[1]]


def _multiplied(kind: str, x: Any, y: Any, b: Any) -> Any:
    key = packed._order(x.shape, x.strides)[0], packed._order(y.shape, y.strides)[0]
    return packed._multiplied(x, y, b, None, kernel(key, kind))


@settings(deadline=None, max_examples=150)
@given(
    st.tuples(*[st.sampled_from(SIZES)] * 3), st.sampled_from(LAYOUTS), st.sampled_from(LAYOUTS), st.booleans(),
    st.sampled_from(MACHINES), st.integers(1, 5), st.booleans(),
)  # fmt: skip
def test_products_are_numpys(
    shape: tuple[int, int, int], left: str, right: str, added: bool, kind: str, number: int, in_blocks: bool
) -> None:
    """For matrices tall and wide, by rows and by columns, with gaps between, in blocks, and shared among threads."""
    random, (rows, among, columns) = np.random.default_rng(0), shape
    x, y, b = (random.integers(-4, 5, s).astype(np.float32) for s in ((rows, among), (among, columns), (columns,)))
    with pytest.MonkeyPatch.context() as patch, workers(number):
        if in_blocks:  # the kernel has room for more
            patch.setattr(packed, "DEPTH", 20)
            patch.setattr(packed, "ROWS", 24)
        packed._blocks.cache_clear()
        found = _multiplied(kind, _laid_out(x, left), _laid_out(y, right), b if added else None)
    packed._blocks.cache_clear()
    np.testing.assert_array_equal(found, x.astype(np.float64) @ y + (b if added else 0))


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(KEYS), st.sampled_from(MACHINES), st.data())
def test_infinities_are_where_numpy_has_them(key: packed.Key, kind: str, data: st.DataObject) -> None:
    """A NaN or an infinity reaches its row, or its column, and no other."""
    x, y = np.random.default_rng(0).standard_normal((2, 37, 37)).astype(np.float32)
    for z in (x, y):
        for place in data.draw(st.lists(st.integers(0, z.size - 1), max_size=3)):
            z.flat[place] = data.draw(st.sampled_from([np.inf, -np.inf, np.nan]))
    with np.errstate(all="ignore"):
        found = _multiplied(
            kind, *(z if in_rows else z.T.copy().T for z, in_rows in zip((x, y), key, strict=True)), None
        )
        np.testing.assert_allclose(found, np.einsum("ij,jk->ik", x, y), rtol=1e-4, atol=1e-4)


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
        assert {key for kind, key in library._kernels if kind == "matrix product"} == {
            (True, False),
            (True, True),
            (False, True),
        }
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * np.abs(b).max())


@pytest.mark.parametrize("key", KEYS)
def test_any_number_of_threads_gives_the_same_bits(key: packed.Key) -> None:
    """No sum is shared among threads."""
    x, y = np.random.default_rng(0).standard_normal((2, 300, 300)).astype(np.float32)
    x, y, runs = x if key[0] else x.T, y if key[1] else y.T, []
    for number in (1, 2, 3, 4):
        with only_kernels(), workers(number):
            runs += [numpys.dot(x, y) for _ in range(5)]
            assert [kind for kind, _ in library._kernels] == ["matrix product"]
    np.testing.assert_allclose(runs[0], x @ y, atol=1e-3)
    assert all(np.array_equal(run, runs[0]) for run in runs)


def test_numpy_takes_what_has_gaps() -> None:
    """Every other column, a row that is stretched, numbers that are not aligned."""
    x = np.random.default_rng(0).standard_normal((200, 400)).astype(np.float32)
    bytes_ = np.zeros(4 * x.size + 1, np.uint8)[1:].view(np.float32).reshape(x.shape)
    bytes_[...] = x
    with only_kernels():
        for left in (x[:, ::2], np.broadcast_to(x[:1, :200], (200, 200)), bytes_[:, :200], x[::-1, :200]):
            assert packed.dot(left, x, 0) is None
            np.testing.assert_allclose(numpys.dot(left, x), left @ x, atol=1e-3)


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
    guarded = Guarded(at_end)

    def array(shape: Any, dtype: Any = None) -> Any:
        return guarded.array(prod(shape if isinstance(shape, tuple) else (shape,))).reshape(shape)

    packed.np = SimpleNamespace(empty=array, zeros=array, float32=np.float32)
    for x_in_rows, y_in_rows in KEYS:
        for rows, among, columns in [(1, 1, 1), (13, 5, 17), (24, 33, 64), (37, 70, 45)]:
            x = array((rows, among)) if x_in_rows else array((among, rows)).T
            y = array((among, columns)) if y_in_rows else array((columns, among)).T
            packed._multiplied(x, y, None, None, kernel((x_in_rows, y_in_rows), kind))


@guard_pages
@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("kind", MACHINES)
def test_kernels_touch_no_memory_but_their_arrays(kind: str, at_end: bool) -> None:
    """With a guard page before and after each array, no kernel dies."""
    assert survives(_touch, kind, at_end)


@on_arm
def test_kernels_compile_for_arm(triple: str) -> None:
    """They call no function that is not in them."""
    for key in KEYS:
        assert not calls_on_arm(triple, lambda machine, key=key: packed.build(machine, key))


@pytest.mark.parametrize("on", [False, True])
def test_a_product_is_written_into_an_array(on: bool) -> None:
    """With and without kernels the array has the bits of the product; one that does not fit is left to NumPy."""
    random = np.random.default_rng(0)
    x, y = random.standard_normal((2, 200, 200)).astype(np.float32)
    b, into = random.standard_normal(200).astype(np.float32), np.empty((200, 200), np.float32)
    try:
        with only_kernels():
            lanes.set_enabled(on)
            for row in (None, b):
                assert numpys._of_many(x, y, x.size * 200, row, into) is into
                np.testing.assert_array_equal(into, numpys._of_many(x, y, x.size * 200, row))
    finally:
        lanes.set_enabled(True)
    with only_kernels():
        for other in (into.T, np.empty((200, 400), np.float32)[:, ::2], into[1:], into.astype(np.float64)):
            assert packed.dot(x, y, 0, None, other) is None


def test_a_compiled_step_makes_products_where_they_belong() -> None:
    """A dense layer's three products are not copied."""
    layer, x = autodiff.nn.Linear(300, 200), autodiff.randn(100, 300, requires_grad=True)
    step = autodiff.compile(lambda x: layer(x).square().sum().backward())
    with only_kernels():
        for _ in range(5):
            step(x)
    made = [call for _, call in step.programs[0].memory.pairs]
    assert sum(getattr(call.func, "takes_out", False) for call in made) == 3

"""The kernels of llvmlite's lane for attention: against NumPy, in layers, with threads, at the edges of memory."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided

pytest.importorskip("llvmlite", reason="the lane of llvmlite needs the extra `fast`")

from llvm_lane import MACHINES, Guarded, guard_pages, machine, only_kernels, survives, workers

import autodiff
from autodiff import nn
from autodiff.kernels import lanes
from autodiff.kernels.llvm import attention, library
from autodiff.ops import attention as ops

SIZES = [(6, 6, 1, 1), (7, 9, 5, 3), (16, 17, 16, 8), (33, 20, 17, 33)]  # queries, keys, and numbers of one and a value
_kernels: dict[Any, library.Kernel] = {}


def key_of(back: bool, causal: bool, sizes: tuple[int, int, int, int], heads: int = 3) -> attention.Key:
    """Of matrices side by side in rows, with some numbers between them."""
    q, k, width, values = sizes
    row = heads * (width + values)
    strides = ((max(q, k) + 1) * row, width + values, row)
    return attention.Key(back, causal, 0.7, heads, q, k, width, values, (strides,) * (7 if back else 4))


def kernel(key: attention.Key, kind: str = "host") -> library.Kernel:
    if (key, kind) not in _kernels:
        code = attention.build(machine(kind), key)
        _kernels[key, kind] = library.Kernel(library.compiled(code.text(), code.machine), code)
    return _kernels[key, kind]


@pytest.mark.parametrize("kind", MACHINES)
@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("sizes", SIZES)
def test_kernels_do_what_numpy_does(back: bool, causal: bool, sizes: Any, kind: str) -> None:
    """Of sizes around those of tiles and vectors."""
    key, random = key_of(back, causal, sizes), np.random.default_rng(0)
    reach = [s[0] + (key.inner - 1) * s[1] + (rows - 1) * s[2] + columns
             for s, (rows, columns) in zip(key.strides, key.shapes(), strict=True)]  # fmt: skip
    arrays = [
        as_strided(random.standard_normal(n, np.float32), (2, key.inner, *shape), (4 * s[0], 4 * s[1], 4 * s[2], 4))
        for n, s, shape in zip(reach, key.strides, key.shapes(), strict=True)
    ]
    attention._run(kernel(key, kind), arrays)
    expected = [np.empty_like(x) for x in arrays[4 if back else 3 :]]
    write = inspect.unwrap(ops._write_back if back else ops._write)
    write(*arrays[: 4 if back else 3], *expected, None, None, causal=causal, scale=key.scale)
    for a, b in zip(arrays[4 if back else 3 :], expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def _attended(arrays: Any, causal: bool, order: int = 1) -> list[Any]:
    q, k, v = (autodiff.tensor(x, requires_grad=True) for x in arrays)
    out = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
    found = [out, *autodiff.autograd.grad((out * out).sum(), (q, k, v), create_graph=order > 1)]
    if order > 1:
        found += autodiff.autograd.grad(sum((c * c).sum() for c in found[1:]), (q, k, v))
    return [x.detach().numpy() for x in found]


def _in_numpy(arrays: Any, causal: bool, order: int = 1) -> list[Any]:
    lanes.set_enabled(False)
    try:
        return _attended(arrays, causal, order)
    finally:
        lanes.set_enabled(True)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([(2, 3), (5, 1), (1, 4)]), st.integers(1, 2), st.sampled_from(MACHINES), st.data())
def test_attention_is_numpys(lead: tuple[int, int], order: int, kind: str, data: st.DataObject) -> None:
    """Result and two orders of gradients, row by row in memory or turned."""
    random = np.random.default_rng(data.draw(st.integers(0, 999)))
    queries, keys, width, values = data.draw(st.sampled_from([(50, 50, 16, 16), (70, 40, 9, 20)]))
    arrays = [random.standard_normal((*lead, *shape)).astype(np.float32)
              for shape in ((queries, width), (keys, width), (keys, values))]  # fmt: skip
    if data.draw(st.booleans()):
        arrays = [np.ascontiguousarray(x.transpose(2, 0, 1, 3)).transpose(1, 2, 0, 3) for x in arrays]
    causal, fewest = data.draw(st.booleans()), attention.FEWEST
    expected = _in_numpy(arrays, causal, order)
    attention.FEWEST = 0
    try:
        with only_kernels(kind):
            found = _attended(arrays, causal, order)
            assert "attention" in {name for name, _ in library._kernels}
    finally:
        attention.FEWEST = fewest
    for a, b in zip(found, expected, strict=True):
        assert a.strides == b.strides
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * max(1, np.abs(b).max()))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_where_it_belongs(bad: float) -> None:
    """In a query it spoils that query's result, and no other sample's or head's; also under a causal mask."""
    arrays = np.random.default_rng(0).standard_normal((3, 2, 3, 64, 16)).astype(np.float32)
    arrays[0, 1, 2, 5, 7] = bad
    with only_kernels(), np.errstate(all="ignore"):
        found, expected = _attended(arrays, True)[0], _in_numpy(arrays, True)[0]
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    assert np.isnan(found).sum() == 16


def test_other_layouts_are_numpys() -> None:
    """Columns that lie apart, broadcast heads, a mask and dropout have no kernel of their own."""
    x = autodiff.randn(2, 3, 64, 16)
    turned = autodiff.randn(2, 3, 16, 64).transpose(-1, -2)
    with only_kernels():
        for key in (turned, autodiff.randn(1, 1, 64, 16).expand(2, 3, 64, 16)):
            nn.functional.scaled_dot_product_attention(x, key, x)
        nn.functional.scaled_dot_product_attention(x, x, x, autodiff.zeros(64, 64))
        nn.functional.scaled_dot_product_attention(x, x, x, dropout_p=0.5)
        assert "attention" not in {name for name, _ in library._kernels}


def test_any_number_of_threads_gives_the_same_bits() -> None:
    """No sum is shared among threads."""
    arrays, runs = np.random.default_rng(0).standard_normal((3, 5, 3, 64, 16)).astype(np.float32), []
    for number in (1, 2, 4):
        with only_kernels(), workers(number):
            runs.append([x.tobytes() for x in _attended(arrays, True)])
    assert runs[0] == runs[1] == runs[2]


def _touch(kind: str, at_end: bool) -> None:
    for sizes in SIZES:
        for back in (False, True):
            guarded, made = Guarded(at_end), kernel(key_of(back, True, sizes), kind)
            made(*(guarded.array(2 * a.each + a.fixed) for a in made.arguments), stop=2)


@guard_pages
@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("kind", MACHINES)
def test_kernels_touch_no_memory_but_their_arrays(kind: str, at_end: bool) -> None:
    """With a guard page before and after each array, no kernel dies."""
    assert survives(_touch, kind, at_end)


def test_a_compiled_step_has_the_bits_of_the_step() -> None:
    """For ``compile`` attention is one call where there are kernels."""

    def step(x: Any) -> Any:
        x = x.detach().requires_grad_()
        (autodiff.nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True) ** 2).sum().backward()
        return x.grad

    with only_kernels():
        x, run = autodiff.randn(3, 4, 70, 16), autodiff.compile(step)
        for _ in range(5):
            np.testing.assert_array_equal(run(x).numpy(), step(x).numpy())
        assert len(run.programs) == 1

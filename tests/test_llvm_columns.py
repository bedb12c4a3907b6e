"""The kernels of llvmlite's lane for softmax over columns: against NumPy, in attention, at the edges of memory."""

from __future__ import annotations

import inspect
import multiprocessing
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llvmlite", reason="the lane of llvmlite needs the extra `fast`")

from llvm_lane import MACHINES, Guarded, machine, only_kernels

import autodiff
from autodiff.kernels import columns as numpys
from autodiff.kernels import lanes
from autodiff.kernels.llvm import columns, library

SHAPES = [(1, 1), (2, 3), (7, 16), (5, 17), (33, 50), (3, 64), (64, 65), (4, 131)]
_kernels: dict[Any, library.Kernel] = {}


def kernel(key: columns.Key, kind: str = "host") -> library.Kernel:
    if (key, kind) not in _kernels:
        code = columns.build(machine(kind), key)
        _kernels[key, kind] = library.Kernel(library.compiled(code.text(), code.machine), code)
    return _kernels[key, kind]


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(SHAPES), st.sampled_from(MACHINES), st.integers(1, 4), st.data())
def test_columns_are_numpys(shape: tuple[int, int], kind: str, count: int, data: st.DataObject) -> None:
    """Exponentials, sums, probabilities and cotangents, with infinities and NaN in some columns and in no other."""
    random = np.random.default_rng(data.draw(st.integers(0, 999)))
    x, g = random.standard_normal((2, count, *shape), np.float32) * 10
    for place in data.draw(st.lists(st.integers(0, x.size - 1), max_size=4)):
        x.flat[place] = data.draw(st.sampled_from([-np.inf, np.inf, np.nan, 100.0, -100.0, 3e38]))
    expected, found = [], []

    def back_by_kernel(x: Any, sums: Any, g: Any) -> tuple[Any, Any]:
        kernel((True, *shape), kind)(x, sums, g, start=0, stop=count)
        return x, g

    with np.errstate(all="ignore"):
        for results, forward, back in (
            (expected, inspect.unwrap(numpys.exp_columns), inspect.unwrap(numpys.softmax_back)),
            (found, lambda x: (x, columns._sums(kernel((False, *shape), kind), x)), back_by_kernel),
        ):
            e, sums = forward(x.copy())
            results += [*back(e.copy(), sums, g.copy()), e / sums, sums]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dropped", [False, True])
def test_attention_takes_kernels(causal: bool, dropped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Result and three gradients are those without kernels, also where it is causal, or drops."""
    results = []
    monkeypatch.setattr(lanes, "_routes", {})
    for on in (False, True):
        autodiff.manual_seed(0)
        q, k, v = (autodiff.randn(3, 4, 70, 16, requires_grad=True) for _ in range(3))
        with only_kernels() if on else autodiff.enable_grad():
            attention = autodiff.nn.functional.scaled_dot_product_attention
            out = attention(q, k, v, is_causal=causal, dropout_p=0.3 if dropped else 0.0)
            (out * out).sum().backward()
            assert not on or {kind for kind, _ in library._kernels} == {"softmax" if dropped else "attention"}
        results.append([x.detach().numpy() for x in (out, q.grad, k.grad, v.grad)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


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


def _touch(kind: str, at_end: bool) -> None:
    for shape in SHAPES:
        for back in (False, True):
            guarded, made = Guarded(at_end), kernel((back, *shape), kind)
            made(*(guarded.array(2 * a.each) for a in made.arguments), start=0, stop=2)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="mprotect is POSIX's")
@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("kind", MACHINES)
def test_kernels_touch_no_memory_but_their_arrays(kind: str, at_end: bool) -> None:
    """With a guard page before and after each array, no kernel dies."""
    child = multiprocessing.get_context("spawn").Process(target=_touch, args=(kind, at_end))
    child.start()
    child.join(300)
    assert child.exitcode == 0

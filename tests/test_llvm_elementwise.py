"""The kernels of llvmlite's lane for elementwise functions: against NumPy, digit by digit, at the edges of memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llvmlite", reason="the lane of llvmlite needs the extra `fast`")

from llvm_lane import MACHINES, Guarded, calls_on_arm, guard_pages, machine, on_arm, only_kernels, survives

import autodiff
from autodiff.kernels import threads
from autodiff.kernels.llvm import elementwise, formulas, library

COUNTS = {name: body.__code__.co_argcount for name, body in elementwise.BODIES.items()}
KEYS = {name: (body, (formulas.ARRAY,) * COUNTS[name]) for name, body in elementwise.BODIES.items()}
EXACT = ("tanh_back", "sigmoid_back", "relu", "relu_back")  # which round as NumPy does, and overflow where it does
EDGES = [
    math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-45, -1e-45, 1e-39, 1e-38, 87.0, -87.5, 88.7, 88.8, -100.0, 100.0,
    -103.9, -104.0, 3e38, -3e38, 20.0, -20.0, 1.0, -1.0,
]  # fmt: skip
_kernels: dict[tuple[str, str], library.Kernel] = {}


def kernel(name: str, kind: str = "host") -> library.Kernel:
    if (name, kind) not in _kernels:
        code = formulas.build(machine(kind), KEYS[name])
        _kernels[name, kind] = library.Kernel(library.compiled(code.text(), code.machine), code)
    return _kernels[name, kind]


REFERENCES: dict[str, Any] = {
    "exp": np.exp,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "gelu": lambda x: x * _below(x),
    "gelu_back": lambda g, x: g * _slope(x).astype(np.float32),  # which is 0 where float32 has no such small numbers
    "sigmoid_back": lambda g, out: g * (out * (1 - out)),
    "tanh_back": lambda g, out: g * (1 - out * out),
    "relu": lambda x: np.maximum(x, 0),
    "relu_back": lambda g, out: np.where(out == 0, 0, g),
}


def _below(x: Any) -> Any:
    return np.array([math.erfc(-v * math.sqrt(0.5)) / 2 for v in x.tolist()])


def _slope(x: Any) -> Any:
    return _below(x) + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def apply(kernel: library.Kernel, name: str, *arrays: Any) -> Any:
    return formulas.apply(arrays, (), kernel)[0]


def expected(name: str, *arrays: Any) -> Any:
    with np.errstate(all="ignore"):
        return REFERENCES[name](*(x if name in EXACT else x.astype(np.float64) for x in arrays))


@pytest.mark.parametrize("kind", MACHINES)
@pytest.mark.parametrize(
    ("name", "ulps", "least", "most"), [("exp", 2, -87, 88), ("sigmoid", 3, -100, 90), ("gelu", 12, -5, 90)]
)
def test_digits(name: str, ulps: int, least: float, most: float, kind: str) -> None:
    """Results are right to a few units in the last place, also where they are nearly 0."""
    x = np.linspace(least, most, 100_001).astype(np.float32)
    x = np.concatenate([x, np.linspace(-5, 5, 50_001, dtype=np.float32)])
    right = expected(name, x)
    units = np.abs(apply(kernel(name, kind), name, x) - right) / np.spacing(np.abs(right).astype(np.float32))
    assert units.max() < ulps


@pytest.mark.parametrize("kind", MACHINES)
def test_digits_of_tanh(kind: str) -> None:
    """The hyperbolic tangent keeps its digits near 0, and its sign there."""
    made = kernel("tanh", kind)
    x = np.concatenate([np.linspace(-12, 12, 50_001), np.geomspace(1e-45, 1, 9_999)]).astype(np.float32)
    right = np.tanh(x.astype(np.float64))
    assert (np.abs(apply(made, "tanh", x) - right) / np.spacing(np.abs(right).astype(np.float32))).max() < 4
    hard = apply(made, "tanh", np.array([-0.0, math.inf, -math.inf, math.nan], np.float32))
    np.testing.assert_array_equal(hard, np.array([-0.0, 1, -1, math.nan], np.float32))
    assert np.signbit(hard[0])


@pytest.mark.parametrize("name", ["tanh_back", "sigmoid_back"])
def test_slopes_are_numpys_to_the_bit(name: str) -> None:
    """What rounds as NumPy does has NumPy's bits."""
    g, out = np.random.default_rng(0).standard_normal((2, 5000), np.float32)
    np.testing.assert_array_equal(apply(kernel(name), name, g, out), REFERENCES[name](g, out))


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(sorted(COUNTS)), st.integers(1, 300), st.data())
def test_any_size_with_hard_numbers_anywhere(name: str, size: int, data: st.DataObject) -> None:
    """Sizes that are no multiple of a vector, and NaN, infinities and what nearly is 0 or infinite, in any place."""
    random = np.random.default_rng(size)
    arrays = [random.standard_normal(size).astype(np.float32) for _ in range(COUNTS[name])]
    for x in arrays:
        for place in data.draw(st.lists(st.integers(0, size - 1), max_size=5)):
            x[place] = data.draw(st.sampled_from(EDGES))
    found = apply(kernel(name), name, *arrays)
    with np.errstate(all="ignore"):
        right = expected(name, *arrays).astype(np.float32)
        # The terms of gelu's slope cancel, so that its digits are those of the cotangent.
        unit = np.maximum(1, np.abs(arrays[0])) if name == "gelu_back" else 1
        np.testing.assert_allclose(found / unit, right / unit, rtol=4e-6, atol=1e-6)
    alone = [apply(kernel(name), name, *(x[i : i + 1] for x in arrays))[0] for i in range(min(size, 40))]
    np.testing.assert_array_equal(found[:40], alone)


@pytest.mark.parametrize("number", [1, 2, 4])
def test_any_number_of_threads_gives_the_same_bits(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads share vectors, each of which is computed by itself."""
    monkeypatch.setattr(threads, "workers", lambda: number)
    monkeypatch.setattr(formulas, "BLOCK", 256)
    x = np.random.default_rng(0).standard_normal((37, 131), np.float32)
    right = expected("gelu", x.ravel()).reshape(x.shape)
    np.testing.assert_allclose(apply(kernel("gelu"), "gelu", x), right, atol=1e-6)


def _derived(function: Any, x: Any) -> list[Any]:
    """The value, and derivatives of two orders."""
    y = function(x)
    (g,) = autodiff.grad((y * y).sum(), x)
    (first,) = autodiff.grad(function(x).sum(), x, create_graph=True)
    return [v.detach().numpy() for v in (y, g, *autodiff.grad(first.sum(), x))]


@pytest.mark.parametrize("function", [autodiff.sigmoid, autodiff.tanh, autodiff.nn.functional.gelu])
@pytest.mark.parametrize("dtype", [autodiff.float32, autodiff.float64, autodiff.float16])
@pytest.mark.parametrize("turned", [False, True])
def test_functions_take_kernels(function: Any, dtype: Any, turned: bool) -> None:
    """Long tensors of float32, in rows, get them in both passes; all others are NumPy's, to the bit."""
    x = autodiff.randn(300, 301).to(dtype)
    x = (x.T if turned else x).requires_grad_()
    by_numpy = _derived(function, x)
    with only_kernels():
        found = _derived(function, x)
        made = [k for k in library._kernels.values() if isinstance(k, library.Kernel)]
    assert made or turned or dtype != autodiff.float32
    for a, b in zip(found, by_numpy, strict=True):
        if made:
            np.testing.assert_allclose(a, b, atol=1e-5)
        else:
            np.testing.assert_array_equal(a, b)


def test_a_compiled_step_has_the_bits_of_the_step() -> None:
    """For ``compile`` a long array is one call, whichever lane computes it."""

    def step(x: Any) -> Any:
        x = x.detach().requires_grad_()
        (autodiff.nn.functional.gelu(x).sigmoid().tanh() ** 2).sum().backward()
        return x.grad

    with only_kernels():
        x, run = autodiff.randn(300, 301), autodiff.compile(step)
        for _ in range(5):
            np.testing.assert_array_equal(run(x).numpy(), step(x).numpy())
        assert len(run.programs) == 1


def _touch(kind: str, at_end: bool) -> None:
    for name in COUNTS:
        for size in (1, 15, 16, 48, 67):
            guarded, made = Guarded(at_end), kernel(name, kind)
            made(*(guarded.array(size * each.each + each.fixed) for each in made.arguments), stop=size)


@guard_pages
@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("kind", MACHINES)
def test_kernels_touch_no_memory_but_their_arrays(kind: str, at_end: bool) -> None:
    """With a guard page before and after each array, no kernel dies."""
    assert survives(_touch, kind, at_end)


@on_arm
def test_kernels_compile_for_arm(triple: str) -> None:
    """LLVM makes machine code of their vectors, and calls no function of the C library."""
    for key in KEYS.values():
        assert not calls_on_arm(triple, lambda machine, key=key: formulas.build(machine, key))

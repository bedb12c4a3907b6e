"""The kernels of llvmlite's lane for normalisation: against NumPy, in layers, with threads, at the edges of memory."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llvmlite", reason="the lane of llvmlite needs the extra `fast`")

from llvm_lane import MACHINES, Guarded, guard_pages, machine, only_kernels, survives, workers

import autodiff
from autodiff.kernels import lanes
from autodiff.kernels import normalization as numpys
from autodiff.kernels.llvm import library, normalization
from autodiff.kernels.normalization import Fold
from nn import functional

SIZES = [16, 17, 31, 64, 65, 100, 256]  # NumPy has other ways with shorter ones
_kernels: dict[Any, library.Kernel] = {}


def kernel(key: normalization.Key, kind: str = "host") -> library.Kernel:
    if (key, kind) not in _kernels:
        code = normalization.build(machine(kind), key)
        _kernels[key, kind] = library.Kernel(library.compiled(code.text(), code.machine), code)
    return _kernels[key, kind]


def _in_numpy(kind: str, *given: Any, fold: Fold, center: bool) -> Any:
    """What a kernel should write."""
    plain, g = inspect.unwrap, given[0]
    if kind == "moments":
        mean, variance = plain(numpys.moments)(g, fold=fold, center=center)
        return [variance * fold.p, np.zeros(fold.c) if center else np.add.reduce(g, axis=1), mean]
    if kind in ("standardized", "weighted"):
        none = [None] if kind == "weighted" else []
        return [plain(numpys.standardized)(*given[:3], *none, *given[3:], fold=fold)]
    if kind == "products":
        return plain(numpys._products)(*given, fold=fold)
    if kind == "projected":
        return [plain(numpys._projected)(*given, fold=fold)]
    mean = given[2] if center else None
    return plain(numpys.cotangents_of_rows)(*given[:2], mean, *given[3:], fold=fold)


@pytest.mark.parametrize("kind", MACHINES)
@pytest.mark.parametrize("name", normalization.KERNELS)
@pytest.mark.parametrize("center", [True, False])
def test_kernels_do_what_numpy_does(name: str, kind: str, center: bool) -> None:
    """Rows of every length around a vector's, with and without means."""
    random, letters, rows = np.random.default_rng(0), normalization.KERNELS[name][0], 3
    for p in SIZES:
        sizes = {"r": rows * p, "s": rows, "w": p}
        given = [random.standard_normal(sizes[letter], np.float32) for letter in letters if letter.islower()]
        found = [np.zeros(sizes[letter.lower()], np.float32) for letter in letters if letter.isupper()]
        if name == "rows back" and not center:
            given[2][:] = 0
        kernel((name, center, p), kind)(*given, *found, stop=rows)
        shapes = {"r": (rows, p), "s": (-1, 1), "w": (p,)}
        given = [x.reshape(shapes[z])[: p if z == "w" else rows] for z, x in zip(letters, given, strict=False)]
        for a, b in zip(found, _in_numpy(name, *given, fold=Fold(1, rows, p), center=center), strict=True):
            np.testing.assert_allclose(a, np.ravel(b), rtol=1e-4, atol=1e-4 + 1e-6 * p)


def _all(fold: Fold, arrays: Any, center: bool) -> list[Any]:
    """Everything that is computed of an array, in one lane."""
    x, g, w, b = arrays
    mean, variance = numpys.moments(x, fold=fold, center=center)
    factor, mean = (variance + np.float32(0.01)) ** np.float32(-0.5), mean if center else None
    scale = factor * w[: fold.c] if fold.n > 1 else factor
    found = [variance, numpys.standardized(x, mean, scale, b[: fold.c] if fold.n > 1 else None, fold=fold)]
    found += numpys.cotangents(g, x, mean, factor, scale, fold=fold)
    if fold.n == 1:
        found += [numpys.standardized(x, mean, factor, None, w[: fold.p], b[: fold.p], fold=fold)]
        found += numpys.cotangents_of_rows(g, x, mean, factor, w[: fold.p], fold=fold)
    return found if mean is None else [mean, *found]


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([1, 3, 8]), st.integers(1, 9), st.sampled_from([16, 17, 40, 64, 100]), st.booleans(),
    st.sampled_from(MACHINES), st.data(),
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_norms_are_numpys(n: int, c: int, p: int, center: bool, kind: str, data: st.DataObject) -> None:
    """Moments, results and cotangents of odd shapes, one channel, one row; NaN and infinities where NumPy has them."""
    random = np.random.default_rng(data.draw(st.integers(0, 999)))
    x, g = (random.standard_normal((n, c, p)).astype(np.float32) + k for k in (data.draw(st.sampled_from([0, 9])), 0))
    for place in data.draw(st.lists(st.integers(0, x.size - 1), max_size=2)):
        # Not centered, an infinity has the factor 0, and BLAS leaves out what it multiplies by 0.
        x.flat[place] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf] if center else [np.nan]))
    arrays = x, g, *random.standard_normal((2, 128)).astype(np.float32)
    lanes.set_enabled(False)
    try:
        expected = _all(Fold(n, c, p), arrays, center)
    finally:
        lanes.set_enabled(True)
    with only_kernels(kind):
        found = _all(Fold(n, c, p), arrays, center)
        assert {name for name, _ in library._kernels} == {"normalization"}
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4)


NORMS = {
    "batch": ((8, 6, 20, 21), lambda x, w: functional.batch_norm(x, None, None, w[:6], w[6:12], training=True)),
    "layer": ((300, 68), lambda x, w: functional.layer_norm(x, (68,), w, w)),
    "rms": ((300, 68), lambda x, w: functional.rms_norm(x, (68,), w)),
    "group": ((4, 6, 30, 30), lambda x, w: functional.group_norm(x, 3, w[:6], w[6:12])),
    "instance": ((4, 6, 30, 30), lambda x, w: functional.instance_norm(x, weight=w[:6], bias=w[6:12])),
}


def _gradients(name: str, order: int = 1, turned: bool = False) -> list[Any]:
    shape, layer = NORMS[name]
    autodiff.manual_seed(0)
    x, w = autodiff.randn(shape), autodiff.randn(68, requires_grad=True)
    x = (x.transpose(-1, -2).contiguous().transpose(-1, -2) if turned else x).requires_grad_()
    out = layer(x, w)
    first = autodiff.autograd.grad((out * autodiff.randn(shape)).sum(), (x, w), create_graph=order > 1)
    found = [out, *first]
    if order > 1:
        found += autodiff.autograd.grad(sum((c * c).sum() for c in first), (x, w))
    return [c.detach().numpy() for c in found]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", NORMS)
def test_layers_take_kernels(name: str, order: int, turned: bool) -> None:
    """Result and two orders of gradients are those without kernels; what does not lie row by row is NumPy's."""
    lanes.set_enabled(False)
    try:
        expected = _gradients(name, order, turned)
    finally:
        lanes.set_enabled(True)
    with only_kernels():
        found = _gradients(name, order, turned)
        assert turned or any(isinstance(made, library.Kernel) for made in library._kernels.values())
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * max(1, np.abs(b).max()))


@pytest.mark.parametrize("name", NORMS)
def test_any_number_of_threads_gives_the_same_bits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No sum is shared among threads, and blocks do not depend on them."""
    monkeypatch.setattr(normalization, "BLOCK", 1 << 9)
    runs = []
    for number in (1, 2, 4):
        with only_kernels(), workers(number):
            runs.append([x.tobytes() for x in _gradients(name)])
    assert runs[0] == runs[1] == runs[2]


@pytest.mark.parametrize("name", NORMS)
def test_a_compiled_step_has_the_bits_of_the_step(name: str) -> None:
    """For ``compile`` each of these is one call."""
    shape, layer = NORMS[name]

    def step(x: Any, w: Any) -> Any:
        x, w = x.detach().requires_grad_(), w.detach().requires_grad_()
        (layer(x, w) ** 2).sum().backward()
        return x.grad, w.grad

    with only_kernels():
        x, w, run = autodiff.randn(shape), autodiff.randn(68), autodiff.compile(step)
        for _ in range(5):
            for a, b in zip(run(x, w), step(x, w), strict=True):
                np.testing.assert_array_equal(a.numpy(), b.numpy())


def _touch(kind: str, at_end: bool) -> None:
    for name in normalization.KERNELS:
        for p in (1, 15, *SIZES):
            guarded, made = Guarded(at_end), kernel((name, True, p), kind)
            made(*(guarded.array(3 * a.each + a.fixed) for a in made.arguments), stop=3)


@guard_pages
@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("kind", MACHINES)
def test_kernels_touch_no_memory_but_their_arrays(kind: str, at_end: bool) -> None:
    """With a guard page before and after each array, no kernel dies."""
    assert survives(_touch, kind, at_end)

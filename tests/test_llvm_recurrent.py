"""The kernels of llvmlite for an LSTM: against NumPy, on odd sizes, with hard numbers, at the edges of memory."""

from __future__ import annotations

import inspect
import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llvmlite", reason="the lane of llvmlite needs the extra `fast`")

from llvm_lane import MACHINES, Guarded, calls_on_arm, guard_pages, machine, on_arm, only_kernels, survives, workers

import autodiff
from autodiff.kernels import recurrent as numpys
from autodiff.kernels.llvm import library, recurrent
from autodiff.ops import recurrent as ops

HARD = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-45, 1e-39, 1e30, -1e30, 100.0, -100.0]


@cache
def kernel(name: str, size: int, samples: int, kind: str = "host") -> library.Kernel:
    made = machine(kind)
    code = recurrent.BUILD[name](made, (size, recurrent.samples_together(made, samples)))
    return library.Kernel(library.compiled(code.text(), made), code)


def times(count: int, samples: int, back: bool) -> Any:
    steps = tuple((t * samples, (t + 1) * samples) for t in range(count))
    return steps[::-1] if back else steps


def drawn(count: int, samples: int, size: int, seed: int = 0) -> list[Any]:
    """x, w, h0, c0, and the cotangents of all h and c, with zeros for those of the gates."""
    random = np.random.default_rng(seed)
    shapes = (count * samples, 4 * size), (4 * size, size), (samples, size), (samples, size)
    x, w, h0, c0 = (random.standard_normal(shape).astype(np.float32) for shape in shapes)
    g = np.zeros(6 * count * samples * size, np.float32)
    g[: 2 * x.size // 4] = random.standard_normal(2 * x.size // 4)
    return [x, w / np.float32(size**0.5), h0, c0, g]


def by_numpy(x: Any, w: Any, h0: Any, c0: Any, g: Any, steps: Any) -> tuple[Any, ...]:
    with np.errstate(all="ignore"):
        out = inspect.unwrap(numpys.lstm)(x, w, h0, c0, steps=steps)
        return out, *inspect.unwrap(ops.lstm.rule_of_all)(g, out, None, w, h0, c0, steps=steps)


def by_kernels(kernels: Any, x: Any, w: Any, h0: Any, c0: Any, g: Any, steps: Any) -> tuple[Any, ...]:
    out = recurrent.run_forward(x, w, h0, c0, steps, kernels[0])
    return out, *recurrent.run_backward(g, out, w, h0, c0, steps, kernels[1])


def both(size: int, samples: int, kind: str = "host") -> list[library.Kernel]:
    return [kernel(name, size, samples, kind) for name in recurrent.BUILD]


@pytest.mark.parametrize("kind", MACHINES)
@pytest.mark.parametrize("size", [1, 3, 16, 21, 64, 97])
@pytest.mark.parametrize(("count", "samples"), [(1, 1), (4, 3), (3, 4), (2, 13)])
@pytest.mark.parametrize("back", [False, True])
def test_any_size(kind: str, size: int, count: int, samples: int, back: bool) -> None:
    """Units that are no multiple of a vector, samples that are none of a tile, in both directions of time."""
    arrays, steps = drawn(count, samples, size), times(count, samples, back)
    for found, right in zip(
        by_kernels(both(size, samples, kind), *arrays, steps), by_numpy(*arrays, steps), strict=True
    ):
        np.testing.assert_allclose(found, right, atol=1e-5)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10**6), st.sampled_from(HARD)), max_size=4))
def test_hard_numbers_anywhere(places: Any) -> None:
    """NaN and infinities go where they go in NumPy."""
    arrays, steps = drawn(3, 5, 19), times(3, 5, False)
    for which, place, value in places:  # an infinite weight meets states that are 0 in NumPy and nearly 0 in a kernel
        arrays[which].ravel()[place % arrays[which].size] = math.nan if which == 1 else value
    with np.errstate(all="ignore"):
        out, *found = by_kernels(both(19, 5), *arrays, steps)
    expected, *_ = by_numpy(*arrays, steps)
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-5)
    with np.errstate(all="ignore"):
        rule = inspect.unwrap(ops.lstm.rule_of_all)(arrays[-1], out, None, *arrays[1:4], steps=steps)
    for a, b in zip(found, rule, strict=True):
        largest = np.max(np.abs(b), where=np.isfinite(b), initial=1)
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * largest)


@pytest.mark.parametrize("number", [1, 2, 4])
@pytest.mark.parametrize("samples", [17, 18, 37])
def test_any_number_of_threads_gives_the_same_bits(
    number: int, samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads share samples, each of which is computed by itself."""
    arrays, steps = drawn(20, samples, 24), times(20, samples, False)
    alone = by_kernels(both(24, samples), *arrays, steps)
    monkeypatch.setattr(recurrent, "WORTH_THREADS", 0)
    with workers(number):
        for _ in range(20):
            for a, b in zip(by_kernels(both(24, samples), *arrays, steps), alone, strict=True):
                np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("samples", range(1, 70))
def test_no_sample_is_taken_by_two_threads(samples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part has as many samples as a kernel takes at a time, or none."""
    monkeypatch.setattr(recurrent, "WORTH_THREADS", 0)
    given: list[tuple[int, int]] = []

    class Seen:
        machine = library.host()

        def __call__(self, *arrays: Any, stop: int, parts: int) -> None:
            given.append((stop, parts))
            for array in arrays:
                array[...] = 0

    by_kernels([Seen(), Seen()], *drawn(2, samples, 3), times(2, samples, False))
    for stop, parts in given:
        each = -(-stop // parts)
        sizes = [min(stop, start + each) - start for start in range(0, stop, each)]
        assert sum(sizes) == samples
        assert min(sizes) >= recurrent.samples_together(Seen.machine, samples), sizes


LAYERS: list[dict[str, Any]] = [{}, {"num_layers": 2, "bidirectional": True}, {"bias": False, "batch_first": True}]


@pytest.mark.parametrize("options", LAYERS, ids=str)
def test_layers_take_kernels(options: dict[str, Any]) -> None:
    """Values and gradients are NumPy's to a few digits; a gradient of a gradient is taken by NumPy."""
    model, x = autodiff.nn.LSTM(7, 33, **options), autodiff.randn(14, 6, 7)

    def run() -> list[Any]:
        leaf = x.clone().requires_grad_()
        output, (h, c) = model(leaf)
        inputs = [leaf, *model.parameters()]
        first = autodiff.grad((output**2).sum() + (h * c).sum(), inputs, create_graph=True)
        (plain,) = autodiff.grad((model(leaf)[0] ** 2).sum(), leaf)
        return [v.detach().numpy() for v in (output, plain, *first, *autodiff.grad((first[0] ** 2).sum(), inputs))]

    right = run()
    with only_kernels():
        found = run()
        assert {kind for kind, _ in library._kernels} >= {"lstm", "lstm_back"}
    for a, b in zip(found, right, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_a_compiled_step_has_the_bits_of_the_step() -> None:
    """For ``compile`` a pass through time is one call, whichever lane computes it."""
    model = autodiff.nn.LSTM(7, 64)

    def step(x: Any) -> Any:
        x = x.detach().requires_grad_()
        (model(x)[0] ** 2).sum().backward()
        return x.grad

    with only_kernels():
        x, run = autodiff.randn(24, 8, 7), autodiff.compile(step)
        for _ in range(5):
            np.testing.assert_array_equal(run(x).numpy(), step(x).numpy())
        assert len(run.programs) == 1


def test_arrays_of_another_size_are_refused() -> None:
    """What does not belong together takes no kernel."""
    x, w, h0, c0, _ = drawn(40, 4, 16)
    with only_kernels():
        numpys.lstm(x, w, h0, c0, steps=times(40, 4, False))
        assert recurrent.lstm(x, w, h0, c0, steps=times(40, 4, False)) is not None
        assert recurrent.lstm(x, w, h0, c0, steps=(*times(39, 4, False), (156, 159))) is None
        assert recurrent.lstm(x[:-1], w, h0, c0, steps=times(40, 4, False)) is None
        assert recurrent.lstm(x, w[:, 1:], h0, c0, steps=times(40, 4, False)) is None
        assert recurrent.lstm(x, w, h0[1:], c0, steps=times(40, 4, False)) is None


class Moved:
    """A kernel whose arrays lie where memory ends that may be touched."""

    def __init__(self, made: library.Kernel, at_end: bool) -> None:
        self.made, self.machine, self.guarded = made, made.machine, Guarded(at_end)

    def __call__(self, *arrays: Any, stop: int, parts: int) -> None:
        moved = [self.guarded.array(array.size) for array in arrays]
        for new, array in zip(moved, arrays, strict=True):
            new[:] = array.ravel()
        self.made(*moved, stop=stop, parts=parts)
        for new, array in zip(moved, arrays, strict=True):
            array[...] = new.reshape(array.shape)


def _touch(kind: str, at_end: bool) -> None:
    for size, samples in ((5, 3), (16, 4), (70, 9)):
        arrays, steps = drawn(3, samples, size), times(3, samples, False)
        kernels = both(size, samples, kind)
        right = by_kernels(kernels, *arrays, steps)
        for a, b in zip(by_kernels([Moved(made, at_end) for made in kernels], *arrays, steps), right, strict=True):
            np.testing.assert_array_equal(a, b)


@guard_pages
@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("kind", MACHINES)
def test_kernels_touch_no_memory_but_their_arrays(kind: str, at_end: bool) -> None:
    """With a guard page before and after each array, no kernel dies."""
    assert survives(_touch, kind, at_end)


@on_arm
def test_kernels_compile_for_arm(triple: str) -> None:
    """LLVM makes machine code of their vectors, and calls no function of the C library."""
    for build in recurrent.BUILD.values():
        assert not calls_on_arm(triple, lambda machine, build=build: build(machine, (21, 4)))

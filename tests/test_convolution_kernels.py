"""The plain NumPy kernels of convolution: against loops, against PyTorch, and each against its adjoint."""

from __future__ import annotations

import multiprocessing
import threading
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from kernel_cases import Array, close, laid_out, layouts, paddings, pairs, quick
from parity.harness import delivered, leaf, peer, plain

from autodiff.kernels import blas, convolution, depthwise, threads
from autodiff.kernels.convolution import Geometry, convolve, convolve_input, convolve_weight

# Which way the kernels go depends on sizes the small cases never reach: each way is forced on them in turn.
WAYS: dict[str, dict[str, int]] = {
    "as measured": {},
    "stacked": {"SMALL": -1, "THIN": 1000},
    "row by row": {"SMALL": -1, "THIN": 0},
    "one image a tile": {"SMALL": -1, "TILE_BYTES": 1},
}


class Case(NamedTuple):
    """One random convolution with a random cotangent, and the way it is made to go."""

    x: Array
    w: Array
    g: Array
    geometry: Geometry
    way: str

    def run(self) -> tuple[Array, Array, Array]:
        """Return the output and both gradients."""
        x, w, g, geometry, way = self
        with pytest.MonkeyPatch.context() as patch:
            for name, value in WAYS[way].items():
                patch.setattr(convolution, name, value)
            out = convolve(x, w, geometry)
            return out, convolve_input(g, w, geometry, x.shape), convolve_weight(g, x, geometry, w.shape)


@st.composite
def convolutions(draw: st.DrawFn) -> Case:
    """Draw kernels from 1x1 to 5x5, any stride, padding and dilation, full, grouped and depthwise channels."""
    geometry = Geometry(draw(pairs), draw(paddings), draw(pairs), draw(st.sampled_from([1, 1, 2, 3])))
    kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    size = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    output = geometry.output_size(size, kernel)
    assume(min(output) >= 1)
    n, c, o = draw(st.integers(0, 3)), draw(st.sampled_from([1, 1, 2, 9])), draw(st.integers(1, 6))
    random = np.random.default_rng(draw(st.integers(0, 9999)))
    x = random.standard_normal((n, c * geometry.groups, *size))
    w = random.standard_normal((o * geometry.groups, c, *kernel))
    g = random.standard_normal((n, o * geometry.groups, *output))
    x, w, g = (laid_out(array, draw(layouts)) for array in (x, w, g))
    return Case(x, w, g, geometry, draw(st.sampled_from([*WAYS])))


def naive_convolve(x: Array, w: Array, geometry: Geometry) -> Array:
    """Convolve by the definition, one output pixel and group at a time."""
    (sh, sw), padding, (dh, dw), groups = geometry
    o, c, kh, kw = w.shape
    oh, ow = geometry.output_size((x.shape[2], x.shape[3]), (kh, kw))
    padded = np.pad(x, ((0, 0), (0, 0), *padding))
    out = np.zeros((len(x), o, oh, ow))
    for p, q, k in np.ndindex(oh, ow, groups):
        rows, columns = slice(p * sh, p * sh + dh * (kh - 1) + 1, dh), slice(q * sw, q * sw + dw * (kw - 1) + 1, dw)
        patch, part = padded[:, k * c : (k + 1) * c, rows, columns], slice(k * o // groups, (k + 1) * o // groups)
        out[:, part, p, q] = np.einsum("ncij,ocij->no", patch, w[part])
    return out


@quick
@given(convolutions())
def test_convolution_is_its_definition(case: Case) -> None:
    """The forward equals the sum of the definition for every stride, padding, dilation, group and layout."""
    close(case.run()[0], naive_convolve(case.x, case.w, case.geometry))


@quick
@given(convolutions())
def test_convolution_adjoints(case: Case) -> None:
    """<x * w, g> = <x, input adjoint> = <w, weight adjoint>: the three kernels are one trilinear form."""
    x, w, g, _, _ = case
    out, dx, dw = case.run()
    value = np.vdot(out, g)
    assert (dx.shape, dw.shape) == (x.shape, w.shape)
    assert dx.flags.c_contiguous
    assert dw.flags.c_contiguous
    np.testing.assert_allclose([np.vdot(x, dx), np.vdot(w, dw)], value, rtol=1e-9, atol=1e-9)


@quick
@given(convolutions())
def test_convolution_agrees_with_torch(case: Case) -> None:
    """Values and both gradients are PyTorch's."""
    torch = peer()
    x, w, g, geometry, _ = case
    assume(len(x))
    tx, tw = leaf(torch, x), leaf(torch, w)
    (top, bottom), (left, right) = geometry.padding
    padded = torch.nn.functional.pad(tx, (left, right, top, bottom))
    out = torch.conv2d(padded, tw, None, geometry.stride, 0, geometry.dilation, geometry.groups)
    for ours, theirs in zip(case.run(), (out, *delivered(torch, out, [tx, tw], [g.copy()])), strict=True):
        close(ours, plain(theirs))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("n", [0, 1, 3])
def test_dtype_is_kept_and_inputs_are_not_modified(dtype: str, groups: int, n: int) -> None:
    """Every kernel returns its input's dtype and works with read-only inputs and an empty batch."""
    random = np.random.default_rng(0)
    geometry = Geometry((1, 2), ((1, 1), (0, 2)), (1, 1), groups)
    x = random.standard_normal((n, 4, 8, 7)).astype(dtype)
    w = random.standard_normal((4, 4 // groups, 3, 3)).astype(dtype)
    g = random.standard_normal((n, 4, *geometry.output_size((8, 7), (3, 3)))).astype(dtype)
    for array in (x, w, g):
        array.flags.writeable = False
    results = [
        convolve(x, w, geometry),
        convolve_input(g, w, geometry, x.shape),
        convolve_weight(g, x, geometry, w.shape),
    ]
    assert [result.dtype for result in results] == [np.dtype(dtype)] * len(results)
    assert all(result.flags.c_contiguous for result in results)


def test_half_precision_sums_in_single() -> None:
    """A float16 convolution of 4,096 ones is 4,096; a float16 running sum stops at 2,048."""
    x, w = np.ones((1, 1, 64, 64), np.float16), np.ones((1, 1, 64, 64), np.float16)
    assert convolve(x, w, Geometry()).item() == 4096


SHAPES = {
    "first layer": ((32, 1, 28, 28), (16, 1, 5, 5), Geometry(padding=((2, 2), (2, 2)))),
    "wide": ((9, 32, 20, 20), (32, 32, 3, 3), Geometry(padding=((1, 1), (1, 1)))),
    "strided": ((9, 32, 29, 29), (32, 32, 3, 3), Geometry((2, 2), ((1, 1), (1, 1)))),
    "one by one": ((9, 64, 16, 16), (64, 64, 1, 1), Geometry()),
    "depthwise": ((33, 64, 28, 28), (64, 1, 3, 3), Geometry(padding=((1, 1), (1, 1)), groups=64)),
    "grouped": ((33, 64, 16, 16), (64, 32, 3, 3), Geometry(padding=((1, 1), (1, 1)), groups=2)),
}


def all_three(name: str, dtype: str = "float64") -> list[Array]:
    """Run the three convolution kernels on one of the large shapes."""
    random = np.random.default_rng(0)
    x_shape, w_shape, geometry = SHAPES[name]
    x, w = random.standard_normal(x_shape).astype(dtype), random.standard_normal(w_shape).astype(dtype)
    out = convolve(x, w, geometry)
    g = random.standard_normal(out.shape).astype(dtype)
    return [out, convolve_input(g, w, geometry, x_shape), convolve_weight(g, x, geometry, w_shape)]


@pytest.mark.parametrize("name", SHAPES)
def test_threads_do_not_change_the_result(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shapes large enough to be shared among threads give the one-thread result, up to the order of sums."""
    monkeypatch.setattr(threads, "workers", lambda: 1)
    alone = all_three(name)
    monkeypatch.setattr(threads, "workers", lambda: 3)
    for one, other in zip(alone, all_three(name), strict=True):
        close(one, other)


@pytest.mark.parametrize("name", SHAPES)
def test_a_thread_whose_first_tile_is_a_short_one_reads_only_what_it_wrote(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tiles may come in any order: with the last one first, and infinities in new memory, nothing else comes out."""
    monkeypatch.setattr(threads, "workers", lambda: 1)
    expected, tiles = all_three(name), threads.WorkQueue.tiles

    def short_first(turns: threads.WorkQueue, size: int) -> list[slice]:
        return [*tiles(turns, turns._count - turns._count // 3)][::-1] if turns._count > 2 else [*tiles(turns, size)]

    def spoiled(shape: Any, dtype: Any = float, **options: Any) -> Array:
        array = np.full(shape, np.inf, dtype, **options)
        array.reshape(-1)[::2] *= -1  # of two signs, so that a sum of them is invalid, which NumPy says
        return array

    for module in (convolution, depthwise):
        monkeypatch.setattr(module, "tile_size", lambda count, most: count)  # buffers as long as the longest tile
    monkeypatch.setattr(threads.WorkQueue, "tiles", short_first)
    monkeypatch.setattr(np, "empty", spoiled)
    for one, other in zip(expected, all_three(name), strict=True):
        close(one, other)


@pytest.mark.parametrize("name", SHAPES)
def test_large_shapes_agree_with_torch_in_single_precision(name: str) -> None:
    """On the shapes that take the fast paths float32 agrees with PyTorch's float64 to 1e-5 of the largest entry."""
    torch = peer()
    random = np.random.default_rng(0)
    x_shape, w_shape, (stride, padding, dilation, groups) = SHAPES[name]
    single = lambda shape: random.standard_normal(shape).astype("float32").astype("float64")
    tx, tw = leaf(torch, single(x_shape)), leaf(torch, single(w_shape))
    out = torch.conv2d(tx, tw, None, stride, (padding[0][0], padding[1][0]), dilation, groups)
    gradients = delivered(torch, out, [tx, tw], [single(tuple(out.shape))])
    for ours, theirs in zip(all_three(name, "float32"), (out, *gradients), strict=True):
        assert np.abs(ours - plain(theirs)).max() < 1e-5 * np.abs(plain(theirs)).max()


def test_many_callers_at_once() -> None:
    """User threads calling concurrently get right results, and BLAS has its own threads back afterwards."""
    expected = all_three("wide")
    wrong: list[bool] = []

    def work() -> None:
        for _ in range(2):
            got = all_three("wide")
            wrong.append(not all(np.allclose(one, other) for one, other in zip(expected, got, strict=True)))

    callers = [threading.Thread(target=work) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert wrong == [False] * 6
    assert not blas._limit.holders
    assert not blas._limit.limited


def test_an_infinite_pixel_spoils_only_the_taps_that_meet_it() -> None:
    """Of a depthwise kernel; the first column of the image never meets the kernel's last one."""
    x, g = (np.random.default_rng(seed).random((4, 8, 20, 20), np.float32) for seed in (0, 1))
    x[1, 2, 5, 0] = np.inf
    found = convolve_weight(g, x, Geometry(padding=((1, 1), (1, 1)), groups=8), (8, 1, 3, 3))
    spoiled = np.zeros((8, 1, 3, 3), bool)
    spoiled[2, 0, :, :2] = True
    np.testing.assert_array_equal(~np.isfinite(found), spoiled)


def _in_child(queue: Any) -> None:
    queue.put([float(result.sum()) for result in all_three("wide")])


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_makes_its_own_threads() -> None:
    """After a fork the child, which has none of the parent's threads, still computes the same."""
    expected = [float(result.sum()) for result in all_three("wide")]
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(queue,))
    child.start()
    got = queue.get(timeout=60)
    child.join(60)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


def test_output_sizes() -> None:
    """(I - F + P) // S + 1 holds for even kernels with uneven padding."""
    assert Geometry(padding=((1, 2), (0, 1))).output_size((9, 9), (4, 2)) == (9, 9)
    assert Geometry((2, 3), dilation=(2, 1)).output_size((9, 9), (3, 3)) == (3, 3)

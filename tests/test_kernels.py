"""The plain NumPy kernels: against loops, against PyTorch, and each against its adjoint."""

from __future__ import annotations

import multiprocessing
import threading
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autodiff.kernels import convolution, depthwise, pooling, threads
from autodiff.kernels.convolution import Geometry, convolve, convolve_input, convolve_weight
from autodiff.kernels.pooling import Window

Array = NDArray[Any]
quick = settings(deadline=None, max_examples=80)
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
paddings = st.tuples(st.tuples(st.integers(0, 4), st.integers(0, 4)), st.tuples(st.integers(0, 4), st.integers(0, 4)))


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


def laid_out(values: Array, how: str) -> Array:
    """Return equal values in another memory layout."""
    if how == "fortran":
        return np.asfortranarray(values)
    if how == "reversed":
        return np.ascontiguousarray(values[..., ::-1, ::-1])[..., ::-1, ::-1]
    if how == "strided":
        wide = np.zeros((*values.shape[:-1], values.shape[-1] * 2), values.dtype)
        wide[..., ::2] = values
        return wide[..., ::2]
    return values


layouts = st.sampled_from(["plain", "fortran", "reversed", "strided"])


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


def close(one: Array, other: Array) -> None:
    """Hold two arrays to the same shape and, in the sense of the largest entry, to float64 rounding."""
    assert one.shape == other.shape
    assert one.flags.c_contiguous
    np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)


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
    torch = pytest.importorskip("torch")
    x, w, g, geometry, _ = case
    assume(len(x))
    tx, tw = (torch.tensor(a.copy(), requires_grad=True) for a in (x, w))
    (top, bottom), (left, right) = geometry.padding
    padded = torch.nn.functional.pad(tx, (left, right, top, bottom))
    out = torch.conv2d(padded, tw, None, geometry.stride, 0, geometry.dilation, geometry.groups)
    out.backward(torch.tensor(g.copy()))
    for ours, theirs in zip(case.run(), (out.detach(), tx.grad, tw.grad), strict=True):
        close(ours, theirs.numpy())


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
    window = Window((2, 3), (2, 2), ((0, 1), (1, 1)))
    pooled = pooling.max_pool(x, window)
    results = [
        convolve(x, w, geometry),
        convolve_input(g, w, geometry, x.shape),
        convolve_weight(g, x, geometry, w.shape),
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
    """A float16 convolution and sum pool of 4,096 ones is 4,096; a float16 running sum stops at 2,048."""
    x, w = np.ones((1, 1, 64, 64), np.float16), np.ones((1, 1, 64, 64), np.float16)
    assert convolve(x, w, Geometry()).item() == 4096
    assert pooling.sum_pool(x, Window((64, 64), (1, 1))).item() == 4096
    assert pooling.sum_pool(x, Window((64, 64), (1, 1), ((1, 0), (0, 0)))).max() == 4096


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
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(0)
    x_shape, w_shape, (stride, padding, dilation, groups) = SHAPES[name]
    x, w = random.standard_normal(x_shape).astype("float32"), random.standard_normal(w_shape).astype("float32")
    tx, tw = (torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in (x, w))
    out = torch.conv2d(tx, tw, None, stride, (padding[0][0], padding[1][0]), dilation, groups)
    out.backward(torch.tensor(random.standard_normal(tuple(out.shape)).astype("float32"), dtype=torch.float64))
    for ours, theirs in zip(all_three(name, "float32"), (out.detach(), tx.grad, tw.grad), strict=True):
        assert np.abs(ours - theirs.numpy()).max() < 1e-5 * np.abs(theirs.numpy()).max()


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
    assert threads._pool.inside == 0


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
    torch = pytest.importorskip("torch")
    x, c, _, (kernel, stride, _, dilation) = case
    size, (top, left) = (x.shape[2], x.shape[3]), (kernel[0] // 2, kernel[1] // 2)
    window = Window(kernel, stride, ((top, top), (left, left)), dilation)
    assume(len(x) and min(window.output_size(size)) >= 1)
    window = window.ceil_padding(size) if rounded_up else window
    # PyTorch crashes on a window that lies in the padding altogether.
    assume(np.isfinite(naive_windows(np.zeros_like(x), window, -np.inf).max((2, 3))).all())
    x = x if special is None else np.where(c > 0.5, special, x)
    tx = torch.tensor(x.copy(), requires_grad=True)
    theirs, indices = torch.nn.functional.max_pool2d(
        tx, kernel, stride, (top, left), dilation, rounded_up, return_indices=True
    )
    g = np.cos(np.arange(theirs.numel())).reshape(theirs.shape)
    theirs.backward(torch.tensor(g))
    out = pooling.max_pool(x, window)
    np.testing.assert_array_equal(out, theirs.detach().numpy())
    np.testing.assert_array_equal(pooling.max_pool_indices(x, out, window), indices.numpy())
    close(pooling.max_pool_scatter(g, x, out, window), tx.grad.numpy())


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
    """(I - F + P) // S + 1 holds for even kernels with uneven padding, and rounds up where asked."""
    assert Geometry(padding=((1, 2), (0, 1))).output_size((9, 9), (4, 2)) == (9, 9)
    assert Geometry((2, 3), dilation=(2, 1)).output_size((9, 9), (3, 3)) == (3, 3)
    assert Window((2, 2), (2, 2)).ceil_padding((5, 5)).output_size((5, 5)) == (3, 3)
    assert Window((1, 1), (2, 2)).ceil_padding((4, 4)).output_size((4, 4)) == (2, 2)
    assert Window((1, 1), (3, 3)).ceil_padding((5, 7)).output_size((5, 7)) == (2, 3)

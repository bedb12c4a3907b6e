"""The kernels of llvmlite's lane for convolution: against NumPy's, against PyTorch, at the edges of memory."""

from __future__ import annotations

import multiprocessing
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kernel_cases import Array, laid_out, layouts, paddings, pairs
from parity.harness import delivered, leaf, peer, plain

pytest.importorskip("llvmlite", reason="the lane of llvmlite needs the extra `fast`")

from llvm_lane import MACHINES, Guarded, guard_pages, only_kernels, survives, workers

from autodiff.kernels import convolution as numpys
from autodiff.kernels import lanes
from autodiff.kernels.geometry import Geometry
from autodiff.kernels.llvm import builder, convolution, library

few = settings(deadline=None, max_examples=15)
WAYS: dict[str, dict[str, int]] = {
    "as measured": {},
    "short bands": {"BAND_BYTES": 1000},
    "rows of y for each kernel row": {"THIN": 1 << 20},
    "short bands that share rows": {"BAND_BYTES": 1, "THIN": 0},
}


class Case(NamedTuple):
    """A convolution, with a bias and a cotangent."""

    x: Array
    w: Array
    bias: Array
    g: Array
    geometry: Geometry

    def run(self) -> list[Array]:
        """The output and both gradients, by the lanes as they are chosen."""
        return [
            numpys.convolve(self.x, self.w, self.geometry, self.bias),
            numpys.convolve_input(self.g, self.w, self.geometry, self.x.shape),
            numpys.convolve_weight(self.g, self.x, self.geometry, self.w.shape),
        ]

    def by_numpy(self) -> list[Array]:
        """The same by NumPy alone."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lanes, "_routes", {})
            return self.run()


@st.composite
def convolutions(draw: st.DrawFn) -> Case:
    """From one pixel and one channel on, up to sizes of several vectors; any geometry."""
    geometry = Geometry(draw(pairs), draw(paddings), draw(pairs), draw(st.sampled_from([1, 1, 2, 3])))
    kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    size = draw(st.tuples(st.integers(1, 12), st.sampled_from([1, 2, 3, 5, 8, 15, 16, 17, 33, 50, 190])))
    output = geometry.output_size(size, kernel)
    assume(min(output) >= 1)
    n, c, o = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 3, 9, 40])), draw(st.sampled_from([1, 2, 5, 8, 17]))
    c, o = draw(st.sampled_from([(c, o), (c, o), (1, 1)]))  # the last is depthwise
    random = np.random.default_rng(draw(st.integers(0, 9999)))
    x = random.standard_normal((n, c * geometry.groups, *size), np.float32)
    w = random.standard_normal((o * geometry.groups, c, *kernel), np.float32)
    g = random.standard_normal((n, o * geometry.groups, *output), np.float32)
    x, w, g = (laid_out(array, draw(layouts)) for array in (x, w, g))
    return Case(x, w, random.standard_normal(len(w), np.float32), g, geometry)


def near(found: list[Array], expected: list[Array]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert (one.shape, one.dtype) == (other.shape, np.float32)
        assert one.flags.c_contiguous
        size = max(1.0, np.abs(other[np.isfinite(other)]).max(initial=0.0))
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 * size)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("machine", MACHINES)
def test_kernels_are_numpys(machine: str, way: str) -> None:
    """Every shape, stride, padding, dilation, group and layout gives NumPy's numbers, for every kind of processor."""

    @few
    @given(convolutions())
    def check(case: Case) -> None:
        with only_kernels(machine, **WAYS[way]):
            near(case.run(), case.by_numpy())
            kinds = {kind for kind, _ in library._kernels}
            assert len(kinds) == 2, library._unsaid  # the forward kernel, and that of the weights' gradient

    check()


@few
@given(convolutions(), st.sampled_from([np.nan, np.inf, -np.inf]), st.data())
def test_what_is_not_finite_stays_in_its_place(case: Case, value: float, data: st.DataObject) -> None:
    """NaN and infinity in one pixel spoil what meets that pixel, as in NumPy, and nothing else."""
    for array in (case.x, case.g):
        array[tuple(data.draw(st.integers(0, size - 1)) for size in array.shape)] = value
    with only_kernels(), np.errstate(invalid="ignore"):
        for one, other in zip(case.run(), case.by_numpy(), strict=True):
            np.testing.assert_array_equal(np.isfinite(one), np.isfinite(other))
            np.testing.assert_array_equal(np.isnan(one), np.isnan(other))


@few
@given(convolutions())
def test_kernels_agree_with_torch(case: Case) -> None:
    """Values and both gradients are PyTorch's."""
    torch = peer()
    (top, bottom), (left, right) = case.geometry.padding
    x, w, bias = (leaf(torch, np.ascontiguousarray(array, np.float64)) for array in (case.x, case.w, case.bias))
    padded = torch.nn.functional.pad(x, (left, right, top, bottom))
    out = torch.conv2d(padded, w, bias, case.geometry.stride, 0, case.geometry.dilation, case.geometry.groups)
    gradients = delivered(torch, out, [x, w], [np.ascontiguousarray(case.g, np.float64)])
    with only_kernels():
        near(case.run(), [plain(each) for each in (out, *gradients)])


SHAPES = {
    "first layer": ((7, 1, 28, 28), (16, 1, 5, 5), Geometry(padding=((2, 2), (2, 2)))),
    "wide": ((9, 32, 20, 20), (32, 32, 3, 3), Geometry(padding=((1, 1), (1, 1)))),
    "strided": ((9, 32, 29, 29), (33, 32, 3, 3), Geometry((2, 2), ((1, 1), (1, 1)))),
    "one by one": ((9, 64, 15, 15), (64, 64, 1, 1), Geometry()),
    "depthwise": ((9, 24, 20, 20), (24, 1, 3, 3), Geometry(padding=((1, 1), (1, 1)), groups=24)),
    "depthwise, strided": ((9, 24, 19, 30), (24, 1, 5, 4), Geometry((2, 3), ((2, 1), (0, 5)), (1, 2), groups=24)),
    "grouped": ((5, 64, 16, 16), (64, 32, 3, 3), Geometry(padding=((1, 1), (1, 1)), groups=2)),
}


def large(name: str) -> Case:
    random = np.random.default_rng(0)
    (n, *image), w, geometry = SHAPES[name]
    g = (n, w[0], *geometry.output_size(tuple(image[1:]), w[2:]))
    return Case(*(random.standard_normal(shape, np.float32) for shape in ((n, *image), w, w[:1], g)), geometry)


@pytest.mark.parametrize("name", SHAPES)
def test_threads_do_not_change_the_result(name: str) -> None:
    """Four threads give the numbers of one; images are computed alone, so even the bits of outputs are the same."""
    case = large(name)
    with only_kernels():
        with workers(1):
            alone = case.run()
        with workers(4):
            together = case.run()
        near(alone, case.by_numpy())
        near(together, alone)
        np.testing.assert_array_equal(alone[0], together[0])


def _in_child(queue: Any) -> None:
    with only_kernels(), workers(2):
        queue.put([float(np.abs(result).sum()) for result in large("strided").run()])


@pytest.mark.parametrize("way", multiprocessing.get_all_start_methods())
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_children_compute_the_same(way: str) -> None:
    """A forked process uses its parent's kernels, and one that was spawned makes its own."""
    with only_kernels(), workers(2):
        expected = [float(np.abs(result).sum()) for result in large("strided").run()]
    context = multiprocessing.get_context(way)
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(queue,))
    child.start()
    got = queue.get(timeout=120)
    child.join(60)
    np.testing.assert_allclose(got, expected, rtol=1e-6)


EDGES = [
    (1, 1, (1, 1), (1, 1), Geometry()),
    (1, 1, (1, 1), (3, 3), Geometry(padding=((1, 1), (1, 1)), groups=2)),
    (1, 1, (5, 20), (2, 3), Geometry((2, 3), ((1, 0), (2, 1)), (1, 2), 2)),
    (1, 1, (4, 16), (5, 7), Geometry(padding=((2, 2), (3, 3)), groups=3)),
    (2, 3, (3, 5), (2, 3), Geometry((2, 3), ((1, 0), (2, 1)), (1, 2), 2)),
    (3, 9, (4, 17), (1, 1), Geometry()),
    (37, 20, (4, 4), (1, 1), Geometry()),
    (3, 9, (9, 16), (3, 3), Geometry(padding=((1, 1), (1, 1)))),
    (5, 4, (7, 7), (3, 3), Geometry((2, 2), ((1, 1), (1, 1)))),
    (1, 2, (5, 40), (3, 5), Geometry((1, 2), ((0, 4), (4, 4)), (2, 1))),
    (2, 2, (6, 6), (3, 3), Geometry(padding=((-1, -1), (-2, 1)))),
]


def codes(machine: Any) -> list[builder.Code]:
    """The kernels of these: forward, and of the weights' gradient."""
    found = []
    for c, o, size, kernel, geometry in EDGES:
        for build, rows in ((convolution.forward, 0), (convolution.weight, convolution.THIN)):
            plan = convolution.plan_of(size, (o * geometry.groups, c, *kernel), geometry, rows)
            assert plan is not None
            found.append(build(machine, plan))
    return found


def _touch(machine: str, way: str, at_end: bool) -> None:
    """Run each kernel on arrays of exactly the sizes that it asks for, between pages that nobody may touch."""
    with only_kernels(machine, **WAYS[way]):
        for code in codes(library.host()):
            guarded = Guarded(at_end)
            kernel = library.Kernel(library.compiled(code.text(), code.machine), code)
            library.scratch = guarded.array
            arrays = [guarded.array(each * 2 + fixed) for each, fixed, *_ in code.arguments]
            kernel(*arrays, stop=2)
            kernel(*arrays, stop=0)
            if not any(argument.sums for argument in code.arguments):
                kernel(*arrays, stop=2, parts=3)


@guard_pages
@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("way", ["as measured", "short bands that share rows"])
@pytest.mark.parametrize("machine", MACHINES)
def test_kernels_touch_no_memory_but_their_arrays(machine: str, way: str, at_end: bool) -> None:
    """With a guard page before and after each array, no kernel dies."""
    assert survives(_touch, machine, way, at_end)


@pytest.mark.parametrize(
    ("triple", "cpu", "lanes", "registers", "expected"),
    [
        ("x86_64-unknown-linux-gnu", "skylake-avx512", 16, 32, "zmm"),
        ("x86_64-unknown-linux-gnu", "haswell", 8, 16, "ymm"),
        ("aarch64-unknown-linux-gnu", "neoverse-n1", 4, 32, "fmla"),
        ("arm64-apple-macosx", "apple-m1", 4, 32, "fmla"),
    ],
)
def test_kernels_compile_for_other_processors(
    triple: str, cpu: str, lanes: int, registers: int, expected: str
) -> None:
    """LLVM makes machine code of their vectors, and calls no function of the C library."""
    llvm = library._llvm()
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = library.Machine(triple, cpu, "", lanes, registers)
    target = llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, opt=2)
    for code in codes(machine)[-4:]:
        assembly = target.emit_assembly(llvm.parse_assembly(code.text()))
        assert expected in assembly
        called = [line for line in assembly.splitlines() if line.split()[:1] in (["callq"], ["call"], ["bl"])]
        assert not called
        assert library.compiled(code.text(), machine)

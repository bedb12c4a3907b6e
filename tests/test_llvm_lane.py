"""The lane of llvmlite: when a kernel is compiled, kept, refused and switched off, and that nobody waits for it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff
from autodiff.kernels import convolution as numpys
from autodiff.kernels import lanes
from autodiff.kernels.geometry import Geometry

pytest.importorskip("llvmlite", reason="the lane of llvmlite needs the extra `fast`")

from llvm_lane import finish, kernels, new_process, only_kernels

from autodiff.kernels.llvm import builder, convolution, disk, library
from autodiff.kernels.llvm.builder import Argument, Code

GEOMETRY = Geometry(padding=((1, 1), (1, 1)))


def inputs(channels: int = 8, dtype: Any = np.float32) -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    x, w = random.standard_normal((4, channels, 20, 20)), random.standard_normal((16, channels, 3, 3))
    return x.astype(dtype), w.astype(dtype)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Path]:
    """The lane as in a new process, with an empty cache."""
    with new_process(tmp_path) as folder:
        yield folder


@pytest.mark.usefixtures("fresh")
def test_numpy_computes_until_the_kernel_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two calls are NumPy's, to the bit: the second asks for a kernel, which is tried before anybody uses it."""
    x, w = inputs()
    lanes.set_enabled(False)
    expected = numpys.convolve(x, w, GEOMETRY)
    lanes.set_enabled(True)
    for _ in range(2):
        assert not kernels()
        np.testing.assert_array_equal(numpys.convolve(x, w, GEOMETRY), expected)
        finish()
    assert len(kernels()) == 1
    run: list[Any] = []
    real: Callable[..., None] = library.Kernel.__call__
    monkeypatch.setattr(library.Kernel, "__call__", lambda *arrays, **over: run.append(real(*arrays, **over)))
    np.testing.assert_allclose(numpys.convolve(x, w, GEOMETRY), expected, atol=1e-4)
    assert len(run) == 1


@pytest.mark.usefixtures("fresh")
def test_the_size_of_the_batch_needs_no_other_kernel() -> None:
    """Batches of all sizes share one kernel."""
    x, w = inputs()
    autodiff.use_deterministic_algorithms(True)
    try:
        for n in (1, 2, 3, 4):
            out = numpys.convolve(x[:n], w, GEOMETRY)
            assert len(out) == n
    finally:
        autodiff.use_deterministic_algorithms(False)
    assert len(kernels()) == 1


@pytest.mark.usefixtures("fresh")
def test_deterministic_calls_have_the_same_bits_from_the_first_on() -> None:
    """Under ``use_deterministic_algorithms`` the first call compiles."""
    x, w = inputs()
    autodiff.use_deterministic_algorithms(True)
    try:
        first = numpys.convolve(x, w, GEOMETRY)
        assert len(kernels()) == 1
        np.testing.assert_array_equal(numpys.convolve(x, w, GEOMETRY), first)
    finally:
        autodiff.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("fresh")
def test_a_compiled_step_is_compared_by_one_lane() -> None:
    """A kernel that becomes ready between a replay and the eager call beside it makes no difference."""
    x, w = (autodiff.tensor(array) for array in inputs(64))
    begin: deque[Callable[[], None]] = deque()  # of a list it would be seen that entries are taken away

    def step(x: Any) -> Any:
        while begin:
            begin.pop()()
        return autodiff.conv2d(x, w, padding=1)

    compiled = autodiff.compile(step)
    with library._compiler:  # nothing is compiled in the background
        compiled(x), compiled(x)
        begin += [finish, library._compiler.release]
        compiled(x)
        library._compiler.acquire()
    assert len(compiled.programs) == len(kernels()) == 1, compiled.summary()


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("dtype", ["float64", "float16", ">f4"])
def test_other_dtypes_are_numpys(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Double and half precision and foreign byte order never ask for a kernel."""
    monkeypatch.setenv("AUTODIFF_LLVM", "now")
    x, w = inputs(dtype=dtype)
    expected = numpys.convolve(x.astype(np.float64), w.astype(np.float64), GEOMETRY)
    out = numpys.convolve(x, w, GEOMETRY)
    np.testing.assert_allclose(out, expected, atol=0.2 if dtype == "float16" else 1e-3)
    assert not kernels()


def test_a_kernel_comes_from_disk(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was compiled and tried once is loaded afterwards; a damaged file is as if it were not there."""
    monkeypatch.setenv("AUTODIFF_LLVM", "now")
    x, w = inputs()
    expected = numpys.convolve(x, w, GEOMETRY)
    (file,) = fresh.iterdir()
    if os.name == "posix":
        assert fresh.stat().st_mode & 0o077 == 0
    compiled: list[str] = []
    real: Callable[..., bytes] = library.compiled
    monkeypatch.setattr(library, "compiled", lambda text, machine: compiled.append(text) or real(text, machine))
    whole = file.read_bytes()
    for content in (whole, whole[:-1], whole[:40], b"", whole[:-1] + b"?"):
        file.write_bytes(content)
        monkeypatch.setattr(library, "_kernels", {})
        np.testing.assert_array_equal(numpys.convolve(x, w, GEOMETRY), expected)
        assert len(compiled) == (content != whole)
        compiled.clear()
        assert file.read_bytes() == whole


def test_nothing_is_kept_where_it_must_not_be(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not with ``AUTODIFF_CACHE=off``, not in a folder that others may write into, not where no folder can be made."""
    monkeypatch.setenv("AUTODIFF_LLVM", "now")
    monkeypatch.setenv("AUTODIFF_CACHE", "off")
    numpys.convolve(*inputs(), GEOMETRY)
    assert not fresh.exists()
    monkeypatch.delenv("AUTODIFF_CACHE")
    if os.name == "posix":
        fresh.mkdir()
        fresh.chmod(0o777)
        disk.write("a", b"a")
        assert not [*fresh.iterdir()]
        fresh.chmod(0o700)
        disk.write("a", b"a")
        fresh.chmod(0o777)
        assert disk.read("a") is None
        fresh.chmod(0o700)
        assert disk.read("a") == b"a"
    (fresh.parent / "file").touch()
    monkeypatch.setenv("TAPEGRAD_CACHE", str(fresh.parent / "file"))
    disk.write("a", b"a")
    assert disk.read("a") is None


def test_the_cache_is_bounded(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more files than it may have, those used last stay."""
    monkeypatch.setattr(disk, "MOST", 8)
    for k in range(9):
        disk.write(f"{k}", b"content")
        os.utime(fresh / f"{k}", (k, k)) if (fresh / f"{k}").exists() else None
        disk.read("0")
    left = {file.name for file in fresh.iterdir()}
    assert "0" in left
    assert "8" in left
    assert len(left) == 7


def test_processes_share_a_cache(fresh: Path) -> None:
    """Several processes that compile the same at once all get it right, and leave one file."""
    code = (
        "import numpy as np\nfrom autodiff.kernels import convolution as c\n"
        "from autodiff.kernels.geometry import Geometry\n"
        "x, w = np.ones((4, 8, 20, 20), 'f'), np.ones((16, 8, 3, 3), 'f')\n"
        "print(int(c.convolve(x, w, Geometry()).sum()))"
    )
    environment = os.environ | {"AUTODIFF_LLVM": "now", "TAPEGRAD_CACHE": str(fresh.parent)}
    start = lambda: subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
    out = [child.communicate(timeout=120)[0].strip() for child in [start() for _ in range(3)]]
    assert out == [f"{4 * 16 * 18 * 18 * 72}"] * 3
    assert len([*fresh.iterdir()]) == 1


@pytest.mark.usefixtures("fresh")
def test_a_wrong_kernel_is_switched_off_with_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel whose numbers are not NumPy's is never used, and neither is another of its kind."""
    monkeypatch.setattr(builder.Code, "fma", lambda self, x, y, z: self.binary("fadd", x, z))
    monkeypatch.setenv("AUTODIFF_LLVM", "now")
    x, w = inputs()
    lanes.set_enabled(False)
    expected = numpys.convolve(x, w, GEOMETRY)
    lanes.set_enabled(True)
    np.testing.assert_array_equal(numpys.convolve(x, w, GEOMETRY), expected)
    with pytest.warns(autodiff.errors.AutodiffWarning, match="by NumPy alone"):
        np.testing.assert_array_equal(numpys.convolve(x, w, GEOMETRY), expected)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(numpys.convolve(x, w, GEOMETRY), expected)
        numpys.convolve(*inputs(3), GEOMETRY)
    assert not kernels()


@pytest.mark.usefixtures("fresh")
def test_many_threads_that_ask_at_once_get_one_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is compiled once, whoever asks first."""
    monkeypatch.setenv("AUTODIFF_LLVM", "now")
    x, w = inputs()
    found: list[Any] = []
    callers = [threading.Thread(target=lambda: found.append(numpys.convolve(x, w, GEOMETRY))) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(kernels()) == 1
    assert len(found) == 6
    for out in found:
        np.testing.assert_array_equal(out, found[0])


def test_kernels_in_memory_are_bounded(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest goes, and comes back from disk when it is asked for."""
    monkeypatch.setenv("AUTODIFF_LLVM", "now")
    monkeypatch.setattr(library, "MOST", 2)
    for channels in (2, 3, 4, 2):
        numpys.convolve(*inputs(channels), GEOMETRY)
        assert len(kernels()) <= 2
    assert len([*fresh.iterdir()]) == 3


@pytest.mark.parametrize("groups", [1, 8])
def test_arrays_that_a_kernel_does_not_take_are_copied_or_numpys(groups: int) -> None:
    """Arrays that are not aligned are copied; those of a subclass are computed by NumPy."""

    def shifted(array: Any) -> Any:
        memory = bytearray(array.nbytes + 1)
        made = np.frombuffer(memory, np.float32, array.size, 1).reshape(array.shape)
        made[...] = array
        return made

    x, w = inputs(8)
    w = w[:, : 8 // groups] if groups == 1 else w[:8, :1]
    geometry = GEOMETRY._replace(groups=groups)
    expected = numpys.convolve(x.astype(float), w.astype(float), geometry)
    with only_kernels():
        np.testing.assert_allclose(numpys.convolve(shifted(x), shifted(w), geometry), expected, atol=1e-4)
        np.testing.assert_allclose(
            numpys.convolve_weight(shifted(expected.astype(np.float32)), shifted(x), geometry, w.shape),
            numpys.convolve_weight(expected, x.astype(float), geometry, w.shape), rtol=1e-4, atol=1e-2,
        )  # fmt: skip
        assert len(kernels()) == 2
    with only_kernels():
        np.testing.assert_allclose(numpys.convolve(x.view(Other), w.view(Other), geometry), expected, atol=1e-4)
        assert not kernels()


class Other(np.ndarray[Any, Any]):
    """A subclass, as ``np.memmap`` is one."""


def copied() -> library.Kernel:
    """A kernel that copies four numbers."""
    machine = library.host()
    code = Code(machine, [Argument(4), Argument(4, written=True)])
    with code.loop(code.start, code.stop) as k:
        at = code.mul(k.index, 16)
        code.store(code.load(code.arrays[0], at, last=4), code.arrays[1], at, last=4)
    return library.Kernel(library.compiled(code.text(), machine), code)


def read_only() -> Any:
    array = np.zeros(8, np.float32)
    array.flags.writeable = False
    return array


WRONG: dict[str, Callable[[], Any]] = {
    "too short": lambda: np.zeros(7, np.float32),
    "double": lambda: np.zeros(8),
    "foreign byte order": lambda: np.zeros(8, ">f4"),
    "strided": lambda: np.zeros(16, np.float32)[::2],
    "not aligned": lambda: np.frombuffer(bytearray(40), np.float32, 8, 1),
    "no array": lambda: np.ma.zeros(8, np.float32),
}


@pytest.mark.parametrize("name", [*WRONG, "read-only"])
def test_arrays_are_checked_at_each_call(name: str) -> None:
    """An array that a kernel does not expect is refused before its address is taken."""
    kernel, right, wrong = copied(), np.arange(8, dtype=np.float32), WRONG.get(name, read_only)()
    out = np.zeros(8, np.float32)
    kernel(right, out, stop=2)
    np.testing.assert_array_equal(out, right)
    with pytest.raises(BufferError, match="are expected"):
        kernel(right, wrong, stop=2)
    if name != "read-only":
        with pytest.raises(BufferError, match="are expected"):
            kernel(wrong, out, stop=2)
    with pytest.raises(BufferError, match="are expected"):
        kernel(right, out, stop=3)
    for stop, parts in ((-1, 1), (2, 0)):
        with pytest.raises(BufferError, match="a range is expected"):
            kernel(right, out, stop=stop, parts=parts)
    with pytest.raises(ValueError, match="zip"):
        kernel(right, stop=2)


def test_constants_are_float32s() -> None:
    """A constant of a kernel is the float32 nearest to it."""
    machine = library.host()
    numbers = [0.1, -1 / 3, np.inf, 1e-40, 3e38, 0.0, -0.0, 1.0]
    code = Code(machine, [Argument(0, machine.lanes * len(numbers), written=True)])
    for i, number in enumerate(numbers):
        code.store(code.constant(number), code.arrays[0], 4 * machine.lanes * i)
    out = np.zeros((len(numbers), machine.lanes), np.float32)
    library.Kernel(library.compiled(code.text(), machine), code)(out, stop=0)
    np.testing.assert_array_equal(out, np.array(numbers, np.float32)[:, None] + np.zeros_like(out))


def test_volumes_take_kernels_for_their_slices() -> None:
    """Convolution of volumes goes through that of images."""
    random = np.random.default_rng(0)
    x, w = random.standard_normal((2, 3, 4, 9, 9), np.float32), random.standard_normal((5, 3, 2, 3, 3), np.float32)
    expected = autodiff.nn.functional.conv3d(autodiff.tensor(x.astype(float)), autodiff.tensor(w.astype(float)))
    with only_kernels():
        out = autodiff.nn.functional.conv3d(autodiff.tensor(x), autodiff.tensor(w))
        assert kernels()
    np.testing.assert_allclose(out.numpy(), expected.numpy(), atol=1e-4)


def test_kernels_know_the_least_work() -> None:
    """What is as fast in NumPy never asks for a kernel."""
    x, w = np.ones((1, 1, 8, 8), np.float32), np.ones((1, 1, 3, 3), np.float32)
    assert convolution.convolve(x, w, GEOMETRY) is None
    assert convolution.convolve(*inputs(), GEOMETRY) is not None


def test_kernels_stay_when_the_program_ends() -> None:
    """LLVM may go before them, and would be asked to free them."""
    code = (
        "import atexit, sys\n"
        "name = 'autodiff.kernels.llvm.library'\n"
        "kept = lambda kernel: kernel.engine.closed and kernel.team.engine.closed\n"
        "atexit.register(lambda: print({kept(kernel) for kernel in sys.modules[name]._kernels.values()}))\n"
        "import autodiff\n"
        "autodiff.conv2d(autodiff.ones(8, 8, 32, 32), autodiff.ones(8, 8, 3, 3))"
    )
    env = os.environ | {"AUTODIFF_LLVM": "now"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert (run.stdout, run.stderr) == ("{True}\n", "")

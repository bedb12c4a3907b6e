"""The kernels there are: compiled by a thread in the background, tried against NumPy, kept in memory and on disk.

Who asks for a kernel gets it or None, and computes in NumPy meanwhile. Nobody waits, except under
``use_deterministic_algorithms`` or ``AUTODIFF_LLVM=now``, where the first call compiles.
"""

from __future__ import annotations

import atexit
import platform
import sys
import threading
import warnings
from collections.abc import Callable, Hashable, Sequence
from functools import cache
from typing import Any

import numpy as np

from autodiff.errors import AutodiffWarning
from autodiff.forks import PATIENCE, hold_over_forks
from autodiff.kernels import lanes
from autodiff.kernels.llvm import disk, team, trial
from autodiff.kernels.llvm.builder import LINE, Code, Machine
from autodiff.kernels.threads import workers

Array = np.ndarray[Any, Any]
MOST = 512  # kernels in memory; the oldest goes when there are more
COMPILES = "compiles for autodiff"  # the name of the thread that makes a kernel
SINGLE = np.dtype(np.float32)


def single(*arrays: Array | None) -> bool:
    """Whether all are plain arrays of float32, in this processor's byte order."""
    return all(array is None or (type(array) is np.ndarray and array.dtype == SINGLE) for array in arrays)


def in_a_row(array: Array) -> Array:
    """The array as kernels take it, copied where it is not."""
    flags = array.flags
    return array if flags.c_contiguous and flags.aligned else np.require(array, SINGLE, ["C", "A"])


class Kernel:
    """A compiled kernel.

    Args:
        binary: the object file.
        code: what it was compiled from.
    """

    def __init__(self, binary: bytes, code: Code) -> None:
        self.arguments, self.machine, self.team = code.arguments, code.machine, _team()
        self._own, self._turns = code.own, code.turns
        self.engine = _loaded(binary)
        self._entry = self.engine.get_function_address("kernel")

    def __call__(self, *arrays: Array, stop: int, parts: int = 1) -> None:
        """Run over ``range(stop)`` in parts that threads share; the only place where addresses are taken.

        Raises:
            BufferError: for an array of another kind or size than the kernel expects.
        """
        for array, (each, fixed, written, sums) in zip(arrays, self.arguments, strict=True):
            flags, size = array.flags, each * stop + fixed * (parts if sums else 1)
            fits = type(array) is np.ndarray and array.dtype == SINGLE and array.size >= size
            if not (fits and flags.c_contiguous and flags.aligned and (flags.writeable or not written)):
                given = f"{array.dtype}{array.shape}, writeable: {flags.writeable}"
                raise BufferError(f"{size} numbers of float32 in a row are expected, not {given}")
        if stop < 0 or parts < 1:
            raise BufferError(f"a range is expected, not {stop} in {parts} parts")
        self.run([team.address(array) for array in arrays], stop * self._turns, parts)

    def run(self, words: Sequence[int], stop: int, parts: int = 0) -> None:
        """Run code that reads these words, too, as each part by default; who gives them answers for what they are."""
        parts = parts or stop
        helpers = min(parts, workers()) - 1
        own = scratch(self._own * (helpers + 1)) if self._own else None
        memory = 4 * self._own, 0 if own is None else team.address(own)
        given = np.array([*memory, -(-stop // parts), stop, *words], np.int64)
        self.team.run(self._entry, team.address(given), parts, helpers)


def scratch(size: int) -> Array:
    """Memory for a kernel's own use, from the beginning of a line of the cache on."""
    memory = np.empty(size + LINE, np.float32)
    return memory[-(team.address(memory) // 4) % LINE :]


# What a route finds to do for a kernel: the name of an operation; what its kernel depends on besides; ``build(machine,
# key)``, which makes the kernel's code; and ``run(kernel)``, which computes.
Job = tuple[str, Hashable, Callable[..., Any], Callable[[Kernel], Any]]
Entry = tuple[str, Hashable]  # a job's first two
_kernels: dict[Entry, Kernel] = {}
_asked: set[Entry] = set()  # what somebody asked for before
_off: set[str] = set()  # operations of which a kernel was wrong
_unsaid: list[str] = []  # why, until a thread of the user's comes by
_compiler = threading.RLock()  # held while a kernel is made and tried


def computed(
    route: Callable[..., Any], function: Callable[..., Any] | None, arguments: Any, options: dict[str, Any]
) -> Any:
    """What the route's kernel makes of the arguments; None as long as there is none.

    Without NumPy's ``function``, with which it is compared, the caller has to do that.
    """
    try:
        job = route(*arguments, **options)
    except NotImplementedError:  # no kernel is made for this processor
        return None
    if type(job) is not tuple:  # nothing to do, or done by other routes
        return job
    kind, key, build, run = job
    kernel = _kernels.get((kind, key))
    if kernel is None:
        kernel = _asked_for((kind, key), build, function and (route, function, arguments, options))
    return None if kernel is None else run(kernel)


def _asked_for(entry: Entry, build: Callable[..., Code], call: Any) -> Kernel | None:
    """A kernel that is made at once, or by a thread in the background, of which there is one at a time, for the memory.

    The second who asks has it made.
    """
    while _unsaid:
        warnings.warn(_unsaid.pop(), AutodiffWarning, stacklevel=2)
    if entry[0] in _off:
        return None
    if lanes.is_hurried():
        _make(entry, build, call)
    elif entry not in _asked:
        if len(_asked) > MOST:  # shapes that never come again
            _asked.clear()
        _asked.add(entry)
    elif not any(thread.name == COMPILES for thread in threading.enumerate()):
        given = entry, build, trial.copied(call)
        threading.Thread(target=_make, args=given, name=COMPILES, daemon=True).start()
    return _kernels.get(entry)


def _make(entry: Entry, build: Callable[..., Code], call: Any) -> None:
    """Take the kernel from disk, or make it anew, and then try it by the call; without one its user compares it."""
    kind, key = entry
    with _compiler:
        if entry in _kernels or kind in _off:
            return
        try:
            code = build(host(), key)
            text = code.text()
            name = disk.name_of(text, host(), _llvm().llvm_version_info, sys.modules["llvmlite"].__version__)
            kept = disk.read(name)
            kernel = Kernel(kept or (binary := compiled(text, host())), code)
            if call and not kept:
                passed = trial.passes(kernel, entry, *call)
                if passed is None:
                    return
                if not passed:
                    raise ArithmeticError("it made other numbers")
                disk.write(name, binary)
            while len(_kernels) >= MOST:
                del _kernels[next(iter(_kernels))]
            _kernels[entry] = kernel
        except Exception as error:  # whatever it is, NumPy has the same numbers
            _unsaid.append(f"{kind} is computed by NumPy alone, for a kernel of it failed: {error}")
            _off.add(kind)
            for other in [other for other in _kernels if other[0] == kind]:
                del _kernels[other]


@cache
def _team() -> team.Team:
    """The threads that share a kernel's work."""
    code = _loaded(compiled(team.TEXT, host()))
    return team.Team(code.get_function_address("run"), code.get_function_address("serve"), code)


@cache
def _llvm() -> Any:
    """LLVM's functions."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


@cache
def host() -> Machine:
    """The processor we run on.

    Raises:
        NotImplementedError: for one whose vectors no kernel is made for.
    """
    llvm = _llvm()
    features = llvm.get_host_cpu_features()
    arm = platform.machine().lower() in ("aarch64", "arm64")
    if arm:
        lanes, registers = 4, 32
    elif features.get("avx512f") and features.get("avx512vl"):
        lanes, registers = 16, 32
    elif features.get("avx2") and features.get("fma"):
        lanes, registers = 8, 16
    else:
        raise NotImplementedError("this processor has neither AVX2 nor NEON")
    return Machine(llvm.get_default_triple(), llvm.get_host_cpu_name(), features.flatten(), lanes, registers)


def _loaded(binary: bytes) -> Any:
    """The machine code of an object file, as long as this is alive."""
    llvm = _llvm()
    target = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    engine.add_object_file(llvm.ObjectFileRef.from_data(binary))
    engine.finalize_object()
    return engine


def compiled(text: str, machine: Machine) -> bytes:
    """The object file of a module."""
    llvm = _llvm()
    target = llvm.Target.from_triple(machine.triple).create_target_machine(
        cpu=machine.cpu, features=machine.features, opt=2, reloc="pic"
    )
    return bytes(target.emit_object(llvm.parse_assembly(text)))


def _end() -> None:
    """A program does not end while LLVM is at work, and the kernels stay when LLVM has gone."""
    _compiler.acquire(timeout=PATIENCE)  # for good
    for kernel in _kernels.values():
        kernel.engine.detach()
        kernel.team.engine.detach()


atexit.register(_end)
hold_over_forks(lambda: _compiler)

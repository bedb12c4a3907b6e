"""What the tests of the lane of llvmlite share: the processors a kernel is made for, and memory with guards."""

from __future__ import annotations

import ctypes
import mmap
import multiprocessing
import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autodiff.kernels import lanes, threads
from autodiff.kernels.llvm import builder, convolution, formulas, library, packed

X86 = platform.machine().lower() in ("x86_64", "amd64")
# The code for vectors of 8, with half the registers, and of 4, as for NEON, runs on every processor with AVX2.
MACHINES = ["host", "AVX2", "four lanes"] if X86 else ["host"]


def machine(name: str) -> builder.Machine:
    host = library.host()
    if name == "AVX2":
        return host._replace(cpu="haswell", features="", lanes=8, registers=16)
    return host._replace(lanes=4, registers=32) if name == "four lanes" else host


guard_pages = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="mprotect is POSIX's")
on_arm = pytest.mark.parametrize("triple", ["aarch64-unknown-linux-gnu", "arm64-apple-macosx"])


def survives(touch: Callable[..., None], *args: Any) -> bool:
    """Whether a process ends well that touches memory with guard pages."""
    child = multiprocessing.get_context("spawn").Process(target=touch, args=args)
    child.start()
    child.join(300)
    return child.exitcode == 0


def calls_on_arm(triple: str, build: Callable[[builder.Machine], Any]) -> list[str]:
    """The calls of functions in the machine code that LLVM makes of a kernel for that system."""
    llvm = library._llvm()
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple(triple).create_target_machine(cpu="neoverse-n1", opt=2)
    text = build(builder.Machine(triple, "neoverse-n1", "", 4, 32)).text()
    assembly = target.emit_assembly(llvm.parse_assembly(text))
    return [line for line in assembly.splitlines() if line.split()[:1] == ["bl"]]


@contextmanager
def only_kernels(name: str = "host", **sizes: int) -> Iterator[None]:
    """Have kernels for a processor compute all that they can, compiled by the first call; ``sizes`` of the module."""
    made = machine(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTODIFF_LLVM", "now")
        patch.setenv("AUTODIFF_CACHE", "off")
        patch.setattr(lanes, "_routes", None)
        patch.setattr(library, "host", lambda: made)
        patch.setattr(library, "_kernels", {})
        patch.setattr(library, "_asked", set())
        patch.setattr(library, "_off", set())
        patch.setattr(library, "_unsaid", [])
        patch.setattr(convolution, "SMALL", 0)
        for size, value in sizes.items():
            patch.setattr(convolution, size, value)
        yield
        assert not library._off, library._unsaid


def finish() -> None:
    """Return when no kernel is being made."""
    for thread in threading.enumerate():
        if thread.name == library.COMPILES:
            thread.join()


def kernels() -> list[library.Kernel]:
    return [kernel for kernel in library._kernels.values() if isinstance(kernel, library.Kernel)]


@contextmanager
def new_process(folder: Path) -> Iterator[Path]:
    """The lane as in a new process, with an empty cache in a folder."""
    finish()
    formulas.build.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAPEGRAD_CACHE", str(folder))
        patch.delenv("AUTODIFF_CACHE", raising=False)
        patch.delenv("AUTODIFF_LLVM", raising=False)
        patch.setattr(lanes, "_routes", None)
        patch.setattr(library, "_kernels", {})
        patch.setattr(library, "_asked", set())
        patch.setattr(library, "_off", set())
        patch.setattr(library, "_unsaid", [])
        yield folder / "kernels"
        finish()
        formulas.build.cache_clear()


@contextmanager
def workers(number: int) -> Iterator[None]:
    """Let so many threads share the smallest work."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "workers", lambda: number)
        for module in (convolution, packed):
            patch.setattr(module, "WORTH_THREADS", 0)
        yield


class Guarded:
    """Arrays that end, or begin, where memory ends that may be touched."""

    def __init__(self, at_end: bool) -> None:
        self.at_end, self.kept = at_end, []

    def array(self, size: int) -> Any:
        page = mmap.PAGESIZE
        pages = -(-max(1, size * 4) // page)
        memory = mmap.mmap(-1, (pages + 2) * page)
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        for guard in (start, start + (pages + 1) * page):
            assert protect(guard, page, 0) == 0
        self.kept.append(memory)
        offset = (pages + 1) * page - size * 4 if self.at_end else page
        return np.frombuffer(memory, np.float32, size, offset)

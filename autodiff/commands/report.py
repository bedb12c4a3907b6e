"""What a bug report should say of the machine: versions, BLAS, threads, processor, what else is installed."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from autodiff.caches import cache_folder
from autodiff.kernels.blas import are_deterministic_algorithms_enabled, blas_facts
from autodiff.kernels.threads import get_num_threads
from autodiff.version import __version__
from autodiff.viz.dot import ENGINES, engine_for
from autodiff.viz.errors import DrawingError

OPTIONAL = {
    "threadpoolctl": "BLAS at one thread beside other threads",
    "llvmlite": "faster kernels",
    "graphviz": "drawings as objects of graphviz",
    "safetensors": "files of weights",
    "onnx": "models as files of ONNX",
    "mpi4py": "several processes",
    "matplotlib": "the examples' pictures",
    "tqdm": "the examples' progress",
    "hypothesis": "gradient_test",
}
OTHERS = ("torch", "scipy", "pandas", "onnxruntime", "einops")  # what it may be used beside
VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONHASHSEED",
    "TAPEGRAD_CACHE", "AUTODIFF_CACHE", "AUTODIFF_LLVM",
)  # fmt: skip


def report() -> str:
    """The facts, a line each."""
    rows = [
        ("tapegrad", f"{__version__}, imported as autodiff from {Path(__file__).parent.parent}"),
        ("Python", f"{platform.python_version()} ({platform.python_implementation()}{_locking()}), {sys.executable}"),
        ("system", platform.platform()),
        ("processor", f"{_processor()}, {_usable()} of {os.cpu_count()} threads usable"),
        ("instructions", " ".join(_config("SIMD Extensions", "found")) or "unknown"),
        ("NumPy", f"{np.__version__}, built with {_config('Build Dependencies', 'blas', 'name') or 'an unknown BLAS'}"),
        *(("BLAS", fact) for fact in blas_facts() or ["its threads are unknown without threadpoolctl"]),
        ("threads", f"{get_num_threads()}" + ", deterministic" * are_deterministic_algorithms_enabled()),
        *(("environment", f"{name}={os.environ[name]}") for name in VARIABLES if name in os.environ),
        *(("optional", _installed(name, use)) for name, use in OPTIONAL.items()),
        *(("beside it", _installed(name)) for name in OTHERS),
        *(("drawing", _engine(name)) for name in ENGINES),
        ("cache", _cache(cache_folder())),
    ]
    width = max(len(head) for head, _ in rows)
    return "\n".join(f"{head.ljust(width)}  {fact}" for head, fact in rows)


def _locking() -> str:
    is_free = not getattr(sys, "_is_gil_enabled", lambda: True)()
    return ", without the global lock" if is_free else ""


def _usable() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    """The name of the processor, where the system tells it."""
    if sys.platform == "linux":
        try:
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
        except OSError:
            pass
    elif sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return platform.processor() or platform.machine()


def _config(*keys: str) -> Any:
    """An entry of NumPy's own description, empty where it has none."""
    found: Any = np.show_config(mode="dicts")
    for key in keys:
        found = found.get(key) or {}
    return found


def _installed(name: str, use: str = "") -> str:
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        version = "not installed"
    return f"{name} {version}" + (f" ({use})" if use else "")


def _engine(name: str) -> str:
    try:
        return f"{name}: {engine_for('svg', name)}"
    except DrawingError:
        return f"{name}: not found"


def _cache(folder: Path) -> str:
    """A folder, and how much is in it."""
    sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file()] if folder.is_dir() else []
    return f"{folder} ({len(sizes)} files, {sum(sizes) / 2**20:.1f} MB)" if sizes else f"{folder} (empty)"

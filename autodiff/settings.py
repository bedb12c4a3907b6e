"""Settings of PyTorch's that are remembered and change nothing: there is one precision, and one way to compute."""

from __future__ import annotations

from typing import Any

from autodiff.errors import OptionError
from autodiff.named_dtypes import bfloat16, float16

__all__ = [
    "clear_autocast_cache", "get_autocast_cpu_dtype", "get_autocast_dtype", "get_autocast_gpu_dtype",
    "get_deterministic_debug_mode", "get_device", "get_float32_matmul_precision", "get_num_interop_threads", "has_cuda",
    "has_cudnn", "has_lapack", "has_mkl", "has_mkldnn", "has_mps", "has_openmp", "has_spectral",
    "is_autocast_cache_enabled", "is_autocast_cpu_enabled", "is_autocast_enabled", "is_warn_always_enabled",
    "set_autocast_cache_enabled", "set_autocast_cpu_dtype", "set_autocast_cpu_enabled", "set_autocast_dtype",
    "set_autocast_enabled", "set_autocast_gpu_dtype", "set_deterministic_debug_mode", "set_float32_matmul_precision",
    "set_flush_denormal", "set_num_interop_threads", "set_warn_always",
]  # fmt: skip

_told: dict[str, Any] = {"precision": "highest", "threads": 1, "debug": 0, "warn": False}
has_cuda = has_cudnn = has_mkl = has_mkldnn = has_mps = has_openmp = False  # what old programs ask
has_lapack = has_spectral = True
_PRECISIONS, _MODES = ("highest", "high", "medium"), ("default", "warn", "error")


def set_float32_matmul_precision(precision: str) -> None:
    """Remember ``precision``, "highest", "high" or "medium"; products of float32 have float32's precision always.

    Raises OptionError for another precision.
    """
    if precision not in _PRECISIONS:
        raise OptionError(f"the precision of products is one of {_PRECISIONS}, not {precision!r}")
    _told["precision"] = precision


def get_float32_matmul_precision() -> str:
    """What was set, "highest" before."""
    told: str = _told["precision"]
    return told


def set_num_interop_threads(num: int) -> None:
    """Remember ``num``; ``set_num_threads`` is what counts here."""
    _told["threads"] = num


def get_num_interop_threads() -> int:
    """What was set, 1 before."""
    told: int = _told["threads"]
    return told


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """Remember the mode, 0 to 2 or its name; ``use_deterministic_algorithms`` is what counts here.

    Raises OptionError for another mode.
    """
    mode = _MODES.index(debug_mode) if debug_mode in _MODES else debug_mode
    if mode not in (0, 1, 2):
        raise OptionError(f"the mode is 0, 1 or 2, or one of {_MODES}, not {debug_mode!r}")
    _told["debug"] = mode


def get_deterministic_debug_mode() -> int:
    """What was set, 0 before."""
    told: int = _told["debug"]
    return told


def set_warn_always(b: bool) -> None:
    """Remember ``b``; Python's ``warnings`` decides how often a warning is shown."""
    _told["warn"] = bool(b)


def is_warn_always_enabled() -> bool:
    """What was set, False before."""
    told: bool = _told["warn"]
    return told


def set_flush_denormal(mode: bool) -> bool:
    """False: NumPy computes with denormal numbers always."""
    return False


def is_autocast_enabled(device_type: Any = None) -> bool:
    """False: ``autocast`` changes nothing."""
    return False


def get_autocast_gpu_dtype() -> Any:
    """float16, as PyTorch says; nothing is cast."""
    return float16


def get_autocast_cpu_dtype() -> Any:
    """bfloat16, as PyTorch says; nothing is cast."""
    return bfloat16


def get_autocast_dtype(device_type: Any) -> Any:
    """What PyTorch would cast to on a device of that type; nothing is cast."""
    return bfloat16 if device_type == "cpu" else float16


def is_autocast_cpu_enabled() -> bool:
    """False: ``autocast`` changes nothing."""
    return False


def is_autocast_cache_enabled() -> bool:
    """True, as PyTorch says; nothing is cast, and nothing kept."""
    return True


def set_autocast_enabled(*options: Any) -> None:
    """Nothing: ``autocast`` changes nothing, and neither does what it is set to."""


set_autocast_cache_enabled = set_autocast_cpu_dtype = set_autocast_cpu_enabled = set_autocast_enabled
set_autocast_dtype = set_autocast_gpu_dtype = set_autocast_enabled


def clear_autocast_cache() -> None:
    """Nothing, as nothing was kept."""


def get_device(input: Any) -> int:
    """-1, as PyTorch says of a tensor on the CPU.

    >>> get_device([1.0])
    -1
    """
    return -1

"""What accelerators and their libraries answer here: there is none, and nothing to wait for.

``torch.mps``, ``torch.xpu``, ``torch.accelerator`` and ``torch.backends.mkl`` are this module too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


def is_available() -> bool:
    """False: everything is computed on the CPU."""
    return False


is_built = is_initialized = is_bf16_supported = is_available


def device_count() -> int:
    """0."""
    return 0


def memory_allocated(device: Any = None) -> int:
    """0: no memory but the CPU's is used."""
    return 0


current_allocated_memory = driver_allocated_memory = memory_allocated
max_memory_allocated = max_memory_reserved = memory_reserved = memory_allocated


def current_accelerator(check_available: bool = False) -> None:
    """None: there is none."""


def version() -> None:
    """None: the library is not used."""


def manual_seed(seed: int) -> None:
    """Nothing, as no generator lives elsewhere."""


manual_seed_all = manual_seed


def synchronize(device: Any = None) -> None:
    """Nothing, as every operation is complete when it returns."""


def empty_cache() -> None:
    """Nothing, as there is no memory to give back."""


@contextlib.contextmanager
def flags(**options: Any) -> Iterator[None]:
    """A block in which nothing is other than outside."""
    yield

"""``torch.cpu``: the one device that is here, by the words of those that are not."""

from __future__ import annotations

from typing import Any

from autodiff import amp as amp
from autodiff.accelerator import synchronize as synchronize

__path__: list[str] = []  # so that import lines find ``cpu.amp``


def is_available() -> bool:
    """True."""
    return True


def device_count() -> int:
    """1."""
    return 1


def current_device() -> str:
    """The CPU."""
    return "cpu"


def set_device(device: Any) -> None:
    """Nothing: there is one device."""

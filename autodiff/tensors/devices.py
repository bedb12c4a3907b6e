"""The one device, the CPU, under PyTorch's name."""

from __future__ import annotations

from typing import Any

from autodiff.errors import DeviceError


class device:  # PyTorch's name
    """``device("cpu")``: accepted wherever PyTorch takes a device; any other raises DeviceError."""

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        check_device(type)
        self.type = "cpu"
        self.index = index

    def __repr__(self) -> str:
        return "device(type='cpu')"

    def __str__(self) -> str:
        return "cpu"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) or other == "cpu"

    def __hash__(self) -> int:
        return hash("cpu")


def check_device(wanted: Any) -> None:
    """Raise DeviceError where ``wanted`` is neither None nor the CPU."""
    if not (wanted is None or isinstance(wanted, device) or str(wanted).partition(":")[0] == "cpu"):
        raise DeviceError(f"arrays live on the CPU here; there is no device {wanted!r}, give 'cpu'")

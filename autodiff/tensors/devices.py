"""The one device, the CPU, under PyTorch's name."""

from __future__ import annotations

from typing import Any

from autodiff.errors import DeviceError

_DTYPES = frozenset(["float16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool"])


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
        repair = f"the dtype of that name is autodiff.{wanted}" if str(wanted) in _DTYPES else "give 'cpu'"
        raise DeviceError(f"arrays live on the CPU here; there is no device {wanted!r}, {repair}")

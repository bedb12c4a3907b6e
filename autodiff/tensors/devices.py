"""Devices under PyTorch's name: the CPU, where everything is, and others as values to compare with."""

from __future__ import annotations

from typing import Any

from autodiff.errors import DeviceError
from autodiff.random import Generator

_DTYPES = frozenset(["float16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool"])
_KINDS = frozenset([
    "cpu", "cuda", "fpga", "hip", "hpu", "ideep", "ipu", "lazy", "maia", "meta", "mkldnn", "mps", "mtia", "opencl",
    "opengl", "privateuseone", "ve", "vulkan", "xla", "xpu",
])  # fmt: skip


class device:  # PyTorch's name
    """The name of a device, with a number where there are several; only arrays on the CPU can be made.

    As in PyTorch it equals no string: compare ``x.device.type`` with one, or ``x.device`` with ``device("cpu")``.

    Raises DeviceError for what PyTorch does not know either.

    >>> device("cuda:1"), device("cuda").type == "cpu"
    (device(type='cuda', index=1), False)
    """

    __slots__ = ("index", "type")

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        kind, colon, number = str(type).partition(":")
        if kind not in _KINDS or (colon and not (number.isdigit() and index is None)):
            repair = f"the dtype of that name is autodiff.{type}" if str(type) in _DTYPES else "give 'cpu'"
            raise DeviceError(f"arrays live on the CPU here; there is no device {type!r}, {repair}")
        self.type = kind
        self.index = int(number) if colon else index

    def __repr__(self) -> str:
        return f"device(type={self.type!r}" + ("" if self.index is None else f", index={self.index}") + ")"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and self.type == other.type and self.index == other.index

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __enter__(self) -> device:
        check_device(self)
        return self

    def __exit__(self, *error: object) -> None:
        pass


CPU = Generator.device = device("cpu")


def check_device(wanted: Any) -> None:
    """Raise DeviceError where ``wanted`` is neither None nor the CPU."""
    if wanted is not None and (wanted if isinstance(wanted, device) else device(wanted)).type != "cpu":
        raise DeviceError(f"arrays live on the CPU here; there is no device {str(wanted)!r}, give 'cpu'")


def set_default_device(device: Any) -> None:
    """Nothing for the CPU; raises DeviceError for any other."""
    check_device(device)


def get_default_device() -> device:
    """The CPU."""
    return CPU

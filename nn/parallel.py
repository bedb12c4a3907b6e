"""The wrappers of models that are spread over devices, for a machine that has one."""

from __future__ import annotations

from typing import Any

from autodiff.errors import DeviceError

from .module import Module

__all__ = ["DataParallel", "DistributedDataParallel"]


class DataParallel(Module):
    """``module``, called with the whole batch; its parameters have ``module.`` before their names, as in PyTorch."""

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """What ``module`` gives."""
        return self.module(*inputs, **kwargs)


class DistributedDataParallel(Module):
    """Raises DeviceError: it needs several processes."""

    def __init__(self, module: Module, *args: Any, **kwargs: Any) -> None:
        raise DeviceError(
            "DistributedDataParallel needs several processes, and this library trains in one; use the model itself"
        )

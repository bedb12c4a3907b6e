"""The wrappers of models that are spread over devices or processes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from autodiff.spelling import no_attribute as _no_attribute

from .module import Module

if TYPE_CHECKING:
    from .data_parallel import DistributedDataParallel as DistributedDataParallel

__all__ = ["DataParallel", "data_parallel"]
__path__: list[str] = []  # PyTorch has files in it, whose names stand here
distributed = sys.modules[__name__]


class DataParallel(Module):
    """``module``, called with the whole batch; its parameters have ``module.`` before their names, as in PyTorch."""

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """What ``module`` gives."""
        return self.module(*inputs, **kwargs)


def data_parallel(
    module: Module, inputs: Any, device_ids: Any = None, output_device: Any = None, dim: int = 0,
    module_kwargs: dict[str, Any] | None = None,
) -> Any:  # fmt: skip
    """What ``module`` gives for ``inputs``, one or a tuple of them, computed in one piece.

    >>> import autodiff, nn
    >>> nn.parallel.data_parallel(nn.ReLU(), autodiff.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return module(*inputs if isinstance(inputs, tuple) else (inputs,), **(module_kwargs or {}))


if not TYPE_CHECKING:  # which would take any name for one of these

    def __getattr__(name: str) -> Any:
        """What brings the talk between processes with it, which few programs need."""
        if name == "DistributedDataParallel":
            from .data_parallel import DistributedDataParallel

            return DistributedDataParallel
        raise _no_attribute(__name__, name)

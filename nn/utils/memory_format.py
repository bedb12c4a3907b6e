"""Layouts of weights that PyTorch's kernels for GPUs prefer; here a weight lies in memory as it does."""

from __future__ import annotations

from typing import Any, TypeVar

from ..module import Module

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format", "skip_init"]

M = TypeVar("M", bound=Module)


def convert_conv2d_weight_memory_format(module: M, memory_format: Any) -> M:
    """The module as it is."""
    return module


def convert_conv3d_weight_memory_format(module: M, memory_format: Any) -> M:
    """The module as it is."""
    return module


def skip_init(module_cls: type[M], *args: Any, **kwargs: Any) -> M:
    """The module, whose first values a program is going to replace.

    >>> import nn
    >>> skip_init(nn.Linear, 3, 2)
    Linear(in_features=3, out_features=2, bias=True)
    """
    return module_cls(*args, **kwargs)

"""``torch.distributed.nn``: collective operations through which gradients go. They work in one process alone."""

from __future__ import annotations

from typing import Any

from autodiff.distributed.processes import get_world_size, is_initialized
from autodiff.errors import OptionError


def _alone(name: str) -> None:
    if is_initialized() and get_world_size() > 1:
        raise OptionError(
            f"gradients do not go through {name} between processes; let DistributedDataParallel average them, and call "
            f"distributed.{name} for numbers"
        )


def all_reduce(tensor: Any, op: Any = "sum", group: object = None) -> Any:
    """``tensor`` itself, which is the sum over one process.

    Raises OptionError where there are several.

    >>> import autodiff
    >>> all_reduce(autodiff.ones(2))
    tensor([1., 1.])
    """
    _alone("all_reduce")
    return tensor


def all_gather(tensor: Any, group: object = None) -> tuple[Any, ...]:
    """The tensors of all processes: ``tensor`` alone; raises OptionError where there are several."""
    _alone("all_gather")
    return (tensor,)


def broadcast(tensor: Any, src: int, group: object = None) -> Any:
    """``tensor`` itself, which is that of the one process; raises OptionError where there are several."""
    _alone("broadcast")
    return tensor

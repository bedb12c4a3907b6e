"""``torch.distributed`` where it is not available: a program that asks first runs alone, and anything else says why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autodiff.accelerator import is_available as is_available
from autodiff.errors import DeviceError

is_initialized = is_nccl_available = is_gloo_available = is_mpi_available = is_torchelastic_launched = is_available


def _refused(name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        raise DeviceError(
            f"distributed.{name} needs several processes, and this library trains in one; "
            "distributed.is_available() and is_initialized() are False"
        )

    call.__name__, call.__doc__ = name, "Raises DeviceError: there is one process."
    return call


all_gather = _refused("all_gather")
all_gather_object = _refused("all_gather_object")
all_reduce = _refused("all_reduce")
barrier = _refused("barrier")
broadcast = _refused("broadcast")
broadcast_object_list = _refused("broadcast_object_list")
destroy_process_group = _refused("destroy_process_group")
gather = _refused("gather")
get_backend = _refused("get_backend")
get_rank = _refused("get_rank")
get_world_size = _refused("get_world_size")
init_process_group = _refused("init_process_group")
irecv = _refused("irecv")
isend = _refused("isend")
monitored_barrier = _refused("monitored_barrier")
new_group = _refused("new_group")
recv = _refused("recv")
reduce = _refused("reduce")
reduce_scatter = _refused("reduce_scatter")
scatter = _refused("scatter")
send = _refused("send")


class ReduceOp:
    """The names of the ways to reduce, which default arguments mention."""

    SUM, PRODUCT, MIN, MAX, AVG = "sum", "product", "min", "max", "avg"


class group:
    """The group of all processes, which default arguments mention."""

    WORLD = None

"""``torch.cuda`` as a machine without one has it: not available, nothing to wait for, and no device to ask about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autodiff import amp as amp
from autodiff.accelerator import device_count as device_count
from autodiff.accelerator import empty_cache as empty_cache
from autodiff.accelerator import is_available as is_available
from autodiff.accelerator import is_bf16_supported as is_bf16_supported
from autodiff.accelerator import is_initialized as is_initialized
from autodiff.accelerator import manual_seed as manual_seed
from autodiff.accelerator import manual_seed_all as manual_seed_all
from autodiff.accelerator import max_memory_allocated as max_memory_allocated
from autodiff.accelerator import max_memory_reserved as max_memory_reserved
from autodiff.accelerator import memory_allocated as memory_allocated
from autodiff.accelerator import memory_reserved as memory_reserved
from autodiff.accelerator import synchronize as synchronize
from autodiff.cuda import nvtx as nvtx
from autodiff.errors import DeviceError

_initialized = False  # which reversible layers ask, to keep states of generators

OutOfMemoryError = MemoryError  # what NumPy raises

ipc_collect = init = reset_accumulated_memory_stats = reset_peak_memory_stats = synchronize
reset_max_memory_allocated = reset_max_memory_cached = seed = seed_all = synchronize
max_memory_cached = memory_cached = memory_allocated


def _refused(name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        raise DeviceError(f"cuda.{name} needs a GPU; arrays live on the CPU here, and cuda.is_available() is False")

    call.__name__, call.__doc__ = name, "Raises DeviceError: there is only the CPU."
    return call


current_device = _refused("current_device")
current_stream = _refused("current_stream")
default_stream = _refused("default_stream")
device = _refused("device")
get_device_capability = _refused("get_device_capability")
get_device_name = _refused("get_device_name")
get_device_properties = _refused("get_device_properties")
get_rng_state = _refused("get_rng_state")
mem_get_info = _refused("mem_get_info")
memory_stats = _refused("memory_stats")
CUDAGraph, graph = _refused("CUDAGraph"), _refused("graph")
memory_summary = _refused("memory_summary")
set_device = _refused("set_device")
set_per_process_memory_fraction = _refused("set_per_process_memory_fraction")
set_rng_state = _refused("set_rng_state")
set_stream = _refused("set_stream")
utilization = _refused("utilization")
stream = _refused("stream")
Event, Stream = _refused("Event"), _refused("Stream")
BFloat16Tensor, BoolTensor, ByteTensor = _refused("BFloat16Tensor"), _refused("BoolTensor"), _refused("ByteTensor")
CharTensor, ShortTensor = _refused("CharTensor"), _refused("ShortTensor")
DoubleTensor, FloatTensor, HalfTensor = _refused("DoubleTensor"), _refused("FloatTensor"), _refused("HalfTensor")
IntTensor, LongTensor = _refused("IntTensor"), _refused("LongTensor")


default_generators: tuple[Any, ...] = ()  # one for each device


def get_arch_list() -> list[str]:
    """No architectures.

    >>> get_arch_list()
    []
    """
    return []


def get_rng_state_all() -> list[Any]:
    """The states of no generators."""
    return []


def set_rng_state_all(new_states: Any) -> None:
    """Nothing, as no generator lives elsewhere."""

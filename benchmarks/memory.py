"""What a graph costs in memory: what a step keeps for its backward pass, and the bytes and time of an operation."""

from __future__ import annotations

import gc
import time
import tracemalloc
from typing import Any

import autodiff
from autodiff.engine.checks import saved_arrays
from autodiff.engine.tape import reachable
from benchmarks.workloads import Program

__all__ = ["growth", "kept_by_ours", "kept_by_torch"]


def kept_by_ours(program: Program) -> int:
    """The bytes of all arrays that the graph of a step holds, but for those of the parameters."""
    own = {id(_owner(p._array)) for p in program.parameters}
    node = program.loss()._node
    owners = {id(owner): owner for n in reachable([node]) for owner in map(_owner, saved_arrays(n))}
    return sum(owner.nbytes for key, owner in owners.items() if key not in own)


def _owner(array: Any) -> Any:
    """The array whose memory ``array`` looks into."""
    while isinstance(array.base, type(array)):
        array = array.base
    return array


def kept_by_torch(program: Program) -> int:
    """The same of PyTorch's graph, through its saved-tensor hooks."""
    import torch

    own, kept = {p.untyped_storage().data_ptr() for p in program.parameters}, {}

    def keep(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = program.loss()
    del loss
    return sum(size for key, size in kept.items() if key not in own)


def growth(length: int) -> dict[str, float]:
    """Microseconds, and bytes on the tape, of each operation in a chain of so many, forward and backward."""
    x = autodiff.tensor([1.0, 0.5, 0.2], requires_grad=True)
    start = time.perf_counter()
    _chain(x, length).backward()
    seconds = time.perf_counter() - start
    gc.collect()
    tracemalloc.start()
    loss = _chain(x, length)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    loss.backward()
    return {"operations": length, "microseconds": seconds / length * 1e6, "bytes": size / length}


def _chain(x: Any, length: int) -> Any:
    y = x
    for _ in range(length):
        y = y * x
    return y.sum()

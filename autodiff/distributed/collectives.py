"""Operations in which all processes take part; with ``async_op`` they return a ``Work`` that is complete already."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np

from autodiff.distributed.mpi import mpi
from autodiff.distributed.processes import Work, this_group, wait
from autodiff.engine.modes import no_grad
from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.kinds import described
from autodiff.tensors.creation import from_numpy
from autodiff.tensors.tensor import Tensor

__all__ = [
    "ReduceOp", "all_gather", "all_gather_object", "all_reduce", "barrier", "broadcast", "broadcast_object_list",
    "gather", "reduce", "scatter",
]  # fmt: skip


class ReduceOp:
    """Ways to make one number of those of all processes."""

    SUM, PRODUCT, MIN, MAX, AVG = "sum", "product", "min", "max", "avg"


OPERATIONS = {"sum": "SUM", "product": "PROD", "min": "MIN", "max": "MAX", "avg": "SUM"}


def checked_array(tensor: Any, name: str) -> np.ndarray[Any, Any]:
    """The numbers of a tensor, one behind the other."""
    if not isinstance(tensor, Tensor):
        raise DtypeError(f"distributed.{name} takes a tensor, not {described(tensor)}")
    array: np.ndarray[Any, Any] = np.array(tensor.detach().numpy(), order="C")
    return array.astype(np.float32) if array.dtype == np.float16 else array


def write(tensor: Tensor, array: np.ndarray[Any, Any]) -> None:
    with no_grad():
        tensor.copy_(from_numpy(array.astype(tensor.dtype, copy=False)))


def _operation(op: str) -> Any:
    if op not in OPERATIONS:
        raise OptionError(f"op={op!r}: expected one of {', '.join(OPERATIONS)}")
    return getattr(mpi(), OPERATIONS[op])


def checked_rank(rank: int, name: str) -> int:
    size = this_group().size
    if not 0 <= rank < size:
        raise OptionError(f"distributed.{name}: there is no process {rank}, expected one of 0 to {size - 1}")
    return rank


def all_reduce(tensor: Tensor, op: str = ReduceOp.SUM, group: object = None, async_op: bool = False) -> Work | None:
    """Put the sum (or what ``op`` says) of the tensors of all processes into each of them.

    Raises:
        DtypeError: what is given is no tensor.
        OptionError: there is no such ``op``.
    """
    array, ours = checked_array(tensor, "all_reduce"), this_group()
    wait(ours.work.Iallreduce(mpi().IN_PLACE, array, _operation(op)), "all_reduce")
    write(tensor, array / ours.size if op == ReduceOp.AVG else array)
    return Work.complete() if async_op else None


def reduce(
    tensor: Tensor, dst: int, op: str = ReduceOp.SUM, group: object = None, async_op: bool = False
) -> Work | None:
    """Put the sum (or what ``op`` says) of the tensors of all processes into that of process ``dst``.

    Raises:
        DtypeError: what is given is no tensor.
        OptionError: there is no such ``op``, or no process ``dst``.
    """
    array, ours = checked_array(tensor, "reduce"), this_group()
    total = np.empty_like(array)
    wait(ours.work.Ireduce(array, total, _operation(op), checked_rank(dst, "reduce")), "reduce")
    if ours.rank == dst:
        write(tensor, total / ours.size if op == ReduceOp.AVG else total)
    return Work.complete() if async_op else None


def broadcast(tensor: Tensor, src: int = 0, group: object = None, async_op: bool = False) -> Work | None:
    """Put the tensor of process ``src`` into that of each other.

    Raises:
        DtypeError: what is given is no tensor.
        OptionError: there is no process ``src``.
    """
    array = checked_array(tensor, "broadcast")
    wait(this_group().work.Ibcast(array, checked_rank(src, "broadcast")), "broadcast")
    if this_group().rank != src:
        write(tensor, array)
    return Work.complete() if async_op else None


def all_gather(tensor_list: list[Any], tensor: Tensor, group: object = None, async_op: bool = False) -> Work | None:
    """Put the tensors of all processes, which have one shape, into ``tensor_list``.

    Raises:
        DtypeError: what is given is no tensor.
        ShapeError: ``tensor_list`` has not one tensor for each process.
    """
    found = all_gather_array(checked_array(tensor, "all_gather"))
    _check_list(tensor_list, found, "all_gather")
    for target, array in zip(tensor_list, found, strict=True):
        write(target, array)
    return Work.complete() if async_op else None


def gather(
    tensor: Tensor, gather_list: list[Any] | None = None, dst: int = 0, group: object = None, async_op: bool = False
) -> Work | None:
    """Put the tensors of all processes into ``gather_list`` of process ``dst``.

    Raises:
        DtypeError: what is given is no tensor.
        OptionError: there is no process ``dst``.
        ShapeError: ``gather_list`` of that process has not one tensor for each process.
    """
    found = all_gather_array(checked_array(tensor, "gather"))
    if this_group().rank == checked_rank(dst, "gather"):
        _check_list(gather_list, found, "gather")
        for target, array in zip(gather_list or (), found, strict=True):
            write(target, array)
    return Work.complete() if async_op else None


def scatter(
    tensor: Tensor, scatter_list: list[Any] | None = None, src: int = 0, group: object = None, async_op: bool = False
) -> Work | None:
    """Put into ``tensor`` the one of ``scatter_list`` of process ``src`` that is for this process.

    Raises:
        DtypeError: what is given is no tensor.
        OptionError: there is no process ``src``.
        ShapeError: ``scatter_list`` of that process has not one tensor for each process.
    """
    given: list[Any] = [None]
    if this_group().rank == checked_rank(src, "scatter"):
        given = [[checked_array(part, "scatter") for part in scatter_list or ()]]
    broadcast_object_list(given, src)
    _check_list(given[0], [None] * this_group().size, "scatter")
    write(tensor, given[0][this_group().rank])
    return Work.complete() if async_op else None


def _check_list(given: list[Any] | None, found: list[Any], name: str) -> None:
    if given is None or len(given) != len(found):
        count = "none" if given is None else len(given)
        raise ShapeError(f"distributed.{name}: a list of {len(found)} tensors is needed, one for each process; {count}")


def all_gather_array(array: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """The arrays of all processes."""
    ours = this_group()
    found = np.empty((ours.size, *array.shape), array.dtype)
    wait(ours.work.Iallgather(np.ascontiguousarray(array), found), "all_gather")
    return list(found)


def all_gather_object(object_list: list[Any], obj: object, group: object = None) -> None:
    """Put the objects of all processes, such as dicts of metrics, into ``object_list``; they are pickled.

    Raises ShapeError where ``object_list`` has not one place for each process.
    """
    content = np.frombuffer(pickle.dumps(obj), np.uint8)
    lengths = np.concatenate(all_gather_array(np.array([len(content)], np.int64)))
    padded = np.zeros(lengths.max(), np.uint8)
    padded[: len(content)] = content
    found = [
        pickle.loads(part[:length].tobytes()) for part, length in zip(all_gather_array(padded), lengths, strict=True)
    ]
    _check_list(object_list, found, "all_gather_object")
    object_list[:] = found


def broadcast_object_list(object_list: list[Any], src: int = 0, group: object = None, device: object = None) -> None:
    """Replace the objects in the list by those of process ``src``; they are pickled.

    Raises OptionError where there is no process ``src``.
    """
    ours = this_group()
    content = np.frombuffer(pickle.dumps(object_list), np.uint8).copy()
    length = np.array([len(content)], np.int64)
    wait(ours.work.Ibcast(length, checked_rank(src, "broadcast_object_list")), "broadcast_object_list")
    if ours.rank != src:
        content = np.empty(length[0], np.uint8)
    wait(ours.work.Ibcast(content, src), "broadcast_object_list")
    if ours.rank != src:
        object_list[:] = pickle.loads(content.tobytes())


def barrier(group: object = None, async_op: bool = False, device_ids: object = None) -> Work | None:
    """Wait until all processes are here."""
    wait(this_group().work.Ibarrier(), "barrier")
    return Work.complete() if async_op else None

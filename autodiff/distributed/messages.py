"""Messages between two processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from autodiff.distributed.collectives import checked_array, checked_rank, write
from autodiff.distributed.mpi import mpi
from autodiff.distributed.processes import Work, this_group
from autodiff.errors import OptionError
from autodiff.kinds import described
from autodiff.tensors.tensor import Tensor

__all__ = ["P2POp", "batch_isend_irecv", "irecv", "isend", "recv", "send"]


def isend(tensor: Tensor, dst: int, group: object = None, tag: int = 0) -> Work:
    """Begin to send a tensor to another process; ``wait()`` of what it returns says when the message has gone.

    The tensor may be changed at once: what is sent is a copy.

    Raises:
        DtypeError: what is given is no tensor.
        OptionError: there is no process ``dst``.
    """
    array = checked_array(tensor, "isend")
    return Work(this_group().work.Isend(array, checked_rank(dst, "isend"), tag), "isend", array)


def irecv(tensor: Tensor, src: int | None = None, group: object = None, tag: int = 0) -> Work:
    """Begin to receive the tensor that process ``src``, or any, sends; after ``wait()`` it stands in this one.

    Raises:
        DtypeError: what is given is no tensor.
        OptionError: there is no process ``src``.
    """
    array, source = checked_array(tensor, "irecv"), mpi().ANY_SOURCE if src is None else checked_rank(src, "irecv")
    return Work(this_group().work.Irecv(array, source, tag), "irecv", array, lambda: write(tensor, array))


def send(tensor: Tensor, dst: int, group: object = None, tag: int = 0) -> None:
    """Send a tensor to another process, which calls ``recv``.

    Raises:
        DtypeError: what is given is no tensor.
        OptionError: there is no process ``dst``.
    """
    isend(tensor, dst, group, tag).wait()


def recv(tensor: Tensor, src: int | None = None, group: object = None, tag: int = 0) -> int:
    """Put the tensor that process ``src``, or any, sends into this one; returns who sent it.

    Raises:
        DtypeError: what is given is no tensor.
        OptionError: there is no process ``src``.
    """
    work = irecv(tensor, src, group, tag)
    work.wait()
    return work.source_rank()


class P2POp(NamedTuple):
    """One message of ``batch_isend_irecv``: ``isend`` or ``irecv``, the tensor, and the other process."""

    op: Callable[..., Work]
    tensor: Tensor
    peer: int
    group: object = None
    tag: int = 0


def batch_isend_irecv(p2p_op_list: Iterable[P2POp]) -> list[Work]:
    """Begin several messages, each a ``P2POp``; the ``Work`` of each is to be waited for.

    Raises OptionError for what is neither ``isend`` nor ``irecv``.
    """
    several = list(p2p_op_list)
    for one in several:
        if one.op not in (isend, irecv):
            raise OptionError(f"batch_isend_irecv takes P2POps of isend and irecv, not {described(one.op)}")
    return [one.op(one.tensor, one.peer, one.group, one.tag) for one in several]

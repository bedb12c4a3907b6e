"""Hooks on what operations keep for the backward pass, by the names of ``torch.autograd.graph``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from autodiff.contexts import Block
from autodiff.engine import modes
from autodiff.engine.tape import Node
from autodiff.engine.values import TensorBase, wrap
from autodiff.engine.versions import next_number
from autodiff.errors import DtypeError, GraphError
from autodiff.kinds import check_function, described

_refusal: ContextVar[str | None] = ContextVar("why_saved_tensors_hooks_are_refused", default=None)


class saved_tensors_hooks:  # PyTorch's name
    """A block whose operations keep ``pack_hook(x)`` in place of each tensor x that their backward pass will read.

    ``unpack_hook`` gives the tensor back, once for each, when a backward pass comes to the operation. What is packed
    has no history; what is unpacked has that of the tensor that was packed, so that derivatives of any order are right.
    Of several blocks the innermost counts. Indices and masks among the parameters of an operation are not packed.

    Args:
        pack_hook: called with a tensor, when an operation keeps it; returns anything. It changes nothing in place.
        unpack_hook: called with that; returns a tensor of the same shape, dtype and values.

    Raises (on entering, or in backward):
        GraphError: ``disable_saved_tensors_hooks`` is around the block.
        DtypeError: ``unpack_hook`` returned no tensor, or one of another shape or dtype.

    >>> import autodiff
    >>> kept = []
    >>> def pack(x):
    ...     kept.append(x)
    ...     return len(kept) - 1
    >>> x = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> with saved_tensors_hooks(pack, lambda i: kept[i]):
    ...     y = (x * x).sum()
    >>> y.backward()
    >>> x.grad, len(kept)
    (tensor([2., 4.]), 2)
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        check_function("pack_hook", pack_hook, "a tensor")
        check_function("unpack_hook", unpack_hook, "what pack_hook returned")
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook
        self._blocks: list[Block[modes.Mode]] = []

    def __enter__(self) -> None:
        if (why := _refusal.get()) is not None:
            raise GraphError(why)
        others = modes.current().notes
        outer = others.others if isinstance(others, _Packing) else others
        block = Block(modes.SETTING, notes=_Packing(self.pack_hook, self.unpack_hook, outer))
        block.__enter__()
        self._blocks.append(block)

    def __exit__(self, *error: Any) -> None:
        self._blocks.pop().__exit__(*error)


class _Packing:
    """Takes note of each operation, and packs what its node keeps."""

    def __init__(self, pack: Callable[[Any], Any], unpack: Callable[[Any], Any], others: Any) -> None:
        self.pack, self.unpack, self.others = pack, unpack, others

    def __call__(self, primitive: Any, inputs: tuple[Any, ...], result: Any, params: dict[str, Any]) -> None:
        if self.others is not None:
            self.others(primitive, inputs, result, params)
        node = result._node if isinstance(result, TensorBase) else None
        for keeper in () if node is None else (node, *_calls(node)):
            keeps = any(isinstance(kept, (np.ndarray, tuple)) for kept in keeper.saved or ())
            if keeps and not hasattr(keeper, "recompute"):
                with Block(modes.SETTING, recording=False, notes=None):
                    keeper.recompute = _Packed(self, keeper)
                keeper.saved = None
                if hasattr(keeper, "fingerprints"):  # of what is not there now
                    del keeper.fingerprints


class _Packed:
    """What a node kept, packed (see ``tape.Recompute``)."""

    def __init__(self, hooks: _Packing, node: Node) -> None:
        self.number, self._hooks = node.number, hooks
        self._aliased = False
        self._kept: tuple[Any, ...] | None = tuple(map(self._pack, node.saved or ()))

    def _pack(self, kept: Any) -> Any:
        if isinstance(kept, tuple):  # of a Function
            return tuple(map(self._pack, kept))
        if not isinstance(kept, np.ndarray):
            return kept
        packed = self._hooks.pack(wrap(kept))
        self._aliased |= isinstance(packed, TensorBase) and np.may_share_memory(packed._array, kept)
        return _Entry(packed, kept.shape, kept.dtype)

    def restore(self, node: Node) -> None:
        """Unpack, once: a walk that frees the values later frees them for good."""
        if self._kept is None:
            return
        kept, self._kept = self._kept, None
        with Block(modes.SETTING, recording=False, notes=None):
            node.saved = tuple(map(self._unpack, kept))
        if not self._aliased:  # what is written to the packed tensors since concerns nobody
            self.number = next_number()

    def _unpack(self, kept: Any) -> Any:
        if isinstance(kept, tuple) and not isinstance(kept, _Entry):
            return tuple(map(self._unpack, kept))
        if not isinstance(kept, _Entry):
            return kept
        found = self._hooks.unpack(kept.packed)
        if not isinstance(found, TensorBase):
            raise DtypeError(f"unpack_hook returns the tensor that was packed, not {described(found)}")
        if (found._array.shape, found._array.dtype) != (kept.shape, kept.dtype):
            raise DtypeError(
                f"unpack_hook returned a tensor of shape {found._array.shape} and {found._array.dtype}; what was "
                f"packed had shape {kept.shape} and {kept.dtype}"
            )
        return found._array


class _Entry(NamedTuple):
    """A packed tensor, and what it has to be again."""

    packed: Any
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def _calls(node: Node) -> list[Node]:
    """The call of a Function whose output ``node`` stands for, where it has several outputs."""
    return [edge for edge in node.edges if edge is not None and edge.saved and isinstance(edge.saved[0], tuple)]


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """A block inside which ``saved_tensors_hooks`` raises GraphError with that message.

    >>> with disable_saved_tensors_hooks("not here"), saved_tensors_hooks(print, print):
    ...     pass
    Traceback (most recent call last):
        ...
    autodiff.errors.GraphError: not here
    """
    token = _refusal.set(error_message)
    try:
        yield
    finally:
        _refusal.reset(token)

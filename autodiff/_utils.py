"""What programs take from inside PyTorch: tensors as one vector, and back; a check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autodiff.engine.value import Value
from autodiff.functions.joining import cat


def _flatten_dense_tensors(tensors: Sequence[Value]) -> Value:
    """The entries of all tensors, one after another, as one vector.

    >>> from autodiff import ones, zeros
    >>> _flatten_dense_tensors([ones(2), zeros(1, 2)])
    tensor([1., 1., 0., 0.])
    """
    return cat([x.reshape(-1) for x in tensors])


def _unflatten_dense_tensors(flat: Value, tensors: Sequence[Value]) -> tuple[Value, ...]:
    """Views of ``flat``, one after another, in the shapes of ``tensors``."""
    parts = flat.split([x.numel() for x in tensors])
    return tuple(part.reshape(x.shape) for part, x in zip(parts, tensors, strict=True))


def _assert(condition: Any, message: str) -> None:
    """Raise AssertionError with the ``message`` unless the condition holds.

    >>> _assert(1 < 2, "in order")
    """
    if not condition:
        raise AssertionError(message)

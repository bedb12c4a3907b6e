"""Tensors in what a program is given and returns: found in nested containers, each with a name to write beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from autodiff.engine.values import TensorBase

DEPTH = 8  # of containers in containers


def tensors_in(value: Any, name: str = "", depth: int = DEPTH) -> Iterator[tuple[str, Any]]:
    """The tensors in ``value`` with their names, as ``hidden[0]``; "" for one that stands alone.

    Dicts, lists, tuples, named tuples and dataclasses are looked into.

    >>> import autodiff
    >>> x = autodiff.zeros(2)
    >>> [name for name, _ in tensors_in({"logits": x, "hidden": (x, [x])})]
    ['logits', 'hidden[0]', 'hidden[1][0]']
    """
    if isinstance(value, TensorBase):
        yield name, value
    elif depth:
        for part, inner in _members(value):
            yield from tensors_in(inner, name + part if name or part[0] == "[" else part.lstrip("."), depth - 1)


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield (f".{key}" if isinstance(key, str) else f"[{key!r}]"), inner
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield f".{field.name}", getattr(value, field.name, None)
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        for field_name, inner in zip(value._fields, value, strict=False):
            yield f".{field_name}", inner
    elif isinstance(value, (list, tuple)):
        for i, inner in enumerate(value):
            yield f"[{i}]", inner

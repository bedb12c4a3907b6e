"""``torch.compiler``: what steers PyTorch's compiler. Here functions run as they are, and ``compile`` needs no word."""

from __future__ import annotations

import contextlib
from typing import Any


def disable(fn: Any = None, recursive: bool = True, **options: Any) -> Any:
    """What it decorates, as it is.

    >>> @disable
    ... def double(x):
    ...     return x + x
    >>> double(2)
    4
    """
    return (lambda function: function) if fn is None else fn


def allow_in_graph(fn: Any) -> Any:
    """``fn`` as it is."""
    return fn


def is_compiling() -> bool:
    """False."""
    return False


is_dynamo_compiling = is_exporting = is_compiling


def reset() -> None:
    """Nothing."""


cudagraph_mark_step_begin = reset


def list_backends(exclude_tags: Any = ()) -> list[str]:
    """None: there is one way to compile."""
    return []


def set_stance(stance: str = "default", **options: Any) -> contextlib.nullcontext[None]:
    """A block in which nothing is other than outside."""
    return contextlib.nullcontext()

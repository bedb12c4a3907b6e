"""``torch.utils``' names."""

from __future__ import annotations

from typing import Any

from autodiff.utils import checkpoint as checkpoint


def __getattr__(name: str) -> Any:
    """``data``, which is loaded when it is asked for."""
    if name == "data":
        import autodiff.utils.data as data

        return data
    raise AttributeError(f"module 'autodiff.utils' has no attribute {name!r}")

"""``torch.utils.dlpack``: memory that libraries share."""

from __future__ import annotations

from typing import Any

from autodiff.tensors.more_creation import from_dlpack as from_dlpack


def to_dlpack(tensor: Any) -> Any:
    """The capsule of a tensor's memory, which another library takes."""
    return tensor.__dlpack__(max_version=(1, 0))  # which says whether it may be written to

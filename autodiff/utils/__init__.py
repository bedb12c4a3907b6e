"""``torch.utils``' names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autodiff.spelling import no_attribute as _no_attribute
from autodiff.utils import checkpoint as checkpoint

if TYPE_CHECKING:
    from autodiff.utils import data as data


if not TYPE_CHECKING:  # which would take any name for one of these

    def __getattr__(name: str) -> Any:
        """``data``, which is loaded when it is asked for."""
        if name == "data":
            import autodiff.utils.data as data

            return data
        raise _no_attribute(__name__, name)

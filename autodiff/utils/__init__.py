"""``torch.utils``' names."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from autodiff.spelling import no_attribute as _no_attribute
from autodiff.utils import checkpoint as checkpoint

if TYPE_CHECKING:
    from autodiff.utils import _pytree as _pytree
    from autodiff.utils import data as data
    from autodiff.utils import dlpack as dlpack
    from autodiff.utils import hooks as hooks


if not TYPE_CHECKING:  # which would take any name for one of these

    def __getattr__(name: str) -> Any:
        """What is loaded when it is asked for."""
        if name in ("_pytree", "data", "dlpack", "hooks"):
            return importlib.import_module(f"autodiff.utils.{name}")
        raise _no_attribute(__name__, name)

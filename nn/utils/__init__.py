"""Helpers for parameters, gradients and sequences, by ``torch.nn.utils``' names."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from autodiff.spelling import no_attribute as _no_attribute

from .clip_grad import *
from .convert_parameters import *
from .fusion import *
from .memory_format import *
from .reparameterization import *

if TYPE_CHECKING:
    from . import parametrizations as parametrizations
    from . import parametrize as parametrize
    from . import prune as prune
    from . import rnn as rnn
    from . import stateless as stateless


if not TYPE_CHECKING:  # which would take any name for one of these

    def __getattr__(name: str) -> Any:
        """What many programs do without is imported when it is used."""
        if name in ("parametrizations", "parametrize", "prune", "rnn", "stateless"):
            return importlib.import_module(f"{__name__}.{name}")
        raise _no_attribute(__name__, name)

"""Layers, losses and the modules that hold them, by ``torch.nn``'s names.

>>> import autodiff, nn
>>> model = nn.Sequential(nn.Linear(2, 5), nn.Sigmoid(), nn.Linear(5, 1))
>>> model(autodiff.zeros(3, 2)).shape
autodiff.Size([3, 1])
"""

from __future__ import annotations

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from autodiff.engine.call_sites import register_library as _register_library

_register_library(__file__)  # before anything asks whose code it is

from autodiff.functions.documented import add_examples as _add_examples

from . import functional as functional
from . import init as init
from . import modules as modules
from . import parallel as parallel
from . import utils as utils
from .functional.classification import LinearCrossEntropyOptions as LinearCrossEntropyOptions
from .module import Module as Module
from .modules.activation import *
from .modules.attention import *
from .modules.container import *
from .modules.convolution import *
from .modules.dense import *
from .modules.dropout import *
from .modules.embedding import *
from .modules.examples import LAYERS as _LAYERS
from .modules.examples import VALUES as _VALUES
from .modules.large_outputs import *
from .modules.lazy import *
from .modules.loss import *
from .modules.named_modules import *
from .modules.normalization import *
from .modules.padding import *
from .modules.pooling import *
from .modules.rearranging import *
from .modules.recurrent import *
from .modules.transformer import *
from .parallel import *
from .parameter import *

if _TYPE_CHECKING:
    from . import attention as attention
    from . import grad as grad

_add_examples(vars(), _LAYERS)
_add_examples(vars(init), _VALUES)


if not _TYPE_CHECKING:  # which would take any name for one of these

    def __getattr__(name: str) -> _Any:
        """What many programs do without is imported when it is used."""
        if name in ("attention", "common_types", "grad"):
            return _importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module 'nn' has no attribute {name!r}")

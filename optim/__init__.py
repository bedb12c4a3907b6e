"""Optimizers and learning-rate schedules, by ``torch.optim``'s names.

Where PyTorch keeps an optimizer in a file of another name, that name is here too: ``optim.adamw`` is ``adam``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from autodiff.engine.call_sites import register_library as _register_library
from autodiff.spelling import no_attribute as _no_attribute

_register_library(__file__)  # before anything asks whose code it is

from . import adagrad as adagrad
from . import adam as adam
from . import sgd as sgd
from .adagrad import *
from .adam import *
from .lbfgs import *
from .muon import *
from .optimizer import Optimizer as Optimizer
from .sgd import *
from .sparse_adam import *

adadelta = rmsprop = adagrad
adamax = adamw = nadam = radam = adam
asgd = rprop = sgd

if TYPE_CHECKING:
    from . import lr_scheduler as lr_scheduler
    from . import swa_utils as swa_utils


if not TYPE_CHECKING:  # which would take any name for one of these

    def __getattr__(name: str) -> Any:
        """What many programs do without is imported when it is used."""
        if name in ("lr_scheduler", "swa_utils"):
            return importlib.import_module(f"{__name__}.{name}")
        raise _no_attribute(__name__, name)

"""Optimizers and learning-rate schedules, by ``torch.optim``'s names."""

from __future__ import annotations

from autodiff.engine.call_sites import register_library as _register_library

_register_library(__file__)  # before anything asks whose code it is

from optim import lr_scheduler as lr_scheduler
from optim import swa_utils as swa_utils
from optim.adagrad import *
from optim.adam import *
from optim.lbfgs import *
from optim.muon import *
from optim.optimizer import Optimizer as Optimizer
from optim.sgd import *

"""Optimizers and learning-rate schedules, by ``torch.optim``'s names."""

from __future__ import annotations

from optim import lr_scheduler as lr_scheduler
from optim.adam import *
from optim.optimizer import Optimizer as Optimizer
from optim.sgd import *

"""Schedules of the learning rate, by ``torch.optim.lr_scheduler``'s names."""

from __future__ import annotations

from .base import LRScheduler as LRScheduler
from .combined import *
from .cosine import *
from .cyclic import *
from .factors import *
from .plateau import *

_LRScheduler = LRScheduler  # by its old name, from which programs inherit

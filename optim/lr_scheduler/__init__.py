"""Schedules of the learning rate, by ``torch.optim.lr_scheduler``'s names."""

from __future__ import annotations

from optim.lr_scheduler.base import LRScheduler as LRScheduler
from optim.lr_scheduler.combined import *
from optim.lr_scheduler.cosine import *
from optim.lr_scheduler.cyclic import *
from optim.lr_scheduler.factors import *
from optim.lr_scheduler.plateau import *

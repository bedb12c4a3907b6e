"""``autodiff.data`` where PyTorch programs look for it: ``torch.utils.data``."""

from __future__ import annotations

from autodiff.data import *
from autodiff.data import dataset as dataset
from autodiff.data import distributed as distributed
from autodiff.data import loader as loader
from autodiff.data import sampler as sampler
from autodiff.utils.data import _utils as _utils

dataloader = loader

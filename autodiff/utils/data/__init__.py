"""``autodiff.data`` where PyTorch programs look for it: ``torch.utils.data``."""

from __future__ import annotations

from autodiff.data import *

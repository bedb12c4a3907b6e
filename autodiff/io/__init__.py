"""Files of tensors: ``save`` and ``load``."""

from __future__ import annotations

from autodiff.io.archive import *

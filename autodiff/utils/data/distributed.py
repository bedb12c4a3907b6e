"""``DistributedSampler`` where PyTorch programs look for it."""

from __future__ import annotations

from autodiff.data.distributed import DistributedSampler as DistributedSampler

"""The flags of ``torch.backends.cudnn``: they can be set, and change nothing."""

from __future__ import annotations

from autodiff.accelerator import flags as flags
from autodiff.accelerator import is_available as is_available
from autodiff.accelerator import version as version

benchmark = deterministic = False
enabled = allow_tf32 = True
benchmark_limit = 10

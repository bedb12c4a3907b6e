"""``torch.backends``: flags that can be set and change nothing, and libraries that are not available."""

from __future__ import annotations

from autodiff import accelerator as accelerator
from autodiff.backends import cuda as cuda
from autodiff.backends import cudnn as cudnn

mkl = mkldnn = mps = openmp = opt_einsum = accelerator

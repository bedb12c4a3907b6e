"""The flags of ``torch.backends.cuda``: they can be set, and change nothing."""

from __future__ import annotations

from types import SimpleNamespace

from autodiff.accelerator import flags as flags
from autodiff.accelerator import is_built as is_built

sdp_kernel = flags

matmul = SimpleNamespace(allow_tf32=False, fp32_precision="none", allow_fp16_reduced_precision_reduction=True,
                         allow_bf16_reduced_precision_reduction=True)


def enable_flash_sdp(enabled: bool) -> None:
    """Nothing: attention is computed in one way."""


enable_math_sdp = enable_mem_efficient_sdp = enable_cudnn_sdp = enable_flash_sdp


def math_sdp_enabled() -> bool:
    """True: attention is computed by the formula."""
    return True


def flash_sdp_enabled() -> bool:
    """False."""
    return False


mem_efficient_sdp_enabled = cudnn_sdp_enabled = flash_sdp_enabled

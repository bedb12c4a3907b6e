"""``torch.nn.attention``: which kernel computes attention on a GPU. Here there is one, whatever is chosen.

>>> from autodiff import nn, ones
>>> with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]):
...     nn.functional.scaled_dot_product_attention(ones(1, 2, 4), ones(1, 2, 4), ones(1, 2, 4)).shape
autodiff.Size([1, 2, 4])
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ContextDecorator
from enum import Enum
from typing import Any

from autodiff.errors import OptionError


class SDPBackend(Enum):
    """PyTorch's kernels."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


class sdpa_kernel(ContextDecorator):  # PyTorch's name
    """A block, or a decorated function, that computes as if it were not in one.

    Raises OptionError for what is no SDPBackend.
    """

    def __init__(self, backends: SDPBackend | Iterable[SDPBackend], set_priority: bool = False) -> None:
        chosen = [backends] if isinstance(backends, SDPBackend) else list(backends)
        if not chosen or not all(isinstance(backend, SDPBackend) for backend in chosen):
            raise OptionError(f"sdpa_kernel takes one SDPBackend or several, not {backends!r:.80}")

    def __enter__(self) -> sdpa_kernel:
        return self

    def __exit__(self, *error: object) -> None:
        pass


def can_use_flash_attention(params: Any, debug: bool = False) -> bool:
    """False."""
    return False


can_use_efficient_attention = can_use_flash_attention

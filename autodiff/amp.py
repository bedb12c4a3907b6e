"""``torch.amp``: programs of mixed precision compute in the dtypes their tensors have, and scale nothing.

Lower precision is faster where hardware has it. Here it has not: NumPy's float16 is slower than float32.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ContextDecorator
from typing import Any


class autocast(ContextDecorator):  # PyTorch's name
    """A block, or a decorated function, that computes as if it were not in one.

    >>> import autodiff
    >>> with autocast("cuda", dtype=autodiff.float16):
    ...     (autodiff.ones(2) @ autodiff.ones(2)).element_size()
    4
    """

    def __init__(
        self, device_type: Any = "cuda", dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        self.device, self.fast_dtype = device_type, dtype

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *error: object) -> None:
        pass


class GradScaler:
    """Scales by 1: a loss as it is, and the optimizer's own step.

    >>> import autodiff
    >>> GradScaler("cuda").scale(autodiff.tensor(0.5))
    tensor(0.5000)
    """

    def __init__(
        self,
        device: Any = "cuda",
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        pass

    def scale(self, outputs: Any) -> Any:
        """``outputs`` as they are."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Nothing: no gradient was scaled."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """``optimizer.step``."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Nothing: the scale stays 1."""

    def get_scale(self) -> float:
        """1."""
        return 1.0

    def is_enabled(self) -> bool:
        """False."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """Empty, as of PyTorch's where it is not enabled."""
        return {}

    def load_state_dict(self, state_dict: Any) -> None:
        """Nothing: there is no state."""


def custom_fwd(fwd: Callable[..., Any] | None = None, **options: Any) -> Any:
    """``fwd`` as it is: the forward of a ``Function``."""
    return (lambda function: function) if fwd is None else fwd


def custom_bwd(bwd: Callable[..., Any] | None = None, **options: Any) -> Any:
    """``bwd`` as it is: the backward of a ``Function``."""
    return (lambda function: function) if bwd is None else bwd

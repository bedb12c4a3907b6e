"""``torch.amp``: programs of mixed precision compute in the dtypes their tensors have.

Lower precision is faster where hardware has it. Here it has not: NumPy's float16 is slower than float32.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ContextDecorator
from typing import Any

import numpy as np

from autodiff.errors import OptionError

__path__: list[str] = []  # so that import lines find PyTorch's files in it, all of which are this one
autocast_mode = common = grad_scaler = sys.modules[__name__]


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


def is_autocast_available(device_type: str) -> bool:
    """Whether there is such a block; it changes nothing anywhere."""
    return True


def _scaled_back(gradients: Sequence[Any], inv_scale: Any) -> bool:
    """Multiply each gradient by ``inv_scale``, in place, and tell whether all are finite."""
    finite = True
    for gradient in gradients:
        own = gradient.detach()
        own *= inv_scale
        finite = finite and bool(np.isfinite(own.numpy()).all())
    return finite


def _amp_foreach_non_finite_check_and_unscale_(gradients: Sequence[Any], found_inf: Any, inv_scale: Any) -> None:
    """Multiply each gradient by ``inv_scale``, in place, and set ``found_inf`` to 1 where one is not finite."""
    if not _scaled_back(gradients, inv_scale):
        found_inf.fill_(1)


class GradScaler:
    """Scales a loss up and its gradients down, and leaves out a step whose gradients are not finite.

    It does so on ``device="cpu"``. For "cuda", which is not here, it is not enabled, as in PyTorch on such a machine:
    a loss stays as it is, and each step is taken.

    Args:
        device: where PyTorch would compute.
        init_scale: what the first loss is multiplied by.
        growth_factor: what the scale grows by after ``growth_interval`` steps in a row.
        backoff_factor: what it is multiplied by after a step that was left out.
        growth_interval: how many steps.
        enabled: whether it does anything.

    Reference: Micikevicius et al. 2018, "Mixed precision training".

    >>> import autodiff
    >>> GradScaler("cuda").scale(autodiff.tensor(0.5)), GradScaler("cpu").scale(autodiff.tensor(0.5))
    (tensor(0.5000), tensor(32768.))
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
        self._enabled = enabled and str(device).partition(":")[0] == "cpu"
        self._scale, self._growth_factor, self._backoff_factor = float(init_scale), growth_factor, backoff_factor
        self._growth_interval, self._growth_tracker = growth_interval, 0
        self._finite: dict[int, bool] = {}  # of an optimizer whose gradients were scaled back since the last update
        self._stepped: set[int] = set()

    def scale(self, outputs: Any) -> Any:
        """A tensor times the scale, or each of several."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, (list, tuple)):
            return type(outputs)([self.scale(x) for x in outputs])
        return outputs * self._scale

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of an optimizer by the scale, in place, and note whether all are finite.

        Raises OptionError where that was done since the last ``update``, and for gradients of float16.
        """
        if not self._enabled:
            return
        key = id(optimizer)
        if key in self._finite:
            raise OptionError("unscale_() was called for this optimizer since the last update()")
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if any(p.grad.dtype == np.float16 for p in parameters):
            raise OptionError("the gradients are of float16; let the parameters be of float32")
        self._finite[key] = _scaled_back([p.grad for p in parameters], 1 / self._scale)

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """``optimizer.step`` with the gradients scaled back; nothing where one of them is not finite.

        Raises OptionError for a second step without an ``update`` between them, and for a closure.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise OptionError("GradScaler.step() takes no closure: the loss in it would not be scaled")
        key = id(optimizer)
        if key in self._stepped:
            raise OptionError("step() was called for this optimizer since the last update()")
        if key not in self._finite:
            self.unscale_(optimizer)
        self._stepped.add(key)
        return optimizer.step(*args, **kwargs) if self._finite[key] else None

    def update(self, new_scale: Any = None) -> None:
        """Choose the next scale: lower after a step that was left out, higher after many that were not.

        Raises OptionError where there was no step.
        """
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        elif not self._finite:
            raise OptionError("update() comes behind unscale_() or step()")
        elif not all(self._finite.values()):
            self._scale, self._growth_tracker = self._scale * self._backoff_factor, 0
        else:
            self._growth_tracker += 1
            if self._growth_tracker == self._growth_interval:
                self._scale, self._growth_tracker = self._scale * self._growth_factor, 0
        self._finite.clear()
        self._stepped.clear()

    def get_scale(self) -> float:
        """The scale; 1 where it is not enabled."""
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        """What the scale grows by."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Let the scale grow by another factor."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """What the scale is multiplied by after a step that was left out."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Let the scale fall by another factor."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """After how many steps the scale grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Let the scale grow after another number of steps."""
        self._growth_interval = new_interval

    def is_enabled(self) -> bool:
        """Whether it does anything."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """The scale and what it follows; empty where it is not enabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale,
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._growth_tracker,
        }

    def load_state_dict(self, state_dict: Any) -> None:
        """Go on from what ``state_dict`` gave; raises OptionError for an empty one where it is enabled."""
        if not self._enabled:
            return
        if not state_dict:
            raise OptionError("the state dict is empty: it is that of a GradScaler that was not enabled")
        self._scale, self._growth_tracker = float(state_dict["scale"]), state_dict["_growth_tracker"]
        self._growth_factor, self._backoff_factor = state_dict["growth_factor"], state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]


def custom_fwd(fwd: Callable[..., Any] | None = None, **options: Any) -> Any:
    """``fwd`` as it is: the forward of a ``Function``."""
    return (lambda function: function) if fwd is None else fwd


def custom_bwd(bwd: Callable[..., Any] | None = None, **options: Any) -> Any:
    """``bwd`` as it is: the backward of a ``Function``."""
    return (lambda function: function) if bwd is None else bwd

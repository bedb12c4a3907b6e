"""A schedule that goes up and down between two rates, with the momentum against it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from autodiff.errors import OptionError
from optim.lr_scheduler.base import LRScheduler, per_group, set_rate
from optim.optimizer import Group, Optimizer
from optim.options import required

__all__ = ["CyclicLR"]


class CyclicLR(LRScheduler):
    """From ``base_lr`` to ``max_lr`` in ``step_size_up`` steps and back in ``step_size_down``, again and again.

    Args:
        optimizer: whose rates change.
        base_lr, max_lr: the bounds, for all groups or for each.
        step_size_up, step_size_down: the steps of each half; the second is as long as the first by default.
        mode: how high the cycles go: "triangular" all to ``max_lr``, "triangular2" half as high each time, "exp_range"
            to ``gamma ** step`` of it.
        gamma: of "exp_range".
        scale_fn: the height as a function of the cycle or of the step, instead of a mode.
        scale_mode: whether ``scale_fn`` takes the number of the "cycle", from 1, or of "iterations".
        cycle_momentum: the momentum (or the first of ``betas``) falls from ``max_momentum`` to ``base_momentum`` while
            the rate rises.
        base_momentum, max_momentum: its bounds, for all groups or for each.
        last_epoch: the number of the last step; -1 starts.

    Law: base_lr + (max_lr - base_lr) part height, where the part rises from 0 to 1 and falls back to 0 in each cycle
    and the mode gives the height.

    Reference: Smith 2017, "Cyclical learning rates for training neural networks".

    >>> import autodiff, optim
    >>> optimizer, rates = optim.SGD([autodiff.ones(1)], lr=1.0), []
    >>> schedule = CyclicLR(optimizer, base_lr=0.0, max_lr=1.0, step_size_up=2, mode="triangular2")
    >>> for _ in range(8):
    ...     rates += schedule.get_last_lr()
    ...     optimizer.step()
    ...     schedule.step()
    >>> rates
    [0.0, 0.5, 1.0, 0.5, 0.0, 0.25, 0.5, 0.25]
    """

    _functions = ("_scale_fn_custom",)

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        self._attach(optimizer)
        known = scale_fn is not None or mode in ("triangular", "triangular2", "exp_range")
        required(known, "mode", mode, "'triangular', 'triangular2' or 'exp_range' where no scale_fn is given")
        lowest = per_group("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for rate, group in zip(lowest, optimizer.param_groups, strict=True):
                set_rate(group, rate)
        self.max_lrs = per_group("max_lr", optimizer, max_lr)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        self.mode, self.gamma, self._scale_fn_custom = mode, gamma, scale_fn
        self.scale_mode = scale_mode if scale_fn is not None else "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            started = start_momentum(optimizer, base_momentum, max_momentum, last_epoch)
            self.use_beta1, self.base_momentums, self.max_momentums = started
        super().__init__(optimizer, last_epoch)
        self.base_lrs = lowest

    def scale_fn(self, x: float) -> float:
        """How high the cycle, or the step, ``x`` goes."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        height: float = 2.0 ** (1 - x) if self.mode == "triangular2" else self.gamma**x
        return height

    def get_lr(self) -> list[float]:
        """The rates at the step ``last_epoch``; sets the momenta."""
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        part = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        height = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            bounds = zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
            for group, low, high in bounds:
                set_momentum(group, high - (high - low) * part * height, self.use_beta1)
        return [low + (high - low) * part * height for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]


def start_momentum(
    optimizer: Optimizer, lowest: Any, highest: Any, last_epoch: int
) -> tuple[bool, list[float], list[float]]:
    """Whether the momentum is the first of ``betas``, and its bounds; at the start, the groups get them.

    Raises OptionError where the optimizer has no momentum.
    """
    is_beta = "betas" in optimizer.defaults
    if not is_beta and "momentum" not in optimizer.defaults:
        name = type(optimizer).__name__
        raise OptionError(f"{name} has neither momentum nor betas, which cycle_momentum=True changes; set it to False")
    low, high = per_group("base_momentum", optimizer, lowest), per_group("max_momentum", optimizer, highest)
    if last_epoch == -1:
        for group, base, largest in zip(optimizer.param_groups, low, high, strict=True):
            set_momentum(group, largest, is_beta)
            group["max_momentum"], group["base_momentum"] = largest, base
    return is_beta, low, high


def set_momentum(group: Group, momentum: float, is_beta: bool) -> None:
    """Set the momentum of a group, or the first of its betas."""
    if is_beta:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum

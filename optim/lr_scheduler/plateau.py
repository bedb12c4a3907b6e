"""A schedule that waits for progress to end."""

from __future__ import annotations

from math import inf
from typing import Any, SupportsFloat

from autodiff.errors import DtypeError
from autodiff.kinds import described

from ..optimizer import Optimizer
from ..options import required
from .base import LRScheduler, per_group, rates_of, set_rate, warn_of_epoch

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(LRScheduler):
    """The rate is multiplied by ``factor`` when the metrics have not improved for more than ``patience`` epochs.

    Args:
        optimizer: whose rates change.
        mode: "min" where smaller metrics are better, "max" where larger ones are.
        factor: what the rates are multiplied by, below 1.
        patience: epochs without progress that are allowed.
        threshold: how much counts as progress: a part of the best value ("rel") or a difference from it ("abs").
        threshold_mode: "rel" or "abs".
        cooldown: epochs after a change in which bad epochs are not counted.
        min_lr: the smallest rate, for all groups or for each.
        eps: a smaller change of a rate is not made.

    Raises OptionError for a ``factor`` that is not below 1, or an unknown ``mode`` or ``threshold_mode``.

    >>> import autodiff, optim
    >>> optimizer, rates = optim.SGD([autodiff.ones(1)], lr=1.0), []
    >>> schedule = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0, 1.0):
    ...     optimizer.step()
    ...     schedule.step(loss)
    ...     rates += schedule.get_last_lr()
    >>> rates
    [1.0, 1.0, 1.0, 0.5, 0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: list[float] | float = 0,
        eps: float = 1e-8,
    ) -> None:
        required(factor < 1, "factor", factor, "below 1")
        required(mode in ("min", "max"), "mode", mode, "'min' or 'max'")
        required(threshold_mode in ("rel", "abs"), "threshold_mode", threshold_mode, "'rel' or 'abs'")
        self._attach(optimizer)
        self.factor, self.patience, self.cooldown, self.eps = factor, patience, cooldown, eps
        self.mode, self.threshold, self.threshold_mode = mode, threshold, threshold_mode
        self.default_min_lr = None if isinstance(min_lr, (list, tuple)) else min_lr
        self.min_lrs = per_group("min_lr", optimizer, min_lr)
        self.last_epoch, self._last_lr = 0, rates_of(optimizer)
        self._reset()

    def _reset(self) -> None:
        self.best = inf if self.mode == "min" else -inf
        self.cooldown_counter = self.num_bad_epochs = 0

    @property
    def in_cooldown(self) -> bool:
        """Whether nothing is counted now."""
        return self.cooldown_counter > 0

    def step(self, metrics: SupportsFloat, epoch: Any = None) -> None:  # type: ignore[override]
        """Take note of ``metrics``, and lower the rates where it is time; raises DtypeError for no number."""
        try:
            current = float(metrics)
        except (OverflowError, TypeError, ValueError):
            raise DtypeError(f"metrics is a number, such as the loss of an epoch, not {described(metrics)}") from None
        if epoch is not None:
            warn_of_epoch()
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(current, self.best):
            self.best, self.num_bad_epochs = current, 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = rates_of(self.optimizer)

    def _reduce(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs) and self.default_min_lr is not None:
            self.min_lrs = [self.default_min_lr] * len(groups)
        lowest = per_group("min_lr", self.optimizer, self.min_lrs)
        for group, rate, least in zip(groups, rates_of(self.optimizer), lowest, strict=True):
            lower = max(rate * self.factor, least)
            if rate - lower > self.eps:
                set_rate(group, lower)

    def _is_better(self, value: float, best: float) -> bool:
        sign = -1 if self.mode == "min" else 1
        if self.threshold_mode == "rel":
            return sign * value > sign * best * (1 + sign * self.threshold)
        return sign * value > sign * best + self.threshold

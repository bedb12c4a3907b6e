"""Schedules made of schedules: one after another, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from autodiff.errors import DtypeError, OptionError, StateDictError

from ..optimizer import Optimizer
from .base import LRScheduler, rates_of, set_rate
from .plateau import ReduceLROnPlateau

__all__ = ["ChainedScheduler", "SequentialLR"]


class _Combined(LRScheduler):
    """A schedule with others inside, whose state dict has theirs."""

    _schedulers: list[LRScheduler]

    def _take(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> None:
        name = type(self).__name__
        if not schedulers:
            raise OptionError(f"{name} is made of one schedule or more; none was given")
        for number, scheduler in enumerate(schedulers):
            if not hasattr(scheduler, "optimizer"):
                raise DtypeError(f"{name} is made of schedules; number {number} is {scheduler!r:.60}")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise OptionError(f"{name}: number {number} is a ReduceLROnPlateau, whose step() needs the metrics")
            optimizer = optimizer or scheduler.optimizer
            if scheduler.optimizer is not optimizer:
                raise OptionError(f"{name}: schedule {number} belongs to another optimizer than the others")
        self._attach(schedulers[0].optimizer)
        self._schedulers = list(schedulers)

    def step(self, epoch: Any = None) -> None:
        """Go on by one epoch; raises OptionError for an ``epoch``."""
        if epoch is not None:
            raise OptionError(f"{type(self).__name__} goes on by step() alone; it does not jump to an epoch")
        self._advance()
        self._last_lr = rates_of(self.optimizer)

    def _advance(self) -> None:
        """Step the schedules inside."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """The state of the schedule and of those inside it."""
        return {**super().state_dict(), "_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def _fitted(self, state_dict: Any) -> dict[str, Any]:
        saved = state_dict.get("_schedulers") if isinstance(state_dict, Mapping) else None
        if not isinstance(saved, (list, tuple)) or len(saved) != len(self._schedulers):
            name, count = type(self).__name__, len(self._schedulers)
            raise StateDictError(f"the state_dict of this {name} has the states of {count} schedules in '_schedulers'")
        inside = [scheduler._fitted(state) for scheduler, state in zip(self._schedulers, saved, strict=True)]
        own = [scheduler.state_dict() for scheduler in self._schedulers]
        return {**super()._fitted({**state_dict, "_schedulers": own}), "_schedulers": inside}

    def _adopt(self, state: dict[str, Any]) -> None:
        super()._adopt({name: value for name, value in state.items() if name != "_schedulers"})
        for scheduler, saved in zip(self._schedulers, state["_schedulers"], strict=True):
            scheduler._adopt(saved)


class SequentialLR(_Combined):
    """The first schedule before the first of ``milestones``, the second before the next, and so on.

    Args:
        optimizer: whose rates change.
        schedulers: one more than there are milestones; each starts from its epoch 0.
        milestones: the epochs at which the next schedule takes over.
        last_epoch: the number of the last epoch; -1 starts.

    Raises OptionError where there is not one milestone less than schedules.

    >>> import autodiff, optim
    >>> from optim.lr_scheduler import ConstantLR, ExponentialLR
    >>> optimizer, rates = optim.SGD([autodiff.ones(1)], lr=1.0), []
    >>> warm_up, fall = ConstantLR(optimizer, factor=0.25), ExponentialLR(optimizer, gamma=0.5)
    >>> schedule = SequentialLR(optimizer, [warm_up, fall], milestones=[2])
    >>> for _ in range(5):
    ...     rates += schedule.get_last_lr()
    ...     optimizer.step()
    ...     schedule.step()
    >>> rates
    [0.25, 0.25, 1.0, 0.5, 0.25]
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int], last_epoch: int = -1
    ) -> None:
        self._take(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise OptionError(f"{len(schedulers)} schedules have {len(schedulers) - 1} milestones, not {milestones}")
        self._milestones, self.last_epoch = milestones, last_epoch + 1
        for group in optimizer.param_groups:
            set_rate(group, group["initial_lr"])
        _undo(self)
        first = self._schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def _advance(self) -> None:
        self.last_epoch += 1
        number = bisect_right(self._milestones, self.last_epoch)
        now = self._schedulers[number]
        if number and self._milestones[number - 1] == self.last_epoch:
            now._update_lr(0)
        else:
            now.step()


def _undo(scheduler: LRScheduler) -> None:
    """Take back the first step of all schedules inside, which each takes when it is made."""
    if isinstance(scheduler, _Combined):
        for inner in scheduler._schedulers:
            _undo(inner)
    else:
        scheduler.last_epoch -= 1


class ChainedScheduler(_Combined):
    """All schedules at once: each changes the rates that the one before it has set.

    Args:
        schedulers: schedules of one optimizer.
        optimizer: that optimizer; by default that of the schedules.

    >>> import autodiff, optim
    >>> from optim.lr_scheduler import ConstantLR, ExponentialLR
    >>> optimizer, rates = optim.SGD([autodiff.ones(1)], lr=1.0), []
    >>> inner = [ConstantLR(optimizer, factor=0.5, total_iters=2), ExponentialLR(optimizer, gamma=0.5)]
    >>> schedule = ChainedScheduler(inner)
    >>> for _ in range(4):
    ...     rates += schedule.get_last_lr()
    ...     optimizer.step()
    ...     schedule.step()
    >>> rates
    [0.5, 0.25, 0.25, 0.125]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self._take(schedulers, optimizer)
        self._last_lr = rates_of(self.optimizer)

    def _advance(self) -> None:
        for scheduler in self._schedulers:
            scheduler.step()

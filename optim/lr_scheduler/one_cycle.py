"""One cycle: the rate goes up and then down to almost nothing, with the momentum against it."""

from __future__ import annotations

import math
from typing import Any

from autodiff.errors import OptionError
from optim.lr_scheduler.base import LRScheduler, per_group
from optim.lr_scheduler.cyclic import set_momentum, start_momentum
from optim.optimizer import Optimizer
from optim.options import required

__all__ = ["OneCycleLR"]


class OneCycleLR(LRScheduler):
    """From ``max_lr / div_factor`` up to ``max_lr``, then down to the first rate over ``final_div_factor``.

    Args:
        optimizer: whose rates change.
        max_lr: the highest rate, for all groups or for each.
        total_steps: the length of the cycle; or ``epochs`` times ``steps_per_epoch``.
        pct_start: the part of it in which the rate rises.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: the momentum (or the first of ``betas``) falls from ``max_momentum`` to ``base_momentum`` while
            the rate rises, and rises while it falls.
        base_momentum, max_momentum: its bounds, for all groups or for each.
        div_factor, final_div_factor: see above.
        three_phase: fall as fast as rise, back to the first rate, and take the rest of the steps to the last.
        last_epoch: the number of the last step; -1 starts.

    Raises OptionError where it is stepped beyond ``total_steps``.

    Reference: Smith & Topin 2019, "Super-convergence: very fast training of neural networks using large
    learning rates".

    >>> import autodiff, optim
    >>> optimizer, rates = optim.SGD([autodiff.ones(1)], lr=1.0), []
    >>> schedule = OneCycleLR(optimizer, max_lr=1.0, total_steps=5, pct_start=0.6, anneal_strategy="linear")
    >>> for _ in range(5):
    ...     rates.append(round(schedule.get_last_lr()[0], 3))
    ...     optimizer.step()
    ...     schedule.step()
    >>> rates
    [0.04, 0.52, 1.0, 0.5, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self._attach(optimizer)
        self.total_steps = _length(total_steps, epochs, steps_per_epoch)
        required(0 <= pct_start <= 1, "pct_start", pct_start, "from 0 to 1")
        required(anneal_strategy in ("cos", "linear"), "anneal_strategy", anneal_strategy, "'cos' or 'linear'")
        self._anneal_func_type = anneal_strategy
        rise = float(pct_start * self.total_steps)
        up = (rise - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum")
        down = ("max_lr", "initial_lr" if three_phase else "min_lr", "base_momentum", "max_momentum")
        last = ("initial_lr", "min_lr", "max_momentum", "max_momentum")
        end = self.total_steps - 1
        phases = [up, (2 * rise - 2, *down), (end, *last)] if three_phase else [up, (end, *down)]
        names = ("end_step", "start_lr", "end_lr", "start_momentum", "end_momentum")
        self._schedule_phases: list[dict[str, Any]] = [dict(zip(names, phase, strict=True)) for phase in phases]
        highest = per_group("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for rate, group in zip(highest, optimizer.param_groups, strict=True):
                first = rate / div_factor
                group["initial_lr"], group["max_lr"], group["min_lr"] = first, rate, first / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1, _, _ = start_momentum(optimizer, base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The rates at the step ``last_epoch``; sets the momenta."""
        step, start = self.last_epoch, 0.0
        if step > self.total_steps:
            raise OptionError(f"step {step} of a cycle of {self.total_steps}; make the cycle longer, or stop there")
        phase, *rest = self._schedule_phases
        while rest and step > phase["end_step"]:
            start, (phase, *rest) = phase["end_step"], rest
        part, rates = (step - start) / (phase["end_step"] - start), []
        for group in self.optimizer.param_groups:
            rates.append(self._between(group[phase["start_lr"]], group[phase["end_lr"]], part))
            if self.cycle_momentum:
                momentum = self._between(group[phase["start_momentum"]], group[phase["end_momentum"]], part)
                set_momentum(group, momentum, self.use_beta1)
        return rates

    def _between(self, start: float, end: float, part: float) -> float:
        if self._anneal_func_type == "linear":
            return (end - start) * part + start
        return end + (start - end) / 2 * (1 + math.cos(math.pi * part))


def _length(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    """The number of steps of a cycle."""
    if total_steps is None and (epochs is None or steps_per_epoch is None):
        raise OptionError("OneCycleLR needs total_steps, or epochs and steps_per_epoch")
    factors = [total_steps] if total_steps is not None else [epochs, steps_per_epoch]
    for factor in factors:
        if not isinstance(factor, int) or factor < 1:
            raise OptionError(f"total_steps, or epochs and steps_per_epoch, count from 1 on; {factor!r} does not")
    return math.prod(factor for factor in factors if factor is not None)

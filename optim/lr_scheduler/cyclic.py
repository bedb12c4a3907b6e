"""Schedules that go up and down between two rates, with the momentum against them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from autodiff.errors import OptionError

from ..optimizer import Group, Optimizer
from ..options import required
from .base import LRScheduler, per_group, set_rate

__all__ = ["CyclicLR", "OneCycleLR"]


class CyclicLR(LRScheduler):
    """From ``base_lr`` to ``max_lr`` in ``step_size_up`` steps and back in ``step_size_down``, again and again.

    Raises OptionError for an unknown ``mode``, and where ``cycle_momentum`` has no momentum to change.

    Law: base_lr + (max_lr - base_lr) part height, where the part rises from 0 to 1 and falls back to 0 in each cycle
    and the mode gives the height.

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

    _functions, _of_optimizer = ("_scale_fn_custom",), ("use_beta1",)

    def __init__(
        self, optimizer: Optimizer, base_lr: float | list[float], max_lr: float | list[float],
        step_size_up: int = 2000, step_size_down: int | None = None, mode: str = "triangular", gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle", cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8, max_momentum: float | list[float] = 0.9, last_epoch: int = -1,
    ) -> None:  # fmt: skip
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
            started = _start_momentum(optimizer, base_momentum, max_momentum, last_epoch)
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
                _set_momentum(group, high - (high - low) * part * height, self.use_beta1)
        return [low + (high - low) * part * height for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]


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

    _of_optimizer = ("use_beta1",)

    def __init__(
        self, optimizer: Optimizer, max_lr: float | list[float], total_steps: int | None = None,
        epochs: int | None = None, steps_per_epoch: int | None = None, pct_start: float = 0.3,
        anneal_strategy: str = "cos", cycle_momentum: bool = True, base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95, div_factor: float = 25.0, final_div_factor: float = 1e4,
        three_phase: bool = False, last_epoch: int = -1,
    ) -> None:  # fmt: skip
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
            self.use_beta1, _, _ = _start_momentum(optimizer, base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The rates at the step ``last_epoch``; sets the momenta.

        Raises OptionError behind the end of the cycle.
        """
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
                _set_momentum(group, momentum, self.use_beta1)
        return rates

    def _fits(self, key: str, here: Any, value: Any) -> bool:
        fits = super()._fits(key, here, value)
        if not fits or key != "_schedule_phases":
            return fits
        ends = [phase["end_step"] for phase in value]  # all else in a phase are names of options
        named = [{**phase, "end_step": end} for phase, end in zip(here, ends, strict=True)]
        return bool(value == named and ends == sorted(ends))

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


def _start_momentum(
    optimizer: Optimizer, lowest: Any, highest: Any, last_epoch: int
) -> tuple[bool, list[float], list[float]]:
    """Whether the momentum is the first of ``betas``, and its bounds, which are set in the groups at the start.

    Raises OptionError where the optimizer has no momentum.
    """
    is_beta = "betas" in optimizer.defaults
    if not is_beta and "momentum" not in optimizer.defaults:
        name = type(optimizer).__name__
        raise OptionError(f"{name} has neither momentum nor betas, which cycle_momentum=True changes; set it to False")
    low, high = per_group("base_momentum", optimizer, lowest), per_group("max_momentum", optimizer, highest)
    if last_epoch == -1:
        for group, base, largest in zip(optimizer.param_groups, low, high, strict=True):
            _set_momentum(group, largest, is_beta)
            group["max_momentum"], group["base_momentum"] = largest, base
    return is_beta, low, high


def _set_momentum(group: Group, momentum: float, is_beta: bool) -> None:
    """Set the momentum of a group, or the first of its betas."""
    if is_beta:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum

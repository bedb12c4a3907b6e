"""Schedules along half a cosine wave, with and without warm restarts."""

from __future__ import annotations

import math
from typing import Any

from ..optimizer import Optimizer
from ..options import required
from .base import LRScheduler, rates_of

__all__ = ["CosineAnnealingLR", "CosineAnnealingWarmRestarts"]


def _along(rates: list[float], lowest: float, part: float) -> list[float]:
    """From ``rates`` at part 0 to ``lowest`` at part 1: lowest + (rate - lowest) (1 + cos(pi part)) / 2."""
    return [lowest + (rate - lowest) * (1 + math.cos(math.pi * part)) / 2 for rate in rates]


class CosineAnnealingLR(LRScheduler):
    """From the first rate to ``eta_min`` and back, in ``T_max`` epochs each.

    Law: eta_min + (rate - eta_min) (1 + cos(pi epoch / T_max)) / 2, as a change of the present rate.

    Args:
        optimizer: whose rates change.
        T_max: epochs from the first rate to the last.
        eta_min: the last rate.
        last_epoch: the number of the last epoch; -1 starts.

    Reference: Loshchilov & Hutter 2017, "SGDR: stochastic gradient descent with warm restarts".

    >>> import autodiff, optim
    >>> optimizer, rates = optim.SGD([autodiff.ones(1)], lr=1.0), []
    >>> schedule = CosineAnnealingLR(optimizer, T_max=4)
    >>> for _ in range(6):
    ...     rates.append(round(schedule.get_last_lr()[0], 3))
    ...     optimizer.step()
    ...     schedule.step()
    >>> rates
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.146]
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The present rates, moved by the quotient of two neighbouring values of the wave."""
        epoch, period, lowest, rates = self.last_epoch, self.T_max, self.eta_min, rates_of(self.optimizer)
        if self._is_initial:
            return rates
        if self._step_count == 1 and epoch > 0:
            return _along(self.base_lrs, lowest, epoch / period)
        if (epoch - 1 - period) % (2 * period) == 0:  # the wave was 0 before, which no quotient leaves
            rise = (1 - math.cos(math.pi / period)) / 2
            return [rate + (base - lowest) * rise for rate, base in zip(rates, self.base_lrs, strict=True)]
        now, before = (1 + math.cos(math.pi * each / period) for each in (epoch, epoch - 1))
        return [now / before * (rate - lowest) + lowest for rate in rates]

    def _get_closed_form_lr(self) -> list[float]:
        return _along(self.base_lrs, self.eta_min, self.last_epoch / self.T_max)


class CosineAnnealingWarmRestarts(LRScheduler):
    """From the first rate to ``eta_min``, again and again: in ``T_0`` epochs, then in ``T_mult`` times as many, ...

    Raises OptionError for a ``T_0`` or ``T_mult`` that is no whole number from 1 on.

    Law: eta_min + (rate - eta_min) (1 + cos(pi T_cur / T_i)) / 2, with T_cur the epochs since the last restart and T_i
    those between two restarts. ``step(epoch)`` also takes parts of an epoch.

    Args:
        optimizer: whose rates change.
        T_0: epochs before the first restart.
        T_mult: how many times longer the next wave is.
        eta_min: the last rate of a wave.
        last_epoch: the number of the last epoch; -1 starts.

    Reference: Loshchilov & Hutter 2017, "SGDR: stochastic gradient descent with warm restarts".

    >>> import autodiff, optim
    >>> optimizer, rates = optim.SGD([autodiff.ones(1)], lr=1.0), []
    >>> schedule = CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=2)
    >>> for _ in range(7):
    ...     rates.append(round(schedule.get_last_lr()[0], 3))
    ...     optimizer.step()
    ...     schedule.step()
    >>> rates
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0]
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        for name, value in (("T_0", T_0), ("T_mult", T_mult)):
            required(value >= 1 and value == int(value), name, value, "a whole number from 1 on")
        self.T_0, self.T_i, self.T_mult, self.eta_min, self.T_cur = T_0, T_0, T_mult, eta_min, last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The rates at ``T_cur`` of a wave of length ``T_i``."""
        return _along(self.base_lrs, self.eta_min, self.T_cur / self.T_i)

    def step(self, epoch: Any = None) -> None:
        """Go on by one epoch, or to ``epoch``, and set the rates; raises OptionError for an ``epoch`` before 0."""
        if epoch is None and self.last_epoch >= 0:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur, self.T_i = self.T_cur % self.T_i, self.T_i * self.T_mult
        else:
            epoch = epoch or 0
            required(epoch >= 0, "an epoch", epoch, "0 or later")
            self.T_cur, self.T_i = self._place(epoch)
        self.last_epoch = math.floor(epoch)
        self._set(self.get_lr())

    def _place(self, epoch: float) -> tuple[Any, int]:
        """Where in which wave an epoch lies: epochs since its beginning, and its length."""
        first, growth = self.T_0, self.T_mult
        if epoch < first:
            return epoch, first
        if growth == 1:
            return epoch % first, self.T_i
        number = int(math.log(epoch / first * (growth - 1) + 1, growth))
        return epoch - first * (growth**number - 1) / (growth - 1), first * growth**number

"""Schedules that multiply the rates by a factor of the epoch."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from autodiff.errors import DtypeError

from ..optimizer import Optimizer
from ..options import required
from .base import LRScheduler, per_group, rates_of

__all__ = [
    "ConstantLR", "ExponentialLR", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR", "PolynomialLR", "StepLR",
]

Factor = Callable[[int], float]


class _ByFunction(LRScheduler):
    """A schedule with one function of the epoch for all groups, or one for each.

    Raises DtypeError for an ``lr_lambda`` that is no function.
    """

    _functions = ("lr_lambdas",)

    def __init__(self, optimizer: Optimizer, lr_lambda: Factor | Sequence[Factor], last_epoch: int = -1) -> None:
        self._attach(optimizer)
        self.lr_lambdas: list[Factor] = per_group("lr_lambda", optimizer, lr_lambda)
        for function in self.lr_lambdas:
            if not callable(function):
                raise DtypeError(f"lr_lambda is a function of the epoch, not {function!r:.60}")
        super().__init__(optimizer, last_epoch)

    def _by_function(self, rates: list[float]) -> list[float]:
        return [rate * factor(self.last_epoch) for rate, factor in zip(rates, self.lr_lambdas, strict=True)]


class LambdaLR(_ByFunction):
    """The first rate times ``lr_lambda(epoch)``.

    Args:
        optimizer: whose rates change.
        lr_lambda: a function of the epoch for all groups, or one for each.
        last_epoch: the number of the last epoch; -1 starts.

    >>> import autodiff, optim
    >>> optimizer = optim.SGD([autodiff.ones(1)], lr=1.0)
    >>> schedule = LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> optimizer.step()
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    def get_lr(self) -> list[float]:
        """First rates times their functions' values."""
        return self._by_function(self.base_lrs)


class MultiplicativeLR(_ByFunction):
    """The present rate times ``lr_lambda(epoch)``, in every epoch from 1 on.

    Args:
        optimizer: whose rates change.
        lr_lambda: a function of the epoch for all groups, or one for each.
        last_epoch: the number of the last epoch; -1 starts.

    >>> import autodiff, optim
    >>> optimizer = optim.SGD([autodiff.ones(1)], lr=1.0)
    >>> schedule = MultiplicativeLR(optimizer, lambda epoch: 0.5)
    >>> optimizer.step()
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    def get_lr(self) -> list[float]:
        """Present rates times their functions' values."""
        rates = rates_of(self.optimizer)
        return rates if self._is_initial else self._by_function(rates)


class _ByFactor(LRScheduler):
    """A schedule whose rate is the first one times a factor of the epoch.

    A step multiplies the present rate by ``_change``; a jump to an epoch multiplies the first rate by ``_factor``.
    """

    def _factor(self, epoch: int) -> float:
        raise NotImplementedError

    def _change(self, epoch: int) -> float:
        """The factor of ``epoch`` over that of the epoch before."""
        raise NotImplementedError

    def get_lr(self) -> list[float]:
        """Present rates times the change of the factor."""
        change = self._change(self.last_epoch)
        return [rate * change for rate in rates_of(self.optimizer)]

    def _get_closed_form_lr(self) -> list[float]:
        factor = self._factor(self.last_epoch)
        return [rate * factor for rate in self.base_lrs]


class StepLR(_ByFactor):
    """Every ``step_size`` epochs the rate is multiplied by ``gamma``: factor gamma^floor(epoch / step_size).

    Args:
        optimizer: whose rates change.
        step_size: epochs between two changes.
        gamma: what the rate is multiplied by.
        last_epoch: the number of the last epoch; -1 starts.

    Raises OptionError for a ``step_size`` below 1.

    >>> import autodiff, optim
    >>> optimizer, rates = optim.SGD([autodiff.ones(1)], lr=1.0), []
    >>> schedule = StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for _ in range(5):
    ...     rates += schedule.get_last_lr()
    ...     optimizer.step()
    ...     schedule.step()
    >>> rates
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        required(step_size >= 1, "step_size", step_size, "1 or more")
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def _factor(self, epoch: int) -> float:
        return self.gamma ** (epoch // self.step_size)

    def _change(self, epoch: int) -> float:
        return self.gamma if epoch != 0 and epoch % self.step_size == 0 else 1


class MultiStepLR(_ByFactor):
    """At each milestone the rate is multiplied by ``gamma``: factor gamma^n after n milestones.

    Args:
        optimizer: whose rates change.
        milestones: epochs; one that is given twice counts twice.
        gamma: what the rate is multiplied by.
        last_epoch: the number of the last epoch; -1 starts.

    Raises OptionError for milestones that are no whole numbers.

    >>> import autodiff, optim
    >>> optimizer, rates = optim.SGD([autodiff.ones(1)], lr=1.0), []
    >>> schedule = MultiStepLR(optimizer, milestones=[1, 4], gamma=0.5)
    >>> for _ in range(5):
    ...     rates += schedule.get_last_lr()
    ...     optimizer.step()
    ...     schedule.step()
    >>> rates
    [1.0, 0.5, 0.5, 0.5, 0.25]
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones, self.gamma = Counter(_epochs(milestones)), gamma
        super().__init__(optimizer, last_epoch)

    def _factor(self, epoch: int) -> float:
        return self.gamma ** bisect_right(sorted(self.milestones.elements()), epoch)

    def _change(self, epoch: int) -> float:
        return self.gamma ** self.milestones[epoch]


def _epochs(milestones: Any) -> list[int]:
    """The milestones as numbers of Python's; OptionError where something is none, and no epoch would ever meet it."""
    try:
        given = list(milestones)
        epochs = [int(epoch) for epoch in given]
    except (OverflowError, TypeError, ValueError):
        epochs, given = [], [None]
    required(epochs == given, "milestones", milestones, "a list of whole numbers")
    return epochs


class ConstantLR(_ByFactor):
    """The rate is multiplied by ``factor`` before the epoch ``total_iters``, and by 1 from there on.

    Args:
        optimizer: whose rates change.
        factor: from 0 to 1.
        total_iters: the first epoch with the full rate.
        last_epoch: the number of the last epoch; -1 starts.

    Raises OptionError for a ``factor`` that is not from 0 to 1.

    >>> import autodiff, optim
    >>> optimizer, rates = optim.SGD([autodiff.ones(1)], lr=1.0), []
    >>> schedule = ConstantLR(optimizer, factor=0.25, total_iters=3)
    >>> for _ in range(5):
    ...     rates += schedule.get_last_lr()
    ...     optimizer.step()
    ...     schedule.step()
    >>> rates
    [0.25, 0.25, 0.25, 1.0, 1.0]
    """

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1) -> None:
        required(0 <= factor <= 1, "factor", factor, "from 0 to 1")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def _factor(self, epoch: int) -> float:
        return 1 if epoch >= self.total_iters else self.factor

    def _change(self, epoch: int) -> float:
        if epoch == 0:
            return self.factor
        return 1 / self.factor if epoch == self.total_iters else 1


class LinearLR(_ByFactor):
    """The factor goes in a line from ``start_factor`` to ``end_factor`` until the epoch ``total_iters``, and stays.

    Args:
        optimizer: whose rates change.
        start_factor: above 0, at most 1.
        end_factor: from 0 to 1.
        total_iters: the first epoch with ``end_factor``.
        last_epoch: the number of the last epoch; -1 starts.

    Raises OptionError for factors that are not above 0 and at most 1; the last one may be 0.

    >>> import autodiff, optim
    >>> optimizer, rates = optim.SGD([autodiff.ones(1)], lr=1.0), []
    >>> schedule = LinearLR(optimizer, start_factor=0.25, total_iters=3)
    >>> for _ in range(5):
    ...     rates += schedule.get_last_lr()
    ...     optimizer.step()
    ...     schedule.step()
    >>> rates
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        required(0 < start_factor <= 1, "start_factor", start_factor, "above 0 and at most 1")
        required(0 <= end_factor <= 1, "end_factor", end_factor, "from 0 to 1")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def _factor(self, epoch: int) -> float:
        part = min(self.total_iters, epoch) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * part

    def _change(self, epoch: int) -> float:
        if epoch == 0:
            return self.start_factor
        if self._is_initial or epoch > self.total_iters:
            return 1
        rise = self.end_factor - self.start_factor
        return 1 + rise / (self.total_iters * self.start_factor + (epoch - 1) * rise)


class ExponentialLR(_ByFactor):
    """Every epoch the rate is multiplied by ``gamma``: factor gamma^epoch.

    Args:
        optimizer: whose rates change.
        gamma: what the rate is multiplied by.
        last_epoch: the number of the last epoch; -1 starts.

    >>> import autodiff, optim
    >>> optimizer, rates = optim.SGD([autodiff.ones(1)], lr=1.0), []
    >>> schedule = ExponentialLR(optimizer, gamma=0.5)
    >>> for _ in range(4):
    ...     rates += schedule.get_last_lr()
    ...     optimizer.step()
    ...     schedule.step()
    >>> rates
    [1.0, 0.5, 0.25, 0.125]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _factor(self, epoch: int) -> float:
        return self.gamma**epoch

    def _change(self, epoch: int) -> float:
        return 1 if self._is_initial else self.gamma


class PolynomialLR(_ByFactor):
    """The rate falls to 0 in ``total_iters`` epochs: factor (1 - epoch / total_iters)^power, and 0 from there on.

    Args:
        optimizer: whose rates change.
        total_iters: the first epoch with the rate 0.
        power: 1 falls in a line.
        last_epoch: the number of the last epoch; -1 starts.

    >>> import autodiff, optim
    >>> optimizer, rates = optim.SGD([autodiff.ones(1)], lr=1.0), []
    >>> schedule = PolynomialLR(optimizer, total_iters=4)
    >>> for _ in range(6):
    ...     rates += schedule.get_last_lr()
    ...     optimizer.step()
    ...     schedule.step()
    >>> rates
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def _factor(self, epoch: int) -> float:
        return float((1 - min(self.total_iters, epoch) / self.total_iters) ** self.power)

    def _change(self, epoch: int) -> float:
        if self._is_initial or epoch > self.total_iters:
            return 1
        left = 1 - epoch / self.total_iters
        return float((left / (1 - (epoch - 1) / self.total_iters)) ** self.power)

"""Averages of a model's parameters over the steps of training, by ``torch.optim.swa_utils``'s names."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Self

from autodiff.engine.modes import no_grad
from autodiff.errors import OptionError, StateDictError
from autodiff.kinds import state_of
from autodiff.tensors.creation import tensor
from autodiff.tensors.devices import check_device
from autodiff.tensors.tensor import Tensor

from .lr_scheduler.base import LRScheduler, per_group
from .optimizer import Optimizer
from .options import required
from .states import Slot, fitted_state

Average = Callable[[Tensor, Tensor, Tensor], Tensor]
AverageAll = Callable[[list[Tensor], list[Tensor], Tensor], None]


def get_swa_avg_fn() -> Average:
    """The mean of all values so far: average + (value - average) / (n + 1).

    Reference: Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization".
    """

    @no_grad()
    def mean(averaged_param: Tensor, current_param: Tensor, num_averaged: Tensor) -> Tensor:
        result: Tensor = averaged_param + (current_param - averaged_param) / (num_averaged + 1)
        return result

    return mean


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """The exponential moving average: decay average + (1 - decay) value.

    Raises OptionError for a ``decay`` that is not from 0 to 1.

    Reference: Polyak & Juditsky 1992, "Acceleration of stochastic approximation by averaging".
    """
    required(0 <= decay <= 1, "decay", decay, "from 0 to 1")

    @no_grad()
    def moving_average(ema_param: Tensor, current_param: Tensor, num_averaged: Tensor) -> Tensor:
        result: Tensor = decay * ema_param + (1 - decay) * current_param
        return result

    return moving_average


def get_swa_multi_avg_fn() -> AverageAll:
    """``get_swa_avg_fn`` for all tensors in one call, in place."""
    return _of_all(get_swa_avg_fn())


def get_ema_multi_avg_fn(decay: float = 0.999) -> AverageAll:
    """``get_ema_avg_fn`` for all tensors in one call, in place."""
    return _of_all(get_ema_avg_fn(decay))


def _of_all(average: Average) -> AverageAll:
    @no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], num_averaged: Tensor) -> None:
        for mean, value in zip(averaged, current, strict=True):
            mean.copy_(average(mean, value, num_averaged))

    return update


class AveragedModel:
    """A copy of a model whose parameters are averages of the model's, taken at each ``update_parameters``.

    It is called like a module and has a module's ``parameters``, ``state_dict`` etc.; its keys begin with "module.".

    Args:
        model: anything with the methods of a module.
        device: the CPU.
        avg_fn: ``avg_fn(average, value, n)`` is the next average; the mean of all by default.
        multi_avg_fn: instead, ``multi_avg_fn(averages, values, n)`` changes a list of them in place.
        use_buffers: average the buffers too, which otherwise are copied from the model.

    Raises OptionError where both ``avg_fn`` and ``multi_avg_fn`` are given.

    Reference: Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization".
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Any,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: AverageAll | None = None,
        use_buffers: bool = False,
    ) -> None:
        check_device(device)
        if avg_fn is not None and multi_avg_fn is not None:
            raise OptionError("avg_fn and multi_avg_fn are two ways to say one thing; give one of them")
        self.module, self.n_averaged = copy.deepcopy(model), tensor(0)
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged module computes."""
        return self.module(*args, **kwargs)

    __call__ = forward

    @no_grad()
    def update_parameters(self, model: Any) -> None:
        """Add the present parameters of ``model`` to the averages."""
        own, given = (self._averaged_of(m) for m in (self.module, model))
        averages, values = [p.detach() for p in own], [p.detach() for p in given]
        if not int(self.n_averaged):
            for average, value in zip(averages, values, strict=True):
                average.copy_(value)
        else:
            update = self.multi_avg_fn or _of_all(self.avg_fn or get_swa_avg_fn())
            update(averages, values, self.n_averaged)
        if not self.use_buffers:
            for own_buffer, buffer in zip(self.module.buffers(), model.buffers(), strict=True):
                own_buffer.detach().copy_(buffer.detach())
        self.n_averaged += 1

    def _averaged_of(self, model: Any) -> Iterable[Tensor]:
        return chain(model.parameters(), model.buffers()) if self.use_buffers else model.parameters()

    def parameters(self, recurse: bool = True) -> Iterator[Tensor]:
        """The averages."""
        return iter(self.module.parameters(recurse))

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        """The averages with their paths."""
        return iter(self.module.named_parameters(f"{prefix}.module" if prefix else "module", recurse))

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """``n_averaged``, and the buffers of the averaged module."""
        return chain([self.n_averaged], self.module.buffers(recurse))

    def modules(self) -> Iterator[Any]:
        """The model itself, the averaged module and all below it."""
        return chain([self], self.module.modules())

    @property
    def training(self) -> bool:
        """Whether the averaged module is in training."""
        return bool(self.module.training)

    def train(self, mode: bool = True) -> Self:
        """Set the averaged module to training, or to evaluation."""
        self.module.train(mode)
        return self

    def eval(self) -> Self:
        """``train(False)``."""
        return self.train(False)

    def state_dict(self) -> dict[str, Any]:
        """``n_averaged`` and the averages."""
        return {"n_averaged": self.n_averaged, **self.module.state_dict(prefix="module.")}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Any:
        """Go on from a ``state_dict``; raises StateDictError for the state of a module that is no average."""
        if "n_averaged" not in state_of(type(self).__name__, state_dict):
            raise StateDictError("n_averaged is missing: this is the state_dict of a module, not of its average")
        inner = {key.removeprefix("module."): value for key, value in state_dict.items() if key != "n_averaged"}
        count = fitted_state({"n_averaged": Slot("count")}, {"n_averaged": state_dict["n_averaged"]}, "the state_dict")
        result = self.module.load_state_dict(inner, strict)
        self.n_averaged = tensor(count["n_averaged"])
        return result

    def __repr__(self) -> str:
        inner = repr(self.module).replace("\n", "\n  ")
        return f"AveragedModel(\n  (module): {inner}\n)"


@no_grad()
def update_bn(loader: Iterable[Any], model: Any, device: Any = None) -> None:
    """Compute the running statistics of every batch normalisation of ``model`` anew, from all batches of ``loader``.

    A batch is the input, or a list or tuple with the input first. Each counts the same, whatever the momentum.
    """
    check_device(device)
    norms = [m for m in model.modules() if any("BatchNorm" in base.__name__ for base in type(m).__mro__)]
    if not norms:
        return
    momenta, was_training = [norm.momentum for norm in norms], model.training
    model.train()
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
        for batch in loader:
            model(batch[0] if isinstance(batch, (list, tuple)) else batch)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    """From the present rate to ``swa_lr`` in ``anneal_epochs`` epochs; then the rate stays.

    Args:
        optimizer: whose rates change.
        swa_lr: the last rate, for all groups or for each.
        anneal_epochs: how many epochs it takes.
        anneal_strategy: "cos" or "linear".
        last_epoch: the number of the last epoch; -1 starts.

    Raises OptionError for an unknown ``anneal_strategy``, or an ``anneal_epochs`` that is no whole number from 0 on.

    Reference: Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization".
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        self._attach(optimizer)
        for rate, group in zip(per_group("swa_lr", optimizer, swa_lr), optimizer.param_groups, strict=True):
            group["swa_lr"] = rate
        required(anneal_strategy in ("cos", "linear"), "anneal_strategy", anneal_strategy, "'cos' or 'linear'")
        whole = anneal_epochs >= 0 and anneal_epochs == int(anneal_epochs)
        required(whole, "anneal_epochs", anneal_epochs, "a whole number from 0 on")
        self._anneal_strategy, self.anneal_epochs = anneal_strategy, anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _progress(self, step: int) -> float:
        """The part of the change that is made after ``step`` epochs, from 0 to 1."""
        part = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return part if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * part)) / 2

    def get_lr(self) -> list[float]:
        """The rates of this epoch; where the change began is computed from the present rates."""
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._progress(step - 1), self._progress(step)
        rates = []
        for group in self.optimizer.param_groups:
            rate, goal = float(group["lr"]), group["swa_lr"]
            start = goal if before == 1 else (rate - before * goal) / (1 - before)
            rates.append(goal * now + start * (1 - now))
        return rates

"""What all schedules share: the count of epochs, the rates they set, the state dict."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, TypeVar

from autodiff.engine.call_sites import of_library
from autodiff.errors import DtypeError, OptionError, StateDictError
from autodiff.kinds import described
from autodiff.tensors.tensor import Tensor
from autodiff.tensors.warned import warn

from ..optimizer import Group, Optimizer
from ..options import numbers_wanted
from ..states import alike

C = TypeVar("C", bound=Callable[..., None])
COUNTS = ("last_epoch", "_step_count")
WORDS = (  # attributes that are one of a few words
    ("min", "max"), ("rel", "abs"), ("cos", "linear"), ("triangular", "triangular2", "exp_range"),
    ("cycle", "iterations"),
)  # fmt: skip
UNUSED = ("_get_lr_called_within_step", "verbose")  # attributes of PyTorch's schedules


def _check_verbose(verbose: Any) -> None:
    """Warn of an argument that PyTorch has dropped."""
    if verbose not in (None, False, "deprecated"):
        warn("verbose says nothing, as in PyTorch; print(scheduler.get_last_lr()) shows the rates")


def _without_verbose(constructor: C) -> C:
    """``constructor``, which ignores ``verbose``."""

    @wraps(constructor)
    def construct(self: Any, *args: Any, **kwargs: Any) -> None:
        _check_verbose(kwargs.pop("verbose", None))
        constructor(self, *args, **kwargs)

    return construct  # type: ignore[return-value]  # takes what the constructor takes


class LRScheduler:
    """What all schedules share; a subclass says in ``get_lr`` what the rates become.

    Each ``step()`` adds 1 to ``last_epoch`` and sets the rates; the constructor takes the first step, from -1 to 0. A
    program that goes on from a later epoch gives it as ``last_epoch``, with ``initial_lr`` in each group.

    Most schedules change the present rates rather than the first ones, so that several of one optimizer act together.
    ``_get_closed_form_lr`` computes the rates of an epoch from the first ones, for ``step(epoch)``.

    Raises:
        DtypeError: ``optimizer`` is no Optimizer.
        OptionError: ``last_epoch`` goes on from groups that have no ``initial_lr``.
    """

    _is_initial = False  # while the schedule is being made
    _keeps_anything = False  # a user's schedule has what attributes it likes
    _of_optimizer: tuple[str, ...] = ()  # attributes that say what the optimizer is like
    _functions: tuple[str, ...] = ()  # attributes that are functions, or lists of them: no part of a state dict

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._keeps_anything = not cls.__module__.startswith("optim.")
        if "__init__" in vars(cls) and of_library(cls.__init__.__code__):
            cls.__init__ = _without_verbose(numbers_wanted(cls.__init__))  # type: ignore[method-assign]

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1, verbose: Any = None) -> None:
        _check_verbose(verbose)
        self._attach(optimizer)
        for number, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _plain(group["lr"]))
            elif "initial_lr" not in group:
                raise OptionError(f"group {number} has no 'initial_lr', which last_epoch={last_epoch} needs")
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _attach(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise DtypeError(f"a schedule changes the rates of an Optimizer, not of {described(optimizer)}")
        self.optimizer = optimizer
        if not optimizer._scheduled:  # steps before the first schedule do not count for the order of calls
            optimizer._scheduled, optimizer._opt_called = True, False

    def _initial_step(self) -> None:
        self._step_count, self._is_initial = 0, True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self) -> list[float]:
        """The rate of each group at ``last_epoch``, where its present one is that of the epoch before."""
        raise NotImplementedError(f"{type(self).__name__} does not say what the rates become")

    def get_last_lr(self) -> list[float]:
        """The rate of each group as this schedule set it last."""
        return self._last_lr

    def step(self, epoch: Any = None) -> None:
        """Go on by one epoch, or to ``epoch``, and set the rates.

        Warns (UserWarning) where the optimizer has not stepped before the first call, which skips the first rate, and
        where ``epoch`` is given.
        """
        if self._step_count == 1 and not self.optimizer._opt_called:
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. Call them in the opposite order: "
                "otherwise the first rate of the schedule is never used.",
                UserWarning,
                stacklevel=2,
            )
        self._step_count += 1
        if epoch is not None:
            warn_of_epoch()
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed = None if epoch is None else self._get_closed_form_lr()
        self._set(self.get_lr() if closed is None else closed)

    def _get_closed_form_lr(self) -> list[float] | None:
        """The rates at ``last_epoch``, whatever the present ones are; None where they have no closed form."""
        return None

    def _set(self, rates: Sequence[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            set_rate(group, rate)
        self._last_lr = rates_of(self.optimizer)

    def state_dict(self) -> dict[str, Any]:
        """The attributes of the schedule, without the optimizer.

        Of a function that is an instance of a user's class its attributes are kept, of any other function nothing.
        """
        state = {name: value for name, value in vars(self).items() if name != "optimizer"}
        for name in self._functions:
            value = state[name]
            state[name] = [_attributes(f) for f in value] if isinstance(value, list) else _attributes(value)
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a ``state_dict``.

        Raises StateDictError where it is one of another schedule, or of another number of groups; nothing has changed
        then.
        """
        self._adopt(self._fitted(state_dict))

    def _fitted(self, state_dict: Any) -> dict[str, Any]:
        """The attributes that a state dict has, each in the type of the own one."""
        name, own = type(self).__name__, self.state_dict()
        if not isinstance(state_dict, Mapping):
            raise StateDictError(f"the state_dict of a {name} is a dict, not a {type(state_dict).__name__}")
        state = {key: value for key, value in state_dict.items() if key not in UNUSED}
        missing = [key for key in own if key not in state and key not in self._functions]
        unknown = [key for key in state if key not in own]
        if (missing or unknown) and not self._keeps_anything:
            faults = [f"lacks {missing}"] * bool(missing) + [f"has {unknown}"] * bool(unknown)
            raise StateDictError(f"the state_dict is not one of a {name} like this: it {' and '.join(faults)}")
        for key in own.keys() & state.keys():
            here, value = own[key], state[key]
            if not self._fits(key, here, value):
                given, kept = described(value), described(here)
                raise StateDictError(f"{key} of a {name} is {given} in the state_dict, and {kept} here")
            if isinstance(here, (list, tuple, Counter)):
                state[key] = type(here)(value)
        return state

    def _fits(self, key: str, here: Any, value: Any) -> bool:
        """Whether an attribute of a state dict can stand in place of the own one."""
        if key in self._functions:
            return _attributes_fit(here, value)
        if not alike(here, value) or (key in COUNTS and not -1 <= value < 1 << 53):
            return False
        if isinstance(here, str) and any(here in words and value not in words for words in WORDS):
            return False
        return key not in self._of_optimizer or value == here

    def _adopt(self, state: dict[str, Any]) -> None:
        """Take what ``_fitted`` gave."""
        vars(self).update({name: value for name, value in state.items() if name not in self._functions})
        for name in self._functions:
            own, saved = vars(self)[name], state.get(name)
            pairs = zip(own, saved or [None] * len(own), strict=True) if isinstance(own, list) else [(own, saved)]
            for function, attributes in pairs:
                if attributes is not None:
                    vars(function).update(attributes)


def _attributes(function: Any) -> dict[str, Any] | None:
    plain = function is None or not hasattr(function, "__dict__") or hasattr(function, "__code__")
    return None if plain else dict(vars(function))


def _attributes_fit(own: Any, saved: Any) -> bool:
    """Whether functions, or one, can take the attributes that were saved of others: only those that have some can."""
    if isinstance(own, list):
        same = isinstance(saved, list) and len(own) == len(saved)
        return same and all(_attributes_fit(one, other) for one, other in zip(own, saved, strict=True))
    return saved is None or (own is not None and isinstance(saved, Mapping))


def _plain(rate: Any) -> Any:
    return rate.item() if isinstance(rate, Tensor) else rate


def warn_of_epoch() -> None:
    """Warn the program that calls ``step(epoch)``."""
    warnings.warn(
        "The epoch parameter in `scheduler.step()` jumps to that epoch; most schedules go on by `step()` alone",
        UserWarning,
        stacklevel=3,
    )


def rates_of(optimizer: Optimizer) -> list[float]:
    """The present rate of each group."""
    return [_plain(group["lr"]) for group in optimizer.param_groups]


def set_rate(group: Group, rate: float) -> None:
    """Set the rate of a group, in place where it is a tensor."""
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def per_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """``value`` for each group, or the values of a list.

    Raises OptionError for a list of another length.
    """
    count = len(optimizer.param_groups)
    values = list(value) if isinstance(value, (list, tuple)) else [value] * count
    if len(values) != count:
        raise OptionError(f"{name} takes one value or {count}, one for each group, not {len(values)}")
    return values

"""Options: an optimizer's constructor declares each of them once, with its default and, in its type, its limit."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import wraps
from inspect import signature
from operator import index
from typing import Annotated, Any, NamedTuple, TypeVar

import numpy as np

from autodiff.errors import OptionError
from autodiff.kinds import described
from autodiff.tensors.tensor import Tensor

Params = Iterable[Any]
C = TypeVar("C", bound=Callable[..., None])


def required(holds: bool, name: str, value: Any, wanted: str) -> None:
    """Raise OptionError, which says what is ``wanted`` of an option, unless its value ``holds`` it."""
    if not holds:
        raise OptionError(f"{name} is {wanted}, not {value!r}")


def numbers_wanted(constructor: C) -> C:
    """``constructor``, whose TypeErrors about an argument of the wrong kind say which number is wanted."""
    names = list(signature(constructor).parameters)[1:]

    @wraps(constructor)
    def construct(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            constructor(self, *args, **kwargs)
        except TypeError as error:
            for name, value in (*zip(names, args, strict=False), *kwargs.items()):
                if type(error) is TypeError and f"'{type(value).__name__}'" in str(error) and name != "optimizer":
                    raise OptionError(f"{type(self).__name__}: {name} is of another kind than {value!r}") from error
            raise

    return construct  # type: ignore[return-value]  # takes what the constructor takes


class Limit(NamedTuple):
    """What is asked of the value of an option, as a test and in words."""

    holds: Callable[[Any], bool]
    wanted: str

    def allows(self, value: Any) -> bool:
        """Whether ``value`` is of the kind that the test takes, and passes it."""
        try:
            return bool(self.holds(value))
        except (TypeError, ValueError, LookupError):
            return False

    def wish(self, value: Any) -> str:
        """What is wanted in place of ``value``."""
        is_number = isinstance(value, (int, float)) or hasattr(value, "item")
        return self.wanted if is_number or self is fractions else f"a number, {self.wanted}"


def plain(name: str, value: Any) -> Any:
    """An option whose numbers are Python's; raises OptionError for one that no float holds.

    The learning rate may stay a tensor, which a program or a schedule changes.
    """
    if isinstance(value, tuple):
        return tuple(plain(name, each) for each in value)
    if isinstance(value, np.generic) or (isinstance(value, Tensor) and value.numel() == 1 and name != "lr"):
        return value.item()
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        raise OptionError(f"{name} is {described(value)}, which is no float")
    return value


not_negative = Limit(lambda value: value >= 0, "0 or more")
fractions = Limit(lambda betas: len(betas) == 2 and all(0 <= b < 1 for b in betas), "a pair, each from 0 to below 1")

whole = Limit(lambda value: index(value) >= 0, "a whole number, 0 or more")

NotNegative = Annotated[float, not_negative]
Whole = Annotated[int, whole]
Betas = Annotated[tuple[float, float], fractions]


def names_of(optimizers: Iterable[type]) -> set[str]:
    """The names of what the constructors of optimizers take."""
    return {name for optimizer in optimizers for name in signature(optimizer).parameters}


def limits_of(optimizer: type) -> dict[str, Limit]:
    """The limits of the options in the signature of an optimizer that have one."""
    try:
        parameters = signature(optimizer, eval_str=True).parameters
    except Exception:  # annotations of a user's optimizer may say anything: only the library's have limits
        return {}
    notes = {name: getattr(parameter.annotation, "__metadata__", ()) for name, parameter in parameters.items()}
    return {name: limit for name, found in notes.items() for limit in found if isinstance(limit, Limit)}


def options(arguments: dict[str, Any], first: str = "") -> dict[str, Any]:
    """The options among ``locals()`` of an optimizer's constructor: all arguments but the parameters.

    They have the order of PyTorch's ``defaults``: those named in ``first``, then the others in the signature's order.
    """
    names = dict.fromkeys([*first.split(), *arguments])
    return {name: arguments[name] for name in names if name not in ("self", "params", "__class__")}

"""Names and options on their way out: all of them warn in the same words."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def warn_deprecated(what: str, *, since: str, until: str, instead: str) -> None:
    """Warn the program that called the function which calls this.

    ``what`` goes away, such as "save(protocol=...)"; it warns from version ``since`` on, is gone in version ``until``,
    and ``instead`` is what to write.
    """
    text = f"{what} is deprecated since version {since} and will be gone in {until}; write {instead}"
    warnings.warn(text, DeprecationWarning, stacklevel=3)


def deprecated(*, since: str, until: str, instead: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A function that works as before, and warns.

    >>> @deprecated(since="0.2", until="0.4", instead="new(x)")
    ... def old(x):
    ...     return x + 1
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     old(1)
    2
    >>> print(caught[0].message)
    old is deprecated since version 0.2 and will be gone in 0.4; write new(x)
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def warning(*args: P.args, **kwargs: P.kwargs) -> R:
            warn_deprecated(function.__name__, since=since, until=until, instead=instead)
            return function(*args, **kwargs)

        return warning

    return decorate

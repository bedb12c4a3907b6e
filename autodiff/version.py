"""The version, in the one place where it is written; the build reads it without importing the package.

``autodiff.__version__`` is what programs ask: the version of PyTorch whose names are followed, and then the library's.
"""

from __future__ import annotations

import re
from typing import Any

__version__ = "0.1.0"
FOLLOWED = "2.13.0"  # PyTorch's, which the tests compare with
cuda = hip = xpu = None  # versions of what PyTorch may be built with


class Version(str):
    """A version that compares with others by its numbers, as PyTorch's does: "2.13.0" is above "2.9" and (2, 9).

    >>> Version("2.13.0+tapegrad.0.1.0") >= "2.9", Version("2.13.0+tapegrad.0.1.0").split(".")[0]
    (True, '2')
    """

    __slots__ = ()

    def __lt__(self, other: Any) -> bool:
        return _numbers(self) < _numbers(other)

    def __le__(self, other: Any) -> bool:
        return _numbers(self) <= _numbers(other)

    def __gt__(self, other: Any) -> bool:
        return _numbers(self) > _numbers(other)

    def __ge__(self, other: Any) -> bool:
        return _numbers(self) >= _numbers(other)


TorchVersion = Version


def _numbers(version: Any) -> tuple[int, ...]:
    """The numbers of a version, without what follows a plus and without zeros at the end."""
    parts = version if isinstance(version, tuple) else str(version).partition("+")[0].split(".")
    found = [int(digits[0]) for part in parts if (digits := re.match(r"\d+", str(part)))]
    while found and not found[-1]:
        found.pop()
    return tuple(found)

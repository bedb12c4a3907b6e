"""What a checker of types has to know of a module: it is called with what its ``forward`` takes, and gives the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class Computes(Protocol[P, R_co]):
    """Anything that has a ``forward``."""

    @property
    def forward(self) -> Callable[P, R_co]:
        """What it computes."""

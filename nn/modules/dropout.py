"""Dropout as a module."""

from __future__ import annotations

from typing import Any

from nn import functional as F
from nn.functional.arguments import check_probability
from nn.module import Module

__all__ = ["Dropout"]


class Dropout(Module):
    """Set each entry to zero with probability ``p`` while training; in evaluation do nothing."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        check_probability(p)
        self.p, self.inplace = p, inplace

    def forward(self, input: Any) -> Any:
        """``functional.dropout``."""
        return F.dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        """The options."""
        return f"p={self.p}, inplace={self.inplace}"

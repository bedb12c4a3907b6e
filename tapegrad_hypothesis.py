"""What hypothesis calls when it is imported: Tensors get a strategy, and nothing is imported for those who use none."""

from __future__ import annotations

import sys

__all__ = ["register"]


def register() -> None:
    """Register the strategy for Tensors if autodiff is loaded; ``autodiff.testing.strategies`` does it later."""
    if "autodiff.tensor" in sys.modules:
        import autodiff.testing.strategies

        autodiff.testing.strategies.tensors()

"""What can go wrong with a picture."""

from __future__ import annotations

from autodiff.errors import AutodiffError


class DrawingError(AutodiffError, RuntimeError):
    """A picture that cannot be made as it was asked for; the message says what is missing and how to get it."""


class DrawingWarning(UserWarning):
    """A picture that was made more simply than it could be; the message says what to install."""

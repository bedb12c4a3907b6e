"""What cannot be exported."""

from __future__ import annotations

from autodiff.errors import AutodiffError


class ExportError(AutodiffError, RuntimeError):
    """A model that cannot be exported; the message names the module, the operation and the line that called it."""

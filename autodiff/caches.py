"""The folder for files that can be made or fetched again."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "TAPEGRAD_CACHE"


def cache_folder() -> Path:
    """``$TAPEGRAD_CACHE``, or the folder ``tapegrad`` where the system keeps such files; it need not exist yet."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tapegrad"

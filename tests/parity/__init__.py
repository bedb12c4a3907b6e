"""Cases of parity with PyTorch: one module for each family of the vocabulary, all of which are loaded here."""

from __future__ import annotations

import importlib
import pkgutil

for _family in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_family.name}")

"""Every primitive declared once; one module for each family, all of which are loaded here."""

from __future__ import annotations

import importlib
import pkgutil

from declared.base import DECLARED as DECLARED
from declared.base import ELSEWHERE as ELSEWHERE
from declared.base import PLAIN as PLAIN
from declared.base import test_of as test_of

for _family in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_family.name}")

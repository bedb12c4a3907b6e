"""``python -m autodiff``."""

from __future__ import annotations

import sys

from autodiff.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

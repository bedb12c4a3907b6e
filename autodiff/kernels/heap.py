"""The C library's heap, told to keep what a training step frees and the next one asks for again."""

from __future__ import annotations

import numpy as np

LARGEST = (1 << 25) - (1 << 13)  # bytes: just under the 32 MiB beyond which glibc does not learn from what is freed


def keep_freed_memory() -> None:
    """Let arrays of up to 32 MiB be made from memory that was freed before.

    glibc asks the system for every array of more than 128 kB and gives it back when it is freed, and the system clears
    each of its pages anew: for arrays of some MB that takes longer than the arithmetic. When one such piece is freed,
    glibc takes its size for the new limit (mallopt(3), "M_MMAP_THRESHOLD"); so one is made here, of which no page is
    touched, and freed. Up to twice the limit stays with the process. Other C libraries take no notice.
    """
    np.empty(LARGEST, np.uint8)

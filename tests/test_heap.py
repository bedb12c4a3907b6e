"""Memory that is freed is used again."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

STEPS = 50
PROGRAM = f"""
import resource
import autodiff
import numpy as np

def step():
    a = np.ones(600_000, np.float32)
    b, c = a + 1, a * 2
    return (b + c).sum()

for _ in range(5):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({STEPS}):
    step()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / {STEPS})
"""


def faults_per_step() -> float:
    command = [sys.executable, "-c", PROGRAM]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have limits of their own")
def test_arrays_of_some_megabytes_are_made_of_pages_the_process_has() -> None:
    """Once the library is imported, a step over four arrays of 2.4 MB asks for next to no new pages; else for 2,000."""
    assert faults_per_step() < 50

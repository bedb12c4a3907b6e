"""Every entry of the vocabulary means what it means in PyTorch."""

from __future__ import annotations

import pytest
from parity.base import CASES, Case, check
from parity.harness import peer

peer()


@pytest.mark.parametrize("case", [case for cases in CASES.values() for case in cases], ids=str)
def test_the_call_gives_what_it_gives_in_pytorch(case: Case) -> None:
    """Values, shapes, dtypes, first and second gradients are PyTorch's, in either layout and precision."""
    check(case)

"""Arrays and Tensors inside the rules of primitives."""

from __future__ import annotations

from typing import Any

import numpy as np


def are_arrays(*values: Any) -> bool:
    """Whether all are arrays, on which a rule may take a faster way to the numbers that its formula gives.

    A rule is one formula in operators and ``np.`` functions. The first-order walk calls it on arrays; for a gradient of
    a gradient it is called on Tensors, which record every step. What has no primitive of its own (work in place, by
    blocks, by threads, or in another precision) is hence for arrays only, and this is how a rule asks.
    """
    return all(isinstance(x, np.ndarray) for x in values)


def detached(x: Any) -> Any:
    """The numbers of ``x`` without its history."""
    return x.detach().numpy() if hasattr(x, "detach") else x

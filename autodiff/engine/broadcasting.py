"""Undoing a broadcast: the one place where a cotangent is summed back to the shape of its input."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.kernels.sums import accumulate, sum_of_rows


def unbroadcast(cotangent: Any, shape: tuple[int, ...]) -> Any:
    """Sum ``cotangent`` over the axes along which an input of ``shape`` was stretched: the adjoint of broadcasting.

    >>> unbroadcast(np.ones((2, 3)), (3,))
    array([2., 2., 2.])
    >>> unbroadcast(np.ones((2, 3)), (2, 1))
    array([[3.],
           [3.]])
    """
    stretched = cotangent.shape
    if stretched == shape:
        return cotangent
    lead = len(stretched) - len(shape)
    if stretched[lead:] == shape:  # a bias, the commonest case
        if lead == 1 and stretched[0] == 1:  # of a single sample
            return cotangent.reshape(shape)
        if isinstance(cotangent, np.ndarray) and len(shape) == 1 and cotangent.dtype.char in "fd":
            return sum_of_rows(cotangent if lead == 1 else cotangent.reshape(math.prod(stretched[:lead]), *shape))
        return accumulate(cotangent, tuple(range(lead)))
    axes = tuple(i for i, n in enumerate(stretched) if i < lead or n != shape[i - lead])
    return accumulate(cotangent, axes).reshape(shape)


def broadcasts_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether ``shape`` can be stretched to ``target``, so that what has ``target`` can be summed back to ``shape``.

    >>> broadcasts_to((3, 1), (2, 3, 4)), broadcasts_to((2, 3), (3,))
    (True, False)
    """
    lead = len(target) - len(shape)
    return lead >= 0 and all(n in (1, m) for n, m in zip(shape, target[lead:], strict=True))

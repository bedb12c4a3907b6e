"""Declarations of resampling, and of convolution of volumes."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.kernels.resampling import Taps
from autodiff.testing.domain import real
from declared.base import declare, one_of

TAPS = Taps(np.array([[0, 2, 1, 1], [1, 2, 2, 0]]), np.array([[0.5, 1.0, -0.25, 2.0], [0.5, 0.0, 1.25, 1.0]]))
PICKS = Taps(np.array([[2, 1, 1, 0]]))


def _matrix(taps: Taps, size: int) -> Any:
    """The linear map as a matrix (result, input)."""
    matrix = np.zeros((taps.positions.shape[1], size))
    for k, i in np.ndindex(taps.positions.shape):
        matrix[i, taps.positions[k, i]] += 1.0 if taps.weights is None else taps.weights[k, i]
    return matrix


def _mapped(x: Any, axis: int, matrix: Any) -> Any:
    return np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)


_axes = [{"axis": axis, "taps": taps} for axis in (0, 1) for taps in (TAPS, PICKS)]
declare("resample", real, shapes=[((3, 3),), ((3, 3, 2),)], kwargs=one_of(*_axes),
        ref=lambda x, axis, taps: _mapped(x, axis, _matrix(taps, 3)))
declare("resample_adjoint", real, shapes=[((4, 4),), ((4, 4, 1),)], kwargs=one_of(*({**a, "size": 3} for a in _axes)),
        ref=lambda x, axis, taps, size: _mapped(x, axis, _matrix(taps, size).T))

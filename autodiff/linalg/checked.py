"""Results with a number for each matrix that says whether it has one, where their namesakes raise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff import return_types
from autodiff.errors import LinalgError
from autodiff.functions.arithmetic import where
from autodiff.functions.arrays import array_of, constant
from autodiff.functions.axes import also_called
from autodiff.kernels.arrays import as_array
from autodiff.linalg.decompositions import cholesky, floating, inv, solve
from autodiff.linalg.factors import lu_factor_ex

__all__ = ["cholesky_ex", "inv_ex", "solve_ex"]


def _checked(
    compute: Callable[[Any], Any], A: Any, places: Callable[[Any], Any], check_errors: bool
) -> tuple[Any, Any]:
    """What ``compute`` makes of ``A``, NaN for matrices that have none; and 0, or where it fails by ``places``."""
    try:
        return compute(A), constant(np.zeros(A.shape[:-2], np.int32), A)
    except LinalgError:
        if check_errors:
            raise
    info = as_array(places(floating(array_of(A))), np.int32)
    failed = (info > 0)[..., None, None]
    result = compute(where(failed, np.eye(A.shape[-1], dtype=A.dtype), A))
    lost = failed if result.ndim != A.ndim - 1 else failed[..., 0]
    return where(lost, np.nan, result), constant(info, A)


def _pivots(A: Any) -> Any:
    """The place, from 1, of the first zero on the diagonal of U; 0 where there is none."""
    return array_of(lu_factor_ex(A).info)


def _minors(A: Any) -> Any:
    """The order of the first leading minor that is not positive, 0 where all are; of the lower triangle of ``A``."""
    rest = np.tril(A) + np.tril(A, -1).mT.conj()
    info = np.zeros(A.shape[:-2], np.int32)
    for i in range(A.shape[-1]):  # what is left after i rows of elimination
        pivot = rest[..., i, i].real
        info = np.where((info == 0) & ~(pivot > 0), i + 1, info)
        column = rest[..., i + 1 :, i] / np.where(pivot > 0, pivot, 1)[..., None]
        rest[..., i + 1 :, i + 1 :] -= column[..., :, None] * rest[..., i, None, i + 1 :]
    return info


def inv_ex(A: Any, *, check_errors: bool = False) -> return_types.linalg_inv_ex:
    """``inv``, and for each matrix 0, or, where it is singular, the place of a zero pivot, from 1; its inverse is NaN.

    Raises LinalgError for a singular matrix if ``check_errors``.
    """
    return return_types.linalg_inv_ex(*_checked(inv, A, _pivots, check_errors))


def solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False) -> return_types.linalg_solve_ex:
    """``solve``, and for each matrix 0, or, where it is singular, the place of a zero pivot, from 1; it is NaN then.

    Raises LinalgError for a singular matrix if ``check_errors``.
    """
    return return_types.linalg_solve_ex(*_checked(lambda A: solve(A, B, left=left), A, _pivots, check_errors))


@also_called(input="A")
def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False) -> return_types.linalg_cholesky_ex:
    """``cholesky``, and for each matrix 0, or the order of its first leading minor that is not positive.

    The factor of such a matrix is NaN; PyTorch's has the rows that were computed. Programs that find it add more to
    the diagonal, and try again. Raises LinalgError for such a matrix if ``check_errors``.
    """
    return return_types.linalg_cholesky_ex(*_checked(lambda A: cholesky(A, upper=upper), A, _minors, check_errors))

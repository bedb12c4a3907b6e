"""What distributions share: parameters that broadcast, attributes that wait, probabilities and their logits."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Number
from typing import Any, overload

import numpy as np

from autodiff.dtypes import finfo, get_default_dtype
from autodiff.engine.modes import enable_grad
from autodiff.engine.values import Value
from autodiff.errors import DtypeError, OptionError
from autodiff.functions.reductions import softmax
from autodiff.functions.shaping import broadcast_tensors
from autodiff.tensors.creation import as_tensor, tril_indices, zeros
from autodiff.tensors.sampling import rand, randn
from autodiff.tensors.tensor import Tensor

euler_constant = 0.57721566490153286060  # Euler and Mascheroni's


def broadcast_all(*values: Any) -> tuple[Value, ...]:
    """Numbers, arrays and tensors broadcast; numbers in the dtype of the first floating tensor or else the default one.

    Raises:
        OptionError: a value is none of these.
    """
    if len(values) == 1 and isinstance(values[0], Tensor):
        return values
    if not all(isinstance(v, (Number, np.ndarray, Tensor)) for v in values):
        kinds = ", ".join(type(v).__name__ for v in values)
        raise OptionError(f"the parameters of a distribution are numbers, arrays or tensors, not ({kinds})")
    given = [as_tensor(v) if isinstance(v, np.ndarray) else v for v in values]
    kind = next((v.dtype for v in given if isinstance(v, Tensor) and v.dtype.kind == "f"), get_default_dtype())
    return tuple(broadcast_tensors(*(v if isinstance(v, Tensor) else as_tensor(v, dtype=kind) for v in given)))


class lazy_property:
    """A method whose result becomes an attribute when it is first asked for; it is recorded even under ``no_grad``."""

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        self.wrapped = wrapped
        self.__doc__ = wrapped.__doc__

    @overload
    def __get__(self, instance: None, owner: Any = None) -> lazy_property: ...
    @overload
    def __get__(self, instance: object, owner: Any = None) -> Any: ...
    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        with enable_grad():
            value = self.wrapped(instance)
        instance.__dict__[self.wrapped.__name__] = value
        return value


def clamp_probs(probs: Any) -> Value:
    """Probabilities kept from 0 and 1 by one rounding error: at the ends their logarithms would have no gradient."""
    eps = float(finfo(probs.dtype).eps)
    return probs.clamp(eps, 1 - eps)


def probs_to_logits(probs: Any, is_binary: bool = False) -> Value:
    """Logarithms of probabilities, or where there are two outcomes of the odds of the first."""
    inside = clamp_probs(probs)
    return inside.log() - (-inside).log1p() if is_binary else inside.log()


def logits_to_probs(logits: Any, is_binary: bool = False) -> Value:
    """The probabilities of logits: of two outcomes by the sigmoid, of more in the last axis by the softmax."""
    return logits.sigmoid() if is_binary else softmax(logits, -1)


def weighted(chance: Any, of: Any) -> Value:
    """``chance * of``, but 0 where the chance is 0, whatever is weighted there."""
    never = chance == 0
    return (chance * of.masked_fill(never, 0.0)).masked_fill(never, 0.0)


def _sum_rightmost(value: Any, dim: int) -> Value:
    """The sum over the last ``dim`` axes."""
    return value if dim == 0 else value.sum(tuple(range(-dim, 0)))


def _standard_normal(shape: Any, dtype: Any, device: Any = None) -> Value:
    """Independent normal numbers of mean 0 and variance 1."""
    return randn(tuple(shape), dtype=dtype)


def open_uniform(shape: Any, dtype: Any) -> Value:
    """Independent uniform numbers strictly between 0 and 1."""
    tiny = np.finfo(dtype)
    return rand(tuple(shape), dtype=dtype).clamp(float(tiny.tiny), 1 - float(tiny.epsneg))


def tril_matrix_to_vec(mat: Any, diag: int = 0) -> Value:
    """The entries of square matrices on and below a diagonal, row by row, as vectors.

    Raises:
        OptionError: there is no such diagonal.
    """
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise OptionError(f"a matrix of {n} columns has the diagonals {-n} to {n - 1}, not {diag}")
    rows, columns = tril_indices(n, n, diag)
    return mat[..., rows, columns]


def vec_to_tril_matrix(vec: Any, diag: int = 0) -> Value:
    """Square matrices with the entries of vectors on and below a diagonal, row by row, and zeros above.

    Raises:
        DtypeError: a vector of that length fills no such triangle.
    """
    n = (-(1 + 2 * diag) + math.sqrt((1 + 2 * diag) ** 2 + 8 * vec.shape[-1] + 4 * abs(diag) * (diag + 1))) / 2
    size = round(n)
    if abs(n - size) > finfo(vec.dtype).eps * size:
        raise DtypeError(f"{vec.shape[-1]} numbers fill no triangle of a matrix up to its diagonal {diag}")
    rows, columns = tril_indices(size, size, diag)
    mat = zeros((*vec.shape[:-1], size, size), dtype=vec.dtype)
    return mat.index_put((..., rows, columns), vec) if vec.ndim == 1 else _filled(mat, rows, columns, vec)


def _filled(mat: Any, rows: Any, columns: Any, vec: Any) -> Value:
    size = mat.shape[-1]
    flat = mat.reshape(*vec.shape[:-1], size * size)
    at = (rows * size + columns).expand(vec.shape)
    return flat.scatter(-1, at, vec).reshape(mat.shape)

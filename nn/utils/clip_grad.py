"""Norms of gradients, and gradients cut down to a largest norm or value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autodiff.dtypes import COMPLEX, get_default_dtype, to_real
from autodiff.engine.values import wrap
from autodiff.engine.versions import changed
from autodiff.errors import DtypeError, NonFiniteError
from autodiff.kernels.arrays import as_array
from autodiff.kinds import not_a_tensor, parameters_of, refusing
from autodiff.tensors.tensor import Tensor
from autodiff.tensors.warned import warn

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]

Tensors = Tensor | Iterable[Tensor]


def _listed(tensors: Tensors) -> list[Tensor]:
    listed = parameters_of("clipping", tensors)
    for x in listed:
        if not isinstance(x, Tensor):
            raise not_a_tensor("clipping", x, "tensors")
    return listed


def _gradients(parameters: Tensors) -> list[Tensor]:
    """The gradients of those parameters that have one."""
    return [p._grad for p in _listed(parameters) if p._grad is not None]


def get_total_norm(
    tensors: Tensors, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """The norm of all entries of all tensors together, as if they were one vector.

    Raises NonFiniteError with ``error_if_nonfinite``, where it is NaN or infinite.

    >>> import autodiff
    >>> get_total_norm([autodiff.tensor([3.0]), autodiff.tensor([[4.0]])])
    tensor(5.)
    """
    return _total_norm(_listed(tensors), norm_type, error_if_nonfinite)


def _total_norm(tensors: list[Tensor], norm_type: float, error_if_nonfinite: bool) -> Tensor:
    arrays = [t._array for t in tensors]
    kind = to_real(arrays[0].dtype) if arrays else get_default_dtype()
    norms: list[Any] = [np.linalg.norm(array.ravel(), float(norm_type)) for array in arrays if array.size]
    joined: Any = np.stack if norms and isinstance(norms[0], np.ndarray) else np.array  # which is blind for ``compile``
    total = as_array(np.linalg.norm(joined(norms), float(norm_type)) if norms else 0.0, kind)
    if error_if_nonfinite and not np.isfinite(total):
        raise NonFiniteError(f"the total norm of order {norm_type} of the gradients is {total}, so nothing was clipped")
    total_norm: Tensor = wrap(total)
    return total_norm


@refusing
def clip_grads_with_norm_(
    parameters: Tensors, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Multiply the gradients by ``max_norm / total_norm`` where that is below 1."""
    _scale(_gradients(parameters), max_norm, as_array(total_norm.detach()))


def _scale(gradients: list[Tensor], max_norm: float, total_norm: Any) -> None:
    factor = np.minimum(float(max_norm) / (total_norm.astype(np.float64) + 1e-6), 1.0)
    _change(gradients, (g._array * factor.astype(g._array.dtype) for g in gradients))


@refusing
def clip_grad_norm_(
    parameters: Tensors, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:  # fmt: skip
    """Scale the gradients, in place, so that their total norm is at most ``max_norm``; returns the norm they had.

    Raises NonFiniteError with ``error_if_nonfinite``, where that is NaN or infinite.

    Reference: Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks".

    >>> from autodiff import tensor
    >>> w = tensor([1.0, 1.0], requires_grad=True)
    >>> w.grad = tensor([3.0, 4.0])
    >>> clip_grad_norm_([w], max_norm=1.0)
    tensor(5.)
    >>> w.grad
    tensor([0.6000, 0.8000])
    """
    gradients = _gradients(parameters)
    total = _total_norm(gradients, norm_type, error_if_nonfinite)
    _scale(gradients, max_norm, total._array)
    return total


def clip_grad_norm(
    parameters: Tensors, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """``clip_grad_norm_`` by its old name, which warns, as in PyTorch."""
    warn("nn.utils.clip_grad_norm is an old name; use nn.utils.clip_grad_norm_", FutureWarning)
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Cut every entry of the gradients, in place, to between ``-clip_value`` and ``clip_value``.

    Raises DtypeError for complex gradients.

    >>> from autodiff import tensor
    >>> w = tensor([1.0, 1.0], requires_grad=True)
    >>> w.grad = tensor([-3.0, 0.5])
    >>> clip_grad_value_([w], 1.0)
    >>> w.grad
    tensor([-1.0000,  0.5000])
    """
    gradients = _gradients(parameters)
    for g in gradients:
        if g.dtype in COMPLEX:
            raise DtypeError(f"clip_grad_value_ cuts real numbers, not {g.dtype}; clip_grad_norm_ takes complex ones")
    _change(gradients, (np.clip(g._array, -float(clip_value), float(clip_value)) for g in gradients))


def _change(gradients: list[Tensor], values: Iterable[Any]) -> None:
    """Write the values into the gradients, one after another; replace the memory of those that are read-only."""
    written = []
    for gradient, value in zip(gradients, values, strict=True):
        if gradient._array.flags.writeable:
            np.copyto(gradient._array, value)
            written.append(gradient._array)
        else:
            gradient._array = as_array(value)
    if written:
        changed(*written)

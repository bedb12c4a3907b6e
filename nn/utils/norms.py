"""Weights as a length times a direction, and as a matrix over its largest singular value."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.engine.values import wrap
from autodiff.engine.versions import changed
from autodiff.errors import OptionError
from autodiff.functions.axes import axis_of
from autodiff.functions.shaping import movedim, reshape
from autodiff.ops import reductions
from autodiff.random import numpy_generator
from autodiff.tensors.tensor import Tensor

from ..module import Module


def lengths(direction: Tensor, dim: int | None) -> Tensor:
    """The norm over all axes but ``dim``, which keep length 1; the norm of all entries for None."""
    if dim is None:
        return reductions.norm(direction, axis=None, keepdims=False)
    kept = axis_of(dim, direction.ndim)
    axes = tuple(i for i in range(direction.ndim) if i != kept)
    return reductions.norm(direction, axis=axes, keepdims=True)


def with_lengths(length: Tensor, direction: Tensor, dim: int | None) -> Tensor:
    """``direction`` scaled to the lengths ``length``.

    Reference: Salimans & Kingma 2016, "Weight normalization: a simple reparameterization to accelerate training of deep
    neural networks".
    """
    result: Tensor = direction * (length / lengths(direction, dim))
    return result


def output_axis(module: Module) -> int:
    """The axis of a layer's weight that counts its outputs: 1 in transposed convolutions, 0 in all others."""
    return int(any("ConvTranspose" in base.__name__ for base in type(module).__mro__))


def _matrix(weight: Any, dim: int) -> Any:
    """The weight as a matrix, with the axis ``dim`` first and all others as its second."""
    moved = movedim(weight, dim, 0)
    return reshape(moved, moved.shape[0], -1)


def _unit(x: np.ndarray[Any, Any], eps: float) -> np.ndarray[Any, Any]:
    return x / np.maximum(np.linalg.norm(x), x.dtype.type(eps))


def singular_start(weight: Tensor, dim: int, eps: float) -> tuple[Tensor, Tensor]:
    """Two random unit vectors of the sizes of the weight's matrix, where the iterations start.

    Raises OptionError for a weight without entries.
    """
    if not weight.numel():
        raise OptionError(f"a weight of shape {weight.shape} has no largest singular value")
    shape, draw = _matrix(weight.detach(), dim).shape, numpy_generator(None)
    u, v = (wrap(_unit(draw.standard_normal(size), eps).astype(weight.dtype)) for size in shape)
    return u, v


def iterated(weight: Tensor, u: Tensor, v: Tensor, dim: int, eps: float, times: int, first: str = "v") -> None:
    """Bring ``u`` and ``v``, in place, nearer to the singular vectors of the largest singular value.

    Each iteration computes both from each other, the ``first`` of them first.
    """
    matrix = _matrix(weight.detach(), dim).numpy()
    sides = [(matrix.T, u._array, v._array), (matrix, v._array, u._array)]
    for _ in range(times):
        for side, source, goal in sides if first == "v" else reversed(sides):
            np.copyto(goal, _unit(side @ source, eps))
    changed(u._array, v._array)


def over_spectral_norm(weight: Tensor, u: Tensor, v: Tensor, dim: int) -> Tensor:
    """weight / (u^T W v), with W its matrix.

    Reference: Miyato et al. 2018, "Spectral normalization for generative adversarial networks".
    """
    u, v = u.clone(), v.clone()  # the next iteration changes u and v in place
    scaled: Tensor = weight / (u * (_matrix(weight, dim) @ v)).sum()
    return scaled

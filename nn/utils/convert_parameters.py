"""Parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from autodiff.errors import ShapeError
from autodiff.functions.joining import cat
from autodiff.functions.shaping import reshape
from autodiff.kinds import refusing
from autodiff.tensors.tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


@refusing
def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All entries of all parameters in one vector (n,), through which gradients pass.

    >>> from autodiff import ones, zeros
    >>> parameters_to_vector([ones(1, 2), zeros(1)])
    tensor([1., 1., 0.])
    """
    vector: Tensor = cat([reshape(p, -1) for p in parameters])
    return vector


@refusing
def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Make each parameter its part of ``vec`` (n,), whose memory it then shares.

    Raises ShapeError where ``vec`` has fewer or more entries than the parameters.

    >>> from autodiff import tensor, zeros
    >>> parameters = [zeros(1, 2), zeros(1)]
    >>> vector_to_parameters(tensor([1.0, 2.0, 3.0]), parameters)
    >>> parameters
    [tensor([[1., 2.]]), tensor([3.])]
    """
    listed = list(parameters)
    size = sum(p.numel() for p in listed)
    if vec.shape != (size,):
        raise ShapeError(f"the parameters have {size} entries in all, so they need a vector of that, not {vec.shape}")
    start = 0
    for p in listed:
        p.data = vec.data[start : start + p.numel()].reshape(p.shape)
        start += p.numel()

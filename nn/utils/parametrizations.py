"""Common parametrizations, by ``torch.nn.utils.parametrizations``' names."""

from __future__ import annotations

from autodiff.tensors.tensor import Tensor

from ..module import Module
from .norms import iterated, lengths, output_axis, over_spectral_norm, singular_start, with_lengths
from .parametrize import register_parametrization


class _WeightNorm(Module):
    def __init__(self, dim: int | None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, length: Tensor, direction: Tensor) -> Tensor:
        return with_lengths(length, direction, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return lengths(weight, self.dim), weight


class _SpectralNorm(Module):
    def __init__(self, weight: Tensor, n_power_iterations: int, dim: int, eps: float) -> None:
        super().__init__()
        self.n_power_iterations, self.dim, self.eps = n_power_iterations, dim, eps
        u, v = singular_start(weight, dim, eps)
        iterated(weight, u, v, dim, eps, 15, "u")
        self.register_buffer("_u", u)
        self.register_buffer("_v", v)

    def forward(self, weight: Tensor) -> Tensor:
        if self.training:
            iterated(weight, self._u, self._v, self.dim, self.eps, self.n_power_iterations, "u")
        return over_spectral_norm(weight, self._u, self._v, self.dim)

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """A weight as ``original0``, its lengths over all axes but ``dim``, times the direction of ``original1``.

    Reference: Salimans & Kingma 2016, "Weight normalization: a simple reparameterization to accelerate training of deep
    neural networks".

    >>> import nn
    >>> sorted(name for name, _ in weight_norm(nn.Linear(3, 2)).named_parameters())
    ['bias', 'parametrizations.weight.original0', 'parametrizations.weight.original1']
    """
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """A weight over its largest singular value, estimated by ``n_power_iterations`` at each reading in training.

    ``dim`` is the axis of the outputs.

    Reference: Miyato et al. 2018, "Spectral normalization for generative adversarial networks".
    """
    axis = output_axis(module) if dim is None else dim
    return register_parametrization(
        module, name, _SpectralNorm(getattr(module, name), n_power_iterations, axis, eps)
    )

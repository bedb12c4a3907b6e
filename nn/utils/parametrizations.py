"""Common parametrizations, by ``torch.nn.utils.parametrizations``' names."""

from __future__ import annotations

from typing import Any

from autodiff.errors import OptionError, ShapeError
from autodiff.functions.arithmetic import where
from autodiff.functions.diagonals import diag_embed, tril
from autodiff.functions.joining import cat
from autodiff.linalg.decompositions import qr, solve
from autodiff.linalg.householder import geqrf, householder_product
from autodiff.linalg.old_names import matrix_exp
from autodiff.tensors.creation import eye
from autodiff.tensors.sampling import randn
from autodiff.tensors.tensor import Tensor

from ..functional.padding import pad
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


def _skew(x: Tensor) -> Tensor:
    """A square matrix that is minus its adjoint, of the entries below the diagonal of (*, n, k) with k <= n."""
    lower: Any = pad(tril(x, -1), (0, x.shape[-2] - x.shape[-1]))
    return lower - lower.mH


def _by_exponential(x: Tensor) -> Tensor:
    return matrix_exp(_skew(x))[..., : x.shape[-1]]


def _by_cayley(x: Tensor) -> Tensor:
    half: Any = _skew(x) / 2
    one = eye(x.shape[-2], dtype=x.dtype)
    return solve(one - half, one + half)[..., : x.shape[-1]]


def _by_reflections(x: Tensor) -> Tensor:
    vectors: Any = tril(x, -1)
    signs = x.detach().diagonal(dim1=-2, dim2=-1).unsqueeze(-2)
    return householder_product(vectors, 2 / (1 + (vectors * vectors).sum(-2))) * signs


_MAPS = {"matrix_exp": _by_exponential, "cayley": _by_cayley, "householder": _by_reflections}


class _Orthogonal(Module):
    """A matrix of orthonormal columns, or rows if it is wide: ``base`` times what the map makes of the original."""

    def __init__(self, weight: Tensor, orthogonal_map: str, use_trivialization: bool) -> None:
        super().__init__()
        self.orthogonal_map, self.shape, self.use_trivialization = orthogonal_map, weight.shape, use_trivialization
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, original: Tensor) -> Tensor:
        wide = original.shape[-2] < original.shape[-1]
        found: Any = _MAPS[self.orthogonal_map](original.mT if wide else original)
        found = self.base @ found if self.use_trivialization else found
        return found.mT if wide else found

    def right_inverse(self, value: Tensor) -> Tensor:
        if tuple(value.shape) != tuple(self.shape):
            raise ShapeError(f"an orthogonal weight of shape {tuple(self.shape)} cannot become {tuple(value.shape)}")
        wide = value.shape[-2] < value.shape[-1]
        tall: Any = value.mT if wide else value
        n, k = tall.shape[-2:]
        if self.use_trivialization:
            self.base = _completed(tall)
            made: Any = -eye(n, k, dtype=value.dtype).expand(*tall.shape)  # which the maps make the first columns of 1
        elif self.orthogonal_map == "householder":
            vectors, tau = geqrf(tall)
            ends = vectors.diagonal(dim1=-2, dim2=-1).sign() * where(tau == 0, -1.0, 1.0)
            made = tril(vectors, -1) + pad(diag_embed(ends), (0, 0, 0, n - k))
        else:
            raise NotImplementedError(f"without use_trivialization the map {self.orthogonal_map!r} is not inverted")
        return made.mT.clone() if wide else made.clone()


def _completed(tall: Any) -> Any:
    """An orthogonal matrix whose first columns are those of (*, n, k), made orthonormal where they are not."""
    n, k = tall.shape[-2:]
    more = cat([tall, randn(*tall.shape[:-1], n - k, dtype=tall.dtype)], -1) if n > k else tall
    q, r = qr(more)
    return q * r.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


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


def orthogonal(
    module: Module, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Module:
    """A weight whose columns are orthonormal, or its rows if it is wide; of more axes, in the last two.

    Args:
        module: owns the weight.
        name: of the weight.
        orthogonal_map: how the weight is made of its original: "matrix_exp" (the default for square and complex
            matrices) of a skew matrix, "cayley" of one, or "householder" (the default otherwise), products of
            reflections.
        use_trivialization: times a fixed orthogonal matrix, so that training begins at the present weight.

    Raises:
        OptionError: there is no such map, or reflections are to make a complex matrix.
        ShapeError: the weight is no matrix.

    Reference: Lezcano-Casado & Martinez-Rubio 2019, "Cheap orthogonal constraints in neural networks".

    >>> import autodiff, nn
    >>> weight = orthogonal(nn.Linear(4, 2)).weight
    >>> autodiff.allclose(weight @ weight.T, autodiff.eye(2), atol=1e-6)
    True
    """
    weight = getattr(module, name)
    if weight.ndim < 2:
        raise ShapeError(f"an orthogonal weight is a matrix, not of shape {tuple(weight.shape)}")
    square = weight.shape[-2] == weight.shape[-1]
    chosen = orthogonal_map or ("matrix_exp" if square or weight.is_complex() else "householder")
    if chosen not in _MAPS or (chosen == "householder" and weight.is_complex()):
        raise OptionError(f"orthogonal_map is {', '.join(_MAPS)}, the last for real matrices, not {chosen!r}")
    return register_parametrization(module, name, _Orthogonal(weight, chosen, use_trivialization), unsafe=True)

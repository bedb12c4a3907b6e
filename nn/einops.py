"""einops knows tensors, and has layers of them: ``autodiff.spelling`` sees to both when a program imports it."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import autodiff

from .module import Module
from .parameter import Parameter

_registered: list[type] = []  # einops itself holds the classes below its own weakly


class Backend:
    """What einops asks of a library, by einops' names: PyTorch's functions do it."""

    framework_name = "autodiff"
    arange = staticmethod(autodiff.arange)
    einsum = staticmethod(autodiff.einsum)
    stack_on_zeroth_dimension = staticmethod(autodiff.stack)
    tile = staticmethod(autodiff.tile)
    transpose = staticmethod(autodiff.permute)
    add_axis = staticmethod(autodiff.unsqueeze)

    def is_appropriate_type(self, tensor: Any) -> bool:
        """Whether it is a tensor of this library."""
        return isinstance(tensor, autodiff.Tensor)

    def is_float_type(self, x: autodiff.Tensor) -> bool:
        """Whether it has a mean."""
        return x.is_floating_point()

    def from_numpy(self, x: Any) -> autodiff.Tensor:
        """A tensor of an array, with gradients where it can have them."""
        return autodiff.from_numpy(x).requires_grad_(x.dtype.kind == "f")

    def to_numpy(self, x: autodiff.Tensor) -> Any:
        """The array of a tensor."""
        return x.detach().numpy()

    def concat(self, tensors: list[autodiff.Tensor], axis: int) -> autodiff.Tensor:
        """Tensors joined along an axis."""
        return autodiff.cat(tensors, axis)

    def reduce(self, x: autodiff.Tensor, operation: str, axes: tuple[int, ...]) -> autodiff.Tensor:
        """A reduction, by its name, over the axes."""
        several = {"min": x.amin, "max": x.amax, "sum": x.sum, "mean": x.mean}.get(operation)
        if several is not None:
            return several(dim=axes)
        for axis in sorted(axes, reverse=True):
            x = {"any": x.any, "all": x.all, "prod": x.prod}[operation](dim=axis)
        return x

    def add_axes(self, x: autodiff.Tensor, n_axes: int, pos2len: dict[int, int]) -> autodiff.Tensor:
        """New axes at their places and of their lengths, along which the entries share memory."""
        lengths = [-1] * n_axes
        for axis, length in pos2len.items():
            x, lengths[axis] = x.unsqueeze(axis), length
        return x.expand(lengths)

    def layers(self) -> ModuleType:
        """The module of layers."""
        return layers()


def register() -> None:
    """Make einops, which has been imported, know tensors."""
    from einops._backends import AbstractBackend

    if not _registered:
        _registered.append(type("AutodiffBackend", (Backend, AbstractBackend), {}))


def layers() -> ModuleType:
    """The module ``einops.layers.autodiff``, with ``Rearrange``, ``Reduce`` and ``EinMix``."""
    import einops.layers

    rearranging: Any = einops.layers.RearrangeMixin
    reducing: Any = einops.layers.ReduceMixin

    class Rearrange(rearranging, Module):  # type: ignore[misc]
        """``einops.rearrange`` as a layer."""

        def forward(self, x: autodiff.Tensor) -> Any:
            """``x`` rearranged."""
            return self._apply_recipe(x)

    class Reduce(reducing, Module):  # type: ignore[misc]
        """``einops.reduce`` as a layer."""

        def forward(self, x: autodiff.Tensor) -> Any:
            """``x`` reduced."""
            return self._apply_recipe(x)

    module = ModuleType("einops.layers.autodiff", "Layers of einops for tensors of autodiff.")
    for layer in (Rearrange, Reduce, _mixing_layer(Rearrange)):
        layer.__module__, layer.__qualname__ = module.__name__, layer.__name__  # where a pickle finds it
        module.__dict__[layer.__name__] = layer
    return module


def _mixing_layer(rearranged: Any) -> type:
    """The class ``EinMix``, which rearranges before and after with layers of the class ``rearranged``."""
    from einops.layers._einmix import _EinmixMixin

    mixing: Any = _EinmixMixin

    class EinMix(mixing, Module):  # type: ignore[misc]
        """A product with a weight, and a bias, between two rearrangements."""

        def _create_parameters(self, shape: Any, bound: float, bias_shape: Any, bias_bound: float) -> None:
            self.weight = Parameter(autodiff.zeros(shape).uniform_(-bound, bound))
            bias = None if bias_shape is None else autodiff.zeros(bias_shape).uniform_(-bias_bound, bias_bound)
            self.bias = None if bias is None else Parameter(bias)

        def _create_rearrange_layers(self, before: Any, lengths: Any, after: Any, lengths_after: Any) -> None:
            self.pre_rearrange = None if before is None else rearranged(before, **lengths)
            self.post_rearrange = None if after is None else rearranged(after, **lengths_after)

        def forward(self, x: autodiff.Tensor) -> Any:
            """The product, and what is added to it, as the pattern has it."""
            x = x if self.pre_rearrange is None else self.pre_rearrange(x)
            y = autodiff.einsum(self.einsum_pattern, x, self.weight)
            y = y if self.bias is None else y + self.bias
            return y if self.post_rearrange is None else self.post_rearrange(y)

    return EinMix

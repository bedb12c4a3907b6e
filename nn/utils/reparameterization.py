"""weight_norm and spectral_norm of older PyTorch programs: a hook computes the weight before each forward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from autodiff.errors import OptionError
from autodiff.kinds import check_module

from ..module import Module
from ..parameter import Parameter
from .norms import iterated, lengths, output_axis, over_spectral_norm, singular_start, with_lengths

__all__ = ["remove_spectral_norm", "remove_weight_norm", "spectral_norm", "weight_norm"]

M = TypeVar("M", bound=Module)


class _Recomputed:
    """A hook that sets ``module.name`` to ``compute(module)`` before each forward."""

    def __init__(self, kind: str, name: str, parts: tuple[str, ...], compute: Callable[[Any], Any]) -> None:
        self.kind, self.name, self.parts, self.compute = kind, name, parts, compute

    def __call__(self, module: Module, args: Any) -> None:
        vars(module)[self.name] = self.compute(module)

    def attach(self, module: Module) -> None:
        """Compute the weight now, and before each forward."""
        self(module, ())
        self.handle = module.register_forward_pre_hook(self)

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again, with its present value."""
        was_training, module.training = module.training, False
        weight = self.compute(module).detach()
        module.training = was_training
        self.handle.remove()
        for part in self.parts:
            delattr(module, part)
        del vars(module)[self.name]
        module.register_parameter(self.name, Parameter(weight))


def _original(module: Module, name: str, kind: str) -> Parameter:
    check_module(kind, module)
    weight = module._parameters.get(name)
    if weight is None:
        raise OptionError(f"{type(module).__name__} has no parameter {name!r}, or it is computed already: no {kind}")
    return weight


def _removed(module: M, name: str, kind: str) -> M:
    check_module(f"remove_{kind}", module)
    hooks = module._hooks.before.values() if module._hooks is not None else ()
    for hook, _ in tuple(hooks):
        if isinstance(hook, _Recomputed) and (hook.kind, hook.name) == (kind, name):
            hook.remove(module)
            return module
    raise OptionError(f"{name!r} of {type(module).__name__} has no {kind}")


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """A weight as its lengths ``name_g`` over all axes but ``dim``, times the direction of ``name_v``.

    Raises OptionError where the module has no such parameter, or it is computed already.

    Reference: Salimans & Kingma 2016, "Weight normalization: a simple reparameterization to accelerate training of deep
    neural networks".

    >>> from autodiff import nn, ones
    >>> layer = nn.utils.weight_norm(nn.Linear(3, 2))
    >>> sorted(name for name, _ in layer.named_parameters())
    ['bias', 'weight_g', 'weight_v']
    """
    weight = _original(module, name, "weight_norm")
    delattr(module, name)
    g, v = f"{name}_g", f"{name}_v"
    module.register_parameter(g, Parameter(lengths(weight.detach(), dim)))
    module.register_parameter(v, Parameter(weight.detach()))
    compute = lambda owner: with_lengths(getattr(owner, g), getattr(owner, v), dim)
    _Recomputed("weight_norm", name, (g, v), compute).attach(module)
    return module


def remove_weight_norm(module: M, name: str = "weight") -> M:
    """Make a weight a plain parameter again; raises OptionError where the weight is not computed so."""
    return _removed(module, name, "weight_norm")


def spectral_norm(
    module: M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> M:
    """A weight ``name_orig`` over its largest singular value, estimated by the iterations of each forward.

    Raises OptionError where the module has no such parameter, or it is computed already.

    Reference: Miyato et al. 2018, "Spectral normalization for generative adversarial networks".

    >>> from autodiff import nn, ones
    >>> layer = nn.utils.spectral_norm(nn.Linear(3, 2))
    >>> layer(ones(1, 3)).shape
    autodiff.Size([1, 2])
    """
    weight, axis = _original(module, name, "spectral_norm"), output_axis(module) if dim is None else dim
    delattr(module, name)
    original, left, right = f"{name}_orig", f"{name}_u", f"{name}_v"
    u, v = singular_start(weight, axis, eps)
    module.register_parameter(original, weight)
    module.register_buffer(left, u)
    module.register_buffer(right, v)

    def compute(owner: Module) -> Any:
        present, one, two = getattr(owner, original), getattr(owner, left), getattr(owner, right)
        if owner.training:
            iterated(present, one, two, axis, eps, n_power_iterations)
        return over_spectral_norm(present, one, two, axis)

    vars(module)[name] = weight.detach()
    hook = _Recomputed("spectral_norm", name, (original, left, right), compute)
    hook.handle = module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: M, name: str = "weight") -> M:
    """Make a weight a plain parameter again; raises OptionError where the weight is not computed so."""
    return _removed(module, name, "spectral_norm")

"""Parameters that are computed from others whenever they are read, by ``torch.nn.utils.parametrize``'s names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from autodiff.contexts import Block, Changes, Setting
from autodiff.engine.modes import no_grad
from autodiff.errors import OptionError, ShapeError
from autodiff.tensors.tensor import Tensor

from ..module import Module
from ..modules.container import ModuleDict, ModuleList
from ..parameter import Parameter


class Cache(NamedTuple):
    """The tensors that were computed under ``cached``; None outside of it."""

    tensors: dict[tuple[int, str], Any] | None = None


_CACHE = Setting("autodiff_parametrized", Cache())


class cached(Block[Cache]):  # by PyTorch's name, of a function there
    """While this lasts, a parametrized tensor is computed once in this thread or task, when it is first read."""

    def __init__(self) -> None:
        super().__init__(_CACHE)

    def changes(self) -> Changes:
        """The tensors of the block around this one, or none yet."""
        known = _CACHE.top().value.tensors
        return Changes(tensors={} if known is None else known)

    def _like_this(self) -> cached:
        return cached()


class ParametrizationList(ModuleList):
    """The modules that compute a tensor, one after another, from ``original`` (or ``original0``, ...).

    A parametrization's ``right_inverse`` computes the originals of a value; without it, the value is the original.
    """

    def __init__(self, modules: Sequence[Module], original: Tensor) -> None:
        super().__init__(modules)
        try:
            sources = self._sources(original.detach())
        except NotImplementedError:  # the parametrization has no inverse: the value itself is the original
            sources = original.detach()
        self.is_tensor = isinstance(sources, Tensor)
        if isinstance(sources, Tensor):
            original.data = sources.detach()
            if isinstance(original, Parameter):
                self.register_parameter("original", original)
            else:
                self.register_buffer("original", original)
        else:
            for number, source in enumerate(sources):
                self.register_parameter(f"original{number}", Parameter(source.detach(), original.requires_grad))

    @no_grad()
    def _sources(self, value: Any) -> Any:
        for module in reversed(list(self)):
            if hasattr(module, "right_inverse"):
                value = module.right_inverse(value)
        return value

    def originals(self) -> list[Tensor]:
        """The tensors from which the tensor is computed."""
        return [*self.parameters(recurse=False), *self.buffers(recurse=False)]

    def right_inverse(self, value: Tensor) -> None:
        """Set the originals such that ``value`` is computed."""
        sources = self._sources(value.detach())
        sources = [sources] if self.is_tensor else sources
        for original, source in zip(self.originals(), sources, strict=True):
            original.data = source.detach().clone()

    def forward(self) -> Any:
        """The tensor."""
        first, *others = self
        value = first(*self.originals())
        for module in others:
            value = module(value)
        return value


class _Parametrized:
    """The first base class of a module with parametrized tensors."""

    parametrizations: ModuleDict

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__.get("_modules", {}).get("parametrizations", ()):
            self.parametrizations[name].right_inverse(value)
        else:
            super().__setattr__(name, value)


def _computed(name: str) -> property:
    """The attribute ``name``, computed when it is read."""

    def get(module: Any) -> Any:
        cache = _CACHE.top().value.tensors
        if cache is None:
            return module.parametrizations[name]()
        key = id(module), name
        if key not in cache:
            cache[key] = module.parametrizations[name]()
        return cache[key]

    return property(get)


def _set_class(module: Module) -> None:
    """Give a module a class whose properties compute its parametrized tensors, or back its own without any."""
    plain, names = type_before_parametrizations(module), list(module.__dict__["_modules"].get("parametrizations", ()))
    bases = (_Parametrized, plain)
    made = type(f"Parametrized{plain.__name__}", bases, {name: _computed(name) for name in names})
    module.__class__ = made if names else plain


def type_before_parametrizations(module: Module) -> type[Module]:
    """The class of a module, as it was before anything was parametrized."""
    bases: tuple[Any, ...] = type(module).__mro__
    plain: type[Module] = next(base for base in bases if not issubclass(base, _Parametrized))
    return plain


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether the module computes that tensor, or any, from others."""
    names = module.__dict__["_modules"].get("parametrizations", ())
    return tensor_name in names if tensor_name is not None else bool(len(names))


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Let ``parametrization`` compute a parameter or buffer of ``module`` from the present one.

    Several on one tensor are applied in the order in which they came. Returns the module.

    Raises:
        OptionError: the module has no such parameter or buffer.
        ShapeError: the shape or dtype would change; ``unsafe`` lets that pass.

    >>> import autodiff, nn
    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return (x + x.T) / 2
    >>> layer = register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    >>> (layer.weight == layer.weight.T).all()
    tensor(True)
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        former = module.parametrizations[tensor_name]
        if not former.is_tensor:
            raise OptionError(f"{tensor_name!r} is computed from several tensors; nothing can be put behind that")
        value, modules = getattr(module, tensor_name).detach(), [*former, parametrization]
        original = former.originals()[0]
        original.data = value
    else:
        original = {**module._buffers, **module._parameters}.get(tensor_name)
        if original is None:
            raise OptionError(f"{type(module).__name__} has no parameter or buffer {tensor_name!r} to parametrize")
        value, modules = original.detach().clone(), [parametrization]
    made = ParametrizationList(modules, original)
    with no_grad():
        result = made()
    if not unsafe and (result.shape, result.dtype) != (value.shape, value.dtype):
        raise ShapeError(
            f"{tensor_name!r} is {value.dtype.name} {value.shape}, and would become {result.dtype} {result.shape}; "
            "unsafe=True lets that pass"
        )
    if not is_parametrized(module, tensor_name):
        delattr(module, tensor_name)
    if not is_parametrized(module):
        module.register_module("parametrizations", ModuleDict())
    module.parametrizations[tensor_name] = made
    _set_class(module)
    return module


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make a tensor a plain parameter again, with the computed value or the original one. Returns the module.

    Raises OptionError where it is not parametrized, or has several originals and is to become one of them.
    """
    if not is_parametrized(module, tensor_name):
        raise OptionError(f"{tensor_name!r} of {type(module).__name__} is not parametrized")
    former = module.parametrizations[tensor_name]
    if not former.is_tensor and not leave_parametrized:
        raise OptionError(f"{tensor_name!r} is computed from several tensors; it can only be left parametrized")
    value = getattr(module, tensor_name).detach()
    original: Any = former.originals()[0] if former.is_tensor else Parameter(value)
    if leave_parametrized:
        original.data = value
    del module.parametrizations[tensor_name]
    if not len(module.parametrizations):
        del module.parametrizations
    _set_class(module)
    if isinstance(original, Parameter):
        module.register_parameter(tensor_name, original)
    else:
        module.register_buffer(tensor_name, original)
    return module

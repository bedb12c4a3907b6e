"""Pruning by ``torch.nn.utils.prune``'s names: masks that set part of a parameter to 0.

A pruned ``weight`` is computed before each forward from ``weight_orig``, which is trained, and the buffer
``weight_mask``, whose entries are 1 for what is kept and 0 for what is not.

>>> import autodiff, nn
>>> layer = nn.Linear(4, 2)
>>> _ = l1_unstructured(layer, "weight", amount=3)
>>> int((layer.weight == 0).sum()), sorted(layer.state_dict())
(3, ['bias', 'weight_mask', 'weight_orig'])
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np

from autodiff.engine.modes import no_grad
from autodiff.engine.values import wrap
from autodiff.errors import OptionError, ShapeError
from autodiff.functions.joining import cat
from autodiff.linalg.norms import torch_norm
from autodiff.random import numpy_generator
from autodiff.tensors.creation import ones_like
from autodiff.tensors.tensor import Tensor

from ..module import Module

Amount = int | float
UNSTRUCTURED, STRUCTURED, GLOBAL = "unstructured", "structured", "global"


class BasePruningMethod:
    """A way of pruning; a subclass says in ``compute_mask`` what is kept, and in ``PRUNING_TYPE`` of which kind it is.

    An instance is a hook of a module that computes the pruned tensor before each forward.
    """

    PRUNING_TYPE: str
    _tensor_name: str

    def __call__(self, module: Module, inputs: Any) -> None:
        """Compute the pruned tensor."""
        vars(module)[self._tensor_name] = self.apply_mask(module)

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask of ``t``, which also sets to 0 what ``default_mask`` does."""
        raise NotImplementedError(f"{type(self).__name__} has no compute_mask(); define which entries are kept")

    def apply_mask(self, module: Module) -> Any:
        """The tensor of a module with its mask."""
        name = self._tensor_name
        original: Any = module._parameters[f"{name}_orig"]
        mask: Any = module._buffers[f"{name}_mask"]
        return mask.to(original.dtype) * original

    @classmethod
    def apply(cls, module: Module, name: str, *args: Any, importance_scores: Any = None, **kwargs: Any) -> Self:
        """Prune ``module.name`` by the method with these arguments, behind those that pruned it before.

        ``importance_scores``, in the shape of the tensor, take its place where the method asks what is small.
        """
        method: Any = cls(*args, **kwargs)
        method._tensor_name = name
        former = _methods(module, name)
        if former:
            tensor: Any = vars(module)[name].detach()
            mask = module._buffers[f"{name}_mask"]
            handle = former[0]._handle
            handle.remove()
            method = _joined(former[0], method)
        else:
            tensor = module._parameters.get(name)
            if tensor is None:
                raise OptionError(f"{type(module).__name__} has no parameter {name!r} to prune")
            mask = ones_like(tensor.detach())
        scores = tensor if importance_scores is None else importance_scores
        if tuple(scores.shape) != tuple(tensor.shape):
            raise ShapeError(f"importance_scores have the shape {tuple(tensor.shape)}, not {tuple(scores.shape)}")
        with no_grad():
            mask = method.compute_mask(scores.detach(), mask)
        if not former:
            del module._parameters[name]
            module.register_parameter(f"{name}_orig", tensor)
        module.register_buffer(f"{name}_mask", mask)
        method(module, ())
        method._handle = module.register_forward_pre_hook(method)
        return method

    def prune(self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None) -> Any:
        """``t`` with its mask, outside of any module."""
        scores = t if importance_scores is None else importance_scores
        if tuple(scores.shape) != tuple(t.shape):
            raise ShapeError(f"importance_scores have the shape {tuple(t.shape)}, not {tuple(scores.shape)}")
        return t * self.compute_mask(scores, ones_like(t.detach()) if default_mask is None else default_mask)

    def remove(self, module: Module) -> None:
        """Make the pruned tensor a parameter again, for good."""
        name: str = self._tensor_name
        original: Any = module._parameters[f"{name}_orig"]
        original.data = self.apply_mask(module).detach()
        del module._parameters[f"{name}_orig"], module._buffers[f"{name}_mask"]
        for attribute in (name, f"{name}_orig", f"{name}_mask"):
            vars(module).pop(attribute, None)
        module.register_parameter(name, original)


class PruningContainer(BasePruningMethod):
    """Methods that prune one tensor, one after another; each sees what those before it have kept."""

    def __init__(self, *args: Any) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        given = args[0] if len(args) == 1 and isinstance(args[0], Iterable) else args
        for method in given:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: Any) -> None:
        """Add a method of the same tensor; raises OptionError for anything else."""
        if not isinstance(method, BasePruningMethod):
            raise OptionError(f"a pruning method is an instance of BasePruningMethod, not {method!r:.60}")
        if self._pruning_methods and method._tensor_name != self._tensor_name:
            raise OptionError(f"the methods prune {self._tensor_name!r}, not {method._tensor_name!r}")
        self._tensor_name = method._tensor_name
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, idx: int) -> BasePruningMethod:
        return self._pruning_methods[idx]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask of the last method, of what the others have kept."""
        last = self._pruning_methods[-1]
        if last.PRUNING_TYPE == GLOBAL:
            return last.compute_mask(t, default_mask)
        kept = default_mask._array != 0
        if last.PRUNING_TYPE == UNSTRUCTURED:
            mask = default_mask.clone()
            mask._array[kept] = last.compute_mask(wrap(t._array[kept]), wrap(default_mask._array[kept]))._array
            return mask
        axis: int = getattr(last, "dim", -1) % t.ndim
        alive = np.flatnonzero(kept.any(tuple(i for i in range(t.ndim) if i != axis)))
        part = (slice(None),) * axis + (alive,)
        mask = default_mask.clone()
        mask._array[part] = last.compute_mask(wrap(t._array[part]), wrap(default_mask._array[part]))._array
        return mask


class Identity(BasePruningMethod):
    """Prunes nothing, and gives a parameter its mask."""

    PRUNING_TYPE = UNSTRUCTURED

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """``default_mask``."""
        return default_mask


class _ByAmount(BasePruningMethod):
    """Prunes ``amount`` entries or channels: a whole number of them, or a part from 0 to 1 of all."""

    def __init__(self, amount: Amount) -> None:
        if isinstance(amount, bool) or not isinstance(amount, (int, float, np.number)):
            raise OptionError(f"amount is a number, not {amount!r:.60}")
        if amount < 0 or (not isinstance(amount, int) and amount > 1):
            raise OptionError(f"amount is a whole number from 0 up, or a part from 0 to 1, not {amount}")
        self.amount = amount

    def _count(self, size: int) -> int:
        """How many of ``size`` are pruned; raises OptionError where there are not as many."""
        if not isinstance(self.amount, int):
            return round(self.amount * size)
        if self.amount > size:
            raise OptionError(f"amount={self.amount} is more than the {size} that there are")
        return self.amount


class RandomUnstructured(_ByAmount):
    """Prunes entries by chance."""

    PRUNING_TYPE = UNSTRUCTURED

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """0 at ``amount`` places."""
        places = numpy_generator(None).permutation(t.numel())[: self._count(t.numel())]
        return _without(default_mask, np.unravel_index(places, t.shape))


class L1Unstructured(_ByAmount):
    """Prunes the entries of the smallest size."""

    PRUNING_TYPE = UNSTRUCTURED

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """0 where the ``amount`` smallest are."""
        places = np.argsort(np.abs(t._array), axis=None, kind="stable")[: self._count(t.numel())]
        return _without(default_mask, np.unravel_index(places, t.shape))


class _OfChannels(_ByAmount):
    """Prunes whole channels along the axis ``dim``."""

    PRUNING_TYPE = STRUCTURED

    def __init__(self, amount: Amount, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def _importance(self, t: Tensor, axis: int) -> Any:
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """0 in the ``amount`` channels of the least importance."""
        if t.ndim < 2 or not -t.ndim <= self.dim < t.ndim:
            raise ShapeError(f"channels along axis {self.dim} are those of two axes or more, not {tuple(t.shape)}")
        axis = self.dim % t.ndim
        gone = np.argsort(self._importance(t, axis), kind="stable")[: self._count(t.shape[axis])]
        return _without(default_mask, (slice(None),) * axis + (gone,))


class RandomStructured(_OfChannels):
    """Prunes channels by chance."""

    def _importance(self, t: Tensor, axis: int) -> Any:
        return numpy_generator(None).random(t.shape[axis])


class LnStructured(_OfChannels):
    """Prunes the channels of the smallest norm of order ``n``."""

    def __init__(self, amount: Amount, n: Any, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def _importance(self, t: Tensor, axis: int) -> Any:
        return torch_norm(t, self.n, tuple(i for i in range(t.ndim) if i != axis)).detach()._array


class CustomFromMask(BasePruningMethod):
    """Prunes what a mask that is given says."""

    PRUNING_TYPE = GLOBAL

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """``default_mask`` times that mask."""
        return default_mask * self.mask.to(default_mask.dtype)


def identity(module: Module, name: str) -> Module:
    """Give ``module.name`` a mask of ones. Returns the module."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: Amount) -> Module:
    """Prune ``amount`` entries by chance. Returns the module."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Module, name: str, amount: Amount, importance_scores: Any = None) -> Module:
    """Prune the ``amount`` smallest entries. Returns the module."""
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: Amount, dim: int) -> Module:
    """Prune ``amount`` channels along ``dim`` by chance. Returns the module."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Module, name: str, amount: Amount, n: Any, dim: int, importance_scores: Any = None
) -> Module:
    """Prune the ``amount`` channels along ``dim`` of the smallest norm of order ``n``. Returns the module."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Prune what ``mask`` says. Returns the module."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]], pruning_method: type[BasePruningMethod], importance_scores: Any = None,
    **kwargs: Any,
) -> None:  # fmt: skip
    """Prune several tensors as if they were one: by L1Unstructured, the smallest entries of all of them.

    Args:
        parameters: pairs of a module and the name of its tensor.
        pruning_method: a class of methods that prune entries.
        importance_scores: for some of the pairs, what takes the tensor's place.
        kwargs: what the class is made with.
    """
    pairs, given = list(parameters), importance_scores or {}
    if not pairs or pruning_method.PRUNING_TYPE != UNSTRUCTURED:
        raise OptionError("global_unstructured takes pairs (module, name), and a method that prunes single entries")
    tensors = [vars(module)[name].detach() for module, name in pairs]
    scores = cat([given.get(pair, x).detach().reshape(-1) for pair, x in zip(pairs, tensors, strict=True)])
    masks = [module._buffers.get(f"{name}_mask") for module, name in pairs]
    flat = cat([(ones_like(x) if m is None else m).reshape(-1) for x, m in zip(tensors, masks, strict=True)])
    container = PruningContainer()
    container._tensor_name = "temp"
    method: Any = pruning_method(**kwargs)
    method._tensor_name = "temp"
    container.add_pruning_method(method)
    mask, start = container.compute_mask(scores, flat), 0
    for (module, name), x in zip(pairs, tensors, strict=True):
        custom_from_mask(module, name, mask[start : start + x.numel()].reshape(x.shape))
        start += math.prod(x.shape)


def remove(module: Module, name: str) -> Module:
    """Make the pruned ``module.name`` a parameter again, for good. Returns the module.

    Raises OptionError where it is not pruned.
    """
    methods = _methods(module, name)
    if not methods:
        raise OptionError(f"{name!r} of {type(module).__name__} is not pruned")
    methods[0].remove(module)
    methods[0]._handle.remove()
    return module


def is_pruned(module: Module) -> bool:
    """Whether something in the module, or below it, is pruned."""
    return any(isinstance(hook, BasePruningMethod) for m in module.modules() for hook in m._forward_pre_hooks.values())


def _methods(module: Module, name: str) -> list[Any]:
    hooks = module._forward_pre_hooks.values()
    return [h for h in hooks if isinstance(h, BasePruningMethod) and h._tensor_name == name]


def _joined(former: BasePruningMethod, method: BasePruningMethod) -> PruningContainer:
    container = former if isinstance(former, PruningContainer) else PruningContainer(former)
    container.add_pruning_method(method)
    return container


def _without(default_mask: Tensor, places: Any) -> Tensor:
    """``default_mask``, and 0 at the places."""
    mask = default_mask.clone()
    mask._array[places] = 0
    return mask

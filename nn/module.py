"""Module: a tree of parameters, buffers and submodules, with a forward of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import get_ident
from typing import TYPE_CHECKING, Any, Self
from weakref import ref

import numpy as np

from autodiff.dtypes import DIFFERENTIABLE
from autodiff.engine.call_sites import begin, calls, of_library, place_of_user
from autodiff.engine.values import wrap
from autodiff.errors import DtypeError, OptionError
from autodiff.handles import rearranged
from autodiff.tensors.devices import check_device
from autodiff.tensors.sparse import SparseTensor
from autodiff.tensors.tensor import Tensor
from autodiff.unregistered import note_asked

from .computes import Computes, P, R_co
from .explained import check_begun, located
from .parameter import Parameter
from .registry import Members, store
from .state import Stateful


class Module(Stateful):
    """The base class of layers and models: it owns parameters, buffers and modules, and computes with them.

    A subclass calls ``super().__init__()``, assigns its parts as attributes and says in ``forward`` what it computes.
    The parts are ordinary attributes, found as fast as any other; ``_parameters``, ``_buffers`` and ``_modules`` list
    them once more, in the order in which they were assigned, and may be written into.

    >>> class Scale(Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = Parameter(np.array([2.0, 3.0]))
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> Scale()(np.array([1.0, 1.0]))
    tensor([2., 3.], dtype=autodiff.float64, grad_fn=<multiply>)
    """

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _ours: bool = True  # whether forward() is this library's, with no line of the user's in it

    if TYPE_CHECKING:  # a module may have any attributes; at run time there is no fallback

        def __getattr__(self, name: str) -> Any: ...

    def __init__(self) -> None:
        self._begin()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__getattr__" in vars(cls) or "__setattr__" in vars(cls):
            Members.behind(cls)
        code = getattr(cls.forward, "__code__", None)
        cls._ours = code is not None and of_library(code)

    # --- calling ------------------------------------------------------------------------------------------------------

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; a subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(); define what it computes")

    def __call__(self: Computes[P, R_co], *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call ``forward`` between the hooks; an error says in which module it was raised."""
        here = calls()
        if here.thread != get_ident():
            here = begin()
        outer, place = here.now, here.place
        here.now = (ref(self), type(self), outer)
        module: Any = self  # of which a checker knows no more than forward
        try:
            hooks = module._hooks
            if hooks is not None or not module._ours:
                here.place = None
            elif place is None:  # one place for all it does
                here.place = place_of_user(2)
            if hooks is not None:
                return hooks.run(self, args, kwargs)
            if kwargs or len(args) != 1:
                return module.forward(*args, **kwargs)
            return module.forward(args[0])  # a call without stars is faster
        except Exception as error:
            refusal = located(self, error, (*args, *kwargs.values()))
            if refusal is error:
                raise
            raise refusal from error
        finally:
            here.now, here.place = outer, place

    # --- the tree -----------------------------------------------------------------------------------------------------

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """The module itself and all below it with their paths; a module with two paths comes once."""
        memo = set() if memo is None else memo
        try:
            members = self._modules
        except AttributeError:
            check_begun(self)
            raise
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in members.items():
            if module is not None:
                yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """The module itself and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules right below this one with their names, each once."""
        check_begun(self)
        seen: set[Module] = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """The modules right below this one, each once."""
        return (module for _, module in self.named_children())

    def _named(self, registry: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        tree = self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
        for path, module in tree:
            for name, member in vars(module)[registry].items():
                if member is None or id(member) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(member))
                yield f"{path}.{name}" if path else name, member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters of this module and all below it with their paths; one that is shared comes once."""
        note_asked(self)
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters of this module and all below it, each once."""
        note_asked(self)
        return self._parameters_below(recurse)

    def _parameters_below(self, recurse: bool = True) -> Iterator[Parameter]:
        return (parameter for _, parameter in self._named("_parameters", "", recurse, True))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers of this module and all below it with their paths; one that is shared comes once."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers of this module and all below it, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """The module at a path such as ``"layers.1"``; "" is this one."""
        module: Module | None = self
        for name in target.split(".") if target else ():
            module = None if module is None else module._modules.get(name)
        if module is None:
            raise AttributeError(f"{type(self).__name__} has no module {target!r}; named_modules() lists them")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put ``module`` at a path such as ``"layers.1"``; with ``strict`` there must be one already.

        Raises AttributeError where the path leads nowhere, and ValueError for an empty one.
        """
        path, _, name = target.rpartition(".")
        if not name:
            raise ValueError("set_submodule takes a path such as 'layers.1', not an empty one")
        if strict:
            self.get_submodule(target)
        self.get_submodule(path).add_module(name, module)

    def _get(self, kind: str, target: str) -> Any:
        path, _, name = target.rpartition(".")
        member = vars(self.get_submodule(path))[f"_{kind}s"].get(name)
        if member is None:
            raise AttributeError(f"{type(self).__name__} has no {kind} {target!r}; named_{kind}s() lists them")
        return member

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path such as ``"layers.1.weight"``."""
        return self._get("parameter", target)

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a path such as ``"layers.1.running_mean"``."""
        return self._get("buffer", target)

    def apply(self, fn: Callable[[Module], None]) -> Self:
        """Call ``fn`` on all modules below this one, then on this one."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Set this module and all below it to training, or to evaluation, each by its own ``train``.

        Raises OptionError for a ``mode`` that is not True or False.
        """
        if not isinstance(mode, bool):
            raise OptionError(f"train(mode) takes True or False, not {mode!r}")
        if vars(self).get("training") is not mode:
            store(self, "training", mode)
            rearranged()
        for _, module in self.named_children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """``train(False)``: dropout does nothing, normalisation uses what it has learnt."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Let the parameters have gradients, or freeze them."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to 0 in place."""
        for parameter in self._parameters_below():
            if set_to_none or parameter._grad is None:
                parameter._grad = None
            else:
                parameter._grad = parameter._grad.detach().zero_()

    # --- dtype --------------------------------------------------------------------------------------------------------

    def cuda(self, device: Any = None) -> Self:
        """Raises DeviceError: there is only the CPU."""
        return self.to("cuda")

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Convert all parameters and buffers that are no integers to a dtype, or to that of a tensor.

        Raises DtypeError for a dtype that is neither floating nor complex.
        """
        if wrap(np.empty(0)).to(*args, **kwargs).dtype.kind not in DIFFERENTIABLE:
            raise DtypeError(f"a module's parameters are floating or complex: give such a dtype, not {args}")
        return self._converted(DIFFERENTIABLE, *args, **kwargs)

    def _converted(self, kinds: str, *args: Any, **kwargs: Any) -> Self:
        return self._apply(lambda x: x.to(*args, **kwargs) if x.dtype.kind in kinds else x)

    def _apply(self, fn: Callable[[Any], Any], recurse: bool = True) -> Self:
        """Replace the data of all parameters and buffers by what ``fn`` makes of them; a subclass may do more."""
        check_begun(self)
        for module in self.children() if recurse else ():
            module._apply(fn)
        members: list[tuple[str, Any]] = [*self._parameters.items(), *self._buffers.items()]
        for name, tensor in members:
            if isinstance(tensor, SparseTensor):
                self._buffers[name] = fn(tensor)
            elif tensor is not None:
                tensor.data = fn(tensor.detach())
                if tensor._grad is not None:
                    tensor._grad = fn(tensor._grad.detach())
        return self

    def float(self) -> Self:
        """Convert all floating parameters and buffers to float32; complex ones stay as they are."""
        return self._converted("f", np.float32)

    def double(self) -> Self:
        """Convert all floating parameters and buffers to float64."""
        return self._converted("f", np.float64)

    def half(self) -> Self:
        """Convert all floating parameters and buffers to float16."""
        return self._converted("f", np.float16)

    def bfloat16(self) -> Self:
        """Convert all floating parameters and buffers to float32, which stands for bfloat16."""
        return self.float()

    def type(self, dst_type: Any) -> Self:
        """Convert all parameters and buffers to a dtype, or to the one that an old constructor names.

        >>> from nn import Linear
        >>> Linear(2, 1).type("torch.DoubleTensor").bias.dtype
        autodiff.float64
        """
        return self._apply(lambda tensor: tensor.type(dst_type))

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """The module itself: its tensors are where they can be, and keep their numbers."""
        check_device(device)
        return self

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: ``autodiff.compile`` compiles a whole training step."""

    def cpu(self) -> Self:
        """The module itself: it is on the CPU."""
        return self

    def share_memory(self) -> Self:
        """The module itself: threads see its memory as it is, and a forked process its copy."""
        return self

    # --- as text ------------------------------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """The text in the parentheses of the module's text; a subclass defines it."""
        return ""

    def __repr__(self) -> str:
        if "_modules" not in vars(self):
            return f"{type(self).__name__}(), whose __init__ does not call super().__init__()"
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        if len(lines) > 1 or self._modules:
            lines += [f"({name}): {indented(repr(module))}" for name, module in self._modules.items()]
            return f"{type(self).__name__}(\n  " + "\n  ".join(lines) + "\n)"
        return f"{type(self).__name__}({extra})"


def indented(text: str) -> str:
    """``text`` with all lines but the first moved two columns to the right."""
    return text.replace("\n", "\n  ")


def changed_options(module: Module, **defaults: Any) -> str:
    """``, name=value`` of each attribute that is not as in ``defaults``, for the text of a module."""
    values = ((name, getattr(module, name), default) for name, default in defaults.items())
    return "".join(f", {name}={value}" for name, value, default in values if value != default)

"""What a module owns: parameters, buffers and modules, as attributes and in three dicts that say the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import isfunction
from typing import Any
from weakref import ref

from autodiff.engine.call_sites import of_library
from autodiff.errors import DtypeError, OptionError
from autodiff.handles import rearranged
from autodiff.kinds import described
from autodiff.tensors.sparse import SparseTensor
from autodiff.tensors.tensor import Tensor

from .explained import check_begun, check_name, repair_of_member
from .hooks import Hookable
from .parameter import Buffer, Parameter

store = object.__setattr__
REGISTRIES = {"_parameters": "parameter", "_buffers": "buffer", "_modules": "module"}
_UNSET = object()


class Registry(dict[str, Any]):
    """The members of one kind by name, as attributes too: what is written into it or taken out changes its module.

    So a program may swap ``module._modules["1"]`` or fill ``module._parameters`` itself. A copy is a plain dict.
    """

    __slots__ = ("_owners",)

    def __init__(self, owner: Registered, members: Iterable[tuple[str, Any]] = ()) -> None:
        self._owners: tuple[ref[Registered], ...] = (ref(owner),)
        for name, member in members:
            self[name] = member

    def join(self, owner: Registered) -> None:
        """Write into the attributes of ``owner``, too: a shallow copy of a module has its very dicts."""
        living = [known for known in self._owners if known() is not None]
        if all(known() is not owner for known in living):
            self._owners = (*living, ref(owner))

    def __setitem__(self, name: str, member: Any) -> None:
        known = self.get(name, _UNSET)
        dict.__setitem__(self, name, member)
        rearranged()
        for owner in self._owners:
            attributes = getattr(owner(), "__dict__", {})
            hidden = known is _UNSET and name in attributes and not _listed(name, attributes, besides=self)
            if not hidden:  # by an attribute that is no member, which is found first
                attributes[name] = member

    def __delitem__(self, name: str) -> None:
        known = self[name]
        dict.__delitem__(self, name)
        rearranged()
        for owner in self._owners:
            attributes = getattr(owner(), "__dict__", {})
            if attributes.get(name, _UNSET) is known:
                del attributes[name]

    def pop(self, name: str, *default: Any) -> Any:
        """Take a member out."""
        if name not in self and default:
            return default[0]
        member = self[name]
        del self[name]
        return member

    def popitem(self) -> tuple[str, Any]:
        """Take the last member out, with its name."""
        if not self:
            return dict.popitem(self)  # which raises
        name = next(reversed(self))
        return name, self.pop(name)

    def clear(self) -> None:
        """Take all members out."""
        for name in tuple(self):
            del self[name]

    def update(self, *others: Any, **named: Any) -> None:
        """Put in the members of another dict."""
        for name, member in dict(*others, **named).items():
            self[name] = member

    def setdefault(self, name: str, default: Any = None) -> Any:
        """The member of this name; ``default`` is put in where there is none."""
        if name not in self:
            self[name] = default
        return self[name]

    def __ior__(self, other: Any) -> Registry:  # type: ignore[override,misc]  # takes what dict takes
        self.update(other)
        return self

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return dict, (dict(self),)


def _listed(name: str, attributes: Mapping[str, Any], besides: Registry) -> bool:
    """Whether another registry of the module lists ``name``."""
    others = (attributes.get(registry, ()) for registry in REGISTRIES)
    return any(name in other for other in others if other is not besides)


class Members:
    """Finds members that are listed and are no attributes, as PyTorch's modules find them all.

    It stands behind the bases of modules that define ``__getattr__`` or ``__setattr__`` themselves. They may call
    ``super().__getattr__(name)``, and may fill the dicts of their members past this library. The other modules do
    without it: a class with a ``__getattr__`` finds every attribute more slowly.
    """

    def __getattr__(self, name: str) -> Any:
        attributes = self.__dict__
        for listed in (attributes, *(attributes.get(registry, ()) for registry in REGISTRIES)):
            if name in listed:
                return listed[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    @classmethod
    def behind(cls, module: type) -> None:
        """Let ``module``, a class, find its members so."""
        if not issubclass(module, cls):
            module.__bases__ = (*module.__bases__, cls)


class Registered(Hookable):
    """The part of a module that owns: an attribute that is a parameter, a buffer or a module is listed as such."""

    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _passing: set[str]  # the buffers that are no part of the state dict

    def _begin(self) -> None:
        store(self, "training", True)
        for registry in REGISTRIES:
            store(self, registry, Registry(self))
        store(self, "_passing", set())
        store(self, "_hooks", None)

    @property
    def _non_persistent_buffers_set(self) -> set[str]:
        return self._passing

    def __setattr__(self, name: str, value: Any) -> None:
        method = getattr(type(self), name, None)
        if isfunction(method) and of_library(method.__code__):
            check_name(self, name, value)
        if isinstance(value, Parameter):
            self._enter("_parameters", name, value)
        elif isinstance(value, Registered):
            self._enter("_modules", name, value)
        elif isinstance(value, Buffer):
            self._enter("_buffers", name, value)
            self._passing.discard(name) if value.persistent else self._passing.add(name)
        elif name in REGISTRIES:
            self._replace(name, value)
        else:
            for registry, kind in REGISTRIES.items():
                listed = self.__dict__.get(registry, ())
                if name in listed:
                    if value is not None and not (kind == "buffer" and isinstance(value, (Tensor, SparseTensor))):
                        raise DtypeError(f"{name!r} is a {kind} here; assign a {kind} or None, not {value!r:.50}")
                    dict.__setitem__(listed, name, value)
            store(self, name, value)
            rearranged()
            if name == "__dict__":  # that of another module, say
                self._revive()

    def _enter(self, registry: str, name: str, value: Any) -> None:
        """Make ``value`` an attribute that is listed in ``registry`` only."""
        check_begun(self, f"assigns {name!r} before it calls")
        rearranged()
        for other in REGISTRIES:
            if other != registry and name in self.__dict__[other]:
                del self.__dict__[other][name]
        dict.__setitem__(self.__dict__[registry], name, value)
        found = getattr(type(self), name, None)
        if isinstance(found, property) and found.fset is None:  # it is found where the property has no value yet
            self.__dict__[name] = value
            Members.behind(type(self))
        else:
            store(self, name, value)

    def _replace(self, registry: str, members: Any) -> None:
        """Take over a whole dict of members in place of those there were."""
        known = self.__dict__.get(registry, {})
        for name in [name for name in known if self.__dict__.get(name, _UNSET) is known[name]]:
            del self.__dict__[name]
        store(self, registry, {})
        store(self, registry, Registry(self, dict(members).items()))

    def _revive(self) -> None:
        """Let the dicts of members, as a copy or a file has them, be this module's."""
        for registry in REGISTRIES:
            found = self.__dict__.get(registry)
            if isinstance(found, Registry):
                found.join(self)
            elif found is not None:
                self._replace(registry, found)

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)
        self._revive()

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        rearranged()
        for registry in REGISTRIES:
            dict.pop(self.__dict__[registry], name, None)
        self._passing.discard(name)

    def _register(self, kind: str, name: Any, value: Any, wanted: type, repair: str = "") -> None:
        if not isinstance(name, str) or not name or "." in name:
            raise OptionError(f"the name of a {kind} is a string that is not empty and has no dot, not {name!r}")
        if hasattr(self, name) and not any(name in vars(self)[registry] for registry in REGISTRIES):
            raise OptionError(f"{type(self).__name__} has an attribute {name!r} already; give the {kind} another name")
        if value is not None and not isinstance(value, wanted):
            repair = repair_of_member(value) if wanted is Registered else repair
            called = "Module" if wanted is Registered else wanted.__name__
            raise DtypeError(f"{kind} {name!r} is a {called} or None, not {described(value)}{repair}")
        self._enter(f"_{kind}s", name, value)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under ``name``; None: the name has no parameter.

        Raises:
            OptionError: the name is empty, has a dot, or is that of another attribute.
            DtypeError: the value is of another kind.
        """
        self._register("parameter", name, param, Parameter, "; wrap it in Parameter(...)")

    def register_buffer(self, name: str, tensor: Tensor | SparseTensor | None, persistent: bool = True) -> None:
        """Add a tensor that is part of the state but not trained; ``persistent``: it is in the ``state_dict``.

        A sparse one never is: files have dense tensors.

        Raises:
            OptionError: the name is empty, has a dot, or is that of another attribute.
            DtypeError: the value is of another kind.
        """
        is_sparse = isinstance(tensor, SparseTensor)
        self._register("buffer", name, tensor, SparseTensor if is_sparse else Tensor, "; make one with tensor(...)")
        self._passing.discard(name) if persistent and not is_sparse else self._passing.add(name)

    def register_module(self, name: str, module: Any) -> None:
        """Add a submodule under ``name``; None: the name has no module.

        Raises:
            OptionError: the name is empty, has a dot, or is that of another attribute.
            DtypeError: the value is of another kind.
        """
        self._register("module", name, module, Registered)

    add_module = register_module

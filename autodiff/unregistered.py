"""Layers and parameters that a model holds where it does not see them: in plain lists, tuples and dicts.

A model lists what is assigned to it as an attribute of its own. What stands in a plain container works, but no
optimizer gets it and no file of weights has it. ``nn`` notes which models were asked for their parameters, so that
``optim``, which knows no models, can say what was overlooked.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple
from weakref import ref

from autodiff.engine.call_sites import file_and_line, place_of_user
from autodiff.engine.values import TensorBase
from autodiff.errors import AutodiffWarning

REGISTRIES = frozenset(("_parameters", "_buffers", "_modules", "_passing", "_hooks"))
DEPTH = 3  # of containers in containers
_asked: dict[int, ref[Any]] = {}  # the models whose parameters were asked for since the last optimizer that got them


def note_asked(model: Any) -> None:
    """Note that ``model`` was asked for its parameters."""
    key = id(model)
    if key not in _asked:
        _asked[key] = ref(model, lambda _: _asked.pop(key, None))


def asked() -> list[Any]:
    """The models that were asked for their parameters, and live."""
    models = [found() for found in list(_asked.values())]
    return [model for model in models if model is not None]


class Overlooked(NamedTuple):
    """An attribute whose layers or tensors the model does not know.

    Attributes:
        path: of the attribute, behind the class of the model: "Net.blocks.0.layers".
        text: what it is, and the repair.
        trainable: the tensors that could be trained.
        held: the layers and tensors themselves.
    """

    path: str
    text: str
    trainable: list[Any]
    held: list[Any]

    def __str__(self) -> str:
        return f"{self.path} is {self.text}"


def overlooked(model: Any) -> list[Overlooked]:
    """The attributes of ``model``, and of the modules in it, that hold layers or trainable tensors it does not know."""
    known = {id(module) for module in model.modules()} | {id(p) for p in model._parameters_below()}
    found = []
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if name in REGISTRIES:
                continue
            held = [x for x in _held(value) if id(x) not in known]
            if held:
                where = ".".join(part for part in (type(model).__name__, path, name) if part)
                found.append(Overlooked(where, _text(value, held), [p for x in held for p in _trainable(x)], held))
    return found


def _held(value: Any) -> Iterator[Any]:
    """The modules in a container, and the leaves that require grad in it; or such a leaf itself."""
    if isinstance(value, TensorBase):
        if _is_trainable(value):
            yield value
        return
    level = [value]
    for _ in range(DEPTH):
        level = [x for container in level for x in _members(container)]
        yield from (x for x in level if _is_module(x) or (isinstance(x, TensorBase) and _is_trainable(x)))


def _members(container: Any) -> Collection[Any]:
    if isinstance(container, dict):
        return list(container.values())
    return container if isinstance(container, (list, tuple, set)) else ()


def _is_module(x: Any) -> bool:
    return hasattr(x, "named_parameters") and not isinstance(x, type)


def _is_trainable(x: Any) -> bool:
    return x._node is not None and x._node.primitive is None


def _trainable(x: Any) -> list[Any]:
    return [x] if isinstance(x, TensorBase) else [p for p in x._parameters_below() if p.requires_grad]


def _text(value: Any, held: list[Any]) -> str:
    if isinstance(value, TensorBase):
        return "a tensor that requires grad and no parameter; assign Parameter(...) instead"
    kinds = "Module" if _is_module(held[0]) else "Parameter"
    what = f"{len(held)} {'module' if kinds == 'Module' else 'tensor'}{'s' * (len(held) > 1)}"
    repair = f"{kinds}Dict" if isinstance(value, dict) else f"{kinds}List"
    names = ", ".join(sorted({type(x).__name__ for x in held})[:3])
    are = "are" if len(held) > 1 else "is"
    return f"a plain {type(value).__name__} of {what} ({names}), which {are} not registered; make it a {repair}"


def say_overlooked(found: list[Overlooked], consequence: str) -> None:
    """One warning, at the user's line, about all that was ``found``."""
    if not found:
        return
    text = "; ".join(map(str, found[:3])) + ("; and others" if len(found) > 3 else "")
    filename, line = file_and_line(place_of_user(2))
    warnings.warn_explicit(f"{text}: {consequence}", AutodiffWarning, filename, line)


def not_given(given: Collection[int], models: Iterable[Any]) -> list[Overlooked]:
    """What was overlooked by those ``models`` of which an optimizer got parameters; ``given`` are the ids of these."""
    found = []
    for model in models:
        parameters = {id(p) for p in model._parameters_below()}
        if not parameters.isdisjoint(given):
            _asked.pop(id(model), None)
            found += [one for one in overlooked(model) if any(id(p) not in given for p in one.trainable)]
    return found


def behind_nothing(models: Iterable[Any]) -> str:
    """Why one of the ``models`` has no parameters; empty where nothing was overlooked."""
    for model in models:
        if not list(model._parameters_below()) and (found := overlooked(model)):
            _asked.pop(id(model), None)
            return str(found[0])
    return ""

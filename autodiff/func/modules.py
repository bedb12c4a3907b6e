"""Modules as functions of their parameters, and several of them as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from autodiff.errors import DtypeError, OptionError, StateDictError
from autodiff.functions.joining import stack
from autodiff.kinds import check_module, described
from autodiff.tensors.tensor import Tensor

__all__ = ["functional_call", "replace_all_batch_norm_modules_", "stack_module_state"]


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call ``module`` with other tensors in place of its parameters and buffers, and put those back.

    Args:
        module: anything with ``named_modules``, ``_parameters`` and ``_buffers``, as ``nn.Module`` has.
        parameter_and_buffer_dicts: tensors by the names of ``named_parameters()`` and ``named_buffers()``; or several
            such dicts. Parameters and buffers without an entry stay.
        args: the arguments of the module: a tuple, or a single one.
        kwargs: its keyword arguments.
        tie_weights: a parameter that the module has under several names is replaced under all of them.
        strict: every parameter and buffer has to be given.

    >>> import autodiff, nn
    >>> from autodiff.func import grad
    >>> model = nn.Linear(2, 1, bias=False)
    >>> loss = lambda parameters, x: functional_call(model, parameters, x).sum()
    >>> grad(loss)(dict(model.named_parameters()), autodiff.tensor([[1.0, 2.0]]))["weight"].detach()
    tensor([[1., 2.]])

    Raises StateDictError for a name that the module does not have, and for one left out where ``strict``.
    """
    with _reparametrize_module(module, parameter_and_buffer_dicts, tie_weights, strict):
        return module(*(args if isinstance(args, tuple) else () if args is None else (args,)), **(kwargs or {}))


@contextmanager
def _reparametrize_module(
    module: Any, parameters_and_buffers: Any, tie_weights: bool = False, strict: bool = False
) -> Iterator[None]:
    """A block in which ``module`` has other tensors, as in ``functional_call``, which has the arguments."""
    if not hasattr(module, "named_modules"):
        raise DtypeError(f"functional_call takes a module, not {described(module)}")
    several = parameters_and_buffers
    for part in several if isinstance(several, (list, tuple)) else (several,):
        if not isinstance(part, Mapping):
            raise StateDictError(f"functional_call takes a dict of tensors by name, not {described(part)}")
    given = dict(several) if isinstance(several, Mapping) else {name: x for part in several for name, x in part.items()}
    places, called = _places(module), f"functional_call of {type(module).__name__}"
    unknown, missing = sorted(set(given) - set(places)), sorted(set(places) - set(given))
    if unknown:
        raise StateDictError(f"{called}: there is no {unknown[0]!r}; it has {', '.join(places)}")
    if strict and missing:
        raise StateDictError(f"{called} with strict=True lacks {', '.join(missing)}")
    if tie_weights:
        by_tensor = {id(_current(places[name])): value for name, value in given.items()}
        tensors = {name: id(_current(place)) for name, place in places.items()}
        given = {name: by_tensor[tensor] for name, tensor in tensors.items() if tensor in by_tensor}
    before = {name: _current(places[name]) for name in given}
    try:
        for name, value in given.items():
            _put(places[name], value)
        yield
    finally:
        for name, value in before.items():
            _put(places[name], value)


Place = tuple[Any, str, str]  # a module, which of its registries, and the name there


def _places(module: Any) -> dict[str, Place]:
    """The place of each parameter and buffer by its full name; a shared one is under each of its names."""
    found: dict[str, Place] = {}
    for path, part in module.named_modules(remove_duplicate=False):
        for registry in ("_parameters", "_buffers"):
            for name, value in part.__dict__[registry].items():
                if value is not None:
                    found[f"{path}.{name}" if path else name] = (part, registry, name)
    return found


def _current(place: Place) -> Any:
    module, registry, name = place
    return module.__dict__[registry][name]


def _put(place: Place, value: Any) -> None:
    """Replace a value without ``__setattr__``, which takes only a parameter in place of a parameter."""
    module, registry, name = place
    module.__dict__[registry][name] = module.__dict__[name] = value


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The parameters and the buffers of modules that are alike, by name, each (number of modules, *shape).

    ``vmap`` of ``functional_call`` over their first axis is an ensemble. The parameters are leaves.

    >>> import autodiff, nn
    >>> from autodiff.func import vmap
    >>> models = [nn.Linear(2, 1) for _ in range(3)]
    >>> parameters, buffers = stack_module_state(models)
    >>> parameters["weight"].shape, buffers
    (autodiff.Size([3, 1, 2]), {})
    >>> call = lambda state, x: functional_call(models[0], state, (x,))
    >>> vmap(call, in_dims=(0, None))((parameters, buffers), autodiff.ones(5, 2)).shape
    autodiff.Size([3, 5, 1])

    Raises OptionError for no modules, for modules of several classes or with other names, and where some are in
    training or some tensors of a name require grad, and others do not.
    """
    models = list(models)
    for model in models:
        check_module("stack_module_state", model)
    if len({(type(model), model.training) for model in models}) != 1:
        raise OptionError("stack_module_state takes modules of one class, at least one, all in training or none")
    members = [[dict(each()) for each in (model.named_parameters, model.named_buffers)] for model in models]
    if any(one.keys() != first.keys() for each in members for one, first in zip(each, members[0], strict=True)):
        raise OptionError("stack_module_state takes modules whose parameters and buffers have the same names")
    parameters, buffers = ({name: _stacked(name, alike) for name in alike[0]} for alike in zip(*members, strict=True))
    return parameters, buffers


def _stacked(name: str, members: Sequence[dict[str, Any]]) -> Tensor:
    tensors = [each[name] for each in members]
    requires_grad = {x.requires_grad for x in tensors}
    if len(requires_grad) > 1:
        raise OptionError(f"stack_module_state: some of the tensors {name!r} require grad, and others do not")
    stacked: Tensor = stack([x.detach() for x in tensors])
    return stacked.requires_grad_(requires_grad.pop())


def replace_all_batch_norm_modules_(root: Any) -> Any:
    """Let the batch norms below ``root`` keep no running statistics, so that it can be mapped; returns ``root``.

    >>> import nn
    >>> replace_all_batch_norm_modules_(nn.Sequential(nn.BatchNorm1d(2)))[0].running_mean is None
    True

    Raises DtypeError for what is no module.
    """
    check_module("replace_all_batch_norm_modules_", root)
    for module in root.modules():
        if any(base.__name__ == "_BatchNorm" for base in type(module).__mro__):
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                module._buffers[name] = None
            module.track_running_stats = False
    return root

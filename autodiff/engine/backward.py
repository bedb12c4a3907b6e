"""Gradients of tensors: ``grad`` and ``backward`` start the walk and deliver what it finds."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from threading import RLock
from typing import Any

import numpy as np

from autodiff.dtypes import DIFFERENTIABLE
from autodiff.engine import modes
from autodiff.engine.call_sites import asked_at, calls, line_of, place_of_user, source_of
from autodiff.engine.hooks import as_gradient, in_use
from autodiff.engine.tape import Node
from autodiff.engine.values import TensorBase, Value, wrap
from autodiff.engine.versions import changed
from autodiff.engine.views import node_of
from autodiff.engine.walk import walk
from autodiff.errors import DtypeError, GraphError, InPlaceError, OptionError, ShapeError
from autodiff.forks import hold_over_forks
from autodiff.kernels.layout import complex_in_use, laid_out
from autodiff.kernels.structural_zeros import doubt, in_doubt, no_doubt
from autodiff.kinds import array_like, described, repair_of, several

_delivering = RLock()  # NumPy adds long arrays while other threads run
hold_over_forks(lambda: _delivering)
finished: list[Callable[[], None]] = []  # called after each ``backward()``, whatever it reached


def grad(
    outputs: Any,
    inputs: Any = None,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Value, ...]:
    """``autodiff.autograd.grad``, whose arguments it has, with one cotangent for each output."""
    if not only_inputs:
        raise OptionError("only_inputs=False: grad() never fills .grad; use backward()")
    if materialize_grads and allow_unused is False:
        raise OptionError("materialize_grads=True makes zeros for unused inputs; allow_unused=False forbids them")
    ends, wanted = tensors_of(outputs, "outputs"), tensors_of(inputs, "inputs")
    found = gradients(ends, _seeds(grad_outputs, ends, "grad_outputs"), wanted, retain_graph, create_graph)
    result: list[Any] = [None if x._node is None else found.get(x._node) for x in wanted]
    for i, (x, g) in enumerate(zip(wanted, result, strict=True)):
        if g is None and materialize_grads:
            result[i] = wrap(np.zeros(x.shape, x.dtype))
        elif g is None and not allow_unused:
            raise GraphError(
                f"input {i}, of shape {x.shape}, was not used to make the outputs; with allow_unused=True its "
                "gradient is None"
            )
        if g is not None and g._node is None:
            g._untracked_because = ("is a gradient made without create_graph=True", place_of_user())
    return tuple(result)


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradient of the sum of ``tensors`` to ``.grad`` of every leaf they were made from (or of ``inputs``).

    Raises:
        GraphError: a tensor does not require grad, has several entries and none of ``grad_tensors``, or there are not
            as many of these.
        ShapeError: one of ``grad_tensors`` has another shape than its tensor.
    """
    ends = tensors_of(tensors, "tensors")
    targets = None if inputs is None else tensors_of(inputs, "inputs")
    seeds = _seeds(grad_tensors, ends, "grad_tensors")
    accumulate_grad(gradients(ends, seeds, targets, retain_graph, create_graph, fill=True), create_graph)


def gradients(
    outputs: list[Any],
    seeds: list[Any],
    inputs: Collection[Any] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    fill: bool = False,
) -> dict[Node, Any]:
    """Walk back from ``outputs`` and return the gradient of each leaf that is reached, or of ``inputs``.

    No two of the gradients share memory, and none shares it with a seed. With ``fill`` those of ``inputs`` that are no
    leaves retain their gradient from now on, as in PyTorch.
    """
    if inputs is not None and not inputs:
        raise GraphError("there are no inputs whose gradients could be wanted; leave inputs out for all leaves")
    cotangents: dict[Node, Any] = {}
    has_zeros = False
    for output, seed in zip(outputs, seeds, strict=True):
        node, g = _tracked(output), _seed(output, seed)
        has_zeros |= seed is not None and not g._array.all()
        g = g if create_graph else g._array
        if complex_in_use and node.dtype.kind == "c":
            g = as_gradient(g)
        cotangents[node] = cotangents[node] + g if node in cotangents else g
    targets = {_tracked(x) for x in inputs} if inputs is not None else ()
    for x in inputs or () if fill else ():
        x.retain_grad()
    retain = create_graph if retain_graph is None else retain_graph
    taken = set(map(id, cotangents.values()))
    try:
        if has_zeros:
            doubt()
        if create_graph:
            with _recording(), asked_at(calls().place or place_of_user()):  # all at one place, found once
                walked = walk(cotangents, targets, retain, wrap)
        else:
            walked = walk(cotangents, targets, retain)
    finally:
        if in_doubt:
            no_doubt()
    for node, g in walked.items():
        key = id(g)
        if complex_in_use and node.dtype.kind == "c":
            g = as_gradient(g)
        if create_graph:
            walked[node] = g.clone() if key in taken or g._array.base is not None else g
        else:
            g = g if isinstance(g, np.ndarray) else np.asarray(g)
            walked[node] = wrap(g.copy() if key in taken or g.base is not None else g)
        taken.add(key)
    return walked


def _recording() -> AbstractContextManager[None]:
    """``enable_grad``, if recording is off."""
    return nullcontext() if modes.layer().value.recording else modes.enable_grad()


def accumulate_grad(found: dict[Node, Any], create_graph: bool) -> None:
    """Add gradients to ``.grad`` of the leaves they belong to, where those still want them.

    As in PyTorch a ``.grad`` that is there is changed in place, or replaced with ``create_graph``.

    Raises InPlaceError if a leaf was given data of another shape or dtype after the graph was made.
    """
    hooked = in_use()
    with _delivering:
        for node, g in found.items():
            owner = node.owner() if node.primitive is None else None
            if owner is None or owner._node is None:
                continue
            if owner._node is not node and (g.shape != owner.shape or g.dtype != owner.dtype):
                raise InPlaceError(
                    f"a leaf was given data of {owner.dtype} {owner.shape} after the forward pass, and its gradient "
                    f"is of {g.dtype} {g.shape}; assign .data after backward()"
                )
            old = owner._grad
            if old is None:
                if (array := g._array).ndim > 1 and array.strides != owner._array.strides and g._node is None:
                    g._array = laid_out(array, owner._array)
                owner._grad = g
            elif not create_graph and old._array.flags.writeable:
                try:
                    np.add(old._array, g._array, out=old._array)
                except ValueError:
                    given = f"a leaf of shape {owner.shape} has a .grad of {old.shape}, of data that it had before"
                    raise InPlaceError(f"{given}; set .grad = None with the new data") from None
                changed(old._array)
            else:
                owner._grad = old + g
            if hooked and hasattr(node, "hooks"):
                with modes.set_grad_enabled(create_graph):
                    for hook in tuple(node.hooks.accumulated.values()):
                        hook(owner)
    for call in finished:
        call()


def _tracked(tensor: Any) -> Node:
    """The node of a tensor; raises GraphError with the reason where it has none."""
    node: Node | None = node_of(tensor)
    if node is not None:
        return node
    why = getattr(tensor, "_untracked_because", None)
    if why is not None:
        reason = f"it, or what it was made from, {why[0]} at {line_of(why[1])} ({source_of(why[1])})"
    elif tensor._array.dtype.kind not in DIFFERENTIABLE:
        reason = f"its dtype is {tensor._array.dtype}"
    else:
        reason = "none of the tensors it was made from does; set requires_grad=True on those"
    raise GraphError(f"a tensor of shape {tensor.shape} does not require grad: {reason}")


def _seed(output: Any, seed: Any) -> Any:
    """The cotangent to start from: 1 for a tensor of one entry, or what was given, checked."""
    if seed is None:
        array = output._array
        if array.size != 1:
            why = "needs a gradient of that shape to start from; or reduce it first, as in loss.mean().backward()"
            raise GraphError(f"a tensor of shape {output.shape} {why}")
        if array.dtype.kind == "c":
            raise GraphError("a complex number needs a gradient to start from; or take .real or .abs() of it first")
        one = np.array(1, array.dtype)  # faster than np.ones
        return wrap(one.reshape(array.shape) if array.ndim else one)
    given: Any = seed if isinstance(seed, TensorBase) else wrap(array_like(seed, output, "the gradient of a tensor"))
    if given._array.shape != output._array.shape:
        raise ShapeError(f"the gradient of a tensor of shape {output.shape} has that shape, not {given.shape}")
    return given if given._array.dtype is output._array.dtype else given.to(output.dtype)


def tensors_of(given: Any, what: str) -> list[Any]:
    """One tensor or several, as a list; raises DtypeError for anything else."""
    listed = several(given)
    for x in listed:
        if not isinstance(x, TensorBase):
            repair = repair_of(x, "tensor(..., requires_grad=True)")
            raise DtypeError(f"{what} are tensors, not {described(x)}; {repair}")
    return listed


def _seeds(given: Any, outputs: list[Any], what: str) -> list[Any]:
    """The cotangent of each output, None where it is left out."""
    if given is None:
        return [None] * len(outputs)
    seeds = several(given)
    if len(seeds) != len(outputs):
        raise GraphError(f"{what}: {len(seeds)} for {len(outputs)} outputs; give one for each, or None in its place")
    return seeds

"""The layers of a model: what each gives, owns and keeps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from autodiff.engine.modes import enable_grad
from autodiff.engine.tape import reachable
from autodiff.engine.versions import owner_of
from autodiff.random import default_generator
from autodiff.tensors.tensor import Tensor
from autodiff.viz.keeping import kept_by
from autodiff.viz.names import called
from autodiff.viz.tables import aligned, size

__all__ = ["Layer", "Summary", "summary"]


class Layer(NamedTuple):
    """One module of a model.

    Attributes:
        path, kind: its path, "" for the model itself, and its class.
        shape: of its output, a list of shapes where it has several, None where it was not called.
        parameters: how many numbers it and what is in it own that no earlier layer owns.
        kept: bytes kept for the backward pass by what was computed in it.
    """

    path: str
    kind: str
    shape: Any
    parameters: int
    kept: int


class Summary(list[Layer]):
    """The layers in the order of the model; ``str()`` is a table.

    Attributes:
        parameters: how many numbers can be trained, each counted once.
        frozen: how many parameters' numbers cannot.
        kept: bytes that the whole graph keeps for the backward pass.
    """

    parameters: int = 0
    frozen: int = 0
    kept: int = 0

    def __str__(self) -> str:
        rows = []
        for layer in self:
            depth = layer.path.count(".") + 1 if layer.path else 0
            name = f"{layer.path.rpartition('.')[2]}: {layer.kind}" if layer.path else layer.kind
            shape = "not called" if layer.shape is None else str(layer.shape)
            kept = size(layer.kept) if layer.kept else "-"
            rows.append(("  " * depth + name, shape, f"{layer.parameters:,}" if layer.parameters else "-", kept))
        total = f"{self.parameters:,} parameters" + (f" and {self.frozen:,} frozen" if self.frozen else "")
        table = aligned(("layer", "output", "parameters", "kept"), rows)
        return f"{table}\n{total}, {size(self.kept)} kept for backward"

    __repr__ = __str__


def summary(model: Any, *inputs: Any, **options: Any) -> Summary:
    """Run ``model`` once on ``inputs`` and tell of each layer what it gives, owns and keeps.

    The model is called as it is, in training or evaluation; buffers such as running means, and the stream of random
    numbers, are put back as they were.

    >>> import autodiff
    >>> from autodiff import nn
    >>> print(summary(nn.Sequential(nn.Linear(3, 4), nn.Tanh()), autodiff.ones(5, 3)))
    layer        output  parameters  kept
    Sequential   (5, 4)  16          ...
      0: Linear  (5, 4)  16          ...
      1: Tanh    (5, 4)  -           80 B
    16 parameters, ... kept for backward
    """
    shapes: dict[int, Any] = {}
    modules = list(model.named_modules())
    with _as_it_was(model), enable_grad():

        def note(module: Any, _: Any, output: Any) -> None:
            shapes[id(module)] = _shape(output)

        handles = [module.register_forward_hook(note) for _, module in modules]
        try:
            output = model(*inputs, **options)
        finally:
            for handle in handles:
                handle.remove()
        order = reachable([t._node for t in _tensors(output) if t._node is not None])[::-1]
    calls, call_of = called(order, model)
    kept: dict[int, int] = {}
    result = Summary()
    for node, array in kept_by(order):
        result.kept += owner_of(array).nbytes
        at = call_of[node]
        inside = set()  # a module that calls itself counts once
        while at >= 0:
            inside.add(id(calls[at].module))
            at = calls[at].parent
        for module in inside:
            kept[module] = kept.get(module, 0) + owner_of(array).nbytes
    seen: set[int] = set()
    for path, module in modules:
        own = {id(p): p for p in module.parameters() if id(p) not in seen}
        if not list(module.children()):
            seen |= set(own)
        count = sum(p.numel() for p in own.values())
        result.append(Layer(path, type(module).__name__, shapes.get(id(module)), count, kept.get(id(module), 0)))
    for parameter in model.parameters():
        if parameter.requires_grad:
            result.parameters += math.prod(parameter.shape)
        else:
            result.frozen += math.prod(parameter.shape)
    return result


@contextmanager
def _as_it_was(model: Any) -> Iterator[None]:
    """Whatever a forward pass changes is put back: buffers and the random numbers."""
    buffers: list[tuple[Tensor, Any]] = [(buffer, buffer.detach().numpy().copy()) for buffer in model.buffers()]
    state = default_generator.get_state()
    try:
        yield
    finally:
        default_generator.set_state(state)
        for buffer, array in buffers:
            np.copyto(buffer._array, array)


def _tensors(output: Any) -> Iterator[Tensor]:
    stack = [output]
    while stack:
        value = stack.pop()
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            stack += reversed(value)
        elif isinstance(value, dict):
            stack += reversed(list(value.values()))


def _shape(output: Any) -> Any:
    shapes = [tensor.shape for tensor in _tensors(output)]
    return shapes[0] if len(shapes) == 1 else shapes

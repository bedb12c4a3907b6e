"""The layers of a model: what each gives, owns and keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from autodiff.engine.modes import enable_grad
from autodiff.engine.tape import Node
from autodiff.func.trees import leaves_of
from autodiff.tensors.tensor import Tensor
from autodiff.unregistered import overlooked, say_overlooked
from autodiff.viz.recorded import calls_of, creation_order
from autodiff.viz.running import as_it_was, check_model, refuse_shapes
from autodiff.viz.saved import bytes_kept
from autodiff.viz.tables import aligned, size


class Layer(NamedTuple):
    """One module of a model.

    Attributes:
        path, kind: its path, "" for the model itself, and its class.
        shape: of its output, a list of shapes if it has several, None if it was not called.
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
        frozen: how many numbers of parameters cannot be trained.
        kept: bytes that the whole graph keeps for the backward pass.
        unregistered: attributes whose layers or tensors the model does not know, and the repair.
    """

    parameters: int = 0
    frozen: int = 0
    kept: int = 0
    unregistered: tuple[str, ...] = ()

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
        unseen = "".join(f"\nnot counted: {text}" for text in self.unregistered)
        return f"{table}\n{total}, {size(self.kept)} kept for backward{unseen}"

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
    check_model(model, "summary")
    refuse_shapes(inputs, "summary")
    modules = list(model.named_modules())
    with as_it_was(model), enable_grad():
        output, shapes = _run(model, inputs, options)
    order = creation_order(_tensors(output))
    kept = bytes_kept(order)
    kept_in = _bytes_by_module(kept, order, model)
    result = Summary()
    result.kept = kept.total()
    counted: set[int] = set()
    for path, module in modules:
        own = {id(p): p.numel() for p in module.parameters() if id(p) not in counted}
        if not list(module.children()):
            counted |= set(own)
        count = sum(own.values())
        result.append(Layer(path, type(module).__name__, shapes.get(id(module)), count, kept_in[id(module)]))
    result.parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
    result.frozen = sum(p.numel() for p in model.parameters() if not p.requires_grad)
    unseen = overlooked(model)
    result.unregistered = tuple(map(str, unseen))
    say_overlooked(unseen, "this summary does not count what is there")
    return result


def _run(model: Any, inputs: Any, options: Any) -> tuple[Any, dict[int, Any]]:
    """The output of ``model``, and the shape of the output of each module in it that was called."""
    shapes: dict[int, Any] = {}

    def note(module: Any, _: Any, output: Any) -> None:
        found = [tensor.shape for tensor in _tensors(output)]
        shapes[id(module)] = found[0] if len(found) == 1 else found

    handles = [module.register_forward_hook(note) for module in model.modules()]
    try:
        return model(*inputs, **options), shapes
    finally:
        for handle in handles:
            handle.remove()


def _tensors(output: Any) -> list[Tensor]:
    return [leaf for leaf in leaves_of(output) if isinstance(leaf, Tensor)]


def _bytes_by_module(kept: Counter[Node], order: Sequence[Node], model: Any) -> Counter[int]:
    """How many bytes were kept in each module, the modules that it called included."""
    calls, call_of = calls_of(order, model)
    inside: Counter[int] = Counter()
    for node, count in kept.items():
        around, at = set(), call_of[node]  # a set: a module that calls itself counts once
        while at:
            around.add(id(calls[at].module))
            at = calls[at].parent
        for module in around:
            inside[module] += count
    return inside

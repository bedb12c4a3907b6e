"""The layers of a model: what each gives, owns, keeps and costs."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any, NamedTuple

from autodiff.engine.modes import enable_grad
from autodiff.engine.tape import Node
from autodiff.tensors.tensor import Tensor
from autodiff.unregistered import overlooked, say_overlooked
from autodiff.viz.costs import multiply_adds, state_bytes
from autodiff.viz.errors import DrawingError
from autodiff.viz.recorded import calls_of, creation_order
from autodiff.viz.running import Run, as_it_was, check_model, outputs_of, run
from autodiff.viz.saved import bytes_kept
from autodiff.viz.tables import aligned, size
from autodiff.viz.trace import Operation
from autodiff.viz.values import tensors_in

TIMED = 5  # runs, of which the fastest tells the shares of time


class Layer(NamedTuple):
    """One module of a model.

    Attributes:
        path, kind: its path, "" for the model itself, and its class.
        shape: of its output, a list of shapes if it has several, None if it was not called.
        parameters: how many numbers it and what is in it own that no earlier layer owns.
        kept: bytes kept for the backward pass by what was computed in it.
        frozen: how many of the parameters cannot be trained.
        bytes: of these parameters.
        dtype: of the parameters, or of the output of a layer without any.
        multiply_adds: products that matrices, convolutions, attention and recurrences in it add up.
        calls: how often it was called.
        share: of the time of a forward pass, between 0 and 1; None if it was not measured.
    """

    path: str
    kind: str
    shape: Any
    parameters: int
    kept: int
    frozen: int = 0
    bytes: int = 0
    dtype: str = ""
    multiply_adds: int = 0
    calls: int = 1
    share: float | None = None


class Summary(list[Layer]):
    """The layers in the order of the model; ``str()`` is a table, and a notebook shows one.

    Attributes:
        parameters: how many numbers can be trained, each counted once.
        frozen: how many numbers of parameters cannot be trained.
        bytes: of all parameters.
        gradients: bytes of the gradients that a backward pass makes.
        kept: bytes that the whole graph keeps for the backward pass.
        multiply_adds: of one forward pass.
        seconds: of one forward pass; None if it was not measured.
        optimizer: the name of the optimizer that was asked about, "" for none.
        state: bytes that it adds.
        refused: numbers that can be trained and that it does not take.
        unregistered: attributes whose layers or tensors the model does not know, and the repair.
    """

    parameters: int = 0
    frozen: int = 0
    bytes: int = 0
    gradients: int = 0
    kept: int = 0
    multiply_adds: int = 0
    seconds: float | None = None
    optimizer: str = ""
    state: int = 0
    refused: int = 0
    unregistered: tuple[str, ...] = ()

    def __str__(self) -> str:
        head, rows = self._columns()
        rows = [("  " * _depth(layer) + row[0], *row[1:]) for layer, row in zip(self, rows, strict=True)]
        unseen = "".join(f"\nnot counted: {text}" for text in self.unregistered)
        return f"{aligned(head, rows)}\n{self._totals()}{unseen}"

    __repr__ = __str__

    def _columns(self) -> tuple[list[str], list[tuple[str, ...]]]:
        """The heads, and a row for each layer; columns that say nothing are left out."""
        columns: list[tuple[str, bool, Callable[[Layer], str]]] = [
            ("layer", True, _name),
            ("output", True, lambda layer: "not called" if layer.shape is None else str(layer.shape)),
            ("dtype", len({layer.dtype for layer in self} - {""}) > 1, lambda layer: layer.dtype or "-"),
            ("parameters", True, _count),
            ("bytes", True, lambda layer: size(layer.bytes) if layer.bytes else "-"),
            ("multiply-adds", True, lambda layer: f"{layer.multiply_adds:,}" if layer.multiply_adds else "-"),
            ("kept", True, lambda layer: size(layer.kept) if layer.kept else "-"),
            ("calls", any(layer.calls > 1 for layer in self), lambda layer: str(layer.calls)),
            ("time", self.seconds is not None, _share),
        ]
        shown = [(head, write) for head, is_shown, write in columns if is_shown]
        return [head for head, _ in shown], [tuple(write(layer) for _, write in shown) for layer in self]

    def _totals(self) -> str:
        parts = [f"{self.parameters:,} parameters" + (f" and {self.frozen:,} frozen" if self.frozen else "")]
        parts[0] += f" ({size(self.bytes)})"
        parts.append(f"{self.multiply_adds:,} multiply-adds")
        if self.seconds is not None:
            parts.append(f"{1000 * self.seconds:.3g} ms forward")
        parts.append(f"{size(self.kept)} kept for backward")
        if self.optimizer:
            parts.append(f"{size(self.gradients)} of gradients")
            refused = f", and takes no part of {self.refused:,} parameters" if self.refused else ""
            parts.append(f"{self.optimizer} adds {size(self.state)}{refused}")
        return ", ".join(parts)

    def _repr_html_(self) -> str:
        """The table in a notebook."""
        head, rows = self._columns()
        cells = "".join(f'<th style="text-align:left">{html.escape(text)}</th>' for text in head)
        lines = [f"<tr>{cells}</tr>"]
        for layer, row in zip(self, rows, strict=True):
            style = f"text-align:left;padding-left:{8 + 16 * _depth(layer)}px"
            grey = ' style="opacity:.6"' if layer.shape is None else ""
            first = f'<td style="{style}">{html.escape(row[0])}</td>'
            rest = "".join(f'<td style="text-align:right">{html.escape(text)}</td>' for text in row[1:])
            lines.append(f"<tr{grey}>{first}{rest}</tr>")
        below = [self._totals(), *(f"not counted: {text}" for text in self.unregistered)]
        return f"<table>{''.join(lines)}</table>" + "".join(f"<div>{html.escape(text)}</div>" for text in below)


def _depth(layer: Layer) -> int:
    return layer.path.count(".") + 1 if layer.path else 0


def _name(layer: Layer) -> str:
    return f"{layer.path.rpartition('.')[2]}: {layer.kind}" if layer.path else layer.kind


def _count(layer: Layer) -> str:
    if not layer.parameters:
        return "-"
    if layer.frozen == layer.parameters:
        return f"{layer.parameters:,} frozen"
    return f"{layer.parameters:,}" + (f" ({layer.frozen:,} frozen)" if layer.frozen else "")


def summary(
    model: Any, *inputs: Any, depth: int | None = None, time: bool = False, optimizer: Any = None, **keywords: Any
) -> Summary:
    """Run ``model`` once on ``inputs`` and tell of each layer what it gives, owns, keeps and costs.

    The model is called as it is, in training or evaluation; buffers such as running means, and the stream of random
    numbers, are put back as they were.

    Args:
        model: the model.
        *inputs: what it is called with; a keyword that ``summary`` takes itself needs a model with other names.
        depth: list layers that many dots deep at most; their numbers count what is in them. None lists all.
        time: measure the share of each layer in the time of the forward pass, in five more runs.
        optimizer: a class of optimizers, or a function of the parameters that makes one: say how much it adds.
        **keywords: what the model is called with, too.

    Raises:
        DrawingError: no model, or inputs that it cannot be called with.

    >>> import autodiff
    >>> from autodiff import nn
    >>> print(summary(nn.Sequential(nn.Linear(3, 4), nn.Tanh()), autodiff.ones(5, 3)))
    layer        output  parameters  bytes  multiply-adds  kept
    Sequential   (5, 4)  16          64 B   60             ...
      0: Linear  (5, 4)  16          64 B   60             ...
      1: Tanh    (5, 4)  -           -      -              80 B
    16 parameters (64 B), 60 multiply-adds, ... kept for backward
    """
    check_model(model, "summary")
    level: Any = depth
    if not (level is None or (isinstance(level, int) and level >= 0)):
        raise DrawingError(f"depth={depth!r}: expected a number from 0 on, or None for everything")
    seen = _Seen(model)
    with enable_grad(), seen.watching():
        found = run(model, inputs, keywords, "summary", lambda result: None)
    result = Summary()
    if time:
        result.seconds = _time(model, inputs, keywords, seen)
    _tell_layers(result, model, found, seen, depth)
    trainable = [p for p in model.parameters() if p.requires_grad]
    frozen = [p for p in model.parameters() if not p.requires_grad]
    result.parameters, result.frozen = sum(p.numel() for p in trainable), sum(p.numel() for p in frozen)
    result.gradients = sum(p.numpy().nbytes for p in map(Tensor.detach, trainable))
    result.bytes = result.gradients + sum(p.detach().numpy().nbytes for p in frozen)
    if optimizer is not None:
        made = optimizer if callable(optimizer) else type(optimizer)
        result.optimizer = getattr(made, "__name__", type(made).__name__).replace("<lambda>", "the optimizer")
        result.state, result.refused = state_bytes(made, trainable)
    unseen = overlooked(model)
    result.unregistered = tuple(map(str, unseen))
    say_overlooked(unseen, "this summary does not count what is there")
    return result


def _share(layer: Layer) -> str:
    return "-" if layer.share is None or not layer.calls else f"{layer.share:.0%}"


class _Seen:
    """What the hooks of modules see: shapes and dtypes of outputs, calls, and seconds."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.outputs: dict[int, list[Tensor]] = {}
        self.shapes: dict[int, Any] = {}
        self.dtypes: dict[int, str] = {}
        self.calls: Counter[int] = Counter()
        self.seconds: Counter[int] = Counter()
        self._began: list[float] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note what modules return."""
        yield from self._hooked(lambda module: [module.register_forward_hook(self._note)])

    @contextmanager
    def timing(self) -> Iterator[None]:
        """Note how long modules take, those in them included."""
        yield from self._hooked(
            lambda module: [module.register_forward_pre_hook(self._begin), module.register_forward_hook(self._end)]
        )

    def _hooked(self, register: Callable[[Any], list[Any]]) -> Iterator[None]:
        handles = [handle for module in self.model.modules() for handle in register(module)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _note(self, module: Any, _: Any, output: Any) -> None:
        found = [tensor for _, tensor in tensors_in(output)]
        shapes = [tuple(tensor.shape) for tensor in found]
        self.shapes[id(module)] = shapes[0] if len(shapes) == 1 else shapes
        self.dtypes[id(module)] = ", ".join(dict.fromkeys(tensor.dtype.name for tensor in found))
        self.calls[id(module)] += 1

    def _begin(self, module: Any, _: Any) -> None:
        self._began.append(perf_counter())

    def _end(self, module: Any, *_: Any) -> None:
        self.seconds[id(module)] += perf_counter() - self._began.pop()  # type: ignore[assignment]


def _time(model: Any, inputs: Any, keywords: Any, seen: _Seen) -> float:
    """The seconds of the fastest of some runs, those of its modules in ``seen``."""
    best: Counter[int] = Counter()
    with as_it_was(model), enable_grad(), seen.timing():
        for _ in range(TIMED):
            seen.seconds = Counter()
            model(*inputs, **keywords)
            if not best or seen.seconds[id(model)] < best[id(model)]:
                best = seen.seconds
    seen.seconds = best
    return seen.seconds[id(model)]


def _tell_layers(result: Summary, model: Any, found: Run, seen: _Seen, depth: int | None) -> None:
    order = creation_order(outputs_of(found))
    kept = bytes_kept(order)
    result.kept = kept.total()
    kept_in, products = _bytes_by_module(kept, order, model), _products_by_module(found, model)
    result.multiply_adds = products[id(model)]
    counted: set[int] = set()
    for path, module in model.named_modules():
        own = [p for p in module.parameters() if id(p) not in counted]
        if not list(module.children()):
            counted |= {id(p) for p in own}
        key = id(module)
        layer = Layer(
            path, type(module).__name__, seen.shapes.get(key), sum(p.numel() for p in own), kept_in[key],
            frozen=sum(p.numel() for p in own if not p.requires_grad),
            bytes=sum(p.detach().numpy().nbytes for p in own),
            dtype=", ".join(dict.fromkeys(p.dtype.name for p in own)) or seen.dtypes.get(key, ""),
            multiply_adds=products[key], calls=seen.calls[key],
            share=None if result.seconds is None else seen.seconds[key] / result.seconds,
        )  # fmt: skip
        if depth is None or _depth(layer) <= depth:
            result.append(layer)


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


def _products_by_module(found: Run, model: Any) -> Counter[int]:
    """How many multiply-adds were made in each module, the modules that it called included."""
    inside: Counter[int] = Counter()
    for item in found.trace.items:
        if isinstance(item, Operation) and (count := multiply_adds(item)):
            around, at = {id(model)}, item.call
            while at:
                around.add(id(found.calls[at].module))
                at = found.calls[at].parent
            for module in around:
                inside[module] += count
    return inside

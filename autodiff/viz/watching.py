"""A training watched while it runs: losses, learning rates, and samples of what its layers do."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from autodiff.engine.values import TensorBase
from autodiff.kinds import described
from autodiff.viz.errors import DrawingError
from autodiff.viz.running import check_model

Array = np.ndarray[Any, Any]
PRICE = 0.01  # of the training's time: how much samples may cost where ``every`` is left to the watch
MOST = 400  # samples; of more, every second one is dropped
ZEROING = ("ReLU", "Threshold", "Hard", "hrink")  # in the name of a class: activations that can be 0 for good
ROWS, ENTRIES, VALUES, BINS = 16, 1 << 16, 2048, 24  # of an output: how much of it is looked at


class Histogram(NamedTuple):
    """How many entries of an output lie in equal parts of its range."""

    low: float
    high: float
    counts: tuple[int, ...]


class Sample:
    """What the layers did in one step, by the names of the layers.

    Attributes:
        step: its number, from 1 on.
        gradients, weights: Euclidean norms of the gradients, and of the parameters before the step.
        updates: the norm of the change by the step, divided by that of the parameters.
        dead: the share of units that were 0 for all that was looked at, for activations such as ReLU.
        activations: of the outputs.
    """

    def __init__(self, step: int) -> None:
        self.step = step
        self.gradients: dict[str, float] = {}
        self.weights: dict[str, float] = {}
        self.updates: dict[str, float] = {}
        self.dead: dict[str, float] = {}
        self.activations: dict[str, Histogram] = {}


class Record:
    """All that was seen of a training.

    Attributes:
        losses: of each step.
        rates: pairs of a step and the learning rate from there on, of the first group of parameters.
        samples: of some steps.
        entries: how many numbers each layer with parameters can train.
    """

    def __init__(self) -> None:
        self.losses = array("d")
        self.rates: list[tuple[int, float]] = []
        self.samples: list[Sample] = []
        self.entries: dict[str, int] = {}


class Collector:
    """Collects the record of a training, by hooks of the model and of its optimizer.

    In a step that is sampled the modules without modules in them tell of their outputs, and the optimizer's step of
    gradients, parameters and their change. In all other steps there is a loss to be noted, and nothing else.
    """

    def __init__(self, model: Any, optimizer: Any, every: int | None) -> None:
        check_model(model, "Watch")
        if optimizer is not None and not hasattr(optimizer, "param_groups"):
            raise DrawingError(f"Watch takes a model and its optimizer, not {described(optimizer)}")
        if every is not None and (type(every) is not int or every < 1):
            raise DrawingError(f"every={every!r}: expected a number of steps from 1 on, or None to keep the price low")
        self.record = Record()
        self.optimizer, self._every = optimizer, every
        self._layers = _layers_of(model)
        self._leaves = {path: module for path, module in _named(model) if not list(module.children())}
        self._handles: list[Any] = []
        self._forever: list[Any] = []
        self._before: dict[str, list[Array]] = {}
        self._cost, self._next, self._began = 0.0, 1, 0.0
        self._step_time = 0.0
        self._now: Sample | None = None
        if optimizer is not None:
            self._forever.append(optimizer.register_step_pre_hook(self._before_step))
            self._forever.append(optimizer.register_step_post_hook(self._after_step))
        self._begin()

    def close(self) -> None:
        """Take all hooks off; what was collected stays."""
        self._unhook()
        for handle in self._forever:
            handle.remove()
        self._forever = []

    def note(self, loss: Any) -> None:
        """Note the loss of a step, and prepare the next one."""
        record, start = self.record, perf_counter()
        record.losses.append(_number(loss))
        step = len(record.losses)
        if self.optimizer is not None:
            rate = float(self.optimizer.param_groups[0].get("lr", math.nan))
            if not record.rates or record.rates[-1][1] != rate:
                record.rates.append((step, rate))
        if self._now is not None:
            if self.optimizer is None:
                self._look_at_gradients(self._now)
            self._end(step)
        elif self._began:
            passed = start - self._began
            self._step_time = passed if not self._step_time else 0.9 * self._step_time + 0.1 * passed
        if step + 1 >= self._next:
            self._begin()
        self._began = perf_counter()

    def _begin(self) -> None:
        """Let the coming step be sampled."""
        start = perf_counter()
        self._now = sample = Sample(len(self.record.losses) + 1)
        for name, module in self._leaves.items():
            self._handles.append(module.register_forward_hook(_Look(self, sample, name)))
        self._cost = perf_counter() - start

    def _end(self, step: int) -> None:
        start, samples = perf_counter(), self.record.samples
        if self._now is not None:
            samples.append(self._now)
        if len(samples) > MOST:
            del samples[1::2]
        self._unhook()
        self.record.entries = {name: sum(p.numel() for p in own) for name, own in self._layers.items() if _first(own)}
        self._cost += perf_counter() - start
        interval = 10 if not self._step_time else min(max(math.ceil(self._cost / PRICE / self._step_time), 1), 1000)
        self._next = step + (self._every or interval)

    def _unhook(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles, self._now = [], None
        for module in self._leaves.values():
            if module._hooks is not None and not any(vars(module._hooks).values()):
                module._hooks = None  # a call without hooks is faster

    def _before_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if self._now is None or self._now.gradients:
            return
        start = perf_counter()
        self._look_at_gradients(self._now)
        self._before = {name: [p._array.copy() for p in own] for name, own in self._layers.items()}
        self._cost += perf_counter() - start

    def _look_at_gradients(self, sample: Sample) -> None:
        for name, own in self._layers.items():
            with_gradient = [p for p in own if p._grad is not None]
            if _first(own):
                sample.gradients[name] = _norm([p._grad._array for p in with_gradient])
            sample.weights[name] = _norm([p._array for p in own])

    def _after_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if self._now is None or not self._before:
            return
        start = perf_counter()
        for name, before in self._before.items():
            own = self._layers[name]
            if _first(own):
                with np.errstate(all="ignore"):
                    change = _norm([p._array - old for p, old in zip(own, before, strict=True)])
                self._now.updates[name] = change / (self._now.weights[name] or math.inf)
        self._before = {}
        self._cost += perf_counter() - start


    def look(self, sample: Sample, name: str, output: Any) -> None:
        """Note what a module gave."""
        start = perf_counter()
        if isinstance(output, TensorBase) and output._array.size and output._array.dtype.kind == "f":
            can_die = any(word in name.rpartition(" ")[2] for word in ZEROING)
            _tell_activations(sample, name, output._array, can_die)
        self._cost += perf_counter() - start


class _Look:
    """The hook of a module in a step that is sampled; a copy of the model, in memory or in a file, is not watched."""

    def __init__(self, collector: Collector, sample: Sample, name: str) -> None:
        self._collector, self._sample, self._name = collector, sample, name

    def __call__(self, module: Any, _: Any, output: Any) -> None:
        self._collector.look(self._sample, self._name, output)

    def __reduce__(self) -> Any:
        return _look_away, ()


def _look_away() -> Callable[[Any, Any, Any], None]:
    """What a copied hook is: nothing."""
    return _nothing


def _nothing(module: Any, _: Any, output: Any) -> None:
    """Look at no output."""


def _named(model: Any) -> list[tuple[str, Any]]:
    return [(f"{path}: {type(m).__name__}" if path else type(m).__name__, m) for path, m in model.named_modules()]


def _layers_of(model: Any) -> dict[str, list[Any]]:
    """The parameters that each module owns itself, those of an earlier one left out."""
    seen: set[int] = set()
    layers: dict[str, list[Any]] = {}
    for name, module in _named(model):
        own = [p for p in vars(module)["_parameters"].values() if p is not None and id(p) not in seen]
        seen |= {id(p) for p in own}
        if own:
            layers[name] = own
    return layers


def _first(own: list[Any]) -> bool:
    """Whether any of a layer's parameters can be trained."""
    return any(p._node is not None for p in own)


def _number(loss: Any) -> float:
    if isinstance(loss, TensorBase) and loss._array.size == 1:
        return float(loss._array.reshape(()).real)
    if isinstance(loss, (int, float, np.number)):
        return float(loss.real)
    raise DrawingError(f"a watch takes the loss of each step, one number, not {described(loss)}")


def _norm(arrays: list[Array]) -> float:
    """The Euclidean norm over several arrays; infinite where it is larger than the dtype holds."""
    with np.errstate(over="ignore", invalid="ignore"):
        return math.sqrt(sum(float(np.vdot(a, a).real) for a in arrays))


def _tell_activations(sample: Sample, name: str, output: Array, can_die: bool) -> None:
    """How the entries of an output are spread, and which share of its units is 0 throughout."""
    part = output
    if output.ndim > 1:  # rows from all over the batch, as many as are cheap
        count = max(ROWS, ENTRIES * len(output) // output.size)
        part = output[:: -(-len(output) // count)]
    if part.ndim > 1 and can_die:
        axis = 1 if part.ndim > 3 else part.ndim - 1  # channels of images stand in front, features last
        lives = (part != 0).any(axis=tuple(i for i in range(part.ndim) if i != axis))
        sample.dead[name] = 1.0 - float(lives.mean())
    values = part.ravel()
    values = values[:: max(1, values.size // VALUES)]
    values = values[np.isfinite(values)]
    if values.size:
        low, high = float(values.min()), float(values.max())
        width = high - low
        scale = BINS / width if 0 < width < math.inf else 0.0  # of equal values all are in the first bin
        places = np.minimum((values.astype(np.float64) - low) * min(scale, 1e300), BINS - 1).astype(np.intp)
        sample.activations[name] = Histogram(low, high, tuple(np.bincount(places, minlength=BINS).tolist()))

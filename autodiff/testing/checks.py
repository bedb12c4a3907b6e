"""What ``gradient_test`` asks of one call, check by check; each raises an exception class of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autodiff.autograd import backward
from autodiff.engine import modes
from autodiff.engine.broadcasting import unbroadcast
from autodiff.tensors.creation import from_numpy
from autodiff.testing import failures
from autodiff.testing.checking import precision, second_order
from autodiff.testing.comparison import Tolerance, compare, generic, glance, misfits
from autodiff.testing.diagnosis import Finding, as_code
from autodiff.testing.subject import Subject, arrays_of, leaf, plain

__all__ = ["ALL", "Trial", "run"]

Array = np.ndarray[Any, Any]

# The first row is asked of every call; the others take turns.
GROUPS: tuple[tuple[str, ...], ...] = (
    ("value", "shape", "finite", "slopes", "empty"),
    ("whole jacobian",),
    ("recording", "unchanged", "aliasing", "determinism", "linearity"),
    ("unused", "twice", "accumulation"),
    ("layouts", "broadcasting"),
    ("low precision",),
    ("second order",),
)
ALL = frozenset(name for group in GROUPS for name in group)
TURNS = (2, 3, 4, 5, 2, 3, 4, 6, 2, 3, 4, 1, 0, 2, 3, 6)  # of groups: a dear one comes round less often
THOROUGH = 37  # the turn on which every check is made, and not an end of the range, which hypothesis draws often


class Trial(NamedTuple):
    """What is tested, and how."""

    function: Any
    ref: Callable[..., Any] | None
    order: int
    checks: frozenset[str]
    dtypes: tuple[np.dtype[Any], ...]
    tolerance: Tolerance
    broadcasts: bool


class Call:
    """One call of the function, with its outputs and, for one cotangent, its gradients."""

    def __init__(self, trial: Trial, inputs: Sequence[Any], kwargs: dict[str, Any]) -> None:
        self.trial, self.given, self.kwargs = trial, inputs, kwargs
        self.is_pair, self.thorough = isinstance(trial.function, tuple), False
        self.subject = self.at(inputs)
        self.outputs, self.pullback = self.subject.pull()
        self.cotangents = [generic(y.shape, 7 * i) for i, y in enumerate(self.outputs)]
        self.grads = self.pullback(self.cotangents)

    def at(self, inputs: Sequence[Any]) -> Subject:
        """The function at copies of ``inputs``."""
        return self.of([np.array(x, order="K") if isinstance(x, np.ndarray) else x for x in inputs])

    def of(self, inputs: Sequence[Any]) -> Subject:
        """The function at ``inputs`` as they lie in memory; integers arrive as Tensors where it takes Tensors."""
        return Subject(self.trial.function, inputs if self.is_pair else _tensors(inputs), self.kwargs)

    def gradients(self, inputs: Sequence[Any]) -> tuple[list[Array], list[Any]]:
        """Outputs and gradients at other inputs."""
        outputs, pullback = self.at(inputs).pull()
        return outputs, pullback(self.cotangents)


def _tensors(inputs: Sequence[Any]) -> list[Any]:
    return [(leaf(x) if x.dtype.kind == "f" else from_numpy(x)) if isinstance(x, np.ndarray) else x for x in inputs]


def run(trial: Trial, inputs: Sequence[Any], kwargs: dict[str, Any], turn: int | None) -> None:
    """The checks of every call, and those whose turn it is (all of them for None)."""
    with np.errstate(all="ignore"):
        if any(np.size(x) == 0 for x in inputs):
            if "empty" in trial.checks:
                empty(trial, inputs, kwargs)
            return
        call = Call(trial, inputs, kwargs)
        call.thorough = turn is None or turn == THOROUGH
        groups = GROUPS if call.thorough else tuple(GROUPS[i] for i in {0, TURNS[(turn or 0) % len(TURNS)]})
        for name in (name for group in groups for name in group if name in trial.checks and name in _CHECKS):
            _CHECKS[name](call)


def empty(trial: Trial, inputs: Sequence[Any], kwargs: dict[str, Any]) -> None:
    """An input without entries is refused by a ValueError or IndexError, or has a gradient without entries."""
    try:
        subject = Call.at(_bare(trial, kwargs), inputs)
        outputs, pullback = subject.pull()
    except (ValueError, IndexError):
        return
    try:
        grads = pullback([generic(y.shape) for y in outputs])
    except Exception as error:
        raise failures.EmptyInputError(f"the backward pass of an empty input fails: {error!r}") from error
    if findings := misfits(subject, grads):
        raise failures.EmptyInputError("with an empty input " + findings[0].message)
    if any(
        g is not None and not np.isfinite(g).all() for g in grads if np.isfinite(np.sum([y.sum() for y in outputs]))
    ):
        raise failures.EmptyInputError("with an empty input a gradient is not finite")


def _bare(trial: Trial, kwargs: dict[str, Any]) -> Call:
    call = object.__new__(Call)
    call.trial, call.kwargs, call.is_pair = trial, kwargs, isinstance(trial.function, tuple)
    return call


def close(a: Any, b: Any, rtol: float = 1e-9) -> bool:
    """Whether two results agree as float64 arithmetic in another order may; None counts as zero."""
    if a is None or b is None:
        return (a is None or not np.any(a)) and (b is None or not np.any(b))
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return False
    if (a == b).all():
        return True
    size = np.abs(b[np.isfinite(b)]).max(initial=1.0)
    return bool(np.allclose(a, b, rtol=rtol, atol=rtol * size, equal_nan=True))


def value(call: Call) -> None:
    if call.trial.ref is None:
        return
    wanted = [np.asarray(y) for y in arrays_of(call.trial.ref(*map(_copy, call.given), **call.kwargs))]
    for got, want in zip(call.outputs, wanted, strict=False):
        if not close(got, want, 1e-7):
            raise failures.ValueMismatch(f"the value is {as_code(got)}, by the reference {as_code(want)}")


def _copy(x: Any) -> Any:
    return x.copy() if isinstance(x, np.ndarray) else x


def shape(call: Call) -> None:
    pairs = zip(call.grads, call.subject.arrays, strict=True)
    if all(g is None or (isinstance(g, np.ndarray) and (g.shape, g.dtype) == (x.shape, x.dtype)) for g, x in pairs):
        return
    for finding in misfits(call.subject, call.grads):
        if finding.kind == "shape":
            raise failures.ShapeMismatch(finding.message)
        raise failures.DtypeMismatch(finding.message)


def finite(call: Call) -> None:
    if not all(np.isfinite(y).all() for y in call.outputs):
        return
    for k, g in enumerate(call.grads):
        if g is not None and not np.isfinite(g).all() and not _kinks(compare(call.subject, call.trial.tolerance)):
            raise failures.NonFiniteGradient(
                f"the value is finite, the gradient of {call.subject.names[k]} is {as_code(g)}"
            )


def _kinks(findings: Sequence[Finding]) -> bool:
    return any(finding.kind.startswith("kink") for finding in findings)


def slopes(call: Call) -> None:
    if not glance(call.subject, call.cotangents, call.grads, call.trial.tolerance):
        whole_jacobian(call)
        linearity(call)  # each column is right, and their sum is not


def whole_jacobian(call: Call) -> None:
    for finding in compare(call.subject, call.trial.tolerance):
        if finding.kind == "gradient":
            raise failures.WrongGradient(finding.message)
        if finding.kind == "kink outside":
            raise failures.NotDifferentiable(finding.message)


def recording(call: Call) -> None:
    recorded = np.concatenate([np.ravel(y) for y in call.outputs]) if call.outputs else np.zeros(0)
    if not np.array_equal(recorded, call.subject.evaluate(), equal_nan=True):
        raise failures.RecordingMismatch("the value with recording differs from that without")


def unchanged(call: Call) -> None:
    for name, x, before in zip(call.subject.names, call.subject.arrays, _floating(call.given), strict=True):
        if not np.array_equal(x, before, equal_nan=True):
            raise failures.MutationError(f"the input {name} was changed to {as_code(x)}")
    for i, g in enumerate(call.cotangents):
        if not (g == generic(g.shape, 7 * i)).all():
            raise failures.MutationError("the cotangent was changed by the backward pass")


def _floating(given: Sequence[Any]) -> list[Array]:
    return [x for x in given if isinstance(x, np.ndarray) and x.dtype.kind == "f"]


def aliasing(call: Call) -> None:
    grads = [(name, g) for name, g in zip(call.subject.names, call.grads, strict=True) if isinstance(g, np.ndarray)]
    others = [(f"the input {name}", x) for name, x in zip(call.subject.names, call.subject.arrays, strict=True)]
    if not call.is_pair:  # a plain vjp may hand its cotangent on
        others += [("the cotangent", g) for g in call.cotangents]
    for i, (name, g) in enumerate(grads):
        for other, x in (*others, *((f"the gradient of {n}", h) for n, h in grads[:i])):
            if np.may_share_memory(g, x) and np.shares_memory(g, x):
                raise failures.AliasingError(f"the gradient of {name} shares memory with {other}")


def determinism(call: Call) -> None:
    outputs, grads = call.gradients(call.given)
    same = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(outputs, call.outputs, strict=True))
    if not (same and all(close(a, b, 0.0) for a, b in zip(grads, call.grads, strict=True))):
        raise failures.NonDeterminismError("the same call gave two results")


def linearity(call: Call) -> None:
    other = [generic(g.shape, 50 + i) for i, g in enumerate(call.cotangents)]
    more = call.pullback(other)
    both = call.pullback([g + 2 * h for g, h in zip(call.cotangents, other, strict=True)])
    for name, a, b, c in zip(call.subject.names, call.grads, more, both, strict=True):
        if a is None or b is None or c is None:
            continue
        total = a + 2 * b
        known = np.isfinite(total) & np.isfinite(c)  # at a pole inf - inf has no value
        if not close(np.where(known, c, 0), np.where(known, total, 0)):
            raise failures.LinearityError(f"the gradient of {name} is not linear in the cotangent")


def unused(call: Call) -> None:
    if call.is_pair:
        return
    names, grads = call.subject.names, call.grads
    others = enumerate(zip(names, call.subject.positions, strict=True)) if len(names) > 1 else ()
    for k, (name, position) in others:
        inputs = [
            x if i == position or not isinstance(x, np.ndarray) else _constant(x) for i, x in enumerate(call.given)
        ]
        _, alone = call.gradients(inputs)
        if not close(alone[0], grads[k]):
            raise failures.UnusedError(f"the gradient of {name} is another one when no other input wants one")
    for i in range(len(call.outputs) if len(call.outputs) > 1 else 0):
        only = [g if i == j else np.zeros_like(g) for j, g in enumerate(call.cotangents)]
        outputs = [y for y in arrays_of(_invoke(call)) if plain(y).dtype.kind == "f"]
        sources = [call.subject.inputs[p] for p in call.subject.positions]
        if not outputs[i].requires_grad:
            continue
        found = [x.grad for x in _backward_into(sources, [outputs[i]], [call.cotangents[i]])]
        if not all(close(plain(a), b) for a, b in zip(found, call.pullback(only), strict=True)):
            raise failures.UnusedError(f"a cotangent for output {i} alone does not mean zeros for the others")


def _constant(x: Array) -> Any:
    return leaf(x.copy()).detach() if x.dtype.kind == "f" else x


def _invoke(call: Call) -> Any:
    with modes.enable_grad():
        return call.subject.function(*call.subject.inputs, **call.kwargs)


def _backward_into(sources: list[Any], outputs: list[Any], cotangents: list[Array]) -> list[Any]:
    for x in sources:
        x.grad = None
    backward(outputs, cotangents)
    return sources


def twice(call: Call) -> None:
    if call.is_pair or not any(g is not None for g in call.grads):
        return
    function = call.subject.function

    def doubled(*inputs: Any, **kwargs: Any) -> Any:
        results = zip(arrays_of(function(*inputs, **kwargs)), arrays_of(function(*inputs, **kwargs)), strict=True)
        return [a + b if plain(a).dtype.kind == "f" else a for a, b in results]

    _, pullback = Subject(doubled, call.subject.inputs, call.kwargs).pull()
    for name, g, once in zip(call.subject.names, pullback(call.cotangents), call.grads, strict=True):
        if not close(g, None if once is None else 2 * once):
            raise failures.SharingError(f"used twice, {name} does not get twice the gradient")


def accumulation(call: Call) -> None:
    if call.is_pair or not any(g is not None for g in call.grads):
        return
    sources = [call.subject.inputs[p] for p in call.subject.positions]
    for x in sources:
        x.grad = None
    for times in (1, 2):
        results = [y for y in arrays_of(_invoke(call)) if plain(y).dtype.kind == "f"]
        tracked = [(y, g) for y, g in zip(results, call.cotangents, strict=True) if y.requires_grad]
        backward([y for y, _ in tracked], [g for _, g in tracked])
        for name, x, once in zip(call.subject.names, sources, call.grads, strict=True):
            if not close(plain(x.grad), None if once is None else times * once):
                raise failures.AccumulationError(f"{name}.grad is not {times} times the gradient after {times} passes")
    for x in sources:
        x.grad = None


def layouts(call: Call) -> None:
    axes = max(x.ndim for x in (*call.given, *call.cotangents) if isinstance(x, np.ndarray))
    for word, least, laid in _LAYOUTS:
        if axes < least:  # the memory would be the same
            continue
        outputs, pullback = call.of([laid(x) if isinstance(x, np.ndarray) else x for x in call.given]).pull()
        grads = pullback([laid(g) for g in call.cotangents])
        if not all(close(a, b) for a, b in zip(outputs, call.outputs, strict=True)):
            raise failures.LayoutError(f"the value changes when the inputs are {word}")
        if not all(close(a, b) for a, b in zip(grads, call.grads, strict=True)):
            raise failures.LayoutError(f"a gradient changes when the inputs and the cotangent are {word}")


def _every_other(x: Array) -> Array:
    spaced = np.zeros(tuple(2 * n for n in x.shape), x.dtype)
    every: tuple[Any, ...] = (..., *(slice(None, None, 2),) * x.ndim)
    spaced[every] = x
    return np.asarray(spaced[every])


# What it is called, from how many axes on it is a layout of its own, and a copy laid out so.
_LAYOUTS: tuple[tuple[str, int, Callable[[Array], Array]], ...] = (
    ("Fortran-ordered", 2, lambda x: np.array(x, order="F")),
    ("negatively strided", 1, lambda x: np.asarray(np.flip(np.flip(x).copy()))),
    ("strided", 1, _every_other),
)


def broadcasting(call: Call) -> None:
    shapes = [x.shape for x in call.given if isinstance(x, np.ndarray)]
    if not call.trial.broadcasts or len(set(shapes)) < 2:
        return
    whole = np.broadcast_shapes(*shapes)
    _, grads = call.gradients([np.broadcast_to(x, whole).copy() for x in call.given])
    for name, g, full, x in zip(call.subject.names, call.grads, grads, call.subject.arrays, strict=True):
        if not close(g, None if full is None else unbroadcast(full, x.shape)):
            raise failures.BroadcastingError(
                f"the gradient of {name} is not the sum over the places it was broadcast to"
            )


def low_precision(call: Call) -> None:
    for dtype in call.trial.dtypes:
        cast = [x.astype(dtype) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in call.given]
        low = call.at(cast)
        outputs, _ = pulled = low.pull()
        for y in outputs:
            if y.dtype != dtype:
                raise failures.DtypeMismatch(f"inputs of {dtype} gave a result of {y.dtype}")
        if dtype == np.float16 and not all(np.abs(y).max(initial=0) < 1e3 for y in outputs):
            continue
        double = call.at([x.astype(np.float64) if isinstance(x, np.ndarray) and x.dtype == dtype else x for x in cast])
        for finding in precision(low, double, pulled):
            if finding.kind == "dtype":
                raise failures.DtypeMismatch(finding.message)
            raise failures.LowPrecisionError(finding.message)


def higher(call: Call) -> None:
    function, inputs, kwargs = call.subject.function, call.subject.inputs, call.kwargs
    for order in range(2, call.trial.order + 1):
        function, seeds = second_order(function, inputs, **kwargs)
        inputs, kwargs = [*inputs, *seeds], {}
        subject = Subject(function, inputs)
        if not call.thorough:
            outputs, pullback = subject.pull()
            cotangents = [generic(y.shape, 7 * i) for i, y in enumerate(outputs)]
            if glance(subject, cotangents, pullback(cotangents), call.trial.tolerance):
                continue
        for finding in compare(subject, call.trial.tolerance):
            if not finding.kind.startswith("kink"):
                raise failures.SecondOrderError(f"in order {order}, {finding.message}")


_CHECKS: dict[str, Callable[[Call], None]] = {
    "value": value,
    "shape": shape,
    "finite": finite,
    "slopes": slopes,
    "whole jacobian": whole_jacobian,
    "recording": recording,
    "unchanged": unchanged,
    "aliasing": aliasing,
    "determinism": determinism,
    "linearity": linearity,
    "unused": unused,
    "twice": twice,
    "accumulation": accumulation,
    "layouts": layouts,
    "broadcasting": broadcasting,
    "low precision": low_precision,
    "second order": higher,
}

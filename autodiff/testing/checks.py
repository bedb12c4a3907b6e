"""The checks that ``gradient_test`` makes of one call; each raises an exception class of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autodiff.dtypes import to_complex
from autodiff.engine import modes
from autodiff.engine.backward import backward
from autodiff.engine.broadcasting import unbroadcast
from autodiff.tensors.creation import from_numpy
from autodiff.testing import failures
from autodiff.testing.checking import ERRORS, precision, second_order, twin
from autodiff.testing.comparison import Tolerance, compare, generic, glance, misfits
from autodiff.testing.diagnosis import Finding, as_code
from autodiff.testing.layouts import LAYOUTS
from autodiff.testing.subject import (
    Pullback,
    Subject,
    is_floating,
    is_floating_array,
    leaf,
    listed,
    parts,
    plain,
    tracked,
)

Array = np.ndarray[Any, Any]


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

    outputs: list[Array]
    pullback: Pullback
    cotangents: list[Array]
    grads: list[Any]

    def __init__(self, trial: Trial, inputs: Sequence[Any], kwargs: dict[str, Any], thorough: bool) -> None:
        self.trial, self.given, self.kwargs, self.thorough = trial, inputs, kwargs, thorough
        self.is_pair = isinstance(trial.function, tuple)
        self.subject = self.at(inputs)

    def pull(self) -> None:
        """Compute the outputs and the gradients."""
        self.outputs, self.pullback = self.subject.pull()
        self.cotangents = [generic(y.shape, 7 * i) for i, y in enumerate(self.outputs)]
        self.grads = self.pullback(self.cotangents)

    def at(self, inputs: Sequence[Any]) -> Subject:
        """The function at copies of ``inputs``."""
        return self.of(_copies(inputs))

    def of(self, inputs: Sequence[Any]) -> Subject:
        """The function at ``inputs`` as they lie in memory; a function of Tensors gets integers as Tensors too."""
        return Subject(self.trial.function, inputs if self.is_pair else [_tensor(x) for x in inputs], self.kwargs)

    def gradients(self, inputs: Sequence[Any]) -> tuple[list[Array], list[Any]]:
        """Outputs and gradients at other inputs."""
        outputs, pullback = self.at(inputs).pull()
        return outputs, pullback(self.cotangents)

    def recorded(self) -> list[Any]:
        """The floating results of another call, recorded."""
        with modes.enable_grad():
            return [y for y in listed(self.subject.function(*self.subject.inputs, **self.kwargs)) if is_floating(y)]

    @property
    def has_graph(self) -> bool:
        """Whether the call is recorded and has a gradient."""
        return not self.is_pair and any(g is not None for g in self.grads)


def _copies(inputs: Sequence[Any]) -> list[Any]:
    return [np.array(x, order="K") if isinstance(x, np.ndarray) else x for x in inputs]


def _tensor(x: Any) -> Any:
    return from_numpy(x).requires_grad_(is_floating(x)) if isinstance(x, np.ndarray) else x


def run(trial: Trial, inputs: Sequence[Any], kwargs: dict[str, Any], turn: int | None) -> None:
    """Make the checks that are due on every call, and those whose turn it is; all of them if ``turn`` is None."""
    thorough = turn is None or turn == THOROUGH
    groups = GROUPS if thorough else [GROUPS[i] for i in {0, TURNS[(turn or 0) % len(TURNS)]}]
    is_empty = any(np.size(x) == 0 for x in inputs)
    with np.errstate(all="ignore"):
        call = Call(trial, inputs, kwargs, thorough)
        if not is_empty:
            call.pull()
        for name, check in (item for group in groups for item in group.items()):
            if name in trial.checks and (name == "empty") == is_empty:
                check(call)


def empty(call: Call) -> None:
    """An input without entries is refused by a ValueError or IndexError, or has a gradient without entries."""
    try:
        outputs, pullback = call.subject.pull()
    except (ValueError, IndexError):
        return
    try:
        grads = pullback([generic(y.shape) for y in outputs])
    except Exception as error:
        raise failures.EmptyInputError(f"the backward pass of an empty input fails: {error!r}") from error
    if findings := misfits(call.subject, grads):
        raise failures.EmptyInputError("with an empty input " + findings[0].message)
    if np.isfinite(np.sum([y.sum() for y in outputs])) and not all(g is None or np.isfinite(g).all() for g in grads):
        raise failures.EmptyInputError("with an empty input a gradient is not finite")


def close(a: Any, b: Any, rtol: float = 1e-9) -> bool:
    """Whether two results agree, up to the rounding of float64 arithmetic in another order; None counts as zero."""
    if a is None or b is None:
        return (a is None or not np.any(a)) and (b is None or not np.any(b))
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return False
    if (a == b).all():
        return True
    size = np.abs(b[np.isfinite(b)]).max(initial=1.0)
    return bool(np.allclose(a, b, rtol=rtol, atol=rtol * size, equal_nan=True))


def _differing(call: Call, grads: Sequence[Any], wanted: Sequence[Any]) -> str:
    """The name of the first input whose gradient is not the one that is wanted, or ""."""
    pairs = zip(call.subject.names, grads, wanted, strict=True)
    return next((name for name, got, want in pairs if not close(got, want)), "")


def _raise_first(findings: Sequence[Finding], *kinds: str) -> None:
    """Raise the error of the first finding of one of ``kinds``."""
    for finding in findings:
        if finding.kind in kinds:
            raise ERRORS[finding.kind](finding.message)


def value(call: Call) -> None:
    """The value is that of the reference."""
    if call.trial.ref is None:
        return
    wanted = [parts(np.asarray(y)) for y in listed(call.trial.ref(*_copies(call.given), **call.kwargs))]
    for got, want in zip(call.outputs, wanted, strict=False):
        if not close(got, want, 1e-7):
            raise failures.ValueMismatch(f"the value is {as_code(got)}, by the reference {as_code(want)}")


def shape(call: Call) -> None:
    """A gradient has the shape and the dtype of its input."""
    _raise_first(misfits(call.subject, call.grads), "shape", "dtype")


def finite(call: Call) -> None:
    """Where the value is finite, so is the gradient, except at a kink."""
    if not all(np.isfinite(y).all() for y in call.outputs):
        return
    for name, g in zip(call.subject.names, call.grads, strict=True):
        if g is None or np.isfinite(g).all():
            continue
        if not any(finding.kind.startswith("kink") for finding in compare(call.subject, call.trial.tolerance)):
            raise failures.NonFiniteGradient(f"the value is finite, the gradient of {name} is {as_code(g)}")


def slopes(call: Call) -> None:
    """The gradient is the slope, seen from two evaluations; all the means are used only if these disagree."""
    if not glance(call.subject, call.cotangents, call.grads, call.trial.tolerance):
        whole_jacobian(call)
        linearity(call)  # each column is right, and their sum is not


def whole_jacobian(call: Call) -> None:
    """Every entry of the gradient is the slope, or lies between the slopes of the two sides of a kink."""
    _raise_first(compare(call.subject, call.trial.tolerance), "gradient", "kink outside")


def recording(call: Call) -> None:
    """The value with recording is that without."""
    recorded = np.concatenate([np.ravel(y) for y in call.outputs]) if call.outputs else np.zeros(0)
    if not np.array_equal(recorded, call.subject.evaluate(), equal_nan=True):
        raise failures.RecordingMismatch("the value with recording differs from that without")


def unchanged(call: Call) -> None:
    """Neither the inputs nor the cotangent are changed."""
    given = [parts(x) for x in call.given if is_floating_array(x)]
    for name, x, before in zip(call.subject.names, call.subject.arrays, given, strict=True):
        if not np.array_equal(x, before, equal_nan=True):
            raise failures.MutationError(f"the input {name} was changed to {as_code(x)}")
    for i, g in enumerate(call.cotangents):
        if not (g == generic(g.shape, 7 * i)).all():
            raise failures.MutationError("the cotangent was changed by the backward pass")


def aliasing(call: Call) -> None:
    """No gradient shares memory with another one, with an input or with the cotangent."""
    grads = [(name, g) for name, g in zip(call.subject.names, call.grads, strict=True) if isinstance(g, np.ndarray)]
    others = [(f"the input {name}", x) for name, x in zip(call.subject.names, call.subject.arrays, strict=True)]
    if not call.is_pair:  # a plain vjp may hand its cotangent on
        others += [("the cotangent", g) for g in call.cotangents]
    for i, (name, g) in enumerate(grads):
        for other, x in (*others, *((f"the gradient of {n}", h) for n, h in grads[:i])):
            if np.may_share_memory(g, x) and np.shares_memory(g, x):
                raise failures.AliasingError(f"the gradient of {name} shares memory with {other}")


def determinism(call: Call) -> None:
    """The same call gives the same result again."""
    outputs, grads = call.gradients(call.given)
    same = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(outputs, call.outputs, strict=True))
    if not (same and all(close(a, b, 0.0) for a, b in zip(grads, call.grads, strict=True))):
        raise failures.NonDeterminismError("the same call gave two results")


def linearity(call: Call) -> None:
    """The gradient of a sum of cotangents is the sum of the gradients."""
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
    """A gradient does not depend on which other inputs want one, nor on outputs that nobody used."""
    if call.is_pair:
        return
    if len(call.grads) > 1:
        _unused_inputs(call)
    if len(call.outputs) > 1:
        _unused_outputs(call)


def _unused_inputs(call: Call) -> None:
    for name, position, g in zip(call.subject.names, call.subject.positions, call.grads, strict=True):
        inputs = [x if i == position else _constant(x) for i, x in enumerate(call.given)]
        _, alone = call.gradients(inputs)
        if not close(alone[0], g):
            raise failures.UnusedError(f"the gradient of {name} is another one when no other input wants one")


def _constant(x: Any) -> Any:
    return leaf(x.copy()).detach() if is_floating_array(x) else x


def _unused_outputs(call: Call) -> None:
    for i, cotangent in enumerate(call.cotangents):
        only = [g if i == j else np.zeros_like(g) for j, g in enumerate(call.cotangents)]
        output = call.recorded()[i]
        if not output.requires_grad:
            continue
        _clear(call)
        backward(*tracked([output], [cotangent]))
        if _differing(call, [parts(plain(x.grad)) for x in call.subject.sources], call.pullback(only)):
            raise failures.UnusedError(f"a cotangent for output {i} alone does not mean zeros for the others")


def _clear(call: Call) -> None:
    for x in call.subject.sources:
        x.grad = None


def twice(call: Call) -> None:
    """A tensor that is used twice gets twice the gradient."""
    if not call.has_graph:
        return
    function = call.subject.function

    def doubled(*inputs: Any, **kwargs: Any) -> Any:
        results = zip(listed(function(*inputs, **kwargs)), listed(function(*inputs, **kwargs)), strict=True)
        return [a + b if is_floating(a) else a for a, b in results]

    _, pullback = Subject(doubled, call.subject.inputs, call.kwargs).pull()
    if name := _differing(call, pullback(call.cotangents), _times(2, call.grads)):
        raise failures.SharingError(f"used twice, {name} does not get twice the gradient")


def _times(factor: int, grads: Sequence[Any]) -> list[Any]:
    return [None if g is None else factor * g for g in grads]


def accumulation(call: Call) -> None:
    """A second backward pass adds to ``.grad``."""
    if not call.has_graph:
        return
    _clear(call)
    for times in (1, 2):
        backward(*tracked(call.recorded(), call.cotangents))
        grads = [parts(plain(x.grad)) for x in call.subject.sources]
        if name := _differing(call, grads, _times(times, call.grads)):
            raise failures.AccumulationError(f"{name}.grad is not {times} times the gradient after {times} passes")
    _clear(call)


def layouts(call: Call) -> None:
    """The result does not depend on how the same numbers lie in memory."""
    axes = max(x.ndim for x in (*call.given, *call.cotangents) if isinstance(x, np.ndarray))
    for word, least, laid in LAYOUTS:
        if axes < least:  # the memory would be the same
            continue
        outputs, pullback = call.of([laid(x) if isinstance(x, np.ndarray) else x for x in call.given]).pull()
        grads = pullback([laid(g) for g in call.cotangents])
        if not all(close(a, b) for a, b in zip(outputs, call.outputs, strict=True)):
            raise failures.LayoutError(f"the value changes when the inputs are {word}")
        if not all(close(a, b) for a, b in zip(grads, call.grads, strict=True)):
            raise failures.LayoutError(f"a gradient changes when the inputs and the cotangent are {word}")


def broadcasting(call: Call) -> None:
    """The gradient of a broadcast input is the sum over the places it was broadcast to."""
    shapes = [x.shape for x in call.given if isinstance(x, np.ndarray)]
    if not call.trial.broadcasts or len(set(shapes)) < 2:
        return
    whole = np.broadcast_shapes(*shapes)
    _, grads = call.gradients([np.broadcast_to(x, whole).copy() for x in call.given])
    arrays = call.subject.arrays
    summed = [None if g is None else unbroadcast(g, x.shape) for g, x in zip(grads, arrays, strict=True)]
    if name := _differing(call, call.grads, summed):
        raise failures.BroadcastingError(f"the gradient of {name} is not the sum over the places it was broadcast to")


def low_precision(call: Call) -> None:
    """In low precision the dtypes stay, and the gradient is that in float64 as far as its digits go."""
    for dtype in call.trial.dtypes:
        if dtype == np.float16 and any(x.dtype.kind == "c" for x in call.given if is_floating_array(x)):
            continue  # there are no complex numbers of two halves
        cast = [
            x.astype(to_complex(dtype) if x.dtype.kind == "c" else dtype) if is_floating_array(x) else x
            for x in call.given
        ]
        low = call.at(cast)
        outputs, _ = pulled = low.pull()
        for y in outputs:
            if y.dtype != dtype:
                raise failures.DtypeMismatch(f"inputs of {dtype} gave a result of {y.dtype.name}")
        if dtype == np.float16 and not all(np.abs(y).max(initial=0) < 1e3 for y in outputs):
            continue
        for finding in precision(low, call.at(twin(cast)), pulled):
            if finding.kind == "dtype":
                raise failures.DtypeMismatch(finding.message)
            raise failures.LowPrecisionError(finding.message)


def higher(call: Call) -> None:
    """The gradients of higher order are the slopes of those below."""
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


# Those of the first group are asked of every call; the others take turns.
GROUPS: tuple[dict[str, Callable[[Call], None]], ...] = (
    {"value": value, "shape": shape, "finite": finite, "slopes": slopes, "empty": empty},
    {"whole jacobian": whole_jacobian},
    {
        "recording": recording, "unchanged": unchanged, "aliasing": aliasing, "determinism": determinism,
        "linearity": linearity,
    },
    {"unused": unused, "twice": twice, "accumulation": accumulation},
    {"layouts": layouts, "broadcasting": broadcasting},
    {"low precision": low_precision},
    {"second order": higher},
)  # fmt: skip
ALL = frozenset(name for group in GROUPS for name in group)
TURNS = (2, 3, 4, 5, 2, 3, 4, 6, 2, 3, 4, 1, 0, 2, 3, 6)  # of groups: an expensive one comes round less often
THOROUGH = 37  # the turn on which every check is made, and not an end of the range, which hypothesis draws often

"""``gradient_test``: one line above an operation tests its gradient over a whole domain."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from autodiff.errors import ShapeError
from autodiff.testing import strategies
from autodiff.testing.checks import ALL as ALL
from autodiff.testing.checks import Trial, run
from autodiff.testing.comparison import Tolerance
from autodiff.testing.diagnosis import example_line
from autodiff.testing.domain import domain_of
from autodiff.testing.failures import GradcheckError
from autodiff.testing.strategies import example as example


class Case:
    """One call: the inputs, the keywords, and which checks have their turn (None: all of them)."""

    def __init__(self, inputs: Sequence[Any], kwargs: dict[str, Any], turn: int | None = None) -> None:
        self.inputs, self.kwargs, self.turn = tuple(inputs), kwargs, turn

    def __repr__(self) -> str:
        return example_line(self.inputs, self.kwargs).removeprefix("@example(").removesuffix(")")


def case(*inputs: Any, **kwargs: Any) -> Case:
    """One call to be tested by name, in ``@example(case(x, y, dim=0))``: every check has its turn on it."""
    arrays = map(np.asarray, inputs)
    return Case([x if x.dtype.kind in "biuc" else x.astype(np.float64, copy=False) for x in arrays], kwargs)


def gradient_test(
    *domains: Any,
    kwargs: Any = None,
    ref: Callable[..., Any] | None = None,
    order: int = 1,
    checks: Collection[str] = ALL,
    shapes: Any = None,
    vjp: Callable[..., Any] | None = None,
    dtypes: Sequence[Any] = (np.float32, np.float16),
    max_examples: int = 120,
    atol: float = 1e-8,
    rtol: float = 1e-6,
    shrink: bool = True,
) -> Callable[[Callable[..., Any]], Callable[[], None]]:
    """Decorator: a property-based test of the gradient of the decorated function.

    Args:
        domains: for each input a domain (``real(-1, 1)``, ``positive``, ``away_from(0) & distinct``, ...).
        kwargs: keyword arguments: a dict, a hypothesis strategy of dicts, or a function from the shapes of the inputs
            to such a strategy (``strategies.reduction_kwargs``).
        ref: what the value should be, on arrays.
        order: 2 also tests the gradient of the gradient, and so on.
        checks: names of checks; ``ALL - {"layouts"}`` leaves one out.
        shapes: of the inputs: names of lengths (``"n d, d m, m"``), a list of tuples of shapes, a strategy of such
            tuples; by default all that broadcast against each other, for an elementwise function.
        vjp: ``vjp(g, *inputs)`` makes a test of a hand-written gradient: the decorated function is plain NumPy.
        dtypes: low precisions to compare with float64.
        max_examples: how many calls are tried, rounded up to whole batches of eight.
        atol: of the comparison with numeric slopes, on top of their error estimate.
        rtol: likewise.
        shrink: look for the simplest inputs that fail; without it the first ones found are reported.

    Returns a test: call it, or let pytest find it (by a name that begins with ``test``). Points without a slope are no
    failure where the gradient lies between the slopes of the two sides. The errors are those of
    ``autodiff.testing.failures``, one class for each check.

    >>> from autodiff.testing.domain import real
    >>> @gradient_test(real, real, ref=np.hypot, order=2, max_examples=10)
    ... def test_distance(x, y):
    ...     return np.sqrt(x * x + y * y)
    >>> test_distance()
    """
    if unknown := set(checks) - ALL:
        raise ShapeError(f"there is no check {', '.join(sorted(unknown))}; there are {', '.join(sorted(ALL))}")
    found = [domain_of(d) for d in domains]
    if not found:
        raise ShapeError("gradient_test needs a domain for each input, such as real")
    chosen = _shape_strategy(shapes, len(found))
    low = tuple(map(np.dtype, dtypes))

    def decorate(function: Callable[..., Any]) -> Callable[[], None]:
        subject = function if vjp is None else (function, vjp)
        trial = Trial(subject, ref, order, frozenset(checks), low, Tolerance(atol, rtol), shapes is None)

        failed: set[str] = set()

        def body(given: Sequence[Case] | Case) -> None:
            for call in [given] if isinstance(given, Case) else given:
                try:
                    run(trial, call.inputs, call.kwargs, call.turn)
                except GradcheckError as error:
                    error.args = (f"{error}\n{example_line(call.inputs, call.kwargs)}",)
                    failed.add(repr(call))
                    raise

        name = getattr(function, "__name__", "")
        name = name if name.isidentifier() else "test_gradient"  # hypothesis looks for the source of a lambda
        drawn = strategies.batches(found, chosen, kwargs, Case, failed)
        return strategies.property_test(body, drawn, max_examples, name, function.__doc__, shrink)

    return decorate


def _shape_strategy(shapes: Any, n: int) -> Any:
    if shapes is None:
        return strategies.shapes().map(lambda s: (s,)) if n == 1 else strategies.broadcastable(n)
    if isinstance(shapes, str):
        if len(shapes.split(",")) != n:
            raise ShapeError(f"shapes={shapes!r} names {len(shapes.split(','))} shapes for {n} domains")
        return strategies.named_shapes(shapes)
    if isinstance(shapes, (list, tuple)):
        return strategies.choice([tuple(map(tuple, chosen)) for chosen in shapes])
    return shapes

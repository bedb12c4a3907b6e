"""Plants wrong derivatives into every primitive and counts how many of them the tests of the primitives catch.

    python benchmarks/mutations.py [name of a primitive ...]

A mutant is one VJP of one primitive with one fault. It counts where it changed a gradient, or cut a second derivative,
in at least one call; it is caught where the test of the primitive fails.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from declared import DECLARED, test_of  # noqa: E402  # the path is set first

from autodiff.engine.primitive import primitives  # noqa: E402
from autodiff.tensors.tensor import Tensor  # noqa: E402
from autodiff.testing import GradcheckError  # noqa: E402

Array = Any


def _axis(c: Array, least: int = 2) -> int | None:
    """The last axis that has at least ``least`` entries."""
    return next((a for a in reversed(range(len(c.shape))) if c.shape[a] >= least), None)


def _picked(c: Array, axis: int, indices: Any) -> Array:
    return c[(slice(None),) * axis + (np.asarray(indices),)]


def off_by_one(c: Array, g: Array, shape: tuple[int, ...]) -> Array:
    """Each entry where its neighbour belongs."""
    axis = _axis(c)
    return c if axis is None else _picked(c, axis, np.roll(np.arange(c.shape[axis]), 1))


def reversed_axis(c: Array, g: Array, shape: tuple[int, ...]) -> Array:
    """The last axis from its end."""
    axis = _axis(c)
    return c if axis is None else _picked(c, axis, np.arange(c.shape[axis])[::-1].copy())


def wrong_axis(c: Array, g: Array, shape: tuple[int, ...]) -> Array:
    """The last two axes read in the other order: the right numbers, laid out along the wrong axis."""
    if len(c.shape) < 2:
        return c
    order = tuple(range(len(c.shape) - 2))
    return np.transpose(c, (*order, len(c.shape) - 1, len(c.shape) - 2)).reshape(c.shape)


def missing_term(c: Array, g: Array, shape: tuple[int, ...]) -> Array:
    """The last entry gets nothing."""
    kept = np.ones(c.shape, c.dtype)
    if kept.size:
        kept.flat[-1] = 0
    return c * kept


def lost_broadcast(c: Array, g: Array, shape: tuple[int, ...]) -> Array:
    """Where the input was stretched, the first place is taken instead of the sum over all."""
    if c.shape == shape:
        return c
    c = c[(0,) * (len(c.shape) - len(shape))]
    return c[tuple(slice(0, 1) if n == 1 else slice(None) for n in shape)]


def averaged(c: Array, g: Array, shape: tuple[int, ...]) -> Array:
    """The mean along an axis in place of each entry."""
    axis = _axis(c)
    if axis is None:
        return c
    return np.add.reduce(c, axis=axis, keepdims=True) / c.shape[axis] + c * 0


MUTATIONS: dict[str, Callable[[Array, Array, tuple[int, ...]], Array]] = {
    "sign": lambda c, g, shape: -c,
    "factor 2": lambda c, g, shape: c * 2,
    "off by 0.1 %": lambda c, g, shape: c * 1.001,
    "zero": lambda c, g, shape: c * 0,
    "no inner derivative": lambda c, g, shape: g + 0 if g.shape == c.shape else c,
    "constant added": lambda c, g, shape: c + 0.01,
    "missing term": missing_term,
    "off by one": off_by_one,
    "reversed": reversed_axis,
    "wrong axis": wrong_axis,
    "averaged": averaged,
    "lost broadcast": lost_broadcast,
    "second order cut": lambda c, g, shape: c.detach() if isinstance(c, Tensor) else c,
    "float64 leak": lambda c, g, shape: c * np.ones((), np.float64) if isinstance(c, np.ndarray) else c,
}


class Planted:
    """A VJP with a fault, which remembers whether the fault ever showed."""

    vjp: Callable[..., Any]

    def __init__(self, mutate: Callable[..., Any], position: int) -> None:
        self.mutate, self.position, self.showed = mutate, position, False

    def __call__(self, g: Array, out: Any, *inputs: Any, **params: Any) -> Array:
        """The wrong cotangent; whether it differs from the right one is written down."""
        right = self.vjp(g, out, *inputs, **params)
        wrong = self.mutate(
            right, g, tuple(inputs[self.position].shape) if hasattr(inputs[self.position], "shape") else right.shape
        )
        if isinstance(wrong, Tensor):
            self.showed |= not wrong.requires_grad and right.requires_grad and bool(right.detach().numpy().any())
            a, b = right.detach().numpy(), wrong.detach().numpy()
        else:
            a, b = right, np.asarray(wrong)
        alike = a.shape == b.shape and np.allclose(a, b, rtol=1e-7, atol=1e-7, equal_nan=True)
        zero = not (a.any() or b.any())  # in whatever shape: its sums are zero, too
        self.showed |= a.dtype != b.dtype or not (alike or zero)
        return wrong


@contextmanager
def planted(name: str, position: int, mutate: Callable[..., Any]) -> Iterator[Planted]:
    """The row ``name`` with a fault in the VJP of one input."""
    primitive, fault = primitives[name], Planted(mutate, position)
    fixed, sound = primitive.fixed_vjps, primitive.vjps_for

    def rules(count: int) -> list[Callable[..., Any]]:
        vjps = list(sound(count))
        if position < count:
            fault.vjp, vjps[position] = vjps[position], fault
        return vjps

    if fixed:  # which the walk takes without asking vjps_for
        fault.vjp = primitive.vjps[position]
        primitive.fixed_vjps = [*primitive.vjps[:position], fault, *primitive.vjps[position + 1 :]]
    else:
        primitive.vjps_for = rules
    try:
        yield fault
    finally:
        if fixed:
            primitive.fixed_vjps = fixed
        else:
            del primitive.vjps_for


def verdict(name: str, position: int, mutate: Callable[..., Any]) -> str:
    """Whether a fault is "caught by ...", "missed", or "no change" where it never showed."""
    with planted(name, position, mutate) as fault:
        try:
            test_of(name, shrink=False)()
        except GradcheckError as error:
            return f"caught by {type(error).__name__}"
        except Exception as error:  # a fault may also stop the backward pass
            return f"caught by {type(error).__name__}"
    return "missed" if fault.showed else "no change"


def main(names: list[str]) -> int:
    """Print the score; the exit status is the number of mutants missed."""
    start, score, by_check, missed = time.perf_counter(), Counter[str](), Counter[str](), []
    for name in names or DECLARED:
        for position in range(len(DECLARED[name][0])):
            for label, mutate in MUTATIONS.items():
                found = verdict(name, position, mutate)
                score[found.split()[0]] += 1
                by_check[found] += found.startswith("caught")
                if found == "missed":
                    missed.append(f"{name}, input {position}: {label}")
    planted_count = score["caught"] + score["missed"]
    print(f"{planted_count} faults planted in {len(names or DECLARED)} primitives, {score['caught']} caught")
    print(f"({score['no']} more changed nothing; {time.perf_counter() - start:.0f} s)")
    print("\n".join(f"  {count:4d} {check}" for check, count in by_check.most_common() if count))
    print("\n".join(f"missed: {entry}" for entry in missed))
    return len(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Hypothesis strategies for arrays with derivatives; the one module of this project that imports hypothesis.

Arrays are not drawn number by number: a shape and a seed are, and the numbers come from a fixed pool, for several calls
at once. That is fast, and shrinking still ends at the smallest shape with the simplest numbers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import example as example
from hypothesis import strategies as st

from autodiff.dtypes import DIFFERENTIABLE, to_complex
from autodiff.tensors.creation import from_numpy
from autodiff.tensors.tensor import Tensor
from autodiff.testing.domain import domain_of, filled, real

Shape = tuple[int, ...]
Strategy = st.SearchStrategy[Any]
Draw = Callable[[Strategy], Any]

TURNS, NICE_NUMBERS, SEEDS = 64, 16, 1 << 10  # powers of two, which hypothesis shrinks one by one
BATCH = 8  # calls to one example of hypothesis, whose own work counts beside that of a call


def choice(options: Sequence[Any]) -> Strategy:
    """One of ``options``, the first ones being the simplest."""
    return st.sampled_from(options)


@lru_cache
def all_shapes(min_dims: int, max_dims: int, min_side: int, max_side: int, max_size: int) -> list[Shape]:
    """Every shape within the bounds, those easiest to read first: no empty ones, few axes, few entries."""
    lengths = range(max(min_side, 1), max_side + 1)
    found = [s for n in range(min_dims, max_dims + 1) for s in product(lengths, repeat=n) if prod(s) <= max_size]
    empty = [s for s in ((0,), (2, 0), (0, 1, 3)) if min_side == 0 and min_dims <= len(s) <= max_dims]
    return sorted(found, key=lambda s: (prod(s), len(s), s)) + empty  # few empty ones: there is little to learn


def shapes(min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 3, max_size: int = 12) -> Strategy:
    """Shapes of few entries; also some without entries if ``min_side`` is 0."""
    return st.sampled_from(all_shapes(min_dims, max_dims, min_side, max_side, max_size))


@lru_cache
def all_broadcastable(n: int, min_side: int = 0) -> list[tuple[Shape, ...]]:
    """Tuples of ``n`` shapes that broadcast against each other: equal ones, then stretched and shortened ones."""
    found: dict[tuple[Shape, ...], None] = {}
    for shape in ((1,), (2,), (), (2, 3), (3, 1), (2, 1, 3)):
        stretched = {shape[1:], tuple(1 if i % 2 else m for i, m in enumerate(shape)), (), (1,) * len(shape)} - {shape}
        variants = [shape, *sorted(stretched)]
        for chosen in product(variants, repeat=n) if n < 4 else [(v,) * n for v in variants]:
            if shape in chosen:
                found[chosen] = None
    empty = [((0,),) * n, ((2, 0), *((1,),) * (n - 1))] if min_side == 0 else []
    return sorted(found, key=lambda c: (max(map(prod, c)), len(set(c)), sum(map(len, c)))) + empty


def broadcastable(n: int, min_side: int = 0) -> Strategy:
    """Tuples of ``n`` shapes that broadcast against each other, equal ones among them."""
    return st.sampled_from(all_broadcastable(n, min_side))


@lru_cache
def all_named(names: str, min_side: int = 1, max_side: int = 3) -> list[tuple[Shape, ...]]:
    """The shapes that fit ``names``, such as "n d, d m, m", for all lengths from ``min_side`` to ``max_side``."""
    parts = [part.split() for part in names.split(",")]
    letters = sorted({word for part in parts for word in part if not word.isdigit()})
    found = []
    for lengths in product(range(min_side, max_side + 1), repeat=len(letters)):
        length = dict(zip(letters, lengths, strict=True))
        found.append(tuple(tuple(int(w) if w.isdigit() else length[w] for w in part) for part in parts))
    return sorted(found, key=lambda c: (any(prod(s) == 0 for s in c), sum(map(prod, c))))


def named_shapes(names: str, min_side: int = 1, max_side: int = 3) -> Strategy:
    """Tuples of shapes with lengths in common: ``named_shapes("n d, d m, m")`` for a dense layer; numbers stay."""
    return st.sampled_from(all_named(names, min_side, max_side))


_BATCHES = [((), ()), ((2,), ()), ((), (2,)), ((2,), (2,)), ((2, 1), (3,)), ((1,), (2,))]
_CORES = [
    ((2,), (2,)), ((2,), (2, 3)), ((3, 2), (2,)), ((3, 2), (2, 3)),
    ((1, 2), (2, 1)), ((2, 0), (0, 3)), ((0, 2), (2, 1)),
]  # fmt: skip
_MATMUL = [(a + x, b + y) for x, y in _CORES for a, b in _BATCHES if (not a or len(x) > 1) and (not b or len(y) > 1)]


def matmul_shapes() -> Strategy:
    """Pairs of shapes that matmul takes: vectors, matrices, stacks that broadcast, lengths of 0."""
    return st.sampled_from(sorted(_MATMUL, key=lambda p: (0 in p[0] + p[1], prod(p[0]) + prod(p[1]))))


@st.composite
def tensors(
    draw: Draw, domain: Any = real, shape: Any = None, dtype: Any = np.float64, requires_grad: bool = True
) -> Tensor:
    """Tensors with entries of ``domain``, of one ``shape`` or of those a strategy gives."""
    chosen = draw(shapes() if shape is None else shape) if not isinstance(shape, tuple) else shape
    seed = draw(st.integers(0, SEEDS - 1))
    array = filled(domain_of(domain), chosen, seed // 8, seed % 8)
    kind = array.dtype.kind
    array = array.astype(to_complex(np.dtype(dtype)) if kind == "c" else dtype) if kind in DIFFERENTIABLE else array
    return from_numpy(array).requires_grad_(requires_grad and kind in DIFFERENTIABLE)


@st.composite
def matmul_operands(draw: Draw, domain: Any = real) -> tuple[Tensor, Tensor]:
    """Pairs of Tensors that matmul takes."""
    one, two = draw(matmul_shapes())
    return draw(tensors(domain, one)), draw(tensors(domain, two))


@lru_cache
def all_axes(ndim: int) -> list[Any]:
    """None, every axis, counted from the front and from the back, and tuples of several."""
    pairs = [(a, b) for a in range(ndim) for b in range(ndim) if a < b]
    return [None, *range(ndim), *range(-ndim, 0), *pairs, *[(b - ndim, a) for a, b in pairs]]


def axes(ndim: int, several: bool = True) -> Strategy:
    """What an axis argument may be for ``ndim`` axes: None, numbers from either end and, with ``several``, tuples."""
    return st.sampled_from([a for a in all_axes(ndim) if several or not isinstance(a, tuple)])


def reduction_kwargs(shape: Shape, names: tuple[str, str] = ("dim", "keepdim")) -> Strategy:
    """Keywords of a reduction of an array of ``shape``; ``names=("axis", "keepdims")`` for NumPy's."""
    options = [{names[0]: axis, names[1]: keep} for axis in all_axes(len(shape)) for keep in (False, True)]
    return st.sampled_from(options)


def all_keys(shape: Shape) -> list[Any]:
    """Indices of an array of ``shape``: slices of all steps, numbers, None, ``...``, masks, integers with repeats."""
    keys: list[Any] = [(), ..., (None, ...)]
    if not shape:
        return keys
    n = shape[0]
    keys += [slice(None), slice(1, None), slice(None, None, -1), slice(None, None, 2), (..., slice(None, 1))]
    keys += [np.arange(n) % 2 == 0, np.zeros((0,), np.int64), (slice(None),) * len(shape) + (None,)]
    if n:
        keys += [0, -1, np.array([0, n - 1, 0]), np.array([[0], [-1]])]
    if len(shape) > 1 and n and shape[1]:
        keys += [(0, -1), (slice(None), 0)]
        keys += [(np.array([0, 0]), np.array([0, shape[1] - 1])), (np.array([0, -1]), slice(None, 1))]
        keys += [(..., np.array([0, 0]))] if shape[-1] else []
    return keys


def index_for(shape: Shape) -> Strategy:
    """Indices that fit an array of ``shape``."""
    return st.sampled_from(all_keys(shape))


@st.composite
def conv_args(draw: Draw, dims: int = 2) -> dict[str, Any]:
    """Shapes and settings of a convolution that fit: ``input``, ``weight``, ``bias``, ``stride``, ``padding``, ..."""
    groups = draw(st.sampled_from([1, 2]))
    options = ([1, 2], [1, 2], [0, 1], [1, 2], [0, 1])
    sizes = [tuple(draw(st.sampled_from(each)) for _ in range(dims)) for each in options]
    kernel, stride, padding, dilation, extra = sizes
    channels = groups * draw(st.sampled_from([1, 2]))
    out = groups * draw(st.sampled_from([1, 2]))
    lengths = tuple(
        max(d * (k - 1) + 1 - 2 * p, 1) + e for k, p, d, e in zip(kernel, padding, dilation, extra, strict=True)
    )
    shape = {"input": (draw(st.sampled_from([1, 2])), channels, *lengths), "weight": (out, channels // groups, *kernel)}
    return {**shape, "bias": (out,), "stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


class Batch(list[Any]):
    """Calls that differ in their numbers alone; its ``repr`` is that of the first call known to have failed."""

    def __init__(self, calls: Sequence[Any], failed: set[str]) -> None:
        super().__init__(calls)
        self.failed = failed

    def __repr__(self) -> str:
        shown = [repr(call) for call in self]
        return next((text for text in shown if text in self.failed), shown[0])


@st.composite
def batches(
    draw: Draw,
    domains: Sequence[Any],
    chosen_shapes: Strategy,
    kwargs: Any,
    make: Callable[[Any, dict[str, Any], int], Any],
    failed: set[str],
) -> Batch:
    """``BATCH`` calls: ``make`` takes arrays of the domains, keywords, and the number of the turn."""
    found = draw(chosen_shapes)
    first = draw(st.integers(0, TURNS * NICE_NUMBERS * SEEDS - 1))
    chosen = kwargs(*found) if callable(kwargs) else kwargs
    given = draw(chosen) if isinstance(chosen, st.SearchStrategy) else chosen or {}
    calls = []
    for number in range(BATCH):
        seed, turn = divmod(first + number, TURNS)
        seed, special = divmod(seed, NICE_NUMBERS)
        seed = seed and seed + number  # with the simplest numbers every check has its turn
        special = 0 if seed and number % 4 else special
        inputs = tuple(
            filled(d, s, seed and seed + 97 * i, special and special + i * (1 + seed % 2))  # now and then a tie
            for i, (d, s) in enumerate(zip(domains, found, strict=True))
        )
        calls.append(make(inputs, dict(given), turn))
    return Batch(calls, failed)


def property_test(
    body: Callable[[Any], None], strategy: Strategy, max_examples: int, name: str, doc: str | None, shrink: bool
) -> Callable[[], None]:
    """A hypothesis test of ``body`` over batches of ``strategy``: no deadline, no database, the same on each run.

    The variable AUTODIFF_TEST_EXAMPLES overrules the number of examples.
    """

    def test(case: Any) -> None:
        body(case)

    test.__name__ = test.__qualname__ = name
    test.__doc__ = doc
    count = int(os.environ.get("AUTODIFF_TEST_EXAMPLES", max_examples))
    chosen = settings(
        max_examples=-(-count // BATCH),
        deadline=None,
        database=None,
        derandomize=True,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if shrink else [])],
    )
    result: Callable[[], None] = chosen(given(case=strategy)(test))
    return result


st.register_type_strategy(Tensor, tensors())

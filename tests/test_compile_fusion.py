"""Small calls that do the same to arrays side by side become one call, with the bits of each by itself."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
from compiled import Way, replays, side_by_side

import autodiff
import nn
import optim
from autodiff.compiling import fusion
from autodiff.engine.primitive import Primitive
from autodiff.kernels import blocks, lanes, layout
from autodiff.kernels.blas import alone

RNG = np.random.default_rng(0)


def training(make: Any, *sizes: int) -> Any:
    def build() -> Way:
        model = nn.Sequential(*(nn.Linear(a, b) for a, b in itertools.pairwise(sizes)))
        optimizer = make(model.parameters())

        def step(x: Any) -> Any:
            optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        return Way(step, list(model.parameters()), optimizer)

    return build


def data(i: int) -> tuple[Any, ...]:
    return (RNG.normal(size=(4, 3)).astype(np.float32),)


@pytest.mark.parametrize("shape", [(3,), (1, 2), (2, 3, 4), (1,), ()])
@pytest.mark.parametrize("length", [3, 4, 60])
def test_a_sum_of_many_terms(shape: tuple[int, ...], length: int) -> None:
    """A gradient that many places contribute to is one sum, whose terms are added in their order."""

    def build() -> Way:
        w = autodiff.tensor(np.full(shape, 0.99, np.float32), requires_grad=True)

        def step(x: Any) -> Any:
            w.grad = None
            for _ in range(length):
                x = x * w
            x.sum().backward()
            return x.detach()

        return Way(step, [w])

    compiled = side_by_side(build, lambda i: (RNG.normal(size=shape).astype(np.float32),))
    assert replays(compiled)
    if length > 4 and np.prod(shape) > 1:
        assert len(compiled.programs[-1].memory.pairs) < 3 * length


def test_arrays_that_overlap() -> None:
    """One call in the place of two would read what the first of them has not yet written: they stay two."""
    a, b, c = layout.side_by_side([np.zeros(2, np.float32)] * 3)
    call = fusion.Call(np.multiply, (), {}, [], [], False, "", (np.array, 0))  # type: ignore[arg-type]
    two = np.array(2.0, np.float32)
    pairs = [(call, fusion.into(np.multiply, (x, two), out)) for x, out in ((a, b), (b, c))]
    assert len(fusion.together(pairs)) == 2
    assert len(fusion.together([(call, fusion.into(np.multiply, (x, two), x)) for x in (a, b)])) == 1


def test_a_wrong_order_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows in the wrong order: the comparison finds it."""
    rows = fusion._in_turns
    monkeypatch.setattr(fusion, "_in_turns", lambda calls: rows(calls)[::-1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled = side_by_side(training(lambda p: optim.SGD(p, lr=0.1, momentum=0.9), 3, 4, 2), data)
    assert not compiled.programs


def test_a_number_that_lies_in_a_long_array() -> None:
    """One entry of what a stretch has just written, stretched over all: it is read, and not what lies beside it."""

    def step(x: Any) -> Any:
        y = x * 2
        return (y * y[:1, :1] + y) * 3

    compiled = side_by_side(lambda: Way(step, []), lambda i: (RNG.normal(size=(256, 256)).astype(np.float32),))
    assert replays(compiled)


def test_long_arrays_that_are_read_as_integers() -> None:
    """Bits of what a stretch has just written, as relu's backward pass takes them: these are no numbers of its kind."""
    w = autodiff.ones(256, 256, requires_grad=True)

    def step(x: Any) -> Any:
        w.grad = None
        loss = ((x * w).relu() ** 2).sum()
        loss.backward()
        return loss

    compiled = side_by_side(lambda: Way(step, [w]), lambda i: (RNG.normal(size=(256, 256)).astype(np.float32),))
    assert replays(compiled)


def test_what_threads_share_writes_where_its_result_belongs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tanh of many numbers, its slope, and products for which BLAS has one thread: no result is copied."""
    filled, given = blocks._filled, []
    monkeypatch.setattr(blocks, "workers", lambda: 2)
    monkeypatch.setattr(blocks, "_filled", lambda *args, to=None: (given.append(to), filled(*args, to=to))[1])
    w = autodiff.ones(64, 2048, dtype=autodiff.float64, requires_grad=True)
    v = autodiff.ones(4, 2048, dtype=autodiff.float64, requires_grad=True)

    def step(x: Any) -> Any:
        w.grad = v.grad = None
        loss = nn.functional.linear((x @ w).tanh(), v).square().mean()
        loss.backward()
        return loss

    compiled = side_by_side(lambda: Way(step, [w, v]), lambda i: (RNG.normal(size=(512, 64)),))
    assert replays(compiled)
    given.clear()
    compiled(autodiff.tensor(RNG.normal(size=(512, 64))))
    assert len(given) == 2
    assert all(to is not None for to in given)
    pairs = compiled.programs[-1].memory.pairs
    products = [made for call, made in pairs if getattr(call.function, "func", None) is alone]
    assert products or lanes.routes()  # of which each product is one call
    assert all(made.func is alone for made in products)


@pytest.mark.parametrize("like", [True, False])
def test_an_array_that_a_primitive_makes(like: bool) -> None:
    """One that it makes for what it takes is noted; one that it makes without its knowledge makes it one call."""

    def twice(x: Any) -> Any:
        out = np.zeros(x.shape, x.dtype, like=x) if like else np.zeros(x.shape, x.dtype)
        np.add(out, x, out=out)
        out += x
        return out

    made = Primitive("defined_here", twice, lambda g, out, x: g * 2)
    compiled = side_by_side(lambda: Way(made, []), lambda i: (RNG.normal(size=(2, 3)),))
    assert replays(compiled)
    assert bool(compiled.programs[0].source().opaque) is not like

"""Long arrays are normalised in tiles: to the numbers of the formula, and to the same bits with any threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import autodiff
from autodiff.kernels import normalization as tiles
from autodiff.ops.normalization import moments, standardize
from nn import BatchNorm2d, Conv2d, GroupNorm, LayerNorm, Sequential, functional
from optim import SGD

SHAPES = {  # with the axes that are normalised together, and the shape of the weights beside them
    "batch norm of images": ((6, 10, 13, 14), (0, 2, 3), (1, 10, 1, 1)),
    "of images larger than a tile": ((2, 3, 310, 290), (0, 2, 3), (1, 3, 1, 1)),
    "of small images": ((200, 20, 2, 2), (0, 2, 3), (1, 20, 1, 1)),
    "of vectors": ((301, 70), (0,), (1, 70)),
    "layer norm": ((5, 31, 68), (2,), (1, 1, 68)),
    "layer norm of long rows": ((3, 40, 1000), (1, 2), (1, 40, 1000)),
    "instance norm": ((4, 7, 33, 20), (2, 3), (1, 7, 1, 1)),
    "group norm": ((4, 3, 5, 400), (2, 3), (1, 3, 5, 1)),
    "rms norm": ((90, 100), (1,), (1, 100)),
}


def _expected(x: Any, w: Any, b: Any, g: Any, axis: Any, along: Any, center: bool) -> list[Any]:
    """The result and the cotangents, in double precision."""
    x, w, b, g = (v.astype(np.float64) for v in (x, w.reshape(along), b.reshape(along), g))
    z = x - x.mean(axis, keepdims=True) * center
    factor = ((z * z).mean(axis, keepdims=True) + 1e-5) ** -0.5
    n, h = np.prod([x.shape[a] for a in axis]), g * w
    to_x = (h - h.sum(axis, keepdims=True) / n * center - z * factor**2 * (h * z).sum(axis, keepdims=True) / n) * factor
    rest = tuple(a for a, size in enumerate(along) if size == 1)
    sums = [(c if not rest else c.sum(rest, keepdims=True)).reshape(along) for c in (g * z * factor, g)]
    return [z * factor * w + b, to_x, *sums]


def _found(x: Any, w: Any, b: Any, g: Any, axis: Any, along: Any, center: bool) -> list[Any]:
    params = {"axis": axis, "eps": 1e-5, "center": center, "along": along, "given": moments(x, axis, center)}
    out = standardize(x, w, b, **params)
    return [out, *standardize.rule_of_all(g, out, x, w, b, **params)]


def _inputs(name: str, dtype: Any, mean: float, seed: int = 0) -> tuple[Any, ...]:
    shape, axis, along = SHAPES[name]
    random, size = np.random.default_rng(seed), int(np.prod(along))
    x, g = random.standard_normal(shape) + mean, random.standard_normal(shape)
    w, b = random.standard_normal(size), random.standard_normal(size)
    return *(v.astype(dtype) for v in (x, w, b, g)), axis, along, "rms" not in name


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("dtype", ["f", "d"])
@pytest.mark.parametrize("mean", [0.3, -30.0])
def test_tiles_give_the_numbers_of_the_formula(name: str, dtype: str, mean: float) -> None:
    """Law: result and cotangents are those of double precision, also where the mean is far from 0."""
    given = _inputs(name, dtype, mean)
    assert tiles.fold_of(given[0], given[4]) is not None
    close = (2e-5 if mean < 0 else 2e-6) if dtype == "f" else 1e-12
    for found, expected in zip(_found(*given), _expected(*given), strict=True):
        found = found if found.shape == expected.shape else found.reshape(expected.shape)
        assert found.dtype == dtype
        assert np.abs(found - expected).max() < close * max(1, np.abs(expected).max())


@pytest.mark.parametrize("name", SHAPES)
def test_any_number_of_threads_gives_the_same_bits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: tiles and the order of their sums do not depend on threads."""
    monkeypatch.setattr(tiles, "WORTH_THREADS", 0)
    monkeypatch.setattr(tiles, "TILE", 1 << 13)
    given, before, runs = _inputs(name, "f", 0.3), autodiff.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            autodiff.set_num_threads(threads)
            runs.append([x.tobytes() for x in _found(*given)])
    finally:
        autodiff.set_num_threads(before)
    assert runs[0] == runs[1] == runs[2]


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 70), st.integers(1, 40), st.integers(1, 90), st.sampled_from([0.0, 3.0, 1e4]), st.booleans())
def test_moments_of_any_sizes(n: int, c: int, p: int, mean: float, center: bool) -> None:
    """Law: the moments of each channel are those of double precision, to the digits that its mean leaves them."""
    assume(p >= tiles.SHORT or n > 1)
    fold = tiles.Fold(n, c, p)
    x = (np.random.default_rng(n * c * p).standard_normal((n, c, p)) + mean).astype(np.float32)
    wide = x.astype(np.float64)
    expected = wide.mean((0, 2)) if center else np.zeros(c)
    found, variance = tiles.moments(x, fold=fold, center=center)
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-6)
    spread = np.square(wide - expected[:, None]).mean((0, 2))
    assert np.allclose(variance, spread, rtol=1e-5, atol=1e-6 if mean < 10 or not center else 1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_not_finite_stays_in_its_channel(bad: float) -> None:
    """Law: NaN and infinities spoil their own channel, in the result and in the gradients, and no other."""
    x = autodiff.randn(8, 12, 20, 20)
    x[3, 5, 7, 7] = bad
    w = autodiff.ones(12, requires_grad=True)
    x.requires_grad_()
    out = functional.batch_norm(x, None, None, w, None, training=True)
    (out * autodiff.randn(out.shape)).sum().backward()
    for found in (out.detach().numpy(), x.grad.numpy()):
        assert np.isnan(found[:, 5]).mean() > 0.99  # what does not depend on an infinity may be known
        assert np.isfinite(np.delete(found, 5, axis=1)).all()
    assert np.isfinite(w.grad.numpy()).tolist() == [i != 5 for i in range(12)]


def test_a_channel_without_cotangent_has_none_though_it_is_nan() -> None:
    """Law: a zero that is there because a channel was not selected stays zero beside NaN."""
    x = autodiff.randn(8, 12, 20, 20)
    x[:, 5] = np.nan
    x.requires_grad_()
    functional.batch_norm(x, None, None, training=True)[:, :5].sum().backward()
    assert np.isfinite(x.grad.numpy()).all()


def test_moments_are_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: a step takes the moments of a batch norm once, for the running statistics and both passes."""
    calls = []
    monkeypatch.setattr(tiles, "moments", lambda *args, _f=tiles.moments, **kw: calls.append(1) or _f(*args, **kw))
    x = autodiff.randn(8, 12, 20, 20, requires_grad=True)
    out = functional.batch_norm(x, autodiff.zeros(12), autodiff.ones(12), training=True)
    (out * out).sum().backward()
    assert len(calls) == 1


def test_a_compiled_step_gives_the_same_bits() -> None:
    """Law: tiles are one call of a program, which comes to what the step comes to as it stands."""
    runs = []
    for compiled in (False, True):
        autodiff.manual_seed(0)
        norms = BatchNorm2d(12), GroupNorm(3, 12), LayerNorm(16)
        model = Sequential(Conv2d(3, 12, 1), *norms)
        optimizer = SGD(model.parameters(), lr=0.1)

        def step(x: Any, model: Any = model, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = (model(x) ** 3).mean()
            loss.backward()
            optimizer.step()
            return loss

        run = autodiff.compile(step) if compiled else step
        losses = [run(autodiff.randn(6, 3, 16, 16)).item() for _ in range(5)]
        runs.append([losses, *(v.numpy().tobytes() for v in model.state_dict().values())])
        assert not compiled or len(run.programs) == 1
    assert runs[0] == runs[1]

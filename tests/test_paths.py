"""Inputs without a path to the result: None where PyTorch gives None, zeros where it gives zeros."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parity.harness import Array, Near, both, flat, plain, same, weights

import autodiff
from autodiff.errors import GraphError

A, B = np.array([[0.5, -1.25, 2.25], [1.75, -0.3, 0.0]]), np.array([[1.5, 2.0, -0.7], [0.5, 3.0, 1.0]])
P, Q, V, S = np.abs(A) + 0.1, np.abs(B), np.array([0.3, -0.7, 1.2]), np.array(0.4)
M, EMPTY, NO_ROWS = np.array([[2.0, 0.3], [0.3, 1.0]]), np.zeros(0), np.zeros((0, 3))
IMAGES = np.arange(80.0).reshape(2, 2, 4, 5) / 7 % 1
GRID = (np.arange(24.0).reshape(2, 3, 2, 2) / 5 % 1) * 1.6 - 0.8
Call = Callable[..., Any]


def _index(lib: Any, *rows: int) -> Any:
    return lib.tensor(list(rows), dtype=lib.int64)


def _set(x: Any, key: Any, value: Any) -> Any:
    x[key] = value
    return x


def _called(names: str, *arrays: Array) -> dict[str, tuple[Call, tuple[Array, ...]]]:
    def of(name: str) -> Call:
        return lambda lib, *x: getattr(lib, name)(*x)

    return {f"{name} of {len(arrays)}": (of(name), arrays) for name in names.split()}


def _layers(names: str, options: tuple[Any, ...], x: Array) -> dict[str, tuple[Call, tuple[Array, ...]]]:
    def of(name: str) -> Call:
        return lambda lib, x: getattr(lib.nn.functional, name)(x, *options)

    return {f"{name} {options}": (of(name), (x,)) for name in names.split()}


CALLS: dict[str, tuple[Call, tuple[Array, ...]]] = {
    **_called("floor ceil round trunc sign sgn frac isnan isinf isfinite signbit zeros_like ones_like argmax argmin "
              "any all nonzero argsort sort mode median logical_not count_nonzero", A),
    **_called("maximum minimum fmax fmin fmod remainder hypot copysign nextafter ldexp atan2 xlogy eq ne lt le gt ge "
              "isclose logical_and float_power pow", P, Q),
    **_called("nextafter copysign fmod maximum", P, np.abs(V)), **_called("clamp_min clamp_max", A, B),
    **_called("clamp", A, B - 2, B + 2), **_called("lerp", A, B, S), **_called("normal", A, Q), **_called("fill", A, S),
    **_called("bucketize isin", A, np.sort(V)), **_called("searchsorted", np.sort(V), A),
    **_called("quantile nanquantile", A, np.array([0.3, 0.6])), **_called("quantile", V, S),
    "bernoulli": (lambda lib, x: lib.bernoulli(x.abs() / 10), (A,)), "x * 0": (lambda lib, x: x * 0, (A,)),
    "x**0": (lambda lib, x: x**0, (A,)), "detach": (lambda lib, x: x.detach(), (A,)),
    "to integers": (lambda lib, x: x.long(), (A,)), "and back": (lambda lib, x: x.long().double(), (A,)),
    "type_as": (lambda lib, x, y: x.type_as(y), (A, B)), "expand_as": (lambda lib, x, y: x.expand_as(y), (V, B)),
    "rounding": (lambda lib, x, y: lib.div(x, y, rounding_mode="floor"), (A, B)),
    "where": (lambda lib, x, y: lib.where(lib.ones(2, 3) > 0, x, y), (A, B)),
    "condition": (lambda lib, x, y: lib.where(x > 0, 1.0, y), (A, B)), "past": (lambda lib, x: x[5:], (A,)),
    **{f"norm 0 {f}": (lambda lib, x, f=f: f(lib)(x, 0), (A,))
       for f in (lambda lib: lib.norm, lambda lib: lib.linalg.vector_norm)},
    "cdist": (lambda lib, x, y: lib.cdist(x, y, 0.0), (A, B)),
    **{f"quantile {i}": (lambda lib, x, q, i=i: lib.quantile(x, q, interpolation=i), (A, np.array([0.3, 0.6])))
       for i in ("lower", "higher", "nearest", "midpoint")},
    **{f"grid_sample {m} {p}": (lambda lib, x, g, m=m, p=p: lib.nn.functional.grid_sample(x, g, m, p, False),
                                (IMAGES, GRID))
       for m in ("nearest", "bilinear") for p in ("zeros", "border", "reflection")},
    **_layers("dropout alpha_dropout dropout2d feature_alpha_dropout", (1.0, True), IMAGES),
    **_layers("dropout alpha_dropout dropout2d", (0.5, False), IMAGES), **_layers("hardtanh", (3.0, 4.0), A),
    "interpolate": (lambda lib, x: lib.nn.functional.interpolate(x, size=(3, 3)), (IMAGES,)),
    "embedding": (lambda lib, w: lib.nn.functional.embedding(_index(lib, 1, 1), w, padding_idx=1), (A,)),
    "embedding of nothing": (lambda lib, w: lib.nn.functional.embedding(_index(lib), w), (A,)),
    "max_unpool": (lambda lib, x: lib.nn.functional.max_unpool2d(
        *lib.nn.functional.max_pool2d(x, 2, return_indices=True), 2), (IMAGES[..., :4],)),
    **{f"masked_scatter {k}": (lambda lib, x, y, k=k: lib.masked_scatter(x, lib.full((2, 3), k), y), (A, B))
       for k in (False, True)},
    **{f"masked_fill {k}": (lambda lib, x, y, k=k: lib.masked_fill(x, lib.full((2, 3), k), y), (A, S))
       for k in (False, True)},
    "masked_select": (lambda lib, x: lib.masked_select(x, lib.full((2, 3), False)), (A,)),
    "index_put": (lambda lib, x, y: lib.index_put(x, (_index(lib),), y), (A, NO_ROWS)),
    "index_put all": (lambda lib, x, y: lib.index_put(x, (_index(lib, 0, 1),), y), (A, B)),
    "index_copy": (lambda lib, x, y: lib.index_copy(x, 0, _index(lib), y), (A, NO_ROWS)),
    "index_copy all": (lambda lib, x, y: lib.index_copy(x, 0, _index(lib, 0, 1), y), (A, B)),
    "index_fill": (lambda lib, x, y: lib.index_fill(x, 0, _index(lib), y), (A, S)),
    "index_add": (lambda lib, x, y: lib.index_add(x, 0, _index(lib, 0, 1), y, alpha=0), (A, B)),
    "scatter all": (lambda lib, x, y: lib.scatter(x, 0, lib.tensor([[0] * 3, [1] * 3]), y), (A, B)),
    **{f"scatter_reduce {r}": (lambda lib, x, y, r=r: lib.scatter_reduce(
        x, 0, lib.tensor([[0] * 3, [1] * 3]), y, r, include_self=False), (A, B))
       for r in ("sum", "prod", "mean", "amax", "amin")},
    "cat": (lambda lib, x, y: lib.cat([x, y]), (EMPTY, A)),
    "cat of rows": (lambda lib, x, y: lib.cat([x, y]), (NO_ROWS, A)),
    "stack": (lambda lib, x, y: lib.stack([x, y]), (EMPTY, EMPTY)), "part": (lambda lib, x: lib.split(x, 1)[0], (A,)),
    "add": (lambda lib, x, y: lib.add(x, y, alpha=0), (A, B)),
    **{f"{name} {b} {a}": (lambda lib, x, y, z, name=name, b=b, a=a: getattr(lib, name)(x, y, z, beta=b, alpha=a),
                              arrays)
       for name, arrays in (("addmm", (M, M, M)), ("addmv", (M[0], M, M[0])), ("addr", (M, M[0], M[0])),
                            ("baddbmm", (M[None], M[None], M[None])), ("addbmm", (M, M[None], M[None])))
       for b, a in ((0, 1), (1, 0), (0, 0))},
    "batch_norm": (lambda lib, x, w, b: lib.nn.functional.batch_norm(x, None, None, w, b, True), (A, V, V)),
    "running": (lambda lib, x, w: lib.nn.functional.batch_norm(
        x, lib.zeros(3).double(), lib.ones(3).double(), w), (A, V)),
    "cross_entropy": (lambda lib, x, y, w: lib.nn.functional.cross_entropy(x, y, w), (A, Q, np.abs(V))),
    "combinations": (lambda lib, x: lib.combinations(x, 0), (V,)),
    "lstsq": (lambda lib, x, y: lib.linalg.lstsq(x, y), (M, M)),
    "one_hot": (lambda lib, x: lib.nn.functional.one_hot(_index(lib, 0, 1)) * x, (M,)),
    **{f"{name}": (lambda lib, x, name=name: getattr(x.clone(), name)(), (A,))
       for name in ("uniform_", "normal_", "exponential_", "bernoulli_", "zero_", "floor_", "sign_")},
    **{f"x[{k}] = y": (lambda lib, x, y, k=k: _set(x.clone(), k, y), (A, S)) for k in (False, 0, slice(0, 0), ...)},
    "x[mask] = y": (lambda lib, x, y: _set(x.clone(), lib.full((2, 3), False), y), (A, S)),
    "x[[]] = y": (lambda lib, x, y: _set(x.clone(), _index(lib), y), (A, S)),
}  # fmt: skip


def _paths(lib: Any, call: Call, arrays: tuple[Array, ...], tracked: list[int]) -> tuple[list[bool], list[str] | None]:
    """Which results require grad, and whether the gradient of each tracked input is None, zero or more."""
    inputs = [lib.tensor(x.copy()).requires_grad_(i in tracked) for i, x in enumerate(arrays)]
    outputs = flat(call(lib, *inputs))
    ends = [x for x in outputs if x.requires_grad]
    found = None
    if ends:
        seeds = [lib.tensor(weights(x)) for x in ends]
        gradients = lib.autograd.grad(ends, [inputs[i] for i in tracked], seeds, allow_unused=True)
        found = ["None" if g is None else "a value" if plain(g).any() else "zeros" for g in gradients]
    return [x.requires_grad for x in outputs], found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CALLS)
def test_none_and_zeros_are_pytorchs(name: str) -> None:
    """For all inputs that require grad together, and for each alone."""
    call, arrays = CALLS[name]
    every = list(range(len(arrays)))
    for tracked in [every, *([i] for i in every if len(every) > 1)]:
        ours, theirs = both(_paths, call, arrays, tracked)
        assert ours == theirs, f"inputs {tracked} require grad"


def test_a_quantile_has_the_slope_in_q_that_it_has_in_pytorch() -> None:
    """Between two entries it is their difference over their distance in q."""

    def program(lib: Any) -> Any:
        x, q = lib.tensor(A).requires_grad_(), lib.tensor([0.3, 0.5, 1.0], dtype=lib.float64).requires_grad_()
        return [lib.autograd.grad(lib.quantile(x, q, dim=d).sum(), [x, q]) for d in (0, 1, None)]

    same(program, near=Near(1e-12, 1e-12))


def test_weights_of_classes_have_no_gradient_beside_indices() -> None:
    """Where PyTorch refuses, no gradient is lost in silence."""
    weight = autodiff.ones(3, requires_grad=True)
    for loss in (autodiff.nn.functional.cross_entropy, autodiff.nn.functional.nll_loss):
        with pytest.raises(GraphError, match="detach"):
            loss(autodiff.zeros(2, 3), autodiff.tensor([0, 1]), weight)


@pytest.mark.parametrize("name", ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "InstanceNorm1d", "InstanceNorm2d"])
def test_without_momentum_all_batches_weigh_alike(name: str) -> None:
    """Running statistics, their count, and a state that goes on counting where it was saved."""

    def program(lib: Any) -> Any:
        first, second = (
            getattr(lib.nn, name)(3, momentum=None, track_running_stats=True).double() for _ in range(2)
        )
        batches = [A.size * np.sin(np.arange(4 * 3 * 4.0) + i) for i in range(4)]
        shape = (4, 3, 4, 1, 1)[: 2 + int(name[-2])]
        x = [lib.tensor(batch.reshape(shape)) for batch in batches]
        first(x[0]), first(x[1])
        second.load_state_dict(first.state_dict())
        second(x[2])
        return dict(first.state_dict()), dict(second.state_dict()), second.eval()(x[3])

    same(program, near=Near(1e-9, 1e-12))

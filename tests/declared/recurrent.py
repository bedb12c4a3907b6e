"""Declarations of recurrent nets, attention and embeddings; the references go through time sample by sample."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from autodiff.kernels.sparse import Pattern
from autodiff.testing.domain import real
from declared.base import declare, of_shape, one_of


def _steps(sizes: list[int], reverse: bool = False) -> Any:
    spans = tuple(pairwise((0, *accumulate(sizes))))
    return spans[::-1] if reverse else spans


TIMES = [_steps([2, 2]), _steps([2, 1], reverse=True), _steps([2, 2, 1])]  # 2 samples each


def _logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _run(x: Any, steps: Any, first: Any, step: Any) -> list[Any]:
    """For each row of x what ``step(x, state)`` gives, whose first part is the next state."""
    states, rows = dict(enumerate(first)), [None] * len(x)
    for start, stop in steps:
        for sample in range(stop - start):
            rows[start + sample] = step(x[start + sample], states[sample])
            states[sample] = rows[start + sample][0]
    return rows


def _rnn(x: Any, w: Any, h0: Any, steps: Any, relu: bool) -> Any:
    bent = (lambda z: np.where(z > 0, z, 0)) if relu else np.tanh
    return np.array([h for (h,) in _run(x, steps, h0, lambda x, h: (bent(x + w @ h),))])


def _lstm(x: Any, w: Any, h0: Any, c0: Any, r: Any, steps: Any) -> Any:
    def step(x: Any, state: Any) -> Any:
        i, f, a, o = np.split(x + w @ state[0], 4)
        gates = _logistic(i), _logistic(f), np.tanh(a), _logistic(o)
        c = gates[1] * state[1] + gates[0] * gates[2]
        return (r @ (gates[3] * np.tanh(c)), c), np.concatenate(gates)

    rows = _run(x, steps, list(zip(h0, c0, strict=True)), step)
    parts = [[h for (h, _), _ in rows], [c for (_, c), _ in rows], [gates for _, gates in rows]]
    return np.concatenate([np.ravel(part) for part in parts])


def _gru(x: Any, w: Any, h0: Any, b: Any, steps: Any) -> Any:
    def step(x: Any, h: Any) -> Any:
        (r, z, n), (own_r, own_z, own_n) = np.split(x, 3), np.split(w @ h + b, 3)
        n = np.tanh(n + _logistic(r + own_r) * own_n)
        z = _logistic(z + own_z)
        return ((1 - z) * n + z * h,)

    return np.array([h for (h,) in _run(x, steps, h0, step)])


def _count(steps: Any) -> int:
    return max(stop for _, stop in steps)


def _options(count: int, **more: Any) -> Any:
    return one_of(*({"steps": steps, **more} for steps in TIMES if _count(steps) == count))


COUNTS = sorted({_count(steps) for steps in TIMES})
small = {"dtypes": (), "max_examples": 25}  # many numbers each
declare("rnn", real, real, real, shapes=[((n, 2), (2, 2), (2, 2)) for n in COUNTS], ref=_rnn,
        kwargs=lambda x, w, h0: one_of(*({"steps": s, "relu": relu} for s in TIMES if _count(s) == x[0]
                                         for relu in (False, True))), **small)
declare("lstm", real, real, real, real, real, ref=_lstm, kwargs=lambda x, *_: _options(x[0]),
        shapes=[((n, 8), (8, 1), (2, 1), (2, 2), (1, 2)) for n in COUNTS], **small)
declare("gru", real, real, real, real, ref=_gru, kwargs=lambda x, *_: _options(x[0]),
        shapes=[((n, 6), (6, 2), (2, 2), (6,)) for n in COUNTS], **small)


def _attention(q: Any, k: Any, v: Any, bias: Any, kept: Any, scale: float, causal: bool) -> Any:
    out = np.zeros((*q.shape[:-1], v.shape[-1]))
    whole = np.broadcast_to(0.0 if bias is None else bias, (*q.shape[:-1], k.shape[-2]))
    for i in np.ndindex(q.shape[:-1]):
        seen = range(min(i[-1] + 1, k.shape[-2]) if causal else k.shape[-2])
        weights = [np.exp(scale * np.sum(q[i] * k[(*i[:-1], j)]) + whole[(*i, j)]) for j in seen]
        used = [weight * (1.0 if kept is None else kept[(*i, j)]) for j, weight in zip(seen, weights, strict=True)]
        out[i] = sum(u * v[(*i[:-1], j)] for j, u in zip(seen, used, strict=True)) / sum(weights)
    return out


def _of_attention(q: Any, k: Any, v: Any) -> Any:
    scores = (*q[:-1], k[-2])
    return one_of(
        {"bias": None, "kept": None, "scale": 0.5, "causal": False},
        {"bias": None, "kept": None, "scale": 1.0, "causal": True},
        {"bias": of_shape((q[-2], k[-2])), "kept": None, "scale": 0.3, "causal": False},
        {"bias": of_shape((1, k[-2])), "kept": of_shape(scores) + 1.5, "scale": 0.3, "causal": True},
    )


declare("attention", real, real, real, ref=_attention, kwargs=_of_attention, dtypes=(), max_examples=60,
        shapes=[((2, 2), (3, 2), (3, 1)), ((2, 3, 1), (2, 2, 1), (2, 2, 2)), ((1, 2, 2, 2),) * 3])



def _self_attention(x: Any, bias: Any, kept: Any, scale: float, causal: bool, places: int) -> Any:
    x = x if places else x.swapaxes(0, 1)  # (N, L, 3, heads, E)
    out = _attention(*(x[:, :, i].swapaxes(1, 2) for i in range(3)), bias, kept, scale, causal).swapaxes(1, 2)
    return out if places else out.swapaxes(0, 1)


declare("self_attention", real, ref=_self_attention, dtypes=(), shapes=[((2, 3, 3, 2, 2),), ((3, 1, 3, 1, 2),)],
        kwargs=one_of(*({"bias": None, "kept": None, "scale": 0.5, "causal": causal, "places": places}
                        for causal in (False, True) for places in (0, 1))))

_lying = Pattern(np.array([0, 2, 2]), np.array([1, 0, 1]), (3, 2))
declare("sparse_matmul", real, real, shapes=[((3,), (2, 4)), ((3,), (2, 1))], kwargs=one_of({"pattern": _lying}),
        ref=lambda v, y, pattern: np.stack([v[0] * y[1], 0 * y[0], v[1] * y[0] + v[2] * y[1]]))

_picked = np.array([[2, 0], [2, 2]])
declare("embedding", real, shapes=[((3, 2),)], ref=lambda w, indices, share: np.stack([w[i] for i in indices]),
        kwargs=one_of({"indices": _picked, "share": None}))

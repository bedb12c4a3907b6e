"""What functions of many numbers are, in mpmath: softmax and its kin, sums that cancel, norms, determinants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath as mp

from benchmarks.numeric_errors import Formula, formula
from benchmarks.numeric_points import vectors

__all__ = ["ROWS"]

Numbers = Sequence[Any]
F = "nn.functional."
LOGITS = vectors(
    (0.1, -2.3, 1.7, 0.4), (1e4, -1e4, 3.0, 0.0), (88.0, 89.0, -100.0, 60.0), (709.0, 710.0, 0.0, 1.0),
    (1e-30, 2e-30, -1e-30, 0.0), (10000.5, 10001.25, 10000.75, 10000.5), (30.0, 0.0, -30.0, -60.0),
    (-1e30, 0.0, 1e30, 1.0), (3.0, 3.0, 3.0, 3.0), (0.0, -17.0, -40.0, -80.0),
)  # fmt: skip
SPREADS = vectors(
    (0.1, -2.3, 1.7, 0.4), (10000.5, 10001.25, 10000.75, 10000.5), (1e6, 1e6 + 1, 1e6 - 1, 1e6 + 0.5),
    (1e8 + 8, 1e8 - 8, 1e8, 1e8 + 16), (1e-20, 2e-20, -1e-20, 3e-20), (1e18, -2e18, 1e17, 3e18),
    (1e-8, 1.0, -1e-8, 2.0), (-7.0, 3.0, 3.0, 1.0),
)  # fmt: skip
SUMS = vectors(
    (1e8, 1.0, -1e8, 0.25), (0.1, 0.2, -0.3, 1e-9), (1e30, 1e-30, -1e30, 1.0), (3.0, -2.5, 0.125, 7.0),
    (1e-40, 2e-40, -1e-40, 0.0), (1e16, 1.0, 1.0, -1e16),
)  # fmt: skip
MATRICES = vectors(
    (2.0, 1.0, 0.5, 1.0, 3.0, 0.2, 0.1, 0.3, 4.0), (1e10, 1.0, 3.0, 2.0, 1.0, 1e-5, 0.5, 0.25, 1e-10),
    (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.5), (1e-12, 0.0, 2e-12, 0.0, 1e-12, 1e-13, 3e-12, 0.0, 1e-12),
    (1e12, 1e11, 0.0, 3e10, 1e12, 1e9, 0.0, 0.0, 2e12),
)  # fmt: skip


def _softmax(x: Numbers) -> Numbers:
    top = max(x)
    total = sum(mp.exp(v - top) for v in x)
    return [mp.exp(v - top) / total for v in x]


def _logsumexp(x: Numbers) -> Any:
    top = max(x)
    return top + mp.log(sum(mp.exp(v - top) for v in x))


def _running(step: Callable[[Any, Any], Any]) -> Callable[[Numbers], Numbers]:
    def of(x: Numbers) -> Numbers:
        found = [x[0]]
        for v in x[1:]:
            found.append(step(found[-1], v))
        return found

    return of


def _moments(x: Numbers) -> tuple[Any, Any]:
    mean = sum(x) / len(x)
    return mean, sum((v - mean) ** 2 for v in x) / len(x)


def _standardized(x: Numbers, eps: float, parts: int = 1) -> Numbers:
    if parts > 1:
        size = len(x) // parts
        return [v for k in range(parts) for v in _standardized(x[k * size : (k + 1) * size], eps)]
    mean, variance = _moments(x)
    return [(v - mean) / mp.sqrt(variance + mp.mpf(eps)) for v in x]


def _length(x: Numbers) -> Any:
    return mp.sqrt(sum(v * v for v in x))


def _cosine(x: Numbers) -> Any:
    first, second = x[:2], x[2:]
    return sum(a * b for a, b in zip(first, second, strict=True)) / (_length(first) * _length(second))


def _det(x: Numbers) -> Any:
    a, b, c, d, e, f, g, h, i = x
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def _product(x: Numbers) -> Any:
    return x[0] * _product(x[1:]) if x else mp.mpf(1)


def _log_softmax(x: Numbers) -> Numbers:
    return [-mp.log1p(sum(mp.exp(w - v) for k, w in enumerate(x) if k != i)) for i, v in enumerate(x)]


def _row(name: str, exact: Any, points: Any, call: Any, **options: Any) -> Formula:
    return formula(name, exact, points, call, rows=True, orders=1, **options)


CANCELS = "of numbers near 1e8 float32 has no digit of the differences, which are all that counts here, as PyTorch's"
SATURATED = "where one share is nearly 1, the loss and the slopes are its rounded distance from 1, as PyTorch's"
ROUNDED_SHARES = (
    "an entry's share exp(x - y) comes from the rounded value y, whose size its error grows with, as PyTorch's"
)

ROWS: list[Formula] = [
    _row("softmax", _softmax, LOGITS, lambda t, x: t.softmax(x, 0), why=SATURATED),
    _row(F + "softmin", lambda x: _softmax([-v for v in x]), LOGITS, lambda t, x: t.nn.functional.softmin(x, 0)),
    _row("log_softmax", _log_softmax, LOGITS, lambda t, x: t.log_softmax(x, 0)),
    _row("logsumexp", _logsumexp, LOGITS, lambda t, x: t.logsumexp(x, 0)),
    _row("logcumsumexp", _running(lambda a, v: max(a, v) + mp.log1p(mp.exp(-abs(a - v)))), LOGITS,
         lambda t, x: t.logcumsumexp(x, 0), why=ROUNDED_SHARES),
    _row(F + "cross_entropy", lambda x: _logsumexp(x) - x[0], LOGITS,
         lambda t, x: t.nn.functional.cross_entropy(x[None], t.tensor([0])), why=SATURATED),
    _row(F + "glu", lambda x: [x[0] / (1 + mp.exp(-x[2])), x[1] / (1 + mp.exp(-x[3]))], LOGITS,
         lambda t, x: t.nn.functional.glu(x, 0)),
    _row("sum", sum, SUMS, lambda t, x: t.sum(x)),
    _row("mean", lambda x: sum(x) / len(x), SUMS, lambda t, x: t.mean(x)),
    _row("cumsum", _running(lambda a, v: a + v), SUMS, lambda t, x: t.cumsum(x, 0)),
    _row("prod", _product, SUMS, lambda t, x: t.prod(x)),
    _row("cumprod", _running(lambda a, v: a * v), SUMS, lambda t, x: t.cumprod(x, 0)),
    _row("var", lambda x: _moments(x)[1] * len(x) / (len(x) - 1), SPREADS, lambda t, x: t.var(x)),
    _row("std", lambda x: mp.sqrt(_moments(x)[1] * len(x) / (len(x) - 1)), SPREADS, lambda t, x: t.std(x)),
    _row("norm", _length, SPREADS, lambda t, x: t.linalg.vector_norm(x)),
    _row("norm:3", lambda x: sum(abs(v) ** 3 for v in x) ** (mp.mpf(1) / 3), SPREADS,
         lambda t, x: t.linalg.vector_norm(x, 3)),
    _row(F + "normalize", lambda x: [v / _length(x) for v in x], SPREADS,
         lambda t, x: t.nn.functional.normalize(x, dim=0)),
    _row(F + "cosine_similarity", _cosine, SPREADS,
         lambda t, x: t.nn.functional.cosine_similarity(x[:2], x[2:], dim=0, eps=1e-30),
         why=CANCELS),
    _row(F + "layer_norm", lambda x: _standardized(x, 1e-5), SPREADS, lambda t, x: t.nn.functional.layer_norm(x, (4,))),
    _row(F + "batch_norm", lambda x: _standardized(x, 1e-5), SPREADS,
         lambda t, x: t.nn.functional.batch_norm(x[:, None], None, None, training=True)[:, 0],
         why=CANCELS),
    _row(F + "group_norm", lambda x: _standardized(x, 1e-5, 2), SPREADS,
         lambda t, x: t.nn.functional.group_norm(x[None], 2)[0]),
    _row(F + "rms_norm", lambda x: [v / mp.sqrt(sum(w * w for w in x) / 4 + mp.mpf(1e-5)) for v in x], SPREADS,
         lambda t, x: t.nn.functional.rms_norm(x, (4,), eps=1e-5)),
    _row("linalg.det", _det, MATRICES, lambda t, x: t.linalg.det(x.reshape(3, 3)),
         why="NumPy's determinant is exp of a sum of logarithms, whose rounding exp multiplies by their size"),
    _row("linalg.slogdet", lambda x: mp.log(abs(_det(x))), MATRICES, lambda t, x: t.linalg.slogdet(x.reshape(3, 3))[1]),
]  # fmt: skip

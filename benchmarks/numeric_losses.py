"""What losses of one sample are, and densities, in mpmath."""

from __future__ import annotations

from itertools import product
from typing import Any

import mpmath as mp

from benchmarks.numeric_errors import Formula, formula
from benchmarks.numeric_formulas import F, softplus
from benchmarks.numeric_points import vectors

__all__ = ["LOSSES"]

LOGITS = (-1e30, -1e4, -710.0, -100.0, -89.0, -17.0, -3.7, -1.0, -1e-3, -1e-8, -1e-30, 0.0, 1e-30, 1e-8, 0.4, 1.0,
          2.3, 17.0, 37.0, 89.0, 100.0, 710.0, 1e4, 1e30)  # fmt: skip
CHANCES = (0.0, 1e-30, 1e-8, 0.3, 0.5, 0.999, 1.0)
INSIDE = (1e-300, 1e-30, 1e-11, 1e-5, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999, 0.99999994)


def _corner(x: Any, y: Any, width: Any) -> Any:
    d = abs(x - y)
    return d * d / 2 if d < width else width * (d - width / 2)


def _none(name: str, **options: Any) -> Any:
    """A loss of each entry."""
    return lambda t, *x: getattr(t.nn.functional, name)(*x, reduction="none", **options)


GRID = vectors(*product((-1e30, -1e4, -1.5, -1.0, -0.3, -1e-8, 0.0, 1e-30, 1e-4, 0.7, 1.0, 2.5, 1e8), (0.0, 0.5, -2.0)))
close = lambda p: 1e-12 < p < 1

LOSSES: list[Formula] = [
    formula(F + "binary_cross_entropy_with_logits", lambda x, y: y * softplus(-x) + (1 - y) * softplus(x),
            vectors(*product(LOGITS, CHANCES)), _none("binary_cross_entropy_with_logits"),
            why="the slope sigmoid(x) - y is a difference of nearly equal numbers where it is small, as PyTorch's"),
    formula(F + "binary_cross_entropy", lambda x, y: -(y * mp.log(x) + (1 - y) * mp.log1p(-x)),
            lambda dtype: [p for p in vectors(*product(INSIDE, CHANCES))(dtype) if close(p[0])],
            _none("binary_cross_entropy")),
    formula(F + "kl_div", lambda x, y: y * (mp.log(y) - x),
            vectors(*product((-100.0, -10.0, -1.0, -0.1, -1e-8, 0.0), (1e-30, 1e-8, 0.3, 0.5, 0.999, 1.0))),
            _none("kl_div")),
    formula(F + "kl_div:log_target", lambda x, y: mp.exp(y) * (y - x),
            vectors(*product((-100.0, -10.0, -1.0, -0.1, -1e-8, 0.0), (-90.0, -3.0, -0.5, -1e-9))),
            _none("kl_div", log_target=True)),
    formula(F + "poisson_nll_loss", lambda x, y: mp.exp(x) - y * x,
            vectors(*product(LOGITS[2:-2], (0.0, 1.0, 3.0, 100.0))),
            _none("poisson_nll_loss")),
    formula(F + "poisson_nll_loss:log_input=False", lambda x, y: x - y * mp.log(x + mp.mpf(1e-8)),
            vectors(*product((0.0, 1e-30, 1e-8, 0.1, 0.9, 1.0, 3.0, 100.0, 1e30), (0.0, 1.0, 3.0, 100.0))),
            _none("poisson_nll_loss", log_input=False)),
    formula(F + "gaussian_nll_loss", lambda x, y, v: (mp.log(v) + (x - y) ** 2 / v) / 2,
            vectors(*product((-1e4, 0.0, 1.0, 3.7), (0.0, 1.5), (1e-5, 0.1, 1.0, 20.0, 1e8))),
            _none("gaussian_nll_loss")),
    formula(F + "huber_loss", lambda x, y: _corner(x, y, mp.mpf(1)), GRID, _none("huber_loss"),
            smooth=lambda x, y: abs(x - y) not in (0, 1)),
    formula(F + "huber_loss:delta", lambda x, y: _corner(x, y, mp.mpf(0.25)), GRID, _none("huber_loss", delta=0.25),
            smooth=lambda x, y: abs(x - y) not in (0, 0.25)),
    formula(F + "smooth_l1_loss:beta", lambda x, y: _corner(x, y, mp.mpf(0.25)) * 4, GRID,
            _none("smooth_l1_loss", beta=0.25), smooth=lambda x, y: abs(x - y) not in (0, 0.25)),
    formula(F + "mse_loss", lambda x, y: (x - y) ** 2, GRID, _none("mse_loss")),
    formula(F + "soft_margin_loss", lambda x, y: softplus(-x * y), vectors(*product(LOGITS, (-1.0, 1.0))),
            _none("soft_margin_loss"), by=1),
    formula("distributions.Normal.log_prob",
            lambda x, m, s: -((x - m) / s) ** 2 / 2 - mp.log(s) - mp.log(2 * mp.pi) / 2,
            vectors(*product((-1e4, 0.0, 1.0, 3.7), (0.0, 1.5), (1e-25, 1e-5, 0.1, 1.0, 20.0, 1e8, 1e25))),
            lambda t, x, m, s: t.distributions.Normal(m, s).log_prob(x)),
    formula("distributions.Bernoulli.log_prob", lambda x: -softplus(-x), vectors(*((x,) for x in LOGITS)),
            lambda t, x: t.distributions.Bernoulli(logits=x).log_prob(t.ones_like(x).detach())),
]

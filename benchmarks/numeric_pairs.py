"""What functions of two numbers are, and powers, in mpmath."""

from __future__ import annotations

from itertools import product
from typing import Any

import mpmath as mp

from benchmarks.numeric_errors import Formula, formula
from benchmarks.numeric_points import grid, pairs, vectors

__all__ = ["PAIRS"]

def _logaddexp(x: Any, y: Any) -> Any:
    return max(x, y) + mp.log1p(mp.exp(-abs(x - y)))


def _power(x: Any, y: Any) -> Any:
    return x**y


def _fmod(x: Any, y: Any) -> Any:
    whole = mp.floor(abs(x) / abs(y))
    return mp.sign(x) * (abs(x) - whole * abs(y))


PAIRS: list[Formula] = [
    formula("mul", lambda x, y: x * y, pairs(), orders=1),
    formula("div", lambda x, y: x / y, pairs(lambda x, y: y != 0)),
    formula("pow", _power, pairs(lambda x, y: x > 0 and abs(y) < 1e4,
            more=[(1.0000001, 1e7), (0.9999999, 1e8), (2.0, 0.5), (3.0, -7.25), (10.0, 30.0), (10.0, -30.0)])),
    formula("pow:3", lambda x: x**3, grid(), lambda t, x: x**3),
    formula("pow:-2", lambda x: x**-2, grid(lambda x: x != 0),
            lambda t, x: x**-2),
    formula("pow:0.5", lambda x: mp.sqrt(x), grid(lambda x: x > 0),
            lambda t, x: x**0.5),
    formula("pow:base", lambda x: mp.mpf(2.5)**x, grid(),
            lambda t, x: 2.5**x),
    formula("atan2", mp.atan2, pairs(lambda x, y: x != 0),
            why="of numbers below the least normal one the products have a few units of rounding"),
    formula("hypot", lambda x, y: mp.sqrt(x * x + y * y), pairs(lambda x, y: x != 0 and y != 0),
            why="the second slope 1/h - x^2/h^3 is a difference of nearly equal terms where y is small, as PyTorch's"),
    formula("logaddexp", _logaddexp, pairs()),
    formula("logaddexp2", lambda x, y: _logaddexp(x * mp.log(2), y * mp.log(2)) / mp.log(2), pairs(),
            why="the slope is a sigmoid of (x - y) log 2, a product whose rounding exp multiplies by its size"),
    formula("xlogy", lambda x, y: x * mp.log(y), pairs(lambda x, y: y > 0)),
    formula("special.xlog1py", lambda x, y: x * mp.log1p(y), pairs(lambda x, y: y > -1)),
    formula("fmod", _fmod, vectors(*product((0.3, -7.7, 1e4, 1e10, -1e15, 1e30), (0.1, -1.3, 7.0, 1e5))), orders=1),
    formula("remainder", lambda x, y: x - mp.floor(x / y) * y,
            vectors(*product((0.3, -7.7, 1e4, 1e10, -1e15, 1e30), (0.1, -1.3, 7.0, 1e5))), orders=1),
]

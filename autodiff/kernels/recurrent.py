"""All time steps of an LSTM or a GRU, forward, on plain arrays; and the states between which steps go.

``steps`` are the (start, stop) rows of each time, as ``ops/recurrent.py`` has them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from .arrays import as_array
from .lanes import faster
from .layout import row_major
from .products import by_transpose

Steps = tuple[tuple[int, int], ...]

LONG = 1 << 12  # numbers of gates from which on there may be a kernel
OFTEN = 5  # products from which on it pays to turn the weights in memory first
SHORT = 1 << 13  # numbers of a gate up to which it is cheaper to read a constant for each


def taken(state: Any, first: Any, n: int) -> Any:
    """The ``n`` states that a step goes on from: samples that were not there before start from ``first``."""
    have = len(state)
    return state[:n] if n <= have else np.concatenate([state, first[have:n]])


def joined(parts: list[Any], steps: Steps) -> Any:
    """What the steps gave, in the order of the rows of the input."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts if steps[0][0] == 0 else parts[::-1])


def before(states: Any, first: Any, steps: Steps) -> Any:
    """For each row the state that its step went on from."""
    parts, state = [], first
    for start, stop in steps:
        parts.append(taken(state, first, stop - start))
        state = states[start:stop]
    return joined(parts, steps)


def count_of(steps: Steps) -> int:
    """The rows of all times."""
    return max(stop for _, stop in steps)


def turned(w: Any, steps: Steps) -> Any:
    """The last two axes of ``w`` swapped, for a product in each step."""
    return row_major(w.mT) if len(steps) >= OFTEN else w.mT


def _stretched(numbers: Any, n: int) -> Any:
    """What is (gates, 1, H), for ``n`` samples: stretched out where that is short, for whole arrays take less time."""
    gates, _, size = numbers.shape
    return numbers if n * size > SHORT else row_major(np.broadcast_to(numbers, (gates, n, size)))


@lru_cache(maxsize=32)
def _per_gate(for_sigmoids: float, for_tanh: float, n: int, size: int, dtype: Any) -> Any:
    """A number for the gates i, f and o, and one for the new content a, at their places in what is (4, n, H)."""
    numbers = as_array([for_sigmoids, for_sigmoids, for_tanh, for_sigmoids], dtype).reshape(4, 1, 1)
    return _stretched(np.broadcast_to(numbers, (4, 1, size)), n)


@faster("lstm", opaque_from=LONG)
def lstm(x: Any, w: Any, h0: Any, c0: Any, r: Any = None, *, steps: Steps) -> Any:
    """All h, c and gates of an LSTM (see ``lstm_parts``).

    The gates of a step are (4, n, H) meanwhile, where NumPy is several times as fast on one of them as on columns. The
    sigmoid of x is (1 + tanh(x / 2)) / 2: one call for all gates, faster than exp and division. It rounds to a multiple
    of the last digit of 1, which is enough for what multiplies numbers of that size.
    """
    count, size, width = len(x), c0.shape[1], h0.shape[1]
    out = np.empty(count * (width + 5 * size), x.dtype, like=x)
    hs, cs, gates = lstm_parts(out, count, width, size)
    wt = turned(w.reshape(4, size, width), steps)
    h, c, n, half, rest = h0, c0, -1, None, None
    x_by_gate, by_gate = (rows.reshape(count, 4, size).transpose(1, 0, 2) for rows in (x, gates))
    for start, stop in steps:
        if n != stop - start:
            n = stop - start
            half, rest = _per_gate(0.5, 1, n, size, x.dtype), _per_gate(0.5, 0, n, size, x.dtype)
        z = by_transpose(np.matmul, taken(h, h0, n), wt)
        z += x_by_gate[:, start:stop]
        z *= half
        np.tanh(z, out=z)
        z *= half
        z += rest
        by_gate[:, start:stop] = z
        new, state = z[0], cs[start:stop]
        new *= z[2]
        np.multiply(z[1], taken(c, c0, n), out=state)
        state += new
        np.tanh(state, out=new)
        h, c = hs[start:stop], state
        if r is None:
            np.multiply(new, z[3], out=h)
        else:
            new *= z[3]
            np.dot(new, r.T, out=h)
    return out


def lstm_parts(out: Any, count: int, width: int, size: int) -> tuple[Any, Any, Any]:
    """h (S, P), c (S, H) and the gates (S, 4 H) in what the primitive gives."""
    ends = count * width, count * (width + size)
    return (
        out[: ends[0]].reshape(count, width),
        out[ends[0] : ends[1]].reshape(count, size),
        out[ends[1] :].reshape(count, 4 * size),
    )


def gru(x: Any, w: Any, h0: Any, b: Any = None, *, steps: Steps) -> Any:
    """All h of a GRU; its gates are made as those of an LSTM."""
    count, size = len(x), h0.shape[1]
    out, h, n, offset = np.empty((count, size), x.dtype, like=x), h0, -1, b
    wt = turned(w.reshape(3, size, size), steps)
    x_by_gate = x.reshape(count, 3, size).transpose(1, 0, 2)
    for start, stop in steps:
        if b is not None and n != stop - start:
            n = stop - start
            offset = _stretched(b.reshape(3, 1, size), n)
        before = taken(h, h0, stop - start)
        z = by_transpose(np.matmul, before, wt)
        if b is not None:
            z += offset
        gates, new = z[:2], z[2]
        gates += x_by_gate[:2, start:stop]
        gates *= 0.5
        np.tanh(gates, out=gates)
        gates *= 0.5
        gates += 0.5
        new *= gates[0]
        new += x_by_gate[2, start:stop]
        np.tanh(new, out=new)
        rest = before - new
        rest *= gates[1]
        h = out[start:stop]
        np.add(new, rest, out=h)
    return out

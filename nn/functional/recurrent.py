"""One layer of a recurrent net in one direction over packed samples, and one step of it.

Samples are packed as in ``nn.utils.rnn.PackedSequence``: ``input`` (S, I) has the rows of the first time, then those of
the second, ...; ``batch_sizes`` says how many samples each time has, and never rises. With ``reverse`` time runs
backwards. Weights and their order of gates are PyTorch's.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.functions.joining import cat, stack
from autodiff.functions.shaping import clone
from autodiff.kernels.recurrent import Steps
from autodiff.ops import recurrent
from autodiff.ops.indexing import index

from .dense import linear
from .dropout import dropout as drop

__all__ = ["gru", "gru_cell", "lstm", "lstm_cell", "rnn", "rnn_relu_cell", "rnn_tanh_cell"]

Pair = tuple[Value, Value]


@lru_cache(maxsize=64)
def _steps(batch_sizes: tuple[int, ...], reverse: bool) -> Steps:
    """The first row and the end of each time, in the order in which time runs."""
    spans = tuple(itertools.pairwise((0, *itertools.accumulate(batch_sizes))))
    return spans[::-1] if reverse else spans


def _checked(batch_sizes: Sequence[int], count: int, samples: int) -> tuple[int, ...]:
    sizes = tuple(map(int, batch_sizes))
    falling = all(n >= m > 0 for n, m in itertools.pairwise((*sizes, 1))) or not any(sizes)
    if not sizes or not falling or sum(sizes) != count or sizes[0] != samples:
        raise ShapeError(
            f"batch sizes never rise, begin with that of the state and add up to the rows of the input; they are "
            f"{sizes:}, with {samples} states and {count} rows"
        )
    return sizes


def _at_the_end(states: Value, sizes: tuple[int, ...], reverse: bool) -> Value:
    """For each sample the state after its last step (N, H)."""
    if reverse:
        return states[: sizes[0]]
    if sizes[0] == sizes[-1]:
        return states[-sizes[0] :]
    last = np.zeros(sizes[0], np.int64)
    for start, n in zip(itertools.accumulate((0, *sizes)), sizes, strict=False):
        last[:n] = start + np.arange(n)
    return states[last]


def _both(b_ih: Any, b_hh: Any) -> Any:
    return b_ih if b_hh is None else b_hh if b_ih is None else b_ih + b_hh


def through_layers(
    one: Callable[..., tuple[Any, Sequence[Any]]], x: Any, sizes: tuple[int, ...], states: Sequence[Any], layers: int,
    ways: int, dropout: float, training: bool,
) -> tuple[Any, list[Any]]:
    """So many layers, each in one way or both ways through time, over packed samples.

    ``one(k, x, sizes, first, reverse)`` goes through the k-th of them from the parts of its first state, and gives its
    output and the parts of its last states. ``states`` has each part of all, (layers ways, N, H).

    Returns the output of the last layer, and each part of the last states of all.
    """
    last: list[Any] = []
    for layer in range(layers):
        outputs = []
        for reverse in range(ways):
            k = len(last)
            output, end = one(k, x, sizes, [state[k] for state in states], bool(reverse))
            outputs.append(output)
            last.append(end)
        x = outputs[0] if len(outputs) == 1 else cat(outputs, 1)
        if dropout and layer < layers - 1:
            x = drop(x, dropout, training)
    return x, [stack(parts) for parts in zip(*last, strict=True)]


def _check_relu(x: Any, relu: bool) -> None:
    if relu and x.dtype.kind == "c":
        raise DtypeError(f"relu takes real numbers, not {x.dtype}; a recurrent net of complex ones has tanh")


def rnn(
    input: Any, batch_sizes: Sequence[int], hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None,
    nonlinearity: str = "tanh", reverse: bool = False,
) -> Pair:
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of that, from one time to the next.

    Shapes: input (S, I), hx (N, H), w_ih (H, I), w_hh (H, H), biases (H,).

    Returns all h (S, H), and the last of each sample (N, H).

    Reference: Elman 1990, "Finding structure in time".

    Raises OptionError for another nonlinearity, and DtypeError for relu of complex numbers.
    """
    if nonlinearity not in ("tanh", "relu"):
        raise OptionError(f"a recurrent net has the nonlinearity 'tanh' or 'relu', not {nonlinearity!r}")
    sizes = _checked(batch_sizes, len(input), len(hx))
    x = linear(input, w_ih, _both(b_ih, b_hh))
    relu = nonlinearity == "relu"
    _check_relu(x, relu)
    params = {"steps": _steps(sizes, reverse), "relu": relu}
    out = apply(recurrent.rnn, (x, w_hh, hx), params)
    return out, _at_the_end(out, sizes, reverse)


def lstm(
    input: Any, batch_sizes: Sequence[int], hx: tuple[Any, Any], w_ih: Any, w_hh: Any, b_ih: Any = None,
    b_hh: Any = None, w_hr: Any = None, reverse: bool = False,
) -> tuple[Value, Pair]:
    """Long short-term memory: c' = f c + i a, h' = o tanh(c'), or W_hr times that.

    Raises ShapeError where input, state and the numbers of samples do not fit each other.

    Law: i, f, a, o are W_ih x + b_ih + W_hh h + b_hh cut in four, of which a goes through tanh and the others through
    the sigmoid.

    Shapes: input (S, I), hx (N, P) and (N, H), w_ih (4 H, I), w_hh (4 H, P), biases (4 H,), w_hr (P, H); without w_hr
    P is H.

    Returns all h (S, P), and the last h (N, P) and c (N, H) of each sample.

    Reference: Hochreiter & Schmidhuber 1997, "Long short-term memory".
    """
    h, c = hx
    sizes = _checked(batch_sizes, len(input), len(h))
    x = linear(input, w_ih, _both(b_ih, b_hh))
    inputs = (x, w_hh, h, c) if w_hr is None else (x, w_hh, h, c, w_hr)
    whole = apply(recurrent.lstm, inputs, {"steps": _steps(sizes, reverse)})
    output, cells = _outputs_and_cells(whole, len(input), h.shape[1], c.shape[1])
    return output, (_at_the_end(output, sizes, reverse), _at_the_end(cells, sizes, reverse))


def _outputs_and_cells(whole: Any, count: int, width: int, size: int) -> Pair:
    """All h (S, P) and all c (S, H), of what the primitive gives."""
    output, cells = (
        apply(index, (whole,), {"key": slice(start, start + count * n)}).reshape(count, n)
        for start, n in ((0, width), (count * width, size))
    )
    if not whole.requires_grad:  # a view would keep the memory of the gates
        output, cells = clone(output), clone(cells)
    return output, cells


def gru(
    input: Any, batch_sizes: Sequence[int], hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None,
    reverse: bool = False,
) -> Pair:
    """Gated recurrent unit: h' = (1 - z) n + z h.

    Raises ShapeError where input, state and the numbers of samples do not fit each other.

    Law: r, z, n are the three parts of W_ih x + b_ih and of W_hh h + b_hh: r and z are sigmoids of the sum of both, and
    n is tanh of the first plus r times the second.

    Shapes: input (S, I), hx (N, H), w_ih (3 H, I), w_hh (3 H, H), biases (3 H,).

    Returns all h (S, H), and the last of each sample (N, H).

    Reference: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder".
    """
    sizes = _checked(batch_sizes, len(input), len(hx))
    x = linear(input, w_ih, b_ih)
    inputs = (x, w_hh, hx) if b_hh is None else (x, w_hh, hx, b_hh)
    out = apply(recurrent.gru, inputs, {"steps": _steps(sizes, reverse)})
    return out, _at_the_end(out, sizes, reverse)


def _one_step(input: Any, hx: Any) -> dict[str, Any]:
    """The parameters of one step; raises ShapeError unless there is a state for each row of the input."""
    (count,) = _checked((len(input),), len(input), len(hx))
    return {"steps": ((0, count),)}


def _rnn_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, bias: Any, relu: bool) -> Value:
    params, x = _one_step(input, hx) | {"relu": relu}, linear(input, w_ih, bias)
    _check_relu(x, relu)
    return apply(recurrent.rnn, (x, w_hh, hx), params)


def rnn_tanh_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Value:
    """One step of ``rnn`` with tanh: input (N, I) and h (N, H) to h' (N, H).

    Raises ShapeError unless there is a state for each row of the input.
    """
    return _rnn_cell(input, hx, w_ih, w_hh, _both(b_ih, b_hh), False)


def rnn_relu_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Value:
    """One step of ``rnn`` with relu.

    Raises ShapeError unless there is a state for each row of the input, and DtypeError for complex numbers.
    """
    return _rnn_cell(input, hx, w_ih, w_hh, _both(b_ih, b_hh), True)


def lstm_cell(input: Any, hx: tuple[Any, Any], w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Pair:
    """One step of ``lstm``: input (N, I) and (h, c), each (N, H), to (h', c').

    Raises ShapeError unless there is a state for each row of the input.
    """
    h, c = hx
    params = _one_step(input, h)
    whole = apply(recurrent.lstm, (linear(input, w_ih, _both(b_ih, b_hh)), w_hh, h, c), params)
    return _outputs_and_cells(whole, len(input), h.shape[1], c.shape[1])


def gru_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Value:
    """One step of ``gru``: input (N, I) and h (N, H) to h' (N, H).

    Raises ShapeError unless there is a state for each row of the input.
    """
    params, x = _one_step(input, hx), linear(input, w_ih, b_ih)
    return apply(recurrent.gru, (x, w_hh, hx) if b_hh is None else (x, w_hh, hx, b_hh), params)

"""Functions that PyTorch has under ``torch`` with their arguments in another order than ``torch.nn.functional``'s.

``autodiff.batch_norm`` is the one here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.engine.values import Value
from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.functions.arrays import constant
from autodiff.functions.public import give_tensors as _give_tensors
from autodiff.functions.reductions import var_mean
from autodiff.functions.shaping import contiguous, transpose
from autodiff.kinds import described
from autodiff.linalg.norms import vector_norm

from . import normalization, recurrent
from . import sparse as _sparse
from .adaptive import adaptive_max_pool1d_with_indices
from .convolution import conv_nd as _conv_nd
from .convolution import conv_transpose_nd as _conv_transpose_nd
from .dropout import alpha_dropout as _alpha_dropout
from .dropout import dropout as _dropout
from .dropout import dropout2d
from .dropout import feature_alpha_dropout as _feature_alpha_dropout
from .examples import TOP_LEVEL as _TOP_LEVEL
from .padding import pad as _pad
from .sampling import grid_sample


def batch_norm(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, training: bool, momentum: float,
    eps: float, cudnn_enabled: bool = False,
) -> Value:
    """``nn.functional.batch_norm``, weights first."""
    return normalization.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, use_input_stats: bool, momentum: float,
    eps: float, cudnn_enabled: bool = False,
) -> Value:
    """``nn.functional.instance_norm``, weights first."""
    return normalization.instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5,
    cudnn_enable: bool = False,
) -> Value:
    """``nn.functional.layer_norm``."""
    return normalization.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5, cudnn_enabled: bool = False
) -> Value:
    """``nn.functional.group_norm``."""
    return normalization.group_norm(input, num_groups, weight, bias, eps)


def embedding(
    weight: Any, indices: Any, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Value:
    """``nn.functional.embedding``, the table first; -1 means that no row is padding."""
    padding = None if padding_idx == -1 else padding_idx
    return _sparse.embedding(indices, weight, padding, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)


def dropout(input: Any, p: float, train: bool) -> Value:
    """``nn.functional.dropout``."""
    return _dropout(input, p, train)


def dropout_(input: Any, p: float, train: bool) -> Value:
    """``nn.functional.dropout``, written into the input."""
    return _dropout(input, p, train, inplace=True)


def alpha_dropout(input: Any, p: float, train: bool) -> Value:
    """``nn.functional.alpha_dropout``."""
    return _alpha_dropout(input, p, train)


def feature_dropout(input: Any, p: float, train: bool) -> Value:
    """``nn.functional.dropout2d``."""
    return dropout2d(input, p, train)


def feature_alpha_dropout(input: Any, p: float, train: bool) -> Value:
    """``nn.functional.feature_alpha_dropout``."""
    return _feature_alpha_dropout(input, p, train)


def adaptive_max_pool1d(input: Any, output_size: Any) -> tuple[Value, Value]:
    """The maxima, and where they are."""
    return adaptive_max_pool1d_with_indices(input, output_size)


def constant_pad_nd(input: Any, pad: Any, value: float = 0) -> Value:
    """``nn.functional.pad`` with a constant."""
    return _pad(input, pad, value=value)


def native_layer_norm(input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: float) -> tuple[Value, ...]:
    """``layer_norm``, the means that it subtracts, and the inverse deviations that it multiplies by.

    These two are constants: only the first of the three has a gradient.
    """
    out = normalization.layer_norm(input, normalized_shape, weight, bias, eps)
    axes = tuple(range(-len(tuple(normalized_shape)), 0))
    variance, mean = var_mean(input.detach(), axes, correction=0, keepdim=True)
    return out, mean, (variance + eps).rsqrt()


def embedding_bag(
    weight: Any, indices: Any, offsets: Any, scale_grad_by_freq: bool = False, mode: int = 0, sparse: bool = False,
    per_sample_weights: Any = None, include_last_offset: bool = False, padding_idx: int | None = None,
) -> tuple[Value, ...]:
    """``nn.functional.embedding_bag``, the table first, with the mode as a number: 0 for sum, 1 for mean, 2 for max.

    Behind the result come the bag of each of the ``indices``, and twice how many each bag has.

    Raises OptionError where there is no such mode.
    """
    if mode not in (0, 1, 2):
        raise OptionError(f"the modes of embedding_bag are 0 (sum), 1 (mean) and 2 (max), not {mode!r}")
    out = _sparse.embedding_bag(
        indices, weight, offsets, scale_grad_by_freq=scale_grad_by_freq, mode=_sparse.MODES[mode], sparse=sparse,
        per_sample_weights=per_sample_weights, include_last_offset=include_last_offset, padding_idx=padding_idx,
    )
    bags, count = _sparse.bags_of(indices, offsets, include_last_offset)
    sizes = np.bincount(bags, minlength=count)
    return out, *(constant(x, weight) for x in (bags, sizes, sizes.copy()))


def grid_sampler(
    input: Any, grid: Any, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Value:
    """``nn.functional.grid_sample`` with numbers for its modes, in the order in which it has them.

    Raises OptionError where there is no such mode.
    """
    if interpolation_mode not in (0, 1, 2) or padding_mode not in (0, 1, 2):
        raise OptionError(f"grid_sampler has the modes 0, 1 and 2, not {interpolation_mode!r} and {padding_mode!r}")
    modes = ("bilinear", "nearest", "bicubic")[interpolation_mode], ("zeros", "border", "reflection")[padding_mode]
    return grid_sample(input, grid, *modes, align_corners=align_corners)


grid_sampler_2d = grid_sampler_3d = grid_sampler


def convolution(
    input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: bool, output_padding: Any,
    groups: int,
) -> Value:
    """``nn.functional.conv1d`` and its siblings, or those of ``conv_transpose1d``, by the axes of ``weight``.

    Raises ShapeError for a weight of other axes.
    """
    if not 3 <= weight.ndim <= 5:
        raise ShapeError(f"convolution takes a weight of 3 to 5 axes, not of shape {tuple(weight.shape)}")
    axes = weight.ndim - 2
    if transposed:
        return _conv_transpose_nd(axes, input, weight, bias, stride, padding, output_padding, groups, dilation)
    return _conv_nd(axes, input, weight, bias, stride, padding, dilation, groups)


def norm_except_dim(v: Any, pow: int = 2, dim: int = 0) -> Value:
    """The norms of the slices along ``dim``, of a shape that divides ``v``; that of all entries where ``dim`` is -1."""
    if 0 < dim < v.ndim - 1:  # of a copy, as in PyTorch: what is given may be written to afterwards
        return transpose(norm_except_dim(contiguous(transpose(v, 0, dim)), pow, 0), 0, dim)
    axes = None if dim == -1 else tuple(axis for axis in range(v.ndim) if axis != dim)
    return vector_norm(v, pow, axes, keepdim=dim != -1)


def _check_cell(gates: int, states: Sequence[Any], input: Any, w_ih: Any, w_hh: Any) -> None:
    """Raise ShapeError where input, states and weights of a cell do not fit each other."""
    n, size = len(input) if input.ndim else 0, w_hh.shape[-1] if w_hh.ndim else 0
    if input.ndim != 2 or any(x.shape != (n, size) for x in states):
        given = ", ".join(str(tuple(x.shape)) for x in (input, *states))
        raise ShapeError(f"a cell takes input of shape (N, I) and states of shape (N, {size}), not {given}")
    if w_ih.shape != (gates * size, input.shape[1]) or w_hh.shape != (gates * size, size):
        given = f"{tuple(w_ih.shape)} and {tuple(w_hh.shape)}"
        raise ShapeError(f"weights of {gates} gates of {size} have ({gates * size}, I) and H columns, not {given}")


def rnn_tanh_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Value:
    """One step of a recurrent net with tanh; raises ShapeError where the weights do not fit."""
    _check_cell(1, [hx], input, w_ih, w_hh)
    return recurrent.rnn_tanh_cell(input, hx, w_ih, w_hh, b_ih, b_hh)


def rnn_relu_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Value:
    """One step of a recurrent net with relu; raises ShapeError where the weights do not fit."""
    _check_cell(1, [hx], input, w_ih, w_hh)
    return recurrent.rnn_relu_cell(input, hx, w_ih, w_hh, b_ih, b_hh)


def lstm_cell(
    input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None
) -> tuple[Value, Value]:
    """One step of an LSTM from (h, c) to (h', c').

    Raises DtypeError unless the state is two tensors, ShapeError where the weights do not fit.
    """
    _check_pair("lstm_cell", hx)
    _check_cell(4, hx, input, w_ih, w_hh)
    return recurrent.lstm_cell(input, hx, w_ih, w_hh, b_ih, b_hh)


def gru_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Value:
    """One step of a gated recurrent unit; raises ShapeError where the weights do not fit."""
    _check_cell(3, [hx], input, w_ih, w_hh)
    return recurrent.gru_cell(input, hx, w_ih, w_hh, b_ih, b_hh)


def _check_pair(name: str, hx: Any) -> None:
    if not isinstance(hx, (tuple, list)) or len(hx) != 2:
        raise DtypeError(f"{name} takes its state as (h, c), two tensors, not {described(hx)}")


def _layers(one: Any, state_of: Any, input: Any, *options: Any) -> tuple[Any, ...]:
    """The output of a recurrent net, and the parts of its last states; ``options`` are in either of PyTorch's orders.

    ``one(x, sizes, first, weights, reverse)`` goes through one layer in one direction.

    Raises ShapeError where the number of weights or states is not that of the layers and directions.
    """
    packed, sizes = not isinstance(options[2], bool), options[0]
    options = (*options[1:], False) if packed else options
    hx, given, has_biases, layers, dropout, train, bidirectional, batch_first = options
    states, weights, ways = state_of(hx), list(given), 1 + bool(bidirectional)
    each = len(weights) // (layers * ways)
    if each * layers * ways != len(weights) or any(len(state) != layers * ways for state in states):
        given = f"{len(weights)} weights and states of shape {tuple(states[0].shape)}"
        raise ShapeError(f"{layers} layers in {ways} directions have as many sets of weights and states, not {given}")
    x = transpose(input, 0, 1) if batch_first else input
    if not packed:
        sizes, (steps, samples) = (x.shape[1],) * len(x), x.shape[:2]
        x = x.reshape(steps * samples, x.shape[2])

    def direction(k: int, x: Any, sizes: Any, first: Any, reverse: bool) -> Any:
        own = weights[k * each : (k + 1) * each]
        return one(x, sizes, first, own if has_biases else [*own[:2], None, None, *own[2:]], reverse)

    out, last = recurrent.through_layers(direction, x, tuple(map(int, sizes)), states, layers, ways, dropout, train)
    if not packed:
        out = out.reshape(steps, samples, out.shape[1])
        out = transpose(out, 0, 1) if batch_first else out
    return out, *last


def _by_weights(function: Any, **named: Any) -> Any:
    """A layer in one direction, as ``_layers`` calls it."""

    def one(x: Any, sizes: Any, first: Any, weights: Any, reverse: bool) -> Any:
        alone = len(first) == 1
        out, last = function(x, sizes, first[0] if alone else tuple(first), *weights, reverse=reverse, **named)
        return out, (last,) if alone else last

    return one


def lstm(
    input: Any, hx: Any, params: Any, has_biases: Any, num_layers: Any, dropout: Any, train: Any, bidirectional: Any,
    batch_first: Any,
) -> tuple[Value, Value, Value]:
    """``nn.LSTM`` with the weights ``params`` one after another: the output, and the last h and c of all layers.

    As in PyTorch the arguments are those, or ``data, batch_sizes, hx, params, has_biases, num_layers, dropout, train,
    bidirectional`` for packed samples.

    Raises DtypeError unless the state is two tensors, ShapeError where weights and states are not as many as layers.
    """

    def both(hx: Any) -> Any:
        _check_pair("lstm", hx)
        return list(hx)

    out, h, c = _layers(_by_weights(recurrent.lstm), both, input, hx, params, has_biases, num_layers, dropout, train,
                        bidirectional, batch_first)  # fmt: skip
    return out, h, c


def gru(
    input: Any, hx: Any, params: Any, has_biases: Any, num_layers: Any, dropout: Any, train: Any, bidirectional: Any,
    batch_first: Any,
) -> tuple[Value, Value]:
    """``nn.GRU`` with the weights ``params`` one after another; its arguments are those of ``lstm``.

    Raises ShapeError where weights and states are not as many as layers.
    """
    out, h = _layers(_by_weights(recurrent.gru), lambda hx: [hx], input, hx, params, has_biases, num_layers, dropout,
                     train, bidirectional, batch_first)  # fmt: skip
    return out, h


def rnn_tanh(
    input: Any, hx: Any, params: Any, has_biases: Any, num_layers: Any, dropout: Any, train: Any, bidirectional: Any,
    batch_first: Any,
) -> tuple[Value, Value]:
    """``nn.RNN`` with the weights ``params`` one after another; its arguments are those of ``lstm``.

    Raises ShapeError where weights and states are not as many as layers.
    """
    one = _by_weights(recurrent.rnn, nonlinearity="tanh")
    out, h = _layers(one, lambda hx: [hx], input, hx, params, has_biases, num_layers, dropout, train, bidirectional,
                     batch_first)  # fmt: skip
    return out, h


def rnn_relu(
    input: Any, hx: Any, params: Any, has_biases: Any, num_layers: Any, dropout: Any, train: Any, bidirectional: Any,
    batch_first: Any,
) -> tuple[Value, Value]:
    """``rnn_tanh`` with relu.

    Raises ShapeError where weights and states are not as many as layers.
    """
    one = _by_weights(recurrent.rnn, nonlinearity="relu")
    out, h = _layers(one, lambda hx: [hx], input, hx, params, has_biases, num_layers, dropout, train, bidirectional,
                     batch_first)  # fmt: skip
    return out, h


_give_tensors(vars(), _TOP_LEVEL)

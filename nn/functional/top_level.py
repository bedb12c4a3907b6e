"""Functions that PyTorch has under ``torch`` with their arguments in another order than ``torch.nn.functional``'s.

``autodiff.batch_norm`` is the one here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.engine.values import Value
from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.functions.arithmetic import add
from autodiff.functions.arrays import constant
from autodiff.functions.public import give_tensors as _give_tensors
from autodiff.functions.reductions import var_mean
from autodiff.functions.splitting import chunk
from autodiff.functions.transcendental import relu, sigmoid, tanh
from autodiff.kinds import described

from . import normalization
from . import sparse as _sparse
from .adaptive import adaptive_max_pool1d_with_indices
from .dense import linear
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


def _gates(count: int, states: Sequence[Any], input: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
    """What so many gates of a cell get of its input, and of the first of its states, all (N, H).

    Raises ShapeError where these shapes, or those of the weights, do not fit.
    """
    n, size = len(input) if input.ndim else 0, w_hh.shape[-1] if w_hh.ndim else 0
    if input.ndim != 2 or any(x.shape != (n, size) for x in states):
        given = ", ".join(str(tuple(x.shape)) for x in (input, *states))
        raise ShapeError(f"a cell takes input of shape (N, I) and states of shape (N, {size}), not {given}")
    if w_ih.shape != (count * size, input.shape[1]) or w_hh.shape != (count * size, size):
        given = f"{tuple(w_ih.shape)} and {tuple(w_hh.shape)}"
        raise ShapeError(f"weights of {count} gates of {size} have ({count * size}, I) and H columns, not {given}")
    return linear(input, w_ih, b_ih), linear(states[0], w_hh, b_hh)


def rnn_tanh_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Value:
    """One step of a recurrent net with tanh, of real and complex numbers; ``nn.RNNCell`` is faster.

    Raises ShapeError where the weights do not fit.
    """
    return tanh(add(*_gates(1, [hx], input, w_ih, w_hh, b_ih, b_hh)))


def rnn_relu_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Value:
    """One step of a recurrent net with relu.

    Raises ShapeError where the weights do not fit.
    """
    return relu(add(*_gates(1, [hx], input, w_ih, w_hh, b_ih, b_hh)))


def lstm_cell(
    input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None
) -> tuple[Value, Value]:
    """One step of an LSTM from (h, c) to (h', c'), of real and complex numbers; ``nn.LSTMCell`` is faster.

    Raises DtypeError unless the state is two tensors, ShapeError where the weights do not fit.
    """
    if not isinstance(hx, (tuple, list)) or len(hx) != 2:
        raise DtypeError(f"lstm_cell takes its state as (h, c), two tensors, not {described(hx)}")
    i, f, g, o = chunk(add(*_gates(4, hx, input, w_ih, w_hh, b_ih, b_hh)), 4, -1)
    c = sigmoid(f) * hx[1] + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def gru_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Value:
    """One step of a gated recurrent unit, of real and complex numbers; ``nn.GRUCell`` is faster.

    Raises ShapeError where the weights do not fit.
    """
    of_input, of_state = _gates(3, [hx], input, w_ih, w_hh, b_ih, b_hh)
    r, z, n = chunk(of_input, 3, -1)
    r_h, z_h, n_h = chunk(of_state, 3, -1)
    new = tanh(n + sigmoid(r + r_h) * n_h)
    return (hx - new) * sigmoid(z + z_h) + new


_give_tensors(vars(), _TOP_LEVEL)

"""Functions that PyTorch has under ``torch`` with their arguments in another order than ``torch.nn.functional``'s.

``autodiff.batch_norm`` is the one here.
"""

from __future__ import annotations

from typing import Any

from autodiff.engine.values import Value
from autodiff.functions.public import give_tensors as _give_tensors

from . import normalization
from .adaptive import adaptive_max_pool1d_with_indices
from .dropout import alpha_dropout as _alpha_dropout
from .dropout import dropout as _dropout
from .dropout import dropout2d
from .dropout import feature_alpha_dropout as _feature_alpha_dropout
from .examples import TOP_LEVEL as _TOP_LEVEL
from .padding import pad as _pad
from .sparse import embedding as _embedding


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
    return _embedding(indices, weight, padding, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)


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


_give_tensors(vars(), _TOP_LEVEL)

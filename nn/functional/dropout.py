"""Dropout: noise that sets entries, or whole channels, to zero while a network trains."""

from __future__ import annotations

import math
from typing import Any

from autodiff.engine.apply import apply
from autodiff.engine.values import Value, wrap
from autodiff.errors import ShapeError
from autodiff.functions.arithmetic import where
from autodiff.ops.arithmetic import multiply
from autodiff.random import numpy_generator

from .activations import SELU_ALPHA, SELU_SCALE
from .arguments import check_probability, written

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Value:
    """Set each entry to zero with probability ``p`` and multiply the others by 1 / (1 - p).

    Without ``training`` the result is the input. The random numbers are the default generator's.

    Raises OptionError for a ``p`` that is not from 0 to 1.

    Reference: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting".

    >>> import autodiff
    >>> dropout(autodiff.ones(3), training=False)
    tensor([1., 1., 1.])
    """
    if inplace and training and p:
        return written(input, dropout, p, training)
    return _dropped(input, p, training, tuple(input.shape))


def _dropped(input: Any, p: float, training: bool, shape: tuple[int, ...]) -> Any:
    """``dropout`` with one random number for each entry of ``shape``, which broadcasts to the input's."""
    check_probability(p)
    if not training or p == 0:
        return input
    scale = 1 / (1 - p) if p < 1 else 0.0
    kind = getattr(input, "_array", input).dtype  # NumPy's own, which it need not look up
    return apply(multiply, (input, wrap((_kept(shape, p) * scale).astype(kind))))


def _kept(shape: tuple[int, ...], p: float) -> Any:
    """Booleans, True with probability 1 - ``p``."""
    return numpy_generator(None).random(shape, dtype="float32") >= p


def _channels(name: str, input: Any, ranks: tuple[int, ...], unbatched: int) -> tuple[int, ...]:
    """The shape of one number for each channel: (N, C, 1, ...), or (C, 1, ...) for inputs of ``unbatched`` axes."""
    shape = tuple(input.shape)
    if len(shape) not in ranks:
        raise ShapeError(f"{name} takes inputs of {' or '.join(map(str, ranks))} axes, not of shape {shape}")
    lead = 1 if len(shape) == unbatched else 2
    return shape[:lead] + (1,) * (len(shape) - lead)


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Value:
    """``dropout`` of whole channels of signals (N, C, L) or (C, L).

    Raises:
        OptionError: ``p`` is not from 0 to 1.
        ShapeError: ``input`` has other axes.
    """
    if inplace and training and p:
        return written(input, dropout1d, p, training)
    return _dropped(input, p, training, _channels("dropout1d", input, (2, 3), 2))


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Value:
    """``dropout`` of whole channels of images (N, C, H, W); three axes are (N, C, L), as in PyTorch.

    Raises:
        OptionError: ``p`` is not from 0 to 1.
        ShapeError: ``input`` has other axes.

    Reference: Tompson et al. 2015, "Efficient object localization using convolutional networks".
    """
    if inplace and training and p:
        return written(input, dropout2d, p, training)
    return _dropped(input, p, training, _channels("dropout2d", input, (2, 3, 4), 0))


def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Value:
    """``dropout`` of whole channels of volumes (N, C, D, H, W) or (C, D, H, W).

    Raises:
        OptionError: ``p`` is not from 0 to 1.
        ShapeError: ``input`` has other axes.
    """
    if inplace and training and p:
        return written(input, dropout3d, p, training)
    return _dropped(input, p, training, _channels("dropout3d", input, (4, 5), 4))


def _alpha_dropped(input: Any, p: float, training: bool, shape: tuple[int, ...]) -> Any:
    check_probability(p)
    if not training or p == 0:
        return input
    if p == 1:
        return input * 0
    floor = -SELU_ALPHA * SELU_SCALE
    stretch = ((1 - p) * (1 + p * floor**2)) ** -0.5
    return where(_kept(shape, p), input, floor) * stretch - stretch * floor * p


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Value:
    """Dropout for ``selu``: entries become its lowest value, and all are moved so that mean and variance stay.

    Raises OptionError for a ``p`` that is not from 0 to 1.

    Reference: Klambauer et al. 2017, "Self-normalizing neural networks".
    """
    if inplace and training and p:
        return written(input, alpha_dropout, p, training)
    return _alpha_dropped(input, p, training, tuple(input.shape))


def feature_alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Value:
    """``alpha_dropout`` of whole channels, axis 1; raises ShapeError for an input without channels."""
    if inplace and training and p:
        return written(input, feature_alpha_dropout, p, training)
    shape = tuple(input.shape)
    if len(shape) < 2 and training and 0 < p < 1 and math.prod(shape):
        raise ShapeError(f"feature_alpha_dropout takes inputs (N, C, *), not of shape {shape}")
    return _alpha_dropped(input, p, training, shape[:2] + (1,) * (len(shape) - 2))

"""Initial values: each function fills a tensor in place, outside the graph, and returns it.

Random numbers are the default generator's, or those of ``generator``.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from autodiff.errors import OptionError, ShapeError
from autodiff.kernels.arrays import as_array
from autodiff.kernels.lending import keep_lent
from autodiff.kinds import refusing
from autodiff.random import Generator, numpy_generator
from autodiff.tensors.tensor import Tensor
from autodiff.tensors.warned import warn

T = TypeVar("T", bound=Tensor)


def _fill(tensor: T, values: Any) -> T:
    keep_lent(tensor._array)
    np.copyto(tensor._array, values, casting="unsafe")
    tensor._was_written(..., traced=False)
    return tensor


@refusing
def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> T:
    """Uniform between ``a`` and ``b``."""
    return _fill(tensor, numpy_generator(generator).uniform(a, b, tensor.shape))


@refusing
def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> T:
    """Normal with ``mean`` and ``std``."""
    return _fill(tensor, numpy_generator(generator).normal(mean, std, tensor.shape))


@refusing
def trunc_normal_(
    tensor: T, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Generator | None = None
) -> T:
    """Normal with ``mean`` and ``std``, drawn again where it falls outside ``a`` to ``b``.

    Raises OptionError where ``a`` is not below ``b``, or too little of the distribution lies between them.
    """
    if not a < b:
        raise OptionError(f"trunc_normal_ needs bounds a < b, not {a} and {b}")
    if mean < a - 4 * std or mean > b + 4 * std:
        raise OptionError(f"trunc_normal_ from {a} to {b} around {mean}, std {std}: too little falls there")
    draw = numpy_generator(generator)
    values = as_array(draw.normal(mean, std, tensor.shape))
    while (outside := (values < a) | (values > b)).any():
        values[outside] = draw.normal(mean, std, int(outside.sum()))
    return _fill(tensor, values)


@refusing
def constant_(tensor: T, val: float) -> T:
    """``val`` everywhere."""
    return _fill(tensor, val)


@refusing
def ones_(tensor: T) -> T:
    """1 everywhere."""
    return _fill(tensor, 1)


@refusing
def zeros_(tensor: T) -> T:
    """0 everywhere."""
    return _fill(tensor, 0)


@refusing
def eye_(tensor: T) -> T:
    """The identity matrix; a matrix that is not square has zeros beside it.

    Raises ShapeError for what is no matrix.
    """
    if len(tensor.shape) != 2:
        raise ShapeError(f"eye_ fills a matrix, not a tensor of shape {tensor.shape}")
    return _fill(tensor, np.eye(*tensor.shape))


@refusing
def dirac_(tensor: T, groups: int = 1) -> T:
    """The kernels (out, in, ...) of a convolution that returns its input: 1 in the middle of each channel's own kernel.

    With ``groups``, each group of outputs is the first inputs of its group.

    Raises:
        ShapeError: the tensor has not 3 to 5 axes.
        OptionError: ``groups`` does not divide the outputs.
    """
    shape = tensor.shape
    if not 3 <= len(shape) <= 5:
        raise ShapeError(f"dirac_ fills kernels of 3 to 5 axes, not a tensor of shape {shape}")
    if groups < 1 or shape[0] % groups:
        raise OptionError(f"{shape[0]} outputs cannot be shared out among {groups} groups")
    values, size = np.zeros(shape), shape[0] // groups
    middle = tuple(n // 2 for n in shape[2:])
    for i in range(shape[0]):
        if i % size < shape[1]:
            values[(i, i % size, *middle)] = 1
    return _fill(tensor, values)


@refusing
def sparse_(tensor: T, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> T:
    """A normal matrix with std ``std``; the fraction ``sparsity`` of each column, rounded up, is 0.

    Raises ShapeError for what is no matrix.

    Reference: Martens 2010, "Deep learning via Hessian-free optimization".
    """
    if len(tensor.shape) != 2:
        raise ShapeError(f"sparse_ fills a matrix, not a tensor of shape {tensor.shape}")
    draw, rows = numpy_generator(generator), tensor.shape[0]
    values = draw.normal(0, std, tensor.shape)
    np.put_along_axis(values, draw.random(tensor.shape).argsort(0)[: math.ceil(sparsity * rows)], 0, 0)
    return _fill(tensor, values)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the size of signals behind a nonlinearity.

    Raises OptionError for a nonlinearity without a known gain.

    >>> calculate_gain("leaky_relu", 0.0) == math.sqrt(2)
    True
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        raise OptionError(f"there is no gain for {nonlinearity!r}; give one of {', '.join((*_GAINS, 'leaky_relu'))}")
    return _GAINS[nonlinearity]


_CONV = ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
_GAINS = {**dict.fromkeys(("linear", "sigmoid", *_CONV), 1.0), "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}


def _fans(tensor: Tensor) -> tuple[int, int]:
    """How many inputs an output unit sees, and how many outputs an input unit reaches."""
    shape = tensor.shape
    if len(shape) < 2:
        raise ShapeError(f"fan-in and fan-out need a weight (out, in, ...), not a tensor of shape {shape}")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


@refusing
def xavier_uniform_(tensor: T, gain: float = 1.0, generator: Generator | None = None) -> T:
    """Uniform up to gain * sqrt(6 / (fan_in + fan_out)), which keeps the size of signals and of gradients.

    Raises ShapeError for a tensor of fewer than two axes.

    Reference: Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks".
    """
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


@refusing
def xavier_normal_(tensor: T, gain: float = 1.0, generator: Generator | None = None) -> T:
    """Normal with std gain * sqrt(2 / (fan_in + fan_out)).

    Raises ShapeError for a tensor of fewer than two axes.

    Reference: Glorot & Bengio 2010.
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans(tensor))), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise OptionError(f"mode is 'fan_in' or 'fan_out', not {mode!r}")
    fan = _fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan) if fan else 0.0


@refusing
def kaiming_uniform_(
    tensor: T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Generator | None = None
) -> T:
    """Uniform up to gain * sqrt(3 / fan), which keeps the size of signals ("fan_in") or of gradients ("fan_out").

    Raises:
        ShapeError: the tensor has fewer than two axes.
        OptionError: there is no such ``mode`` or ``nonlinearity``.

    Reference: He et al. 2015, "Delving deep into rectifiers".
    """
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


@refusing
def kaiming_normal_(
    tensor: T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Generator | None = None
) -> T:
    """Normal with std gain / sqrt(fan).

    Raises:
        ShapeError: the tensor has fewer than two axes.
        OptionError: there is no such ``mode`` or ``nonlinearity``.

    Reference: He et al. 2015.
    """
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


@refusing
def orthogonal_(tensor: T, gain: float = 1.0, generator: Generator | None = None) -> T:
    """``gain`` times a random matrix with orthonormal rows, or columns where these are fewer; all are equally likely.

    All axes but the first are the columns.

    Raises ShapeError for a tensor of fewer than two axes.

    Reference: Saxe, McClelland & Ganguli 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks".
    """
    _fans(tensor)
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    q, r = np.linalg.qr(numpy_generator(generator).normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.where(np.diag(r) < 0, -1, 1)  # without this, QR prefers some rotations
    return _fill(tensor, gain * (q.T if rows < columns else q).reshape(tensor.shape))


def _old(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """``function`` by the name without an underscore, which warns, as in PyTorch."""
    new = function.__name__

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Tensor:
        warn(f"nn.init.{new.removesuffix('_')} is an old name; use nn.init.{new}", FutureWarning)
        return function(*args, **kwargs)

    call.__name__ = call.__qualname__ = new.removesuffix("_")
    return call


uniform, normal, constant = _old(uniform_), _old(normal_), _old(constant_)
eye, dirac = _old(eye_), _old(dirac_)
xavier_uniform, xavier_normal = _old(xavier_uniform_), _old(xavier_normal_)
kaiming_uniform, kaiming_normal = _old(kaiming_uniform_), _old(kaiming_normal_)
orthogonal, sparse = _old(orthogonal_), _old(sparse_)


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    """The fan that ``mode`` names."""
    if mode.lower() not in ("fan_in", "fan_out"):
        raise OptionError(f"mode is 'fan_in' or 'fan_out', not {mode!r}")
    return _fans(tensor)[mode.lower() == "fan_out"]


_calculate_fan_in_and_fan_out = _fans  # by these names, which begin with _, programs reach for PyTorch's own
_no_grad_uniform_, _no_grad_normal_, _no_grad_trunc_normal_ = uniform_, normal_, trunc_normal_
_no_grad_fill_, _no_grad_zero_ = constant_, zeros_

"""Activations: elementwise functions, and the softmax family over one axis.

With ``inplace=True`` the result is written into the input, as a method that ends in ``_`` does it, and the input is
returned.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.errors import AxisError, OptionError, ShapeError
from autodiff.functions import reductions
from autodiff.functions.activations import hardshrink, prelu
from autodiff.functions.arithmetic import clamp, where
from autodiff.functions.arrays import array_of
from autodiff.functions.axes import length_of
from autodiff.functions.shaping import contiguous
from autodiff.functions.splitting import chunk
from autodiff.kernels.arrays import as_array
from autodiff.ops import fused, transcendental
from autodiff.ops.arithmetic import multiply
from autodiff.ops.lengths import absolute
from autodiff.random import numpy_generator
from autodiff.tensors.warned import warn

from .arguments import written

__all__ = [
    "celu", "elu", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu",
    "log_softmax", "logsigmoid", "mish", "prelu", "relu", "relu6", "rrelu", "selu", "sigmoid", "silu", "softmax",
    "softmin", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold",
]


def relu(input: Any, inplace: bool = False) -> Value:
    """max(x, 0), with gradient 0 at 0.

    >>> import autodiff
    >>> relu(autodiff.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    if inplace:
        return written(input, relu)
    return apply(transcendental.relu, (input,))


def sigmoid(input: Any) -> Value:
    """1 / (1 + exp(-x)), without overflow."""
    return apply(transcendental.sigmoid, (input,))


def tanh(input: Any) -> Value:
    """The hyperbolic tangent."""
    return apply(transcendental.tanh, (input,))


def softmax(input: Any, dim: int | None = None, *, dtype: Any = None) -> Value:
    """exp(x) over its sum along ``dim`` (Bridle 1990), shifted by the maximum so that nothing overflows."""
    return reductions.softmax(input, _given("softmax", dim, input), dtype=dtype)


def log_softmax(input: Any, dim: int | None = None, *, dtype: Any = None) -> Value:
    """log of ``softmax``, with all its digits where the softmax itself is 0 or 1."""
    return reductions.log_softmax(input, _given("log_softmax", dim, input), dtype=dtype)


def softmin(input: Any, dim: int | None = None, *, dtype: Any = None) -> Value:
    """``softmax`` of -x."""
    return reductions.softmax(-input, _given("softmin", dim, input), dtype=dtype)


def _given(name: str, dim: int | None, input: Any) -> int:
    """``dim``, or the axis that PyTorch takes where none is given, with a warning."""
    if dim is None:
        dim = 0 if input.ndim in (0, 1, 3) else 1
        warn(f"Implicit dimension choice for {name} of shape {tuple(input.shape)}: dim={dim}; give the axis meant")
    return dim


def gumbel_softmax(logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Value:
    """Random weights near to one of the entries along ``dim``, drawn with the probabilities ``softmax(logits)``.

    With ``hard`` they are 0 and 1, and the gradient is that of the soft ones. ``eps`` says nothing, as in PyTorch.

    Reference: Jang, Gu & Poole 2017; Maddison, Mnih & Teh 2017 (the concrete distribution).

    >>> import autodiff
    >>> gumbel_softmax(autodiff.zeros(2, 3), hard=True).sum(1)
    tensor([1., 1.])
    """
    shape, dtype = tuple(logits.shape), logits.dtype
    noise = -np.log(numpy_generator(None).exponential(size=shape)).astype(dtype)
    soft = reductions.softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    plain = as_array(array_of(soft))
    chosen = np.zeros_like(plain, order="C")
    np.put_along_axis(chosen, plain.argmax(dim, keepdims=True), 1, dim)
    return soft + (chosen - plain)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Value:
    """x where it is positive, ``negative_slope`` * x elsewhere (Maas, Hannun & Ng 2013)."""
    if inplace:
        return written(input, leaky_relu, negative_slope)
    return where(input > 0, input, input * negative_slope)


# By the bytes of a float, an x from which on softplus rounds to x and its slope to 1.
SOFTPLUS_IS_LINEAR = {2: 9, 4: 18, 8: 38}


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Value:
    """log(1 + exp(beta x)) / beta, a smooth ``relu``; x itself where beta x is above ``threshold``.

    Reference: Dugas et al. 2001.
    """
    scaled = input if beta == 1 else input * beta
    smooth = apply(transcendental.softplus, (scaled,))
    smooth = smooth if beta == 1 else smooth / beta
    rounded = threshold >= SOFTPLUS_IS_LINEAR[smooth.dtype.itemsize]
    return smooth if rounded else where(scaled > threshold, input, smooth)


def logsigmoid(input: Any) -> Value:
    """log of ``sigmoid``: -softplus(-x), which cannot overflow."""
    return -apply(transcendental.softplus, (-contiguous(input),))


def silu(input: Any, inplace: bool = False) -> Value:
    """x * sigmoid(x) (Elfwing, Uchibe & Doya 2018)."""
    if inplace:
        return written(input, silu)
    return input * apply(transcendental.sigmoid, (input,))


def gelu(input: Any, approximate: str = "none") -> Value:
    """x * P(N <= x) for a standard normal N.

    Law: x / 2 * (1 + erf(x / sqrt 2)); with ``approximate="tanh"`` x / 2 * (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).

    Reference: Hendrycks & Gimpel 2016.

    Raises OptionError for another ``approximate``.
    """
    if approximate not in ("none", "tanh"):
        raise OptionError(f"gelu has the forms approximate='none' and 'tanh', not {approximate!r}")
    return apply(fused.gelu, (input,), {"approximate": approximate == "tanh"})


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Value:
    """x held between ``min_val`` and ``max_val``; unlike ``clamp`` with gradient 0 at the bounds, as PyTorch's.

    Raises OptionError where ``min_val`` is above ``max_val``.

    >>> import autodiff
    >>> hardtanh(autodiff.tensor([-3.0, 0.5, 3.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if inplace:
        return written(input, hardtanh, min_val, max_val)
    if min_val > max_val:
        raise OptionError(f"hardtanh needs min_val <= max_val, not {min_val} and {max_val}")
    return apply(transcendental.hardtanh, (input,), {"low": min_val, "high": max_val})


def relu6(input: Any, inplace: bool = False) -> Value:
    """min(max(x, 0), 6) (Krizhevsky 2010)."""
    if inplace:
        return written(input, relu6)
    return hardtanh(input, 0.0, 6.0)


def hardsigmoid(input: Any, inplace: bool = False) -> Value:
    """The line x / 6 + 1 / 2 between 0 and 1, a ``sigmoid`` without exp."""
    if inplace:
        return written(input, hardsigmoid)
    return hardtanh(input, -3.0, 3.0) / 6 + 0.5


def hardswish(input: Any, inplace: bool = False) -> Value:
    """x * hardsigmoid(x) (Howard et al. 2019)."""
    if inplace:
        return written(input, hardswish)
    return apply(transcendental.hardswish, (input,))


def _elu(input: Any, alpha: float, scale: float = 1.0, width: float = 1.0) -> Value:
    """scale * x above 0 and scale * alpha * (exp(x / width) - 1) below; exp is taken there only: no overflow."""
    below = apply(transcendental.expm1, (clamp(input, max=0.0) / width,)) * (scale * alpha)
    return where(input <= 0, below, input if scale == 1 else input * scale)


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Value:
    """x where it is positive, ``alpha`` * (exp(x) - 1) elsewhere (Clevert, Unterthiner & Hochreiter 2016).

    >>> import autodiff
    >>> elu(autodiff.tensor([-1e4, 2.0]))
    tensor([-1.,  2.])
    """
    if inplace:
        return written(input, elu, alpha)
    return _elu(input, alpha)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Value:
    """``elu`` of x / alpha times alpha, which has slope 1 at 0 for every alpha (Barron 2017).

    Raises OptionError for ``alpha`` 0.
    """
    if inplace:
        return written(input, celu, alpha)
    if alpha == 0:
        raise OptionError("celu divides by alpha, which cannot be 0")
    return _elu(input, alpha, width=alpha)


# The fixed point at which layers keep mean 0 and variance 1 (Klambauer et al. 2017, eq. 14).
SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def selu(input: Any, inplace: bool = False) -> Value:
    """``elu`` with the two constants that keep mean 0 and variance 1 from layer to layer.

    Reference: Klambauer et al. 2017, "Self-normalizing neural networks".
    """
    if inplace:
        return written(input, selu)
    return _elu(input, SELU_ALPHA, SELU_SCALE)


def rrelu(
    input: Any, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, inplace: bool = False
) -> Value:
    """``leaky_relu`` with a slope drawn for each entry in training, and the mean slope otherwise (Xu et al. 2015).

    Raises OptionError where ``lower`` is above ``upper``.
    """
    if inplace:
        return written(input, rrelu, lower, upper, training)
    if lower > upper:
        raise OptionError(f"rrelu needs lower <= upper, not {lower} and {upper}")
    if not training:
        return leaky_relu(contiguous(input), (lower + upper) / 2)
    slopes = numpy_generator(None).uniform(lower, upper, input.shape).astype(input.dtype)
    return apply(multiply, (contiguous(input), np.where(as_array(input.detach()) < 0, slopes, slopes.dtype.type(1))))


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Value:
    """x where it is above ``threshold``, ``value`` elsewhere, in the dtype of x."""
    if input.dtype.kind in "iu":
        value = int(value)
    if inplace:
        return written(input, lambda x: where(x <= threshold, value, x))
    return where(input <= threshold, value, input)


def softshrink(input: Any, lambd: float = 0.5) -> Value:
    """x moved towards 0 by ``lambd``, and 0 where that would go past it; raises OptionError for ``lambd`` below 0."""
    if lambd < 0:
        raise OptionError(f"softshrink needs lambd of at least 0, not {lambd}")
    return apply(transcendental.softshrink, (input,), {"width": lambd})


def softsign(input: Any) -> Value:
    """x / (1 + abs(x))."""
    if input.dtype.kind == "c":  # whose size has a slope of its own
        return input / (1 + absolute(input))
    return apply(transcendental.softsign, (input,))


def tanhshrink(input: Any) -> Value:
    """x - tanh(x)."""
    return input - apply(transcendental.tanh, (input,))


def mish(input: Any, inplace: bool = False) -> Value:
    """x * tanh(softplus(x)) (Misra 2020)."""
    if inplace:
        return written(input, mish)
    return input * apply(transcendental.tanh, (apply(transcendental.softplus, (input,)),))


def glu(input: Any, dim: int = -1) -> Value:
    """The first half along ``dim`` times the sigmoid of the second (Dauphin et al. 2017).

    Raises ShapeError where the axis has no even length.
    """
    if not input.shape:
        raise AxisError("glu halves an axis, which a 0-d tensor does not have")
    if length_of(input, dim)[1] % 2:
        raise ShapeError(f"glu halves axis {dim}, whose length in shape {tuple(input.shape)} is odd")
    first, second = chunk(input, 2, dim)
    return first * apply(transcendental.sigmoid, (second,))

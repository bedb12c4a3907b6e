"""Orthogonal polynomials by the names of ``torch.special``: each by the recurrence of its family.

``n`` is a number, or a tensor of them, broadcast, of which the whole part counts; below 0 the polynomial is 0. Unlike
PyTorch's, they have gradients by ``x``.

Reference: Abramowitz & Stegun 1964, 22.7.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.engine.values import Value
from autodiff.functions.arithmetic import where
from autodiff.functions.arrays import array_of
from autodiff.functions.axes import also_called
from autodiff.functions.shaping import clone
from autodiff.kernels.arrays import as_array

__all__ = [
    "chebyshev_polynomial_t", "chebyshev_polynomial_u", "chebyshev_polynomial_v", "chebyshev_polynomial_w",
    "hermite_polynomial_h", "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p",
    "shifted_chebyshev_polynomial_t", "shifted_chebyshev_polynomial_u", "shifted_chebyshev_polynomial_v",
    "shifted_chebyshev_polynomial_w",
]  # fmt: skip

Step = Callable[[Any, int, Any, Any], Any]  # the next of x, k and the polynomials of degrees k and k - 1


def _polynomial(input: Any, n: Any, first: Callable[[Any], Any], step: Step) -> Any:
    """The polynomials of degree ``n`` of a family with the constant 1, ``first`` of degree 1, and what follows."""
    degrees = as_array(array_of(n)).astype(np.int64)
    x = input * 1.0 if input.dtype.kind in "biu" else input
    last = x * 0 + 1
    result = where(degrees == 0, last, 0.0) if degrees.ndim else last * float(degrees == 0)
    here = first(x)
    for k in range(1, int(degrees.max(initial=0)) + 1):
        if degrees.ndim:
            result = where(degrees == k, here, result)
        elif degrees == k:
            return clone(here) if here is input else here
        last, here = here, step(x, k, here, last)
    return result


def _twice(x: Any, k: int, here: Any, last: Any) -> Any:
    return 2 * x * here - last


@also_called(input="x")
def chebyshev_polynomial_t(x: Any, n: Any) -> Value:
    """Chebyshev's polynomial of the first kind: cos(n arccos x) between -1 and 1.

    >>> import autodiff
    >>> autodiff.special.chebyshev_polynomial_t(autodiff.tensor([0.0, 0.5]), 2)
    tensor([-1.0000, -0.5000])
    """
    return _polynomial(x, n, lambda x: x, _twice)


@also_called(input="x")
def chebyshev_polynomial_u(x: Any, n: Any) -> Value:
    """Chebyshev's polynomial of the second kind: sin((n + 1) t) / sin t, where x is cos t.

    >>> import autodiff
    >>> autodiff.special.chebyshev_polynomial_u(autodiff.tensor([0.0, 0.5]), 2)
    tensor([-1.,  0.])
    """
    return _polynomial(x, n, lambda x: 2 * x, _twice)


@also_called(input="x")
def chebyshev_polynomial_v(x: Any, n: Any) -> Value:
    """Chebyshev's polynomial of the third kind: cos((n + 1/2) t) / cos(t / 2), where x is cos t.

    >>> import autodiff
    >>> autodiff.special.chebyshev_polynomial_v(autodiff.tensor([0.0, 0.5]), 1)
    tensor([-1.,  0.])
    """
    return _polynomial(x, n, lambda x: 2 * x - 1, _twice)


@also_called(input="x")
def chebyshev_polynomial_w(x: Any, n: Any) -> Value:
    """Chebyshev's polynomial of the fourth kind: sin((n + 1/2) t) / sin(t / 2), where x is cos t.

    >>> import autodiff
    >>> autodiff.special.chebyshev_polynomial_w(autodiff.tensor([0.0, 0.5]), 1)
    tensor([1., 2.])
    """
    return _polynomial(x, n, lambda x: 2 * x + 1, _twice)


@also_called(input="x")
def shifted_chebyshev_polynomial_t(x: Any, n: Any) -> Value:
    """``chebyshev_polynomial_t`` of 2 x - 1.

    >>> import autodiff
    >>> autodiff.special.shifted_chebyshev_polynomial_t(autodiff.tensor([0.5]), 2)
    tensor([-1.])
    """
    return chebyshev_polynomial_t(2 * x - 1, n)


@also_called(input="x")
def shifted_chebyshev_polynomial_u(x: Any, n: Any) -> Value:
    """``chebyshev_polynomial_u`` of 2 x - 1.

    >>> import autodiff
    >>> autodiff.special.shifted_chebyshev_polynomial_u(autodiff.tensor([0.5]), 2)
    tensor([-1.])
    """
    return chebyshev_polynomial_u(2 * x - 1, n)


@also_called(input="x")
def shifted_chebyshev_polynomial_v(x: Any, n: Any) -> Value:
    """``chebyshev_polynomial_v`` of 2 x - 1.

    >>> import autodiff
    >>> autodiff.special.shifted_chebyshev_polynomial_v(autodiff.tensor([0.5]), 1)
    tensor([-1.])
    """
    return chebyshev_polynomial_v(2 * x - 1, n)


@also_called(input="x")
def shifted_chebyshev_polynomial_w(x: Any, n: Any) -> Value:
    """``chebyshev_polynomial_w`` of 2 x - 1.

    >>> import autodiff
    >>> autodiff.special.shifted_chebyshev_polynomial_w(autodiff.tensor([0.5]), 1)
    tensor([1.])
    """
    return chebyshev_polynomial_w(2 * x - 1, n)


@also_called(input="x")
def hermite_polynomial_h(x: Any, n: Any) -> Value:
    """Hermite's polynomial of physics, orthogonal under exp(-x^2).

    >>> import autodiff
    >>> autodiff.special.hermite_polynomial_h(autodiff.tensor([1.0]), 2)
    tensor([2.])
    """
    step = lambda x, k, here, last: 2 * x * here - 2 * k * last
    return _polynomial(x, n, lambda x: 2 * x, step)


@also_called(input="x")
def hermite_polynomial_he(x: Any, n: Any) -> Value:
    """Hermite's polynomial of probability, orthogonal under exp(-x^2 / 2).

    >>> import autodiff
    >>> autodiff.special.hermite_polynomial_he(autodiff.tensor([2.0]), 2)
    tensor([3.])
    """
    return _polynomial(x, n, lambda x: x, lambda x, k, here, last: x * here - k * last)


@also_called(input="x")
def laguerre_polynomial_l(x: Any, n: Any) -> Value:
    """Laguerre's polynomial, orthogonal under exp(-x) above 0.

    >>> import autodiff
    >>> autodiff.special.laguerre_polynomial_l(autodiff.tensor([2.0]), 2)
    tensor([-1.])
    """
    step = lambda x, k, here, last: ((2 * k + 1 - x) * here - k * last) / (k + 1)
    return _polynomial(x, n, lambda x: 1 - x, step)


@also_called(input="x")
def legendre_polynomial_p(x: Any, n: Any) -> Value:
    """Legendre's polynomial, orthogonal between -1 and 1.

    >>> import autodiff
    >>> autodiff.special.legendre_polynomial_p(autodiff.tensor([1.0, 0.0]), 2)
    tensor([ 1.0000, -0.5000])
    """
    step = lambda x, k, here, last: ((2 * k + 1) * x * here - k * last) / (k + 1)
    return _polynomial(x, n, lambda x: x, step)

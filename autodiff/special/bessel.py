"""Bessel functions by the names of ``torch.special``; unlike PyTorch's, they have gradients."""

from __future__ import annotations

import math
from typing import Any

from autodiff.engine.values import Value
from autodiff.functions.axes import also_called
from autodiff.functions.transcendental import exp, sinc
from autodiff.ops.bessel import bessel_j, bessel_k_scaled, bessel_y
from autodiff.special.functions import i0, i1

__all__ = [
    "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "modified_bessel_i0", "modified_bessel_i1",
    "modified_bessel_k0", "modified_bessel_k1", "scaled_modified_bessel_k0", "scaled_modified_bessel_k1",
    "spherical_bessel_j0",
]  # fmt: skip


def bessel_j0(input: Any) -> Value:
    """The Bessel function of the first kind and order 0.

    >>> import autodiff
    >>> autodiff.special.bessel_j0(autodiff.tensor([0.0, 1.0]))
    tensor([1.0000, 0.7652])
    """
    return bessel_j(input, n=0)


def bessel_j1(input: Any) -> Value:
    """The Bessel function of the first kind and order 1.

    >>> import autodiff
    >>> autodiff.special.bessel_j1(autodiff.tensor([0.0, 1.0]))
    tensor([0.0000, 0.4401])
    """
    return bessel_j(input, n=1)


def bessel_y0(input: Any) -> Value:
    """The Bessel function of the second kind and order 0: -inf at 0, NaN below.

    >>> import autodiff
    >>> autodiff.special.bessel_y0(autodiff.tensor([1.0]))
    tensor([0.0883])
    """
    return bessel_y(input, n=0)


def bessel_y1(input: Any) -> Value:
    """The Bessel function of the second kind and order 1: -inf at 0, NaN below.

    >>> import autodiff
    >>> autodiff.special.bessel_y1(autodiff.tensor([1.0]))
    tensor([-0.7812])
    """
    return bessel_y(input, n=1)


def modified_bessel_i0(input: Any) -> Value:
    """``i0``.

    >>> import autodiff
    >>> autodiff.special.modified_bessel_i0(autodiff.tensor([1.0]))
    tensor([1.2661])
    """
    return i0(input)


def modified_bessel_i1(input: Any) -> Value:
    """``i1``.

    >>> import autodiff
    >>> autodiff.special.modified_bessel_i1(autodiff.tensor([1.0]))
    tensor([0.5652])
    """
    return i1(input)


def modified_bessel_k0(input: Any) -> Value:
    """The modified Bessel function of the second kind and order 0: inf at 0, NaN below.

    >>> import autodiff
    >>> autodiff.special.modified_bessel_k0(autodiff.tensor([1.0]))
    tensor([0.4210])
    """
    return exp(-1.0 * input) * bessel_k_scaled(input, n=0, k=0)


def modified_bessel_k1(input: Any) -> Value:
    """The modified Bessel function of the second kind and order 1: inf at 0, NaN below.

    >>> import autodiff
    >>> autodiff.special.modified_bessel_k1(autodiff.tensor([1.0]))
    tensor([0.6019])
    """
    return exp(-1.0 * input) * bessel_k_scaled(input, n=1, k=0)


@also_called(input="x")
def scaled_modified_bessel_k0(x: Any) -> Value:
    """``exp(x) * modified_bessel_k0(x)``, which does not underflow.

    >>> import autodiff
    >>> autodiff.special.scaled_modified_bessel_k0(autodiff.tensor([1.0]))
    tensor([1.1445])
    """
    return bessel_k_scaled(x, n=0, k=0)


@also_called(input="x")
def scaled_modified_bessel_k1(x: Any) -> Value:
    """``exp(x) * modified_bessel_k1(x)``, which does not underflow.

    >>> import autodiff
    >>> autodiff.special.scaled_modified_bessel_k1(autodiff.tensor([1.0]))
    tensor([1.6362])
    """
    return bessel_k_scaled(x, n=1, k=0)


@also_called(input="x")
def spherical_bessel_j0(x: Any) -> Value:
    """sin(x) / x, and 1 at 0.

    >>> import autodiff
    >>> autodiff.special.spherical_bessel_j0(autodiff.tensor([0.0, 1.0]))
    tensor([1.0000, 0.8415])
    """
    return sinc(x / math.pi)

"""Random tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.dtypes import DIFFERENTIABLE, as_dtype, float32, float64, int64, to_real
from autodiff.errors import DtypeError, OptionError
from autodiff.functions.axes import size_of
from autodiff.functions.into import takes_out
from autodiff.functions.reductions import beside
from autodiff.kernels.arrays import as_array
from autodiff.kernels.layout import ordered_like
from autodiff.kinds import refusing
from autodiff.random import Generator, numpy_generator
from autodiff.tensors import draws
from autodiff.tensors.creation import leaf
from autodiff.tensors.formats import preserve_format, strided
from autodiff.tensors.leaves import dtype_or_default
from autodiff.tensors.tensor import Tensor

__all__ = [
    "bernoulli", "binomial", "multinomial", "normal", "poisson", "rand", "rand_like", "randint", "randint_like",
    "randn", "randn_like", "randperm",
]  # fmt: skip

bernoulli, multinomial = takes_out(draws.bernoulli), takes_out(draws.multinomial)
binomial, poisson = draws.binomial, draws.poisson


def _drawn(draw: Any, size: tuple[Any, ...], dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    kind = dtype_or_default(dtype)
    if kind is float32 or kind is float64:  # the usual case, of which nothing is to be asked
        return leaf(as_array(draw(size_of(size), dtype=kind)), requires_grad, device)
    if kind.kind not in DIFFERENTIABLE:
        raise DtypeError(f"random numbers of a continuous distribution are floating or complex, not {kind}")
    part, shape = to_real(kind), size_of(size)
    drawn_as = part if part.itemsize >= 4 else float32
    array = as_array(draw((*shape, 2) if kind.kind == "c" else shape, dtype=drawn_as))
    array = array if drawn_as is part else array.astype(part)
    return leaf(array.view(kind)[..., 0] if kind.kind == "c" else array, requires_grad, device)


@takes_out
def rand(
    *shape: Any,
    size: Any = (),
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform random numbers from 0 up to 1 in the shape given; complex ones have two such parts.

    Raises DtypeError for a ``dtype`` that is neither floating nor complex.
    """
    return _drawn(numpy_generator(generator).random, shape or (size,), dtype, device, requires_grad)


@takes_out
def randn(
    *shape: Any,
    size: Any = (),
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """Normal random numbers of mean 0 and variance 1 in the shape given; complex ones have parts of variance 1/2.

    Raises DtypeError for a ``dtype`` that is neither floating nor complex.
    """
    drawn = _drawn(numpy_generator(generator).standard_normal, shape or (size,), dtype, device, False)
    if drawn._array.dtype.kind == "c":
        drawn._array *= drawn._array.real.dtype.type(0.5**0.5)
    return drawn.requires_grad_(requires_grad) if requires_grad else drawn


@refusing
def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:
    """``rand`` in the shape and dtype of ``input``."""
    like = input._array
    drawn = rand(like.shape, generator=generator, dtype=dtype or like.dtype)
    return leaf(ordered_like(drawn._array, like), requires_grad, device)


@refusing
def randn_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:
    """``randn`` in the shape and dtype of ``input``."""
    like = input._array
    drawn = randn(like.shape, generator=generator, dtype=dtype or like.dtype)
    return leaf(ordered_like(drawn._array, like), requires_grad, device)


@takes_out
def normal(
    mean: Any,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """Normal random numbers; ``mean`` and ``std`` are numbers with a ``size``, or tensors that give it.

    Raises OptionError for a deviation below 0.
    """
    parents = mean, std
    mean, std = (x.detach() if isinstance(x, Tensor) else x for x in parents)
    given = [x for x in (mean, std) if isinstance(x, Tensor)]
    if np.any(as_array(std) < 0):
        raise OptionError(f"a standard deviation is not below 0, as {std!r:.60}")
    shape = size if size is not None else np.broadcast_shapes(*(x.shape for x in given))
    kind = dtype or (given[0].dtype if given else None)
    drawn: Tensor = randn(shape, generator=generator, dtype=kind, device=device) * std + mean
    connected: Tensor = beside(drawn.requires_grad_(requires_grad), *parents)
    return connected


@takes_out
def randint(
    low: Any = None,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """Random integers from ``low`` (0 where only one bound is given) up to but not including ``high``.

    Raises OptionError where no integer lies between the bounds.
    """
    if size is None:  # randint(high, size)
        low, high, size = 0, low, high
    elif low is None or high is None:
        low, high = 0, high if low is None else low
    if low is None or high is None or size is None:
        raise OptionError("randint takes (low, high, size) or (high, size)")
    if low >= high:
        raise OptionError(f"there is no integer from {low} up to but not including {high}")
    array = numpy_generator(generator).integers(low, high, size_of((size,)))
    return leaf(array.astype(int64 if dtype is None else as_dtype(dtype)), requires_grad, device)


@takes_out
def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """The integers from 0 to n - 1 in random order."""
    array = numpy_generator(generator).permutation(n)
    return leaf(array.astype(int64 if dtype is None else as_dtype(dtype)), requires_grad, device)


@refusing
def randint_like(
    input: Tensor,
    low: int | None = None,
    high: int | None = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:
    """``randint`` in the shape and dtype of ``input``."""
    drawn = randint(low, high, tuple(input.shape), generator=generator, dtype=dtype or input.dtype)
    return leaf(ordered_like(drawn._array, input._array), requires_grad, device)

"""Methods that change their tensor: most write the result of the function without the underscore into it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from autodiff.engine.broadcasting import broadcasts_to
from autodiff.engine.values import TensorBase, Value
from autodiff.engine.versions import changed
from autodiff.errors import DtypeError, GraphError, InPlaceError, OptionError, ShapeError
from autodiff.functions import (
    arithmetic,
    comparison,
    complex_names,
    diagonals,
    indexing,
    linear_algebra,
    scans,
    scatter,
    shaping,
    splitting,
    transcendental,
)
from autodiff.functions.axes import also_called, size_of
from autodiff.kernels.arrays import as_array
from autodiff.kinds import refusing
from autodiff.linalg import norms
from autodiff.random import Generator, numpy_generator
from autodiff.special import functions as special
from autodiff.tensors.leaves import DETACHED, leave_graph
from autodiff.tensors.methods.overwriting import OverwritingMethods
from autodiff.tensors.methods.wrappers import in_place, view_in_place


def polygamma(input: Any, n: int) -> Value:
    """``special.polygamma``, the tensor first."""
    return special.polygamma(n, input)


def renorm(input: Any, p: float, dim: int, maxnorm: float) -> Value:
    """``renorm`` of a copy, which the backward pass of the norms reads when the tensor is overwritten."""
    return norms.renorm(shaping.clone(input), p, dim, maxnorm)


class InPlaceMethods(OverwritingMethods):
    """``x.add_(y)``, ``x.exp_()``, ``x.zero_()``, ``x.t_()``, ``x.normal_()``."""

    __slots__ = ()

    abs_ = absolute_ = in_place(arithmetic.abs)
    add_ = in_place(arithmetic.add)
    addcdiv_ = in_place(arithmetic.addcdiv)
    addcmul_ = in_place(arithmetic.addcmul)
    ceil_ = in_place(arithmetic.ceil)
    clamp_ = clip_ = in_place(arithmetic.clamp)
    clamp_max_ = in_place(arithmetic.clamp_max)
    clamp_min_ = in_place(arithmetic.clamp_min)
    copysign_ = in_place(arithmetic.copysign)
    deg2rad_ = in_place(arithmetic.deg2rad)
    div_ = divide_ = in_place(arithmetic.div)
    trunc_ = fix_ = in_place(arithmetic.trunc)
    float_power_ = in_place(arithmetic.float_power)
    floor_ = in_place(arithmetic.floor)
    floor_divide_ = in_place(arithmetic.floor_divide)
    fmod_ = in_place(arithmetic.fmod)
    frac_ = in_place(arithmetic.frac)
    heaviside_ = in_place(arithmetic.heaviside)
    hypot_ = in_place(arithmetic.hypot)
    ldexp_ = in_place(arithmetic.ldexp)
    lerp_ = in_place(arithmetic.lerp)
    mul_ = multiply_ = in_place(arithmetic.mul)
    nan_to_num_ = in_place(arithmetic.nan_to_num)
    neg_ = negative_ = in_place(arithmetic.neg)
    nextafter_ = in_place(arithmetic.nextafter)
    pow_ = in_place(arithmetic.pow)
    rad2deg_ = in_place(arithmetic.rad2deg)
    reciprocal_ = in_place(arithmetic.reciprocal)
    remainder_ = in_place(arithmetic.remainder)
    round_ = in_place(arithmetic.round)
    sign_ = in_place(arithmetic.sign)
    sgn_ = in_place(arithmetic.sgn)
    square_ = in_place(arithmetic.square)
    sub_ = subtract_ = in_place(arithmetic.sub)
    true_divide_ = in_place(arithmetic.true_divide)
    acos_ = arccos_ = in_place(transcendental.acos)
    acosh_ = arccosh_ = in_place(transcendental.acosh)
    asin_ = arcsin_ = in_place(transcendental.asin)
    asinh_ = arcsinh_ = in_place(transcendental.asinh)
    atan_ = arctan_ = in_place(transcendental.atan)
    atan2_ = arctan2_ = in_place(transcendental.atan2)
    atanh_ = arctanh_ = in_place(transcendental.atanh)
    cos_ = in_place(transcendental.cos)
    cosh_ = in_place(transcendental.cosh)
    exp_ = in_place(transcendental.exp)
    exp2_ = in_place(transcendental.exp2)
    expm1_ = in_place(transcendental.expm1)
    log_ = in_place(transcendental.log)
    log1p_ = in_place(transcendental.log1p)
    log2_ = in_place(transcendental.log2)
    log10_ = in_place(transcendental.log10)
    logit_ = in_place(transcendental.logit)
    relu_ = in_place(transcendental.relu)
    rsqrt_ = in_place(transcendental.rsqrt)
    sigmoid_ = in_place(transcendental.sigmoid)
    sin_ = in_place(transcendental.sin)
    sinc_ = in_place(transcendental.sinc)
    sinh_ = in_place(transcendental.sinh)
    sqrt_ = in_place(transcendental.sqrt)
    tan_ = in_place(transcendental.tan)
    tanh_ = in_place(transcendental.tanh)
    xlogy_ = in_place(transcendental.xlogy)
    cumsum_ = in_place(scans.cumsum)
    cumprod_ = in_place(scans.cumprod)
    addmm_ = in_place(linear_algebra.addmm)
    addbmm_ = in_place(linear_algebra.addbmm)
    addmv_ = in_place(linear_algebra.addmv)
    addr_ = in_place(linear_algebra.addr)
    baddbmm_ = in_place(linear_algebra.baddbmm)
    erf_ = in_place(special.erf)
    erfc_ = in_place(special.erfc)
    erfinv_ = in_place(special.erfinv)
    lgamma_ = in_place(special.lgamma)
    digamma_ = in_place(special.digamma)
    i0_ = in_place(special.i0)
    polygamma_ = in_place(polygamma)
    igamma_ = in_place(special.gammainc)
    igammac_ = in_place(special.gammaincc)
    conj_physical_ = in_place(complex_names.conj)
    renorm_ = in_place(renorm)

    tril_ = in_place(diagonals.tril)
    triu_ = in_place(diagonals.triu)
    masked_fill_ = in_place(indexing.masked_fill)
    masked_scatter_ = in_place(indexing.masked_scatter)
    index_fill_ = in_place(indexing.index_fill)
    index_add_ = in_place(indexing.index_add)
    index_copy_ = in_place(indexing.index_copy)
    index_put_ = in_place(indexing.index_put)
    index_reduce_ = in_place(scatter.index_reduce)
    put_ = in_place(indexing.put)
    scatter_ = in_place(scatter.scatter)
    scatter_add_ = in_place(scatter.scatter_add)
    scatter_reduce_ = in_place(scatter.scatter_reduce)

    eq_ = in_place(comparison.eq)
    ne_ = not_equal_ = in_place(comparison.ne)
    lt_ = less_ = in_place(comparison.lt)
    le_ = less_equal_ = in_place(comparison.le)
    gt_ = greater_ = in_place(comparison.gt)
    ge_ = greater_equal_ = in_place(comparison.ge)
    logical_and_ = in_place(comparison.logical_and)
    logical_or_ = in_place(comparison.logical_or)
    logical_xor_ = in_place(comparison.logical_xor)
    logical_not_ = in_place(comparison.logical_not)
    bitwise_and_ = in_place(comparison.bitwise_and)
    bitwise_or_ = in_place(comparison.bitwise_or)
    bitwise_xor_ = in_place(comparison.bitwise_xor)
    bitwise_not_ = in_place(comparison.bitwise_not)
    bitwise_left_shift_ = in_place(comparison.bitwise_left_shift)
    bitwise_right_shift_ = in_place(comparison.bitwise_right_shift)
    gcd_ = in_place(comparison.gcd)
    lcm_ = in_place(comparison.lcm)

    squeeze_ = view_in_place(shaping.squeeze)
    unsqueeze_ = view_in_place(shaping.unsqueeze)
    transpose_ = view_in_place(shaping.transpose)
    swapaxes_ = view_in_place(shaping.swapaxes)
    swapdims_ = view_in_place(shaping.swapdims)
    t_ = view_in_place(shaping.t)
    as_strided_ = view_in_place(splitting.as_strided)

    def zero_(self) -> Self:
        """Set every entry to 0."""
        self._put(..., 0, fills=True)
        return self

    def fill_(self, value: Any) -> Self:
        """Set every entry to ``value``, a number or a 0-d tensor.

        Raises ShapeError for a tensor with axes.
        """
        if getattr(value, "ndim", 0):
            raise ShapeError(f"fill_ takes a number or a 0-d tensor, not shape {tuple(value.shape)}; copy_ takes more")
        self._put(..., value, fills=not isinstance(value, TensorBase))
        return self

    @refusing
    @also_called(other="src")
    def copy_(self, src: Any, non_blocking: bool = False) -> Self:
        """Take over the entries of ``src``, broadcast and converted.

        Raises ShapeError where ``src`` does not broadcast to this tensor.
        """
        shape = src._array.shape if isinstance(src, TensorBase) else np.shape(src)
        if shape != self._array.shape and not broadcasts_to(shape, self._array.shape):
            raise ShapeError(f"copy_ of shape {shape} into shape {self._array.shape}: it does not broadcast")
        self._put(..., src)
        return self

    def fill_diagonal_(self, fill_value: float, wrap: bool = False) -> Self:
        """Set the diagonal to one number; that of a tall matrix begins anew below its end with ``wrap``.

        Raises ShapeError for less than two axes, or more of different lengths.
        """
        shape = self._array.shape
        if len(shape) < 2 or (len(shape) > 2 and len(set(shape)) > 1):
            raise ShapeError(f"fill_diagonal_ takes a matrix, or axes of one length, not shape {shape}")
        if len(shape) == 2 and wrap:
            flat = np.arange(0, self._array.size, shape[1] + 1)
            self._put(np.unravel_index(flat, shape), fill_value)
        else:
            self._put((np.arange(min(shape)),) * len(shape), fill_value)
        return self

    def apply_(self, callable: Callable[[Any], Any]) -> Self:
        """Replace each number by what a function of Python numbers makes of it; slow, and without a gradient.

        Raises InPlaceError for a tensor that requires grad.
        """
        return self._write_called(callable, "apply_", self._array)

    def map_(self, tensor: Any, callable: Callable[[Any, Any], Any]) -> Self:
        """Replace each number by what a function makes of it and of its partner in ``tensor``, as ``apply_`` does.

        Raises InPlaceError for a tensor that requires grad.
        """
        partner = np.broadcast_to(np.asarray(getattr(tensor, "_array", tensor)), self._array.shape)
        return self._write_called(callable, "map_", self._array, partner)

    def _write_called(self, function: Callable[..., Any], name: str, *arrays: Any) -> Self:
        if self._node is not None:
            raise InPlaceError(f"{name} has no gradient; use it on a detach()")
        numbers = [function(*entries) for entries in zip(*(a.reshape(-1).tolist() for a in arrays), strict=True)]
        self._put(..., np.asarray(numbers, self._array.dtype).reshape(self._array.shape))
        return self

    @refusing
    def resize_as_(self, the_template: Any) -> Self:
        """``resize_`` to the shape of another tensor."""
        return self.resize_(the_template.shape)

    def share_memory_(self) -> Self:
        """Nothing: threads see a tensor's memory as it is, and a forked process its copy."""
        return self

    def detach_(self) -> Self:
        """Take this tensor out of the graph; what was made from it stays there.

        Raises GraphError for a view.
        """
        if getattr(self, "_base", None):
            raise GraphError("a view cannot be taken out of the graph in place; use detach()")
        leave_graph(self, DETACHED)
        return self

    @refusing
    def set_(self, source: Any, storage_offset: int = 0, size: Any = None, stride: Any = None) -> Self:
        """Take over the memory of ``source``, whatever its shape; with ``size`` and ``stride`` as ``as_strided``.

        Raises GraphError for a tensor that requires grad.
        """
        _outside(self, "set_")
        if size is not None:
            source = splitting.as_strided(source.detach(), size, stride or _row_by_row(size), storage_offset)
        self._array = source._array
        return self

    def resize_(self, *shape: Any, size: Any = ()) -> Self:
        """Take another shape: the first entries stay, in their order, and what comes after them is undefined.

        Raises GraphError for a tensor that requires grad.
        """
        _outside(self, "resize_")
        wanted = size_of(shape or (size,))
        kept = self._array.reshape(-1)
        array = np.empty(wanted, kept.dtype)
        if array.size <= kept.size:
            self._array = kept[: array.size].reshape(wanted)
        else:
            array.reshape(-1)[: kept.size] = kept
            self._array = array
        changed(self._array)
        return self

    def normal_(self, mean: float = 0, std: float = 1, *, generator: Generator | None = None) -> Self:
        """Fill with normal random numbers; raises DtypeError for a tensor that is not floating."""
        return self._write_drawn(numpy_generator(generator).normal(mean, std, self._array.shape), "normal_")

    def uniform_(self, from_: float = 0, to: float = 1, *, generator: Generator | None = None, **bounds: Any) -> Self:
        """Fill with uniform random numbers; the bounds are ``from`` and ``to`` by name, as in PyTorch.

        Raises:
            OptionError: ``from`` is above ``to``.
            DtypeError: the tensor is not floating.
        """
        low = _from("uniform_", bounds, from_)
        if low > to:
            raise OptionError(f"uniform_ takes from <= to, not {low} and {to}")
        return self._write_drawn(numpy_generator(generator).uniform(low, to, self._array.shape), "uniform_")

    def exponential_(self, lambd: float = 1, *, generator: Generator | None = None) -> Self:
        """Fill with exponential random numbers of mean 1 / ``lambd``.

        Raises:
            OptionError: the rate is not above 0.
            DtypeError: the tensor is not floating.
        """
        if lambd <= 0:
            raise OptionError(f"exponential_ takes a rate above 0, not {lambd}")
        return self._write_drawn(numpy_generator(generator).exponential(1 / lambd, self._array.shape), "exponential_")

    def geometric_(self, p: float, *, generator: Generator | None = None) -> Self:
        """Fill with how many trials it takes to succeed, where one does with probability ``p``.

        Raises OptionError for a probability that is not between 0 and 1.
        """
        if not 0 < p < 1:
            raise OptionError(f"geometric_ takes a probability between 0 and 1, not {p}")
        return self._write_drawn(numpy_generator(generator).geometric(p, self._array.shape))

    def cauchy_(self, median: float = 0, sigma: float = 1, *, generator: Generator | None = None) -> Self:
        """Fill with random numbers of Cauchy's distribution; raises DtypeError for a tensor that is not floating."""
        drawn = numpy_generator(generator).standard_cauchy(self._array.shape)
        return self._write_drawn(median + sigma * drawn, "cauchy_")

    def log_normal_(self, mean: float = 1, std: float = 2, *, generator: Generator | None = None) -> Self:
        """Fill with random numbers whose logarithms are normal, of that ``mean`` and ``std``.

        Raises DtypeError for a tensor that is not floating.
        """
        return self._write_drawn(numpy_generator(generator).lognormal(mean, std, self._array.shape), "log_normal_")

    def bernoulli_(self, p: Any = 0.5, *, generator: Generator | None = None) -> Self:
        """Fill with 1 (with probability ``p``, a number or a tensor) and 0."""
        return self._write_drawn(numpy_generator(generator).random(self._array.shape) < as_array(p))

    def random_(self, *bounds: int, to: int | None = None, generator: Generator | None = None, **low: int) -> Self:
        """Fill with whole random numbers from 0, or ``from``, up to but not including ``to``.

        Without bounds they go up to the largest that the dtype holds exactly.

        Raises OptionError where ``from`` is not below ``to``.
        """
        first = _from("random_", low, bounds[0] if len(bounds) == 2 else 0)
        last = bounds[-1] if bounds else to
        if last is None:
            dtype = self._array.dtype
            if dtype.kind == "f":
                last = int(2 ** (np.finfo(dtype).nmant + 1))
            else:
                last = 2 if dtype.kind == "b" else int(np.iinfo(dtype).max)
        if first >= last:
            raise OptionError(f"random_ takes from < to, not {first} and {last}")
        return self._write_drawn(numpy_generator(generator).integers(first, last, self._array.shape))

    def _write_drawn(self, drawn: Any, only_floating: str = "") -> Self:
        """Write random numbers into the tensor; ``only_floating`` names a method that is for floating tensors."""
        if only_floating and self._array.dtype.kind != "f":
            raise DtypeError(f"{only_floating} fills floating tensors, not {self._array.dtype}")
        self._put(..., as_array(drawn).astype(self._array.dtype), fills=True)
        return self


def _from(name: str, named: dict[str, Any], otherwise: Any) -> Any:
    """The bound that is called ``from``, which is a word of Python's and cannot be a parameter; raises TypeError."""
    low = named.pop("from", otherwise)
    if named:
        raise TypeError(f"{name}() got an unexpected keyword argument {next(iter(named))!r}")
    return low


def _row_by_row(shape: Any) -> list[int]:
    """The steps, in entries, of an array of that shape in row-major order."""
    return [math.prod(shape[i + 1 :]) for i in range(len(shape))]


def _outside(x: Any, name: str) -> None:
    """Raise GraphError for a tensor in the graph, whose node knows its shape."""
    if x._node is not None:
        raise GraphError(f"{name} gives a tensor other memory, of which the graph would not know; use it on a detach()")
    if getattr(x, "_base", None):
        x._base = None

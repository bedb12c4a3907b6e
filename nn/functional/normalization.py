"""Normalisation: entries moved and scaled to mean 0 and variance 1 over some axes, then to learnt ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.dtypes import get_default_dtype
from autodiff.engine.apply import apply
from autodiff.engine.values import Value
from autodiff.engine.versions import changed
from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.functions.arithmetic import clamp, multiply
from autodiff.functions.arrays import array_of, lent
from autodiff.functions.into import into
from autodiff.functions.reductions import mean
from autodiff.functions.shaping import contiguous
from autodiff.functions.transcendental import rsqrt
from autodiff.kernels.geometry import Sizes, Window
from autodiff.kernels.precision import single
from autodiff.kinds import described
from autodiff.linalg.norms import vector_norm
from autodiff.ops.normalization import moments, standardize
from autodiff.ops.shaping import cast, in_single, reshape
from autodiff.ops.windows import sum_pool

from .arguments import in_format_of

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "normalize", "rms_norm"]


def _moments(x: Any, axes: Sizes, center: bool = True) -> Any:
    """The moments of an array over ``axes``; None of integers, and of nothing."""
    return moments(single(x), axes, center) if x.dtype.kind == "f" and 0 not in x.shape else None


def _standardized(
    input: Any, axes: Sizes, eps: float, weight: Any, bias: Any, along: Sizes, center: bool = True, given: Any = None
) -> Value:
    """``input`` normalised over ``axes``, times ``weight`` and plus ``bias`` as far as they are given."""
    array = array_of(input)
    given = given or _moments(array, axes, center)  # once for both passes
    params = {"axis": axes, "eps": eps, "center": center, "along": along, "given": given}
    if array.dtype.char == "e" and any(x is not None and x.dtype.char == "f" for x in (weight, bias)):  # as PyTorch's
        single, half = np.dtype(np.float32), input.dtype
        return cast(_standardized(cast(input, single), axes, eps, weight, bias, along, center, given), half)
    if weight is None:
        out = apply(standardize, (input,), params)
        return out if bias is None else out + reshape(bias, shape=along)
    return apply(standardize, (input, weight) if bias is None else (input, weight, bias), params)


def _images(out: Any, input: Any) -> Value:
    """``out``, images and volumes with their channels last in memory where those of ``input`` are, or row by row."""
    return in_format_of(out, len(input.shape) - 2, input) if len(input.shape) in (4, 5) else contiguous(out)


_NAMES = ("weight", "bias", "running_mean", "running_var")


def _check_shapes(name: str, wanted: Sizes, *given: Any) -> None:
    """Raise ShapeError where one of these, by the order of ``_NAMES``, is given but not of the shape ``wanted``."""
    for what, tensor in zip(_NAMES, given, strict=False):
        if tensor is not None and tensor.shape != wanted:
            raise ShapeError(f"{name} takes a {what} of shape {wanted}, not {tuple(tensor.shape)}")


def _along_channels(name: str, input: Any, *given: Any) -> Sizes:
    """The shape of one number for each channel, axis 1, beside ``input``; checks what is ``given`` as above."""
    shape = tuple(input.shape)
    if len(shape) < 2:
        raise ShapeError(f"{name} takes inputs (N, C, *), not of shape {shape}")
    _check_shapes(name, shape[1:2], *given)
    return (1, shape[1]) + (1,) * (len(shape) - 2)


def batch_norm(
    input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None, training: bool = False,
    momentum: float = 0.1, eps: float = 1e-05,
) -> Value:
    """(x - mean) / sqrt(var + eps) * weight + bias, with mean and variance of each channel over the batch.

    Shapes: input (N, C, *), all others (C,), result as input.

    In ``training`` the statistics are the batch's, and the running ones, where given, move towards them by
    ``momentum`` (with the unbiased variance); otherwise the running ones are used.

    Raises:
        ShapeError: the channels do not fit, or there is one value for each in training.
        OptionError: not in training, but without running statistics.

    Reference: Ioffe & Szegedy 2015, "Batch normalization".

    >>> import autodiff
    >>> batch_norm(autodiff.tensor([[1.0], [3.0]]), None, None, training=True, eps=0.0)
    tensor([[-1.],
            [ 1.]])
    """
    along = _along_channels("batch_norm", input, weight, bias, running_mean, running_var)
    if not training:
        repair = "batch_norm without running statistics needs training=True, for the batch's own"
        return _images(_with_statistics(input, running_mean, running_var, weight, bias, eps, along, repair), input)
    axes = (0, *range(2, len(input.shape)))
    _check_count(input, axes, "batch_norm in training needs several values for each channel")
    given = _moments(array_of(input), axes)
    _track(input, given, running_mean, running_var, axes, momentum)
    return _images(_standardized(input, axes, eps, weight, bias, along, given=given), input)


def instance_norm(
    input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
    use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-05,
) -> Value:
    """``batch_norm`` of each sample by itself: statistics over the axes after N and C.

    Shapes: input (N, C, *), all others (C,), result as input. The running statistics move towards the means over the
    batch of each sample's own.

    Raises:
        ShapeError: ``input`` is not (N, C, *), has one entry a channel, or statistics, weight or bias do not fit it.
        OptionError: ``use_input_stats`` is False and statistics are missing.

    Reference: Ulyanov, Vedaldi & Lempitsky 2016, "Instance normalization".
    """
    along = _along_channels("instance_norm", input, weight, bias, running_mean, running_var)
    if not use_input_stats:
        repair = "instance_norm without running statistics needs use_input_stats=True"
        return contiguous(_with_statistics(input, running_mean, running_var, weight, bias, eps, along, repair))
    axes = tuple(range(2, len(input.shape)))
    _check_count(input, axes, "instance_norm needs several values for each sample and channel")
    given = _moments(array_of(input), axes)
    _track(input, given, running_mean, running_var, axes, momentum)
    return contiguous(_standardized(input, axes, eps, lent(weight), bias, along, given=given))


def _check_count(input: Any, axes: Sizes, need: str) -> None:
    """Raise ShapeError where ``axes`` hold one entry, which has no variance."""
    if math.prod(input.shape[a] for a in axes) == 1:
        raise ShapeError(f"{need}, not shape {tuple(input.shape)}")


def _with_statistics(
    input: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float, along: Sizes, repair: str
) -> Value:
    """Normalised by given statistics: one product and one sum, since all but the input is small."""
    if mean is None or var is None:
        raise OptionError(repair)
    factor = (var + eps) ** -0.5 if weight is None else weight * (var + eps) ** -0.5
    offset = -mean * factor if bias is None else bias - mean * factor
    return input * reshape(factor, shape=along).to(input.dtype) + reshape(offset, shape=along).to(input.dtype)


def _track(input: Any, given: Any, running_mean: Any, running_var: Any, axes: Sizes, momentum: float) -> None:
    """Move the running statistics, if there are any, towards the input's, in place and outside the graph."""
    if running_mean is None or not math.prod(input.shape):  # nothing has no statistics
        return
    mean, variance = given or moments(single(array_of(input)), axes)
    count = math.prod(input.shape[a] for a in axes)
    for running, own in ((running_mean, mean), (running_var, variance * (count / max(count - 1, 1)))):
        samples = own.reshape(-1, input.shape[1])  # one, or, of an instance norm, as many as the batch has
        average = samples if len(samples) == 1 else samples.mean(0)
        running._array[...] = running._array * (1 - momentum) + average * momentum
        changed(running._array)


def _last_axes(name: str, input: Any, normalized_shape: Sequence[int], weight: Any, bias: Any) -> tuple[Sizes, Sizes]:
    """The axes that ``normalized_shape`` covers, and the shape of one number for each place in them, beside ``input``.

    Raises ShapeError where it is not the end of the input's shape, DtypeError where it is no shape at all.
    """
    try:
        shape, wanted = tuple(input.shape), tuple(normalized_shape)
    except TypeError:
        given = described(normalized_shape)
        raise DtypeError(f"{name} takes the shape that it normalizes as a tuple of integers, not {given}") from None
    if not wanted or shape[len(shape) - len(wanted) :] != wanted:
        ends = ", ".join(map(str, wanted))
        raise ShapeError(f"{name} over {wanted} takes inputs (*, {ends}), not of shape {shape}")
    _check_shapes(name, wanted, weight, bias)
    first = len(shape) - len(wanted)
    return tuple(range(first, len(shape))), (1,) * first + wanted


def layer_norm(
    input: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-05
) -> Value:
    """(x - mean) / sqrt(var + eps) * weight + bias, with mean and variance over the last axes.

    Shapes: input (*, normalized_shape), weight and bias normalized_shape, result as input.

    Raises ShapeError where ``input`` does not end in ``normalized_shape``, or a weight has not that shape; DtypeError
    where that is no tuple.

    Reference: Ba, Kiros & Hinton 2016, "Layer normalization".

    >>> import autodiff
    >>> layer_norm(autodiff.tensor([[1.0, 3.0], [4.0, 4.0]]), (2,), eps=0.25)
    tensor([[-0.8944,  0.8944],
            [ 0.0000,  0.0000]])
    """
    axes, along = _last_axes("layer_norm", input, normalized_shape, weight, bias)
    return contiguous(_standardized(input, axes, eps, weight, bias, along))


def rms_norm(input: Any, normalized_shape: Sequence[int], weight: Any = None, eps: float | None = None) -> Value:
    """x / sqrt(mean of x^2 + eps) * weight over the last axes; ``eps`` is by default the dtype's.

    Shapes: as ``layer_norm``. Of complex numbers, too, it is x^2, as in PyTorch, and not |x|^2.

    Raises ShapeError where ``input`` does not end in ``normalized_shape``, or a weight has not that shape; DtypeError
    where that is no tuple.

    Reference: Zhang & Sennrich 2019, "Root mean square layer normalization".
    """
    axes, along = _last_axes("rms_norm", input, normalized_shape, weight, None)
    input = input if input.dtype.kind in "fc" else cast(input, get_default_dtype())
    small = float(np.finfo(input.dtype).eps) if eps is None else eps
    if input.dtype.kind == "c":
        out = multiply(input, rsqrt(mean(multiply(input, input), axes, keepdim=True) + small))
        return out if weight is None else multiply(out, reshape(weight, shape=along))
    out = _standardized(input, axes, small, weight, None, along, center=False)
    return _images(out if out.dtype == input.dtype else cast(out, input.dtype), input)


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-05) -> Value:
    """(x - mean) / sqrt(var + eps) * weight + bias, with mean and variance of each sample over groups of channels.

    Shapes: input (N, C, *), weight and bias (C,), result as input.

    Reference: Wu & He 2018, "Group normalization".

    Raises ShapeError where the channels do not divide.
    """
    shape = tuple(input.shape)
    if len(shape) < 2 or num_groups < 1 or shape[1] % num_groups:
        raise ShapeError(f"group_norm in {num_groups} groups takes inputs (N, C, *), C a multiple, not shape {shape}")
    _check_shapes("group_norm", shape[1:2], weight, bias)
    each = shape[1] // num_groups
    grouped = reshape(input, shape=(shape[0], num_groups, each, math.prod(shape[2:])))
    out = _standardized(grouped, (2, 3), eps, weight, bias, (1, num_groups, each, 1))
    return _images(reshape(out, shape=shape), input)


@in_single
def local_response_norm(input: Any, size: int, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0) -> Value:
    """x / (k + alpha * the mean of x^2 over ``size`` neighbouring channels) ** beta.

    Shapes: input (N, C, *), result as input.

    Reference: Krizhevsky, Sutskever & Hinton 2012, "ImageNet classification with deep convolutional neural networks".

    Raises ShapeError for an input without channels.
    """
    shape = tuple(input.shape)
    if len(shape) < 3:
        raise ShapeError(f"local_response_norm takes inputs (N, C, *), not of shape {shape}")
    if not math.prod(shape):
        return input
    flat = reshape(input * input, shape=(shape[0], 1, shape[1], math.prod(shape[2:])))
    window = Window((size, 1), (1, 1), ((size // 2, (size - 1) // 2), (0, 0)))
    total = reshape(apply(sum_pool, (flat,), {"window": window}), shape=shape)
    return input / (total * (alpha / size) + k) ** beta


@in_single
def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None) -> Value:
    """x over its p-norm along ``dim``, which counts as ``eps`` at least.

    With ``out`` the result is written there, and no gradient goes through it.

    >>> import autodiff
    >>> normalize(autodiff.tensor([3.0, 4.0]), dim=0)
    tensor([0.6000, 0.8000])
    """
    result = input / clamp(vector_norm(input, p, dim, keepdim=True), min=eps)
    return result if out is None else into(out, result, "normalize")

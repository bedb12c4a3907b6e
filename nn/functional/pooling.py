"""Pooling: the maximum or the mean of sliding windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.errors import OptionError
from autodiff.kernels.pooling import Window, max_pool_indices
from autodiff.ops.shaping import reshape
from autodiff.ops.windows import max_pool, sum_pool
from autodiff.recording import apply, wrap
from autodiff.tensor import Tensor
from nn.functional.arguments import check_output, several, with_batch

__all__ = ["avg_pool2d", "max_pool2d"]


def max_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window; its gradient goes to the first maximum.

    Shapes: input (N, C, H, W) or (C, H, W), result (N, C, oh, ow) or (C, oh, ow) with
    oh = (H - dilation * (kh - 1) - 1 + 2 padding) // stride + 1, and likewise ow; ``ceil_mode`` rounds up.

    ``stride`` is the kernel's size where it is not given, ``padding`` entries of -inf around the input, at most half
    the kernel. With ``return_indices`` the result is a pair: also where in the flattened image each maximum stood.

    Raises:
        ShapeError: the windows do not fit.
        OptionError: an option has no such value.

    >>> import autodiff
    >>> max_pool2d(autodiff.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """
    x, unbatched = with_batch(input, 2, "max_pool2d")
    window = _window("max_pool2d", x, kernel_size, stride, padding, dilation, ceil_mode)
    out = apply(max_pool, (x,), {"window": window})
    result = _as_given(out, unbatched)
    if not return_indices:
        return result
    indices = wrap(max_pool_indices(np.asarray(x.detach()), np.asarray(out.detach()), window))
    return result, _as_given(indices, unbatched)


def avg_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window.

    Shapes: as ``max_pool2d``.

    ``stride`` is the kernel's size where it is not given, ``padding`` zeros around the input, at most half the kernel,
    which count as entries unless ``count_include_pad`` is False. ``divisor_override`` takes the place of the count.

    >>> import autodiff
    >>> avg_pool2d(autodiff.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """
    x, unbatched = with_batch(input, 2, "avg_pool2d")
    if divisor_override == 0:
        raise OptionError("divisor_override=0 is no divisor; give None for the number of entries")
    window = _window("avg_pool2d", x, kernel_size, stride, padding, 1, ceil_mode)
    total = apply(sum_pool, (x,), {"window": window})
    if divisor_override is not None:
        return _as_given(total / divisor_override, unbatched)
    around = several(padding, 2, "padding", 0)
    rows, columns = (_counts(window, axis, x.shape[2 + axis], around[axis], count_include_pad) for axis in (0, 1))
    counts = rows[:, None] * columns
    area = int(counts.flat[0])
    divisor = area if (counts == area).all() else counts.astype(x.dtype)
    return _as_given(total / divisor, unbatched)


def _counts(window: Window, axis: int, size: int, around: int, include_pad: bool) -> Any:
    """How many entries of the input, or of input and padding, each window meets along one axis."""
    count = window.output_size((size, size))[axis]
    start = np.arange(count) * window.stride[axis] - around
    stop = np.minimum(start + window.kernel[axis], size + around)
    return stop - start if include_pad else np.minimum(stop, size) - np.maximum(start, 0)


def _window(name: str, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Window:
    kernel = several(kernel_size, 2, "kernel_size")
    steps = kernel if stride is None or stride == [] else several(stride, 2, "stride")
    around = several(padding, 2, "padding", 0)
    spread = several(dilation, 2, "dilation")
    if any(2 * p > d * (k - 1) + 1 for p, k, d in zip(around, kernel, spread, strict=True)):
        raise OptionError(f"{name}: with padding {padding}, more than half the kernel {kernel_size}, a window is empty")
    pads = tuple((p, p) for p in around)
    window = Window(kernel, steps, pads, spread)  # type: ignore[arg-type]
    size = (x.shape[2], x.shape[3])
    window = window.ceil_padding(size) if ceil_mode else window
    check_output(window.output_size(size), x, name, f"its windows of size {kernel} are larger than the padded input")
    return window


def _as_given(out: Any, unbatched: bool) -> Tensor:
    return reshape(out, shape=out.shape[1:]) if unbatched else out

"""The frequencies of a transform, and their order, by the names of ``torch.fft``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.dtypes import as_dtype, get_default_dtype
from autodiff.engine.values import Value, wrap
from autodiff.errors import DtypeError
from autodiff.functions.axes import length_of, numpy_names, size_of
from autodiff.functions.shaping import clone
from autodiff.functions.splitting import roll

__all__ = ["fftfreq", "fftshift", "ifftshift", "rfftfreq"]


def _rolled(input: Any, dim: Any, back: bool) -> Value:
    dims = range(input.ndim) if dim is None else dim if isinstance(dim, Sequence) else (dim,)
    axes = [length_of(input, d)[0] for d in dims]
    return roll(input, [(input.shape[a] + back) // 2 for a in axes], axes) if axes else clone(input)


@numpy_names
def fftshift(input: Any, dim: Any = None) -> Value:
    """The frequencies with 0 in the middle, along ``dim`` or all axes: those below 0 stand before the others.

    Raises ShapeError where there is no such axis.

    >>> import autodiff
    >>> autodiff.fft.fftshift(autodiff.fft.fftfreq(5, d=0.2))
    tensor([-2., -1.,  0.,  1.,  2.])
    """
    return _rolled(input, dim, back=False)


@numpy_names
def ifftshift(input: Any, dim: Any = None) -> Value:
    """The inverse of ``fftshift``, from which it differs where a length is odd. Raises as it does.

    >>> import autodiff
    >>> autodiff.fft.ifftshift(autodiff.tensor([-2, -1, 0, 1, 2]))
    tensor([ 0,  1,  2, -2, -1])
    """
    return _rolled(input, dim, back=True)


def fftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Value:
    """The frequencies (n,) of ``fft``, in cycles for each unit in which ``d`` is the distance of two points.

    Raises:
        ShapeError: ``n`` is below 0.
        DtypeError: ``dtype`` is not floating.

    >>> import autodiff
    >>> autodiff.fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    (n,) = size_of((n,))
    steps = np.arange(n)
    return _in_cycles("fftfreq", np.where(steps < (n + 1) // 2, steps, steps - n), n, d, dtype, device, requires_grad)


def rfftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Value:
    """The frequencies (n // 2 + 1,) of ``rfft`` of n points; see ``fftfreq``, as which it raises.

    >>> import autodiff
    >>> autodiff.fft.rfftfreq(4)
    tensor([0.0000, 0.2500, 0.5000])
    """
    (n,) = size_of((n,))
    return _in_cycles("rfftfreq", np.arange(n // 2 + 1), n, d, dtype, device, requires_grad)


def _in_cycles(name: str, steps: Any, n: int, d: float, dtype: Any, device: Any, requires_grad: bool) -> Value:
    chosen = get_default_dtype() if dtype is None else as_dtype(dtype)
    if chosen.kind != "f":
        raise DtypeError(f"{name} gives floats, not {chosen}")
    with np.errstate(divide="ignore", invalid="ignore"):  # d = 0, as in PyTorch
        frequencies = (steps * np.divide(1.0, np.float64(n * d))).astype(chosen)
    made: Value = wrap(frequencies).to(device=device)
    return made.requires_grad_(requires_grad)

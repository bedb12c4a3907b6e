"""Whether two results are close, by ``torch.testing``'s names, and tensors to try functions on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autodiff.dtypes import as_dtype
from autodiff.errors import DtypeError, OptionError
from autodiff.functions.axes import size_of
from autodiff.kernels.arrays import as_array
from autodiff.random import numpy_generator
from autodiff.tensors.creation import leaf
from autodiff.tensors.tensor import Tensor

_TOLERANCES = {"float16": (1e-3, 1e-5), "float32": (1.3e-6, 1e-5), "complex64": (1.3e-6, 1e-5),
               "float64": (1e-7, 1e-7), "complex128": (1e-7, 1e-7)}  # fmt: skip
_NUMBERS = (bool, int, float, complex)


def assert_close(
    actual: Any, expected: Any, *, allow_subclasses: bool = True, rtol: float | None = None, atol: float | None = None,
    equal_nan: bool = False, check_device: bool = True, check_dtype: bool = True, check_layout: bool = True,
    check_stride: bool = False, msg: str | Callable[[str], str] | None = None,
) -> None:  # fmt: skip
    """Raise AssertionError where ``|actual - expected| <= atol + rtol * |expected|`` is not so everywhere.

    Args:
        actual: a tensor, an array, a number, or sequences and mappings of these.
        expected: the same.
        allow_subclasses: whether one may be of a subclass of the other's class.
        rtol: the relative tolerance, given with ``atol`` or not at all; by default that of the dtype, 1.3e-6 for
            float32, 1e-7 for float64, 0 for integers.
        atol: the absolute tolerance; by default 1e-5 for float32, 1e-7 for float64, 0 for integers.
        equal_nan: whether NaN is close to NaN.
        check_device: accepted; there is one.
        check_dtype: whether the dtypes have to be the same.
        check_layout: accepted; there is one.
        check_stride: whether the entries have to lie in memory alike.
        msg: the message, or a function of the message.

    Raises:
        AssertionError: they are not close, or differ in structure, shape or dtype.
        OptionError: only one tolerance is given.
        DtypeError: the two are no pair that can be compared.

    >>> import autodiff
    >>> assert_close(autodiff.ones(2), autodiff.ones(2) + 1e-7)
    """
    if (rtol is None) != (atol is None):
        raise OptionError("assert_close takes rtol and atol, or neither")
    fault = _fault(actual, expected, (rtol, atol), (allow_subclasses, equal_nan, check_dtype, check_stride))
    if fault is not None:
        raise AssertionError(fault if msg is None else msg(fault) if callable(msg) else msg)


def assert_allclose(
    actual: Any, expected: Any, rtol: float | None = None, atol: float | None = None, equal_nan: bool = True,
    msg: str = "",
) -> None:  # fmt: skip
    """``assert_close`` by its old name, of tensors of any dtypes; ``expected`` may be numbers.

    >>> import autodiff
    >>> assert_allclose(autodiff.ones(2), [1.0, 1.0])
    """
    first, second = (x if isinstance(x, Tensor) else leaf(as_array(x)) for x in (actual, expected))
    assert_close(first, second, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False, msg=msg or None)


def _fault(a: Any, b: Any, tolerances: tuple[Any, Any], options: tuple[bool, ...]) -> str | None:
    """What is not close, in words; None where all is."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        if missing := set(a) ^ set(b):
            return f"The keys of the mappings do not match: {sorted(map(str, missing))} are in one of them only."
        pairs = [(key, a[key], b[key]) for key in a]
    elif _is_sequence(a) and _is_sequence(b):
        if len(a) != len(b):
            return f"The length of the sequences mismatch: {len(a)} != {len(b)}"
        pairs = [(i, x, y) for i, (x, y) in enumerate(zip(a, b, strict=True))]
    else:
        return _fault_of_two(a, b, tolerances, options)
    for key, x, y in pairs:
        if (fault := _fault(x, y, tolerances, options)) is not None:
            return f"{fault}\n\nThe failure occurred for item [{key!r}]"
    return None


def _is_sequence(x: Any) -> bool:
    return isinstance(x, Sequence) and not isinstance(x, (str, bytes))


def _fault_of_two(a: Any, b: Any, tolerances: tuple[Any, Any], options: tuple[bool, ...]) -> str | None:
    allow_subclasses, equal_nan, check_dtype, check_stride = options
    plain = isinstance(a, _NUMBERS) and isinstance(b, _NUMBERS)
    related = type(a) is type(b) or (allow_subclasses and (isinstance(a, type(b)) or isinstance(b, type(a))))
    if not plain and not (related and isinstance(a, (Tensor, np.ndarray, np.generic))):
        raise DtypeError(f"assert_close takes two tensors, arrays or numbers, not {type(a)} and {type(b)}")
    x, y = (z.detach().numpy() if isinstance(z, Tensor) else np.asarray(z) for z in (a, b))
    if x.shape != y.shape:
        return f"The values for attribute 'shape' do not match: {x.shape} != {y.shape}."
    if check_dtype and x.dtype != y.dtype:
        return f"The values for attribute 'dtype' do not match: {x.dtype} != {y.dtype}."
    if check_stride and x.strides != y.strides:
        return f"The values for attribute 'stride()' do not match: {x.strides} != {y.strides} bytes."
    rtol, atol = tolerances
    if rtol is None:
        rtol, atol = map(max, zip(*(_TOLERANCES.get(z.dtype.name, (0.0, 0.0)) for z in (x, y)), strict=True))
    close = np.isclose(x, y, rtol, atol, equal_nan)
    if close.all():
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        wide = [z.astype(np.complex128 if z.dtype.kind == "c" else np.float64) for z in (x, y)]
        absolute = np.where(close, 0, np.abs(wide[0] - wide[1]))
        relative = np.where(close, 0, absolute / np.abs(wide[1]))
    kind = "Scalars" if plain else "Tensor-likes"
    if plain:
        lines = [f"Expected {b} but got {a}."]
    else:
        count = int((~close).sum())
        lines = [f"Mismatched elements: {count} / {close.size} ({100 * count / close.size:.1f}%)"]
    for word, size, allowed in (("absolute", absolute, atol), ("relative", relative, rtol)):
        at = np.unravel_index(int(np.argmax(size)), size.shape)
        where = "" if plain else f" at index {tuple(map(int, at))}"
        lines.append(f"Greatest {word} difference: {size[at]}{where} (up to {allowed} allowed)")
    return f"{kind} are not {'close' if rtol or atol else 'equal'}!\n\n" + "\n".join(lines)


def make_tensor(
    *shape: Any, dtype: Any, device: Any = "cpu", low: float | None = None, high: float | None = None,
    requires_grad: bool = False, noncontiguous: bool = False, exclude_zero: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """A tensor of random numbers from ``low`` up to ``high``, by default from -9 to 9, or from 0.

    Args:
        shape: sizes one by one, or all at once.
        dtype: the dtype.
        device: accepted.
        low: the lower bound.
        high: the upper bound.
        requires_grad: whether it is tracked.
        noncontiguous: let the entries lie two apart in memory.
        exclude_zero: replace 0 by the smallest number above it.
        memory_format: accepted.

    Raises OptionError where no number lies between the bounds.

    >>> import autodiff
    >>> make_tensor(2, 3, dtype=autodiff.float64).shape
    autodiff.Size([2, 3])
    """
    kind, size = as_dtype(dtype), size_of(shape)
    if kind.kind in "ui":
        bounds = (0, 10) if kind.kind == "u" else (-9, 10)
    else:
        bounds = (0, 2) if kind.kind == "b" else (-9, 9)
    least, most = bounds[0] if low is None else low, bounds[1] if high is None else high
    if least >= most:
        raise OptionError(f"make_tensor takes low < high, not {least} and {most}")
    draw = numpy_generator(None)
    drawn: Any = draw.integers(int(least), int(most), size) if kind.kind in "bui" else draw.uniform(least, most, size)
    if kind.kind == "c":
        drawn = drawn + 1j * draw.uniform(least, most, size)
    array = as_array(drawn).astype(kind)
    if exclude_zero:
        array[array == 0] = 1 if kind.kind in "bui" else np.finfo(kind).tiny
    if noncontiguous and array.size > 1:
        array = np.repeat(array, 2, -1)[..., ::2]
    return leaf(array, requires_grad, device)

"""In calls by NumPy's names dtypes meet as NumPy's; untracked tensors are arrays wherever NumPy wants one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff
from autodiff import Tensor, func, grad, tensor
from autodiff.errors import DtypeError

W = np.array([0.5, 1.5, 2.5])  # float64
N = np.array([1, 2, 3])

CALLS: dict[str, Callable[[Any], Any]] = {
    "sin": lambda x: np.sin(x),
    "sqrt": lambda x: np.sqrt(x),
    "cbrt": lambda x: np.cbrt(x),
    "exp of half": lambda x: np.exp(x.astype(np.float16) if isinstance(x, np.ndarray) else x.half()),
    "hypot": lambda x: np.hypot(x, W),
    "arctan2": lambda x: np.arctan2(N, x),
    "logaddexp": lambda x: np.logaddexp(x, x),
    "maximum": lambda x: np.maximum(x, W),
    "fmin": lambda x: np.fmin(N, x),
    "a number of Python's": lambda x: np.maximum(x, 1.5),
    "float_power": lambda x: np.float_power(x, 2),
    "mean": lambda x: np.mean(x),
    "std": lambda x: np.std(x),
    "median": lambda x: np.median(x),
    "average": lambda x: np.average(x, weights=W),
    "nanvar": lambda x: np.nanvar(x),
    "concatenate": lambda x: np.concatenate([x, W]),
    "stack": lambda x: np.stack([x, N]),
    "stack with a list": lambda x: np.stack([x, [1.5, 2.0, 3.0]]),
    "hstack": lambda x: np.hstack((x, W)),
    "append": lambda x: np.append(x, W),
    "block": lambda x: np.block([x, N, 1.5]),
    "where": lambda x: np.where(N > 1, x, W),
    "where with a number": lambda x: np.where(N > 1, x, 0.5),
    "select": lambda x: np.select([N > 1], [x], W),
    "dot": lambda x: np.dot(x, W),
    "matmul": lambda x: np.matmul(N, x),
    "outer": lambda x: np.outer(W, x),
    "einsum": lambda x: np.einsum("i,i->", x, W),
    "tensordot": lambda x: np.tensordot(x, W, 1),
    "kron": lambda x: np.kron(x, N),
    "insert": lambda x: np.insert(x, 1, 2.5),
    "interp": lambda x: np.interp(x, [1, 2], [3, 4]),
    "convolve": lambda x: np.convolve(x, W),
    "gradient": lambda x: np.gradient(x, W),
    "polyval": lambda x: np.polyval(W, x),
    "vander": lambda x: np.vander(x),
    "cov": lambda x: np.cov(x),
    "trapezoid": lambda x: np.trapezoid(x, W),
    "clip": lambda x: np.clip(x, 1.5, 2.5),
    "diff": lambda x: np.diff(x, prepend=W[:1]),
    "piecewise": lambda x: np.piecewise(x, [N > 1], [2.5, lambda v: v * 2]),
    "norm": lambda x: np.linalg.norm(x),
    "det": lambda x: np.linalg.det(np.outer(x, x)),
    "solve": lambda x: np.linalg.solve(np.diag(x), W),
    "fft": lambda x: np.fft.fft(x),
    "sum": lambda x: np.sum(x),
    "cumsum": lambda x: np.cumsum(x),
    "logaddexp.reduce": lambda x: np.logaddexp.reduce(x),
    "zeros_like": lambda x: np.zeros_like(x),
    "full_like": lambda x: np.full_like(x, 2.5, dtype=np.float64),
}


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("name", CALLS)
def test_a_call_has_the_dtype_and_value_of_numpys(name: str, dtype: Any) -> None:
    """Integers beside floats, single precision beside double, numbers of both kinds: no dtype is PyTorch's."""
    x = np.array([1, 2, 4], dtype)
    ours, theirs = CALLS[name](tensor(x)), np.asarray(CALLS[name](x))
    assert type(ours) is Tensor
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-3 if "half" in name else 1e-6)


def test_conversions_are_recorded() -> None:
    """A gradient has the dtype of its tensor, however the call promoted it."""
    x = tensor([1.0, 2.0, 4.0], requires_grad=True)
    for call in (np.concatenate, np.stack):
        (g,) = grad(call([x, W]).sum(), x)
        assert (g.dtype, g.tolist()) == (np.float32, [1, 1, 1])
    (g,) = grad(np.dot(x, W) + np.hypot(x, W).sum() * 0, x)
    assert (g.dtype, g.tolist()) == (np.float32, W.tolist())


def test_operators_promote_as_pytorchs_on_either_side() -> None:
    """For array + tensor is a call of np.add; a product of two dtypes is refused only where PyTorch's would be."""
    x = tensor([1.0, 2.0, 4.0])
    for result in (x + N, N + x, x * N, N * x, N / x, x - N, np.float64(2) * x, x * np.float64(2)):
        assert result.dtype == np.float32
    assert (W @ x).dtype == np.float64
    with pytest.raises(DtypeError, match="one dtype"):
        x @ W


U = tensor([1.0, 2.0, 4.0], dtype=autodiff.float64)
AS_ARRAYS: dict[str, Callable[[Any], Any]] = {
    "sum dtype": lambda x: np.sum(x, dtype=np.float32),
    "sum where": lambda x: np.sum(x, where=np.array([True, False, True])),
    "mean out": lambda x: np.mean(x, 0, None, np.zeros(())),
    "max initial": lambda x: np.max(x, initial=9.0),
    "pad mode": lambda x: np.pad(x, 1, mode="reflect"),
    "clip out": lambda x: np.clip(x, 0, 2, out=np.empty(3)),
    "round out": lambda x: np.round(x, 1, np.empty(3)),
    "quantile method": lambda x: np.quantile(x, 0.3, method="hazen"),
    "ufunc dtype": lambda x: np.add(x, 1, dtype=np.float32),
    "ufunc where": lambda x: np.sqrt(x, where=N > 1, out=np.zeros(3)),
    "reduceat": lambda x: np.add.reduceat(x, [0, 1]),
    "histogram": lambda x: np.histogram(x)[0],
    "linspace": lambda x: np.linspace(x[0], x[1], 3),
    "index": lambda x: np.arange(10)[np.asarray(x, int)],
    "generator": lambda x: np.random.default_rng(0).normal(x),
    "add.at": lambda x: added_at(np.zeros(3), x),
    "copyto": lambda x: copied_to(np.zeros(3), x),
    "item": lambda x: written(np.zeros(3), x),
    "polyfit": lambda x: np.polyfit(N, x, 1),
    "vectorize": lambda x: np.vectorize(lambda v: v * 2)(x),
    "apply_along_axis": lambda x: np.apply_along_axis(np.sum, 0, x),
    "windows": lambda x: np.lib.stride_tricks.sliding_window_view(x, 2),
    "lists": lambda x: np.sum([x, x], axis=0),
    "lstsq": lambda x: np.linalg.lstsq(np.eye(3), x)[0],
    "unwrap": lambda x: np.unwrap(x * 3),
}


def added_at(out: Any, x: Any) -> Any:
    np.add.at(out, [0, 1, 1], x)
    return out


def copied_to(out: Any, x: Any) -> Any:
    np.copyto(out, x)
    np.put(out, [0], x[2])
    return out


def written(out: Any, x: Any) -> Any:
    out[:2], out[2] = x[:2], x[2]
    return out


@pytest.mark.parametrize("name", AS_ARRAYS)
def test_an_untracked_tensor_is_an_array_wherever_numpy_wants_one(name: str) -> None:
    """In calls that no rule here covers, and arguments that ours do not take."""
    found, expected = AS_ARRAYS[name](U), AS_ARRAYS[name](U.numpy())
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected))
    assert np.asarray(found).dtype == np.asarray(expected).dtype


def test_what_would_lose_a_history_is_refused() -> None:
    """A tracked tensor in such a call; an array that is written into where a tensor lies."""
    x = tensor([1.0, 2.0, 4.0], requires_grad=True)
    for call in (lambda: np.sum(x, dtype=np.float32), lambda: np.pad(x, 1, mode="reflect"), lambda: np.unwrap(x),
                 lambda: np.add.at(np.zeros(3), [0, 1, 2], x), lambda: np.copyto(np.zeros(3), x),
                 lambda: np.copyto(U, W), lambda: np.add.at(U, 0, 1.0)):  # fmt: skip
        with pytest.raises(DtypeError):
            call()


def test_a_function_with_a_buffer_is_differentiated() -> None:
    """np.zeros_like of a tensor is a tensor: what is written into it is recorded."""

    def smoothed(x: Any) -> Any:
        out = np.zeros_like(x)
        out[0] = x[0]
        for i in range(1, len(x)):
            out[i] = 0.5 * out[i - 1] + x[i]
        return np.sum(out * W)

    slope = func.grad(smoothed)(np.array([1.0, 2.0, 4.0]))
    np.testing.assert_allclose(slope, [0.5 + 0.75 + 0.625, 1.5 + 1.25, 2.5])

"""NumPy's ufuncs and functions on Tensors: differentiable, with NumPy's meaning; those without a primitive say so."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy_calls import MORE, A, B, parts

import autodiff
from autodiff import Tensor, grad, tensor
from autodiff.errors import AutodiffError, DtypeError, GraphError
from autodiff.numpy_api.functions import FUNCTIONS
from autodiff.numpy_api.protocol import UFUNCS, named

CALLS: dict[str, Callable[..., Any]] = {
    "sum axis tuple": lambda x: np.sum(x, axis=(0, 1)),
    "sum keepdims": lambda x: np.sum(x, axis=1, keepdims=True),
    "mean": lambda x: np.mean(x, 0),
    "max axis tuple": lambda x: np.max(x, axis=(0, 1)),
    "min axis": lambda x: np.min(x, axis=-1),
    "amax": lambda x: np.amax(x, 1),
    "amin": lambda x: np.amin(x),
    "std divides by N": lambda x: np.std(x),
    "std ddof": lambda x: np.std(x, axis=1, ddof=1, keepdims=True),
    "var": lambda x: np.var(x, axis=0),
    "argmax": lambda x: np.argmax(x),
    "argmin axis": lambda x: np.argmin(x, axis=1, keepdims=True),
    "any all": lambda x: np.any(x > 2, axis=0) & np.all(x > -2, axis=0),
    "transpose reverses all": lambda x: np.transpose(np.expand_dims(x, 0)),
    "transpose axes": lambda x: np.transpose(x, (1, 0)),
    "matrix_transpose": lambda x: np.matrix_transpose(x),
    "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "moveaxis": lambda x: np.moveaxis(x, 0, -1),
    "expand_dims": lambda x: np.expand_dims(x, axis=1),
    "squeeze": lambda x: np.squeeze(x[:1], axis=0),
    "reshape": lambda x: np.reshape(x, (3, -1)),
    "ravel": lambda x: np.ravel(x),
    "real": lambda x: np.real(x * (1 + 2j)),
    "imag": lambda x: np.imag(x * (1 + 2j)),
    "angle": lambda x: np.angle(x),
    "broadcast_to": lambda x: np.broadcast_to(x, (2, 2, 3)),
    "concatenate with arrays": lambda x: np.concatenate([x, B, x], axis=1),
    "concatenate flat": lambda x: np.concatenate([x, B[0]], axis=None),
    "stack with lists": lambda x: np.stack([x[0], [1.0, 2.0, 3.0]], axis=1),
    "split": lambda x: np.split(x, 3, axis=1)[2],
    "split at": lambda x: np.split(x, [1, -1], axis=1)[1],
    "flip": lambda x: np.flip(x) + np.flip(x, 0) * 2,
    "pad": lambda x: np.pad(x, ((1, 0), (0, 2)), constant_values=3),
    "where": lambda x: np.where(A > 0, x, 2.0),
    "clip": lambda x: np.clip(x, -1.25, 1.25),
    "clip keywords": lambda x: np.clip(x, a_min=None, a_max=1) + np.clip(x, min=0),
    "dot": lambda x: np.dot(x, B.T),
    "dot of vectors": lambda x: np.dot(x[0], x[1]),
    "dot of numbers": lambda x: np.dot(x, x[0, 0]),
    "copy": lambda x: np.copy(x),
    "add.reduce": lambda x: np.add.reduce(x),
    "add.reduce axis": lambda x: np.add.reduce(x, axis=1, keepdims=True),
    "maximum.reduce": lambda x: np.maximum.reduce(x, axis=0),
    "minimum.reduce": lambda x: np.minimum.reduce(x, axis=None),
    "add": lambda x: np.add(x, B),
    "subtract": lambda x: np.subtract(B, x),
    "multiply": lambda x: np.multiply(x, B),
    "divide": lambda x: np.divide(B, x),
    "power": lambda x: np.power(np.abs(x), B),
    "maximum minimum": lambda x: np.maximum(x, B) + np.minimum(B, x),
    "negative": lambda x: np.negative(x) + np.sign(x),
    "smooth": lambda x: np.exp(x) + np.expm1(x) + np.sin(x) + np.cos(x) + np.tanh(x) + np.square(x),
    "positive": lambda x: np.log(np.abs(x)) + np.log1p(np.abs(x)) + np.sqrt(np.absolute(x)),
    "matmul": lambda x: np.matmul(x, B.T),
    "comparisons": lambda x: np.greater(x, B) | np.less_equal(x, 1) & np.isfinite(x) | np.logical_not(x > 0),
    "array on the left": lambda x: B * x + B @ x.T @ B - (B > 0) * x,
    "array on the right": lambda x: x * B + x / B - x @ B.T @ B,
    "scalar on the left": lambda x: np.float64(2) * x + np.int64(3) - np.float64(1) / x,
    "scalar on the right": lambda x: x * np.float64(2) - np.int64(3) + x ** np.int64(2),
    "0-d array": lambda x: np.array(2.0) * x + x * np.array(3),
    "reflected power": lambda x: np.float64(2) ** x,
    "prod": lambda x: np.prod(x) + np.prod(x, axis=(0, 1), keepdims=True) * np.prod(x, 1),
    "nansum nanmean": lambda x: np.nansum(x, axis=0) * np.nanmean(x),
    "median is the mean of two": lambda x: np.median(x) + np.median(x, axis=1, keepdims=True),
    "quantile": lambda x: np.quantile(x, [0.25, 0.8], axis=1) + np.percentile(x, 30),
    "quantile method": lambda x: np.quantile(x, 0.4, axis=0, method="lower", keepdims=True),
    "order without NaN": lambda x: np.nanquantile(x, 0.3, axis=(0, 1)) + np.nanpercentile(x, 30) + np.nanmedian(x),
    "average ptp": lambda x: np.average(x, axis=0, weights=np.abs(B)) + np.average(x) * np.ptp(x, axis=0),
    "cumsum": lambda x: np.cumsum(x)[:3] + np.cumsum(x, axis=1) * np.cumprod(x, axis=0),
    "diff": lambda x: np.diff(x) + np.diff(x, n=2, axis=1, prepend=1.0),
    "diff append": lambda x: np.diff(x, axis=0, append=B),
    "trapezoid": lambda x: np.trapezoid(x) + np.trapezoid(x, dx=0.5, axis=1),
    "sort": lambda x: np.sort(x) + np.sort(x, axis=0) + np.sort(x, axis=None)[:3],
    "argsort": lambda x: np.argsort(x, axis=1),
    "hstack": lambda x: np.hstack([x, B]) + np.hstack([B, x]),
    "vstack": lambda x: np.vstack((x, B[0])),
    "dstack": lambda x: np.dstack([x, B]),
    "column_stack": lambda x: np.column_stack([x, [1.0, 2.0]]),
    "append": lambda x: np.append(x, B, axis=0) * np.append(x, B).reshape(4, 3),
    "splits": lambda x: np.hsplit(x, 3)[1] * np.vsplit(x, [1])[0][:, :1] + np.array_split(x, 2, axis=1)[0][:, 1:],
    "dsplit": lambda x: np.dsplit(np.reshape(x, (1, 2, 3)), 3)[2],
    "tile": lambda x: np.tile(x, (2, 1)) + np.tile(x, 2)[:, 1:4].repeat(2, 0) if isinstance(x, np.ndarray)
        else np.tile(x, (2, 1)) + np.repeat(np.tile(x, 2)[:, 1:4], 2, 0),
    "repeat": lambda x: np.repeat(x, 2) + np.reshape(np.repeat(x, [2, 2], axis=0), -1),
    "roll": lambda x: np.roll(x, 1) + np.roll(x, (1, -1), axis=(0, 1)) * np.roll(x, 2, axis=1),
    "turned": lambda x: np.fliplr(x) * np.flipud(x) + np.transpose(np.rot90(x)) + np.transpose(np.rot90(x, k=3)),
    "meshgrid": lambda x: np.meshgrid(x[0], x[1])[0] * np.meshgrid(x[0], B[1], indexing="ij")[1],
    "broadcast_arrays": lambda x: np.broadcast_arrays(x, B[0])[1] * x,
    "atleast": lambda x: np.atleast_1d(x[0, 0]) + np.atleast_2d(x[0]),
    "diagonals": lambda x: np.diagonal(x) + np.diag(x, k=1) + np.diag(np.diag(x[0], k=0)[:2, :2]),
    "diagflat": lambda x: np.diagflat(x, k=1),
    "triangles": lambda x: np.tril(x) * 2 + np.triu(x, k=1),
    "take": lambda x: np.take(x, [0, 2, 0]) + np.take(x, [[1, 0, 1]], axis=0)[0],
    "take_along_axis": lambda x: np.take_along_axis(x, np.array([[0, 2], [1, 1]]), axis=1),
    "round": lambda x: np.round(x + 0.03, 1) * x + np.around(x + 0.1),
    "sinc": lambda x: np.sinc(x) + np.nan_to_num(x),
    "dot of stacks": lambda x: np.dot(x, np.stack([B.T, B.T * 2])),
    "inner": lambda x: np.inner(x, B) + np.inner(B, x),
    "outer": lambda x: np.outer(x, x[0]) + np.outer(B, x[1]) + np.linalg.outer(x[0], x[1])[0],
    "vdot": lambda x: np.vdot(x, B) * np.vdot(x, x),
    "tensordot": lambda x: np.tensordot(x, B, axes=([0], [0])) + np.tensordot(x, B)
        + np.linalg.tensordot(x, B.T, axes=1)[0, 0],
    "kron": lambda x: np.kron(x, B),
    "cross": lambda x: np.cross(x, B) + np.linalg.cross(B, x),
    "trace": lambda x: np.trace(x, offset=1) + np.linalg.trace(x) + np.linalg.diagonal(x),
    "einsum": lambda x: np.einsum("ij,kj->ik", x, B) + np.einsum("ij->i", x),
    "norm": lambda x: np.linalg.norm(x) + np.linalg.norm(x, axis=1) + np.linalg.norm(x, 1, axis=(0, 1)),
    "norms": lambda x: np.linalg.vector_norm(x, axis=0, ord=3) + np.linalg.matrix_norm(x) + np.linalg.norm(x[0], 3),
    "inverse": lambda x: np.linalg.inv(spd(x)) + np.linalg.pinv(spd(x)),
    "determinant": lambda x: np.linalg.det(spd(x)) + np.linalg.slogdet(spd(x))[1],
    "solve": lambda x: np.linalg.solve(spd(x), x) + np.linalg.solve(spd(x), B[:, 0])[:, None],
    "cholesky": lambda x: np.linalg.cholesky(spd(x)),
    "eigenvalues of any": lambda x: np.abs(np.linalg.eigvals(spd(x))) + np.abs(np.linalg.eig(spd(x)).eigenvalues),
    "eigenvalues": lambda x: np.linalg.eigvalsh(spd(x)) + np.linalg.eigh(spd(x)).eigenvalues,
    "singular values": lambda x: np.linalg.svd(x, compute_uv=False) + np.linalg.svdvals(x),
    "svd": lambda x: np.linalg.svd(x, full_matrices=False).S,
    "qr": lambda x: np.abs(np.linalg.qr(np.transpose(x)).R),
    "powers": lambda x: np.linalg.matrix_power(spd(x), 3) + np.linalg.multi_dot([x, B.T, x, B.T]),
    "linalg transpose": lambda x: np.linalg.matrix_transpose(x),
    "multiply.reduce": lambda x: np.multiply.reduce(x) + np.multiply.reduce(x, axis=None),
    "logaddexp.reduce": lambda x: np.logaddexp.reduce(x, axis=1) + np.logaddexp.reduce(x, axis=None),
    "accumulate": lambda x: np.add.accumulate(x) * np.multiply.accumulate(x, axis=1),
    "extremes so far": lambda x: np.maximum.accumulate(x, axis=1) - np.minimum.accumulate(x)
        + np.logaddexp.accumulate(x, axis=1),
    "ufunc.outer": lambda x: np.multiply.outer(x, B) + np.subtract.outer(B, x),
    "steps": lambda x: x * sum(f(x + 0.1) for f in (np.floor, np.ceil, np.trunc, np.rint)) + np.signbit(x)
        + np.heaviside(x, 1.0),
    "whole": lambda x: np.floor_divide(x + 0.1, B) + np.remainder(x + 0.1, B) + np.fmod(x, B + 0.1)
        + np.divmod(x + 0.1, B)[1],
    "angles": lambda x: np.deg2rad(x) + np.radians(x) + np.rad2deg(x) + np.degrees(x) + np.arctan2(x, B),
    "hyperbolic": lambda x: np.sinh(x) + np.cosh(x) + np.arcsinh(x) + np.arccosh(np.abs(x) + 2) + np.arctanh(x / 8),
    "trigonometric": lambda x: np.tan(x) + np.arctan(x) + np.arcsin(x / 8) + np.arccos(x / 8),
    "logarithms": lambda x: np.log2(np.fabs(x)) + np.log10(np.fabs(x)) + np.exp2(x) + np.logaddexp(x, B)
        + np.logaddexp2(x, B),
    "signs": lambda x: np.copysign(x, B) + np.reciprocal(x) + np.positive(x) + np.conjugate(x) + np.hypot(x, B),
    "extremes": lambda x: np.fmax(x, B) + np.fmin(B, x),
    "parts": lambda x: np.ldexp(x, np.array([1, 2, 0])) + np.frexp(x * 1.1)[0] + np.nextafter(B, 9.0) * x,
    "vecdot": lambda x: np.vecdot(x, B),
    "transforms": lambda x: np.abs(np.fft.fft(x)) * np.abs(np.fft.ifft(x)) + np.fft.irfft(np.fft.rfft(x, 4), 3)
        + np.fft.hfft(np.fft.ihfft(x * x, 4), 3),
    "transforms of planes": lambda x: np.abs(np.fft.fftn(x)) * np.abs(np.fft.ifftn(x)) + np.abs(np.fft.fft2(x))
        * np.abs(np.fft.ifft2(x)) + np.fft.irfftn(np.fft.rfftn(x * x), (2, 3), (0, 1))
        + np.fft.irfft2(np.fft.rfft2(x * x), (2, 3)),
    "shifts": lambda x: np.fft.fftshift(x * x) + np.fft.ifftshift(x, axes=1),
}  # fmt: skip
if hasattr(np, "matvec"):  # NumPy 2.2
    CALLS["matvec"] = lambda x: np.matvec(x, B[0]) + np.vecmat(B[:, 0], x)[:2]
CALLS |= MORE


def spd(x: Any) -> Any:
    return x @ np.transpose(x) + np.diag([1.0, 2.0])


@pytest.mark.parametrize("name", CALLS)
def test_numpys_spelling_means_what_numpy_means(name: str) -> None:
    """The value is that of the same call on an array, and the gradient is its numeric derivative."""
    call = CALLS[name]
    x = tensor(A, requires_grad=True)
    out, expected = call(x), np.asarray(call(A))
    assert type(out) is Tensor
    assert (out.shape, out.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(out.detach().numpy(), expected, rtol=1e-14)
    if out.dtype.kind != "f":
        return
    weights = np.random.default_rng(0).normal(size=expected.shape)
    (g,) = grad((out * weights).sum(), x)
    numeric, step = np.zeros_like(A), 1e-6
    for i in np.ndindex(A.shape):
        moved = np.zeros_like(A)
        moved[i] = step
        numeric[i] = (np.sum(call(A + moved) * weights) - np.sum(call(A - moved) * weights)) / (2 * step)
    np.testing.assert_allclose(g.numpy(), numeric, rtol=1e-6, atol=1e-7)


def test_every_function_and_ufunc_with_a_primitive_is_called_here() -> None:
    """The table above, and the questions below, leave none out."""
    used = " ".join(name for call in (*CALLS.values(), *QUESTIONS, parts) for name in call.__code__.co_names)
    names = {f.__name__ for f in (*UFUNCS, *FUNCTIONS)}
    operators = {"equal", "not_equal", "less", "greater_equal", "bitwise_and", "bitwise_or", "bitwise_xor", "invert",
                 "logical_and", "logical_or", "logical_xor", "isnan", "isinf",
                 "left_shift", "right_shift", "gcd", "lcm"}  # fmt: skip
    assert {n for n in names if n not in used.split()} <= operators


QUESTIONS: list[Callable[[Any], Any]] = [
    lambda x: np.allclose(x, A), lambda x: np.array_equal(x, A), lambda x: np.isclose(x, A).all(),
    lambda x: np.shape(x) + (np.ndim(x), np.size(x)), lambda x: np.zeros_like(x).tolist(),
    lambda x: np.ones_like(x).tolist(), lambda x: np.full_like(x, 2).tolist(), lambda x: np.empty_like(x).shape,
    lambda x: np.count_nonzero(x > 0), lambda x: np.nonzero(x > 1)[0].tolist(), lambda x: np.flatnonzero(x).tolist(),
    lambda x: np.argwhere(x > 1).tolist(), lambda x: np.unique(x).tolist(), lambda x: np.isin(x, [0.5]).tolist(),
    lambda x: np.searchsorted(x[0], 1.0), lambda x: np.bincount(x[1] > 0).tolist(), lambda x: np.result_type(x, 1),
    lambda x: np.can_cast(x, np.float32), lambda x: np.linalg.matrix_rank(x), lambda x: np.linalg.cond(x),
    lambda x: (np.isposinf(x) | np.isneginf(x)).any() or np.iscomplexobj(x) or not np.isrealobj(x),
    lambda x: np.array_repr(x) + np.array_str(x) + np.array2string(x),
]  # fmt: skip


@pytest.mark.parametrize("question", QUESTIONS)
def test_questions_about_a_tensor_have_plain_answers(question: Callable[[Any], Any]) -> None:
    """What has no derivative is answered from the numbers, of tracked tensors too."""
    assert question(tensor(A, requires_grad=True)) == question(A)


WITHOUT_A_PRIMITIVE: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "ufunc": (lambda x: np.spacing(x), r"np\.spacing has no derivative here"),
    "function": (lambda x: np.nanargmin(x), r"np\.nanargmin has no derivative.*nearest that has is np\.nanmin"),
    "far from any": (lambda x: np.i0(x), r"np\.i0 has no derivative here"),
    "linalg": (lambda x: np.linalg.tensorinv(x), r"np\.linalg\.tensorinv has no derivative.*is np\.linalg\.tensordot"),
    "reduce": (lambda x: np.subtract.reduce(x), r"np\.subtract\.reduce has no derivative"),
    "accumulate": (lambda x: np.subtract.accumulate(x), r"np\.subtract\.accumulate has no derivative"),
    "reduceat": (lambda x: np.add.reduceat(x, [0, 1]), r"np\.add\.reduceat has no derivative"),
    "at": (lambda x: np.add.at(x, 0, 1), r"np\.add\.at has no derivative"),
    "out of a ufunc": (lambda x: np.exp(x, out=np.zeros((2, 3))), r"np\.exp with out= cannot be recorded"),
    "out tensor": (lambda x: np.exp(A, out=x), r"np\.exp with out= cannot be recorded"),
    "out of a function": (lambda x: np.sum(x, out=np.zeros(())), r"np\.sum on a Tensor.*out"),
    "array +=": (lambda x: np.zeros((2, 3)).__iadd__(x), r"np\.add with out= cannot be recorded"),
    "where of a ufunc": (lambda x: np.exp(x, where=A > 0), r"np\.exp on a Tensor does not take where"),
    "where of a function": (lambda x: np.mean(x, where=A > 0), r"np\.mean on a Tensor.*where"),
    "dtype of a reduce": (
        lambda x: np.add.reduce(x, dtype=np.float32),
        r"np\.add\.reduce on a Tensor does not take dtype",
    ),
    "dtype of a function": (lambda x: np.cumsum(x, dtype=np.float32), r"np\.cumsum on a Tensor.*dtype"),
    "initial": (lambda x: np.sum(x, initial=3), r"np\.sum on a Tensor.*initial"),
    "pad mode": (lambda x: np.pad(x, 1, mode="edge"), r"np\.pad of a Tensor pads with one constant"),
    "quantile method": (lambda x: np.quantile(x, 0.5, method="hazen"), "takes the methods linear"),
}  # fmt: skip


@pytest.mark.parametrize("name", WITHOUT_A_PRIMITIVE)
def test_what_has_no_primitive_says_so_and_gives_no_object_array(name: str) -> None:
    """Unknown functions, methods and arguments are refused by name, with the nearest that is known."""
    call, message = WITHOUT_A_PRIMITIVE[name]
    with pytest.raises(DtypeError, match=message):
        call(tensor(A, requires_grad=True))


def test_parameters_are_called_what_numpy_calls_them() -> None:
    """Each entry takes its arguments by NumPy's names and in NumPy's order, as far as it takes them."""
    told = 0
    for function, ours in FUNCTIONS.items():
        try:
            theirs = list(inspect.signature(function).parameters)
        except ValueError:
            continue  # NumPy does not tell
        if "kwargs" in theirs:
            continue
        mine = [p for p in inspect.signature(ours).parameters if p not in ("args", "kwargs")]
        at = [theirs.index(name) for name in mine if name in theirs]
        assert len(at) == len(mine), f"{named(function)}: {mine} among {theirs}"
        told += 1
    assert told > 0.9 * len(FUNCTIONS)


def test_uneven_splits_and_long_squeezes_are_refused_as_numpy_does() -> None:
    """np.split into unequal parts and np.squeeze of a longer axis are errors, unlike chunk and squeeze."""
    for call in (lambda x: np.split(x, 2, axis=1), lambda x: np.squeeze(x, axis=0)):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            call(tensor(A))
        assert isinstance(caught.value, AutodiffError)
        with pytest.raises(ValueError):  # noqa: PT011
            call(A)


def test_arrays_out_of_tensors() -> None:
    """np.asarray shares memory outside the graph and is refused inside; np.array copies; dtype converts."""
    x = tensor(A)
    assert np.shares_memory(np.asarray(x), x.numpy())
    assert not np.shares_memory(np.array(x), x.numpy())
    assert np.asarray(x, dtype=np.float32).dtype == np.float32
    assert np.array([tensor(1.0), tensor(2.0)]).tolist() == [1, 2]
    np.testing.assert_allclose(x, A)
    for convert in (np.asarray, np.array, lambda t: t.numpy()):
        with pytest.raises(GraphError, match=r"\.detach\(\)\.numpy\(\)"):
            convert(tensor(A, requires_grad=True))


def test_numpys_spelling_is_recorded_for_higher_orders() -> None:
    """A rule written with np. functions can be differentiated again: the second derivative of sum(sin(x)^2)."""
    x = tensor(A, requires_grad=True)
    (g,) = grad(np.sum(np.sin(x) ** 2), x, create_graph=True)
    (h,) = grad(np.sum(g), x)
    np.testing.assert_allclose(h.numpy(), 2 * np.cos(2 * A), rtol=1e-12)


def test_tensors_among_arrays_in_one_call() -> None:
    """A Tensor anywhere among the arguments makes the result a Tensor."""
    w = autodiff.ones(3, dtype=autodiff.float64, requires_grad=True)
    for out in (np.where(A > 0, A, w), np.concatenate([A, w[None]]), np.maximum(A, w), np.stack([A[0], w])):
        assert out.requires_grad


@pytest.mark.parametrize("other", [1, 2.5, np.ones(2, np.float64), np.array([3, 200], np.uint8), np.array([4, 5])])
def test_numpy_subtracts_booleans_from_numbers(other: Any) -> None:
    """As NumPy does, and PyTorch's operator does not; two booleans have no difference in either."""
    mask = np.array([True, False])
    for x, y in ((mask, other), (other, mask)):
        ours = np.subtract(*(autodiff.tensor(z) if isinstance(z, np.ndarray) else z for z in (x, y)))
        np.testing.assert_array_equal(ours.detach().numpy(), np.subtract(x, y))
    for refused in (lambda x: x - 1, lambda x: np.subtract(x, x), lambda x: np.subtract(x, True)):
        with pytest.raises(DtypeError):
            refused(autodiff.tensor(mask))

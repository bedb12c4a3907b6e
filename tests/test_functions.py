"""The functions of autodiff against PyTorch's: values, shapes, dtypes and gradients, over shapes and memory layouts."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from parity import harness
from parity.harness import Near, same

import autodiff
from autodiff import Generator

Function = Callable[..., Any]
UNARY: dict[str, Function] = {
    "abs": lambda m, x: m.abs(x),
    "neg": lambda m, x: m.neg(x),
    "sign": lambda m, x: m.sign(x),
    "square": lambda m, x: m.square(x),
    "exp": lambda m, x: m.exp(x),
    "expm1": lambda m, x: m.expm1(x),
    "sin": lambda m, x: m.sin(x),
    "cos": lambda m, x: m.cos(x),
    "tanh": lambda m, x: m.tanh(x),
    "sigmoid": lambda m, x: m.sigmoid(x),
    "relu": lambda m, x: m.relu(x),
    "log": lambda m, x: m.log(x * x + 0.1),
    "log1p": lambda m, x: m.log1p(x * x),
    "sqrt": lambda m, x: m.sqrt(x * x + 0.1),
    "pow": lambda m, x: m.pow(x, 3),
    "pow of a number": lambda m, x: 2.0**x,
    "clamp": lambda m, x: m.clamp(x, -0.5, 0.5),
    "clamp below": lambda m, x: m.clamp(x, min=-0.5),
    "clamp above": lambda m, x: x.clip(max=0.5),
    "clone": lambda m, x: m.clone(x) * 2,
    "ravel": lambda m, x: m.ravel(x),
    "flatten": lambda m, x: m.flatten(x),
    "unsqueeze first": lambda m, x: m.unsqueeze(x, 0),
    "unsqueeze last": lambda m, x: x.unsqueeze(-1),
    "squeeze": lambda m, x: m.squeeze(x),
    "reshape": lambda m, x: m.reshape(x, (-1,)) if x.numel() else x.reshape(x.shape),
    "sum": lambda m, x: m.sum(x),
    "mean": lambda m, x: m.mean(x),
    "sum keepdim": lambda m, x: x.sum(dim=-1, keepdim=True),
    "softmax": lambda m, x: m.softmax(x, -1),
    "log_softmax": lambda m, x: m.log_softmax(x, -1),
    "logsumexp": lambda m, x: m.logsumexp(x, -1),
    "numbers": lambda m, x: (2 - x) / 3 + 1 / (x * x + 1) - x * True,
    "comparisons": lambda m, x: (x > 0) & (x <= 0.5) | (x == 0) ^ (x != x),
}
MATRIX: dict[str, Function] = {
    "sum of one axis": lambda m, x: m.sum(x, 0),
    "sum of axes": lambda m, x: x.sum((0, -1)),
    "sum in float64": lambda m, x: x.sum(0, dtype=m.float64),
    "mean of axes": lambda m, x: m.mean(x, (0, 1), keepdim=True),
    "var": lambda m, x: m.var(x, 0),
    "var of all": lambda m, x: x.var(),
    "var unbiased": lambda m, x: x.var(dim=1, unbiased=False),
    "std": lambda m, x: m.std(x, 1, keepdim=True),
    "std correction": lambda m, x: x.std(dim=0, correction=0),
    "max": lambda m, x: m.max(x),
    "min": lambda m, x: x.min(),
    "max of an axis": lambda m, x: tuple(m.max(x, 1)),
    "min of an axis": lambda m, x: tuple(x.min(dim=-2, keepdim=True)),
    "max of two": lambda m, x: m.max(x, x * x),
    "amax": lambda m, x: m.amax(x, (0, 1)),
    "amin": lambda m, x: x.amin(1, keepdim=True),
    "argmax": lambda m, x: (m.argmax(x), x.argmax(1), x.argmin(0, keepdim=True), m.argmin(x)),
    "any all": lambda m, x: (m.any(x > 1), (x > -9).all(1), (x > 0).any(0, keepdim=True)),
    "logsumexp of axes": lambda m, x: m.logsumexp(x, (0, 1)),
    "softmax dtype": lambda m, x: m.softmax(x, 0, dtype=m.float64),
    "maximum": lambda m, x: m.maximum(x, -x),
    "minimum": lambda m, x: m.minimum(x, x * 2),
    "where": lambda m, x: m.where(x > 0, x * 2, x.exp()),
    "where of numbers": lambda m, x: m.where(x > 0, 1.0, 2),
    "clamp by tensors": lambda m, x: m.clamp(x, min=x * 0 - 0.5, max=x * x),
    "add alpha": lambda m, x: m.add(x, x * x, alpha=3),
    "sub alpha": lambda m, x: x.sub(x * x, alpha=0.5),
    "powers": lambda m, x: (x * x + 0.1) ** x,
    "divide": lambda m, x: m.div(x, x * x + 1),
    "transpose": lambda m, x: m.transpose(x, 0, -1),
    "T and mT": lambda m, x: (x.T, x.mT, x.t()),
    "permute": lambda m, x: (m.permute(x, (1, 0)), x.permute(-1, 0)),
    "movedim": lambda m, x: m.movedim(x, 0, 1),
    "flip": lambda m, x: (m.flip(x, (0, 1)), x.flip(1)),
    "expand": lambda m, x: x.unsqueeze(0).expand(2, -1, 4),
    "broadcast_to": lambda m, x: m.broadcast_to(x, (2, 3, 4)),
    "unflatten": lambda m, x: m.unflatten(x, 1, (2, -1)),
    "view": lambda m, x: x.contiguous().view(2, -1),
    "squeeze dims": lambda m, x: x[:1, None].squeeze((0, 1)),
    "split": lambda m, x: m.split(x, 2, 1),
    "split of sizes": lambda m, x: x.split([1, 3], dim=-1),
    "chunk": lambda m, x: m.chunk(x, 3, 1),
    "unbind": lambda m, x: m.unbind(x, 1),
    "select": lambda m, x: (m.select(x, 1, -1), x.select(0, 0)),
    "narrow": lambda m, x: m.narrow(x, 1, 1, 2),
    "gather": lambda m, x: m.gather(x, 1, m.tensor([[0, 0, 3], [1, 2, 1]])),
    "cat": lambda m, x: (m.cat([x, x * 2], 1), m.concat([x, x[:1]], dim=0)),
    "stack": lambda m, x: m.stack([x, x * 2, x], -1),
    "mm": lambda m, x: m.mm(x, x.T),
    "matmul": lambda m, x: x @ x.mT,
    "mv": lambda m, x: m.mv(x, x[0]),
    "dot": lambda m, x: m.dot(x[0], x[1]),
    "outer": lambda m, x: m.outer(x[0], x[:, 0]),
    "bmm": lambda m, x: m.bmm(x[None].expand(2, 3, 4), m.ones(2, 4, 5, dtype=x.dtype)),
    "batched matmul": lambda m, x: x.expand(2, 1, 3, 4) @ x.mT.expand(5, 4, 3),
    "vector matmul": lambda m, x: (x[:, 0] @ x, x @ x[0], x.expand(2, 3, 4) @ x[0], x[:, 0] @ x.expand(2, 3, 4)),
    "allclose equal": lambda m, x: m.tensor([m.allclose(x, x + 1e-9), m.equal(x, x), m.equal(x, x[0])]),
    "logical": lambda m, x: (m.logical_and(x > 0, x), m.logical_or(x, x > 0), m.logical_not(x), m.logical_xor(x, x)),
    "tests": lambda m, x: (m.isnan(x / 0), m.isinf(x / 0), m.isfinite(x)),
}
SHAPES = [(), (0,), (1,), (3,), (2, 3), (0, 3), (2, 1, 4)]
LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "C": lambda a: a,
    "Fortran": np.asfortranarray,
    "reversed": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "every other": lambda a: np.repeat(np.repeat(a, 2, 0), 2, 1)[::2, ::2],
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
}


def compare(function: Function, array: np.ndarray, rtol: float = 1e-12) -> None:
    """Compare the function and its gradient in both libraries, with NumPy's warnings silenced."""
    with np.errstate(all="ignore"):
        harness.compare(function, array, near=Near(rtol, 1e-12 if rtol < 1e-6 else 1e-6))


@pytest.mark.parametrize("name", UNARY)
def test_elementwise_and_whole_functions_agree_over_shapes(name: str) -> None:
    """Functions that take any shape agree with PyTorch on 0-d, empty, single and many entries."""
    for shape in SHAPES:
        compare(UNARY[name], np.random.default_rng(1).normal(size=shape))


TIES = ("max", "min", "max of an axis", "min of an axis", "argmax", "std", "std correction")  # see test_conventions.py


@pytest.mark.parametrize("name", MATRIX)
def test_functions_of_matrices_agree_over_layouts(name: str) -> None:
    """Functions agree with PyTorch whatever the layout of the memory and the floating dtype."""
    x = np.random.default_rng(2).normal(size=(3, 4))
    for layout in LAYOUTS.values():
        if layout is not LAYOUTS["broadcast"] or name not in TIES:
            compare(MATRIX[name], layout(x))
    compare(MATRIX[name], x.astype(np.float32), rtol=1e-4)


@pytest.mark.parametrize("name", UNARY)
def test_elementwise_functions_agree_over_layouts(name: str) -> None:
    """Elementwise functions agree with PyTorch on Fortran-ordered, reversed, strided and stretched memory."""
    for layout in LAYOUTS.values():
        compare(UNARY[name], layout(np.random.default_rng(3).normal(size=(3, 4))))


EMPTY_AXIS: dict[str, Function] = {
    "sum": lambda m, x: x.sum(0),
    "mean": lambda m, x: x.mean(0),
    "logsumexp": lambda m, x: x.logsumexp(0),
    "softmax": lambda m, x: (x.softmax(0), x.log_softmax(1)),
    "amax of the other": lambda m, x: x.amax(1),
    "any all": lambda m, x: ((x > 0).any(0), (x > 0).all(0)),
    "split": lambda m, x: x.split(3),
    "chunk": lambda m, x: x.chunk(3),
    "cat": lambda m, x: m.cat([x, x + 1]),
    "legacy cat": lambda m, x: m.cat([m.zeros(0), x.new_ones(2, 3)]),
    "matmul": lambda m, x: x.T @ x,
    "flatten": lambda m, x: x.flatten(),
    "index": lambda m, x: x[:, 1],
}


@pytest.mark.parametrize("name", EMPTY_AXIS)
def test_axes_without_entries_agree(name: str) -> None:
    """Reducing, cutting and joining along an axis of length 0 gives what PyTorch gives, without a warning."""
    compare(EMPTY_AXIS[name], np.zeros((0, 3)))


ODD: dict[str, tuple[Function, np.ndarray]] = {
    "sum of a 0-d along a tuple": (lambda m, x: x.sum((0,)), np.array(2.0)),
    "max of a 0-d along 0": (lambda m, x: tuple(m.max(x, 0)), np.array(2.0)),
    "softmax of a 0-d": (lambda m, x: m.softmax(x, 0), np.array(2.0)),
    "transpose of a 0-d": (lambda m, x: x.transpose(0, -1), np.array(2.0)),
    "squeeze of no axes": (lambda m, x: m.squeeze(x, ()), np.ones((1, 3, 1))),
    "squeeze of a longer axis": (lambda m, x: x.squeeze(1), np.ones((1, 3, 1))),
    "sum of no axes is of all": (lambda m, x: x.sum(()), np.ones((2, 3))),
    "logsumexp of -inf alone": (lambda m, x: m.logsumexp(x.detach(), 0), np.array([-np.inf, -np.inf])),
    "logsumexp with inf": (lambda m, x: m.logsumexp(x, 0), np.array([1.0, -np.inf])),
    "clamp of NaN": (lambda m, x: m.clamp(x.detach(), x.detach() * 0, x.detach() * 0 + 1), np.array([np.nan, 3.0])),
    "softmax of large": (lambda m, x: m.softmax(x, 0), np.array([1e4, -1e4, 0.0])),
    "uint8 sum": (lambda m, x: (x.sum(), x.sum(0), (x > 1).sum()), np.arange(4, dtype=np.uint8)),
    "int32 sum": (lambda m, x: x.sum(), np.arange(4, dtype=np.int32)),
    "half mean of many": (lambda m, x: x.mean(), np.ones(100_000, np.float16)),
    "half sum of many": (lambda m, x: x.sum() / 2, np.ones(5000, np.float16)),
    "half product of many": (lambda m, x: x @ x, np.ones(5000, np.float16)),
    "wrapping integers": (lambda m, x: (x * -1, x + 300, 300 - x), np.arange(4, dtype=np.uint8)),
    "clamp of integers by floats": (lambda m, x: (x.clamp(0.5, 2.5), x.clamp(1, 2)), np.arange(4)),
    "clamp by NumPy numbers": (
        lambda m, x: m.clamp(x, np.float64(0.5), np.float64(1.5)),
        np.arange(4, dtype=np.float32),
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_cases_agree(name: str) -> None:
    """Corners that NumPy treats otherwise give PyTorch's value, dtype and gradient."""
    function, x = ODD[name]
    compare(function, x, rtol=1e-12 if x.dtype == np.float64 else 1e-3)


CREATION: dict[str, Callable[[ModuleType], Any]] = {
    "zeros": lambda m: m.zeros(2, 3),
    "zeros of a tuple": lambda m: m.zeros((2, 3), dtype=m.int32),
    "zeros of a list": lambda m: m.zeros([2, 0]),
    "zeros of a shape": lambda m: m.zeros(m.ones(2, 3).shape),
    "ones": lambda m: m.ones(3, requires_grad=True),
    "full float": lambda m: m.full((2,), 1.5),
    "full int": lambda m: m.full((2, 2), 3),
    "full bool": lambda m: m.full((2,), True),
    "full of NumPy's": lambda m: m.full((2,), np.float64(2)),
    "full dtype": lambda m: m.full((2,), 3, dtype=m.float64),
    "zeros_like": lambda m: m.zeros_like(m.ones(2, dtype=m.float64)),
    "ones_like": lambda m: m.ones_like(m.ones(2, dtype=m.int32), dtype=m.float32),
    "full_like": lambda m: m.full_like(m.ones(2), 7),
    "empty": lambda m: m.empty(2, 3).zero_(),
    "empty_like": lambda m: m.empty_like(m.ones(0, 2, dtype=m.float16)),
    "arange": lambda m: m.arange(5),
    "arange from to": lambda m: m.arange(2, 8, 3),
    "arange down": lambda m: m.arange(5, 0, -2),
    "arange floats": lambda m: m.arange(0, 1, 0.25),
    "arange of nothing": lambda m: m.arange(3, 3),
    "arange dtype": lambda m: m.arange(3, dtype=m.float32),
    "linspace": lambda m: m.linspace(0, 1, 5),
    "linspace of one": lambda m: m.linspace(2, 5, 1),
    "linspace of none": lambda m: m.linspace(2, 5, 0),
    "eye": lambda m: m.eye(3),
    "eye wide": lambda m: m.eye(2, 3, dtype=m.float64),
    "tensor float": lambda m: m.tensor(1.5, requires_grad=True),
    "tensor int": lambda m: m.tensor([1, 2]),
    "tensor bool": lambda m: m.tensor([[True], [False]]),
    "tensor mixed": lambda m: m.tensor([1, 2.5, True]),
    "tensor empty": lambda m: m.tensor([]),
    "tensor nested empty": lambda m: m.tensor([[], []]),
    "tensor of array": lambda m: m.tensor(np.arange(3.0)),
    "tensor of int32": lambda m: m.tensor(np.arange(3, dtype=np.int32)),
    "tensor of NumPy's numbers": lambda m: m.tensor([np.float32(1), np.float32(2)]),
    "tensor of one NumPy number": lambda m: m.tensor(np.float64(1)),
    "tensor of tensors": lambda m: m.tensor([m.tensor(1.0), m.tensor(2.0)]),
    "tensor dtype": lambda m: m.tensor([1.7, 2.0], dtype=m.int64),
    "tensor of a range": lambda m: m.tensor(range(3)),
    "Tensor of sizes": lambda m: m.Tensor(2, 3).zero_(),
    "Tensor of numbers": lambda m: m.Tensor([1, 2]),
    "Tensor of nothing": lambda m: m.Tensor(),
    "as_tensor": lambda m: m.as_tensor([1.0, 2.0], dtype=m.float64),
    "asarray": lambda m: m.asarray(np.arange(3)),
    "from_numpy": lambda m: m.from_numpy(np.arange(3.0)),
}


@pytest.mark.parametrize("name", CREATION)
def test_created_tensors_agree(name: str) -> None:
    """Every deterministic way of making a tensor gives PyTorch's shape, dtype and entries."""
    same(CREATION[name], near=Near(1e-6))


def test_as_tensor_and_from_numpy_share_memory_and_tensor_does_not() -> None:
    """A change of the array is seen through as_tensor and from_numpy, and not through tensor."""
    array = np.zeros(2)
    shared, borrowed, own = autodiff.from_numpy(array), autodiff.as_tensor(array), autodiff.tensor(array)
    array[0] = 1
    assert (shared.tolist(), borrowed.tolist(), own.tolist()) == ([1, 0], [1, 0], [0, 0])


RANDOM: dict[str, tuple[Callable[..., Any], float, float]] = {  # draw, mean, standard deviation
    "rand": (lambda **kw: autodiff.rand(200, 100, **kw), 0.5, 12**-0.5),
    "randn": (lambda **kw: autodiff.randn(200, 100, **kw), 0.0, 1.0),
    "randint": (lambda **kw: autodiff.randint(2, 7, (200, 100), **kw), 4.0, 2**0.5),
    "randint from 0": (lambda **kw: autodiff.randint(5, (20_000,), **kw), 2.0, 2**0.5),
    "randperm": (lambda **kw: autodiff.randperm(20_000, **kw), 9999.5, (20_000**2 / 12) ** 0.5),
    "normal": (lambda **kw: autodiff.normal(3.0, 2.0, (20_000,), **kw), 3.0, 2.0),
    "normal of tensors": (lambda **kw: autodiff.normal(autodiff.full((20_000,), 3.0), 2.0, **kw), 3.0, 2.0),
}


@pytest.mark.parametrize("name", RANDOM)
def test_random_tensors_have_their_moments_and_follow_the_seed(name: str) -> None:
    """Mean and deviation of 20,000 numbers lie within 5 standard errors, and the seed decides all of them."""
    draw, mean, deviation = RANDOM[name]
    generator = Generator().manual_seed(1)
    x = draw(generator=generator).double()
    assert abs(x.mean().item() - mean) < 5 * deviation / 20_000**0.5
    assert abs(x.std().item() / deviation - 1) < 0.05
    state = generator.get_state()
    again = draw(generator=generator).double()
    assert not autodiff.equal(x, again)
    assert autodiff.equal(draw(generator=generator.set_state(state)).double(), again)
    assert autodiff.equal(draw(generator=Generator().manual_seed(1)).double(), x)


def test_the_default_generator_follows_manual_seed() -> None:
    """manual_seed starts the default generator again, and initial_seed tells from where."""
    autodiff.manual_seed(7)
    first = autodiff.randn(3)
    assert autodiff.initial_seed() == 7
    autodiff.manual_seed(7)
    assert autodiff.equal(autodiff.randn(3), first)
    assert not autodiff.equal(autodiff.randn(3), first)
    assert autodiff.seed() == autodiff.initial_seed() != 7


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("draw", [autodiff.rand, autodiff.randn])
def test_random_floats_come_in_the_dtype_asked_for(draw: Any, dtype: str) -> None:
    """rand and randn give the floating dtype that is asked for, and _like that of their model."""
    x = draw(2, 3, dtype=getattr(autodiff, dtype), requires_grad=True)
    like = autodiff.rand_like if draw is autodiff.rand else autodiff.randn_like
    assert (x.dtype.name, x.shape, x.requires_grad) == (dtype, (2, 3), True)
    assert (like(x).dtype, like(x).shape) == (x.dtype, x.shape)

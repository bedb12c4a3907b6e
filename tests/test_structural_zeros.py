"""What was not selected gets the gradient 0, though its slope be infinite or NaN: through every function."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from parity.base import CASES
from parity.harness import flat
from test_conventions import gradients

import autodiff
from autodiff import Tensor, special, tensor
from autodiff.engine.primitive import Primitive, primitives
from autodiff.errors import AutodiffError
from autodiff.kernels import structural_zeros
from nn import functional

HARD = [0.0, -0.0, 1.0, -1.0, 2.0, -3.0, 0.5, np.inf, -np.inf, np.nan, 1e300, -1e300, 1e-310]
SELECTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "where": lambda y: autodiff.where(autodiff.zeros(y.shape).bool(), y, 0.0),
    "index": lambda y: y[autodiff.zeros(y.shape).bool()],
    "slice": lambda y: y[len(y) :],
    "masked_fill": lambda y: y.masked_fill(autodiff.ones(y.shape).bool(), 0.0),
    "index_select": lambda y: y.index_select(0, tensor([], dtype=autodiff.int64)),
}
NOT_ELEMENTWISE = {
    "quantile",
    "nanquantile",
    "cross",
    "bernoulli",
    "poisson",
    "binomial",
    "manual_seed",
    "save",
}


def _elementwise(count: int) -> dict[str, Callable[..., Any]]:
    """The differentiable functions of ``count`` operands that keep their shape."""
    points = [np.array([0.3, 0.6, 0.7]), np.array([0.3, 0.6, 0.5])][:count]
    found: dict[str, Callable[..., Any]] = {}
    for module in (autodiff, functional, special):
        for name in dir(module):
            function = getattr(module, name)
            if isinstance(function, type) or name.startswith(("_", "set_")) or "dropout" in name:
                continue
            if name in NOT_ELEMENTWISE:
                continue
            try:
                y = function(*(tensor(x, requires_grad=True) for x in points))
            except Exception:  # it takes something else
                continue
            if isinstance(y, Tensor) and y.shape == (3,) and y.requires_grad and function not in found.values():
                found[name] = function
    return found


UNARY, BINARY = _elementwise(1), {n: f for n, f in _elementwise(2).items() if n not in _elementwise(1)}


def _spoiled(function: Callable[..., Any], *points: np.ndarray[Any, Any]) -> Iterator[str]:
    """The selections, orders and points at which an entry that is left out has a gradient that is not 0."""
    for name, select in {**SELECTIONS, "given": lambda y: y}.items():
        inputs = [tensor(point, requires_grad=True) for point in points]
        y = select(function(*inputs))
        first = autodiff.grad(y, inputs, autodiff.zeros_like(y), create_graph=True, allow_unused=True)
        carried = [g for g in first if g is not None and g.requires_grad]
        second = carried and autodiff.grad(carried, inputs, [autodiff.ones_like(g) for g in carried], allow_unused=True)
        for order, found in enumerate((first, second), 1):
            wrong = [g.detach().numpy() != 0 for g in found if g is not None]
            for i in np.flatnonzero(np.any(wrong, axis=0) if wrong else []):
                yield f"{name}, order {order}, at {[point[i] for point in points]}"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", UNARY)
def test_nothing_reaches_what_was_left_out(name: str) -> None:
    """At poles, beyond the domain, at infinities and at NaN, to second order."""
    assert list(_spoiled(UNARY[name], np.array(HARD))) == []


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", BINARY)
def test_nothing_reaches_either_operand_of_what_was_left_out(name: str) -> None:
    """The same of functions of two operands, at all pairs of points."""
    x, y = np.meshgrid(HARD, HARD)
    assert list(_spoiled(BINARY[name], x.ravel(), y.ravel())) == []


LAPACK = ("linalg", "factors")  # which raises
CALLS = [name for name, cases in CASES.items() if cases[0].family not in LAPACK and "norm" not in name]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", CALLS)
def test_a_cotangent_of_zeros_stays_zero_through_every_call(name: str) -> None:
    """One call of each entry of the vocabulary, with a hard number in one place and in all places of its inputs."""
    case = CASES[name][0]
    for number in (0.0, np.inf, np.nan, 1e300):
        for places in (slice(None), slice(1)):
            arrays = [np.array(x) for x in case.inputs]
            for x in arrays:
                if x.dtype.kind == "f":
                    x.reshape(-1)[places] = number
            leaves = [tensor(x).requires_grad_(x.dtype.kind == "f") for x in arrays]
            try:
                outputs = [y for y in flat(case.call(autodiff, *leaves)) if y.requires_grad]
            except (AutodiffError, ValueError, OverflowError):  # such numbers are refused
                continue
            wanted = [x for x in leaves if x.requires_grad]
            if outputs:
                zeros = [autodiff.zeros_like(y) for y in outputs]
                found = autodiff.grad(outputs, wanted, zeros, allow_unused=True)
                assert not any(g.numpy().any() for g in found if g is not None), (number, places)


@pytest.mark.parametrize("name", CALLS)
def test_a_nan_among_cotangents_is_not_lost_below_a_selection(name: str) -> None:
    """One call of each entry: a slice of all, after which the walk looks for NaN, changes no gradient."""
    case = CASES[name][0]
    leaves = [tensor(x).requires_grad_(x.dtype.kind == "f") for x in map(np.array, case.inputs)]
    outputs = [y for y in flat(case.call(autodiff, *leaves)) if y.requires_grad and y.numel() and y.dtype.kind == "f"]
    cotangents = [np.full(y.shape, 1.5) for y in outputs]
    for c in cotangents:
        c.reshape(-1)[0] = np.nan
    given = [tensor(c, dtype=y.dtype) for c, y in zip(cotangents, outputs, strict=True)]
    for x in leaves if outputs else []:
        if x.requires_grad:
            (plain,) = autodiff.grad(outputs, [x], given, allow_unused=True, retain_graph=True)
            (below,) = autodiff.grad([y[...] for y in outputs], [x], given, allow_unused=True, retain_graph=True)
            assert (plain is None) == (below is None)
            assert plain is None or np.array_equal(plain.numpy(), below.numpy(), equal_nan=True)


ROWS: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax": lambda x: x.softmax(1),
    "log_softmax": lambda x: x.log_softmax(1),
    "normalize": lambda x: functional.normalize(x, dim=1, eps=0.0),
    "norm": lambda x: x.norm(dim=1, keepdim=True) * autodiff.ones(3),
    "std": lambda x: x / x.std(1, keepdim=True),
    "layer_norm": lambda x: functional.layer_norm(x, (3,)),
    "matmul": lambda x: x @ (autodiff.ones(3, 3, dtype=autodiff.float64) * 2).requires_grad_(),
    "cumprod": lambda x: x.cumprod(1),
    "logsumexp": lambda x: x.logsumexp(1, keepdim=True).exp() * autodiff.ones(3),
    "attention": lambda x: functional.scaled_dot_product_attention(x[:, None], x[:, None], x[:, None])[:, 0],
    "convolution": lambda x: functional.conv1d(x[:, None], autodiff.ones(1, 1, 2, dtype=autodiff.float64), padding=1)[
        :, 0, :3
    ],
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 0.0])
@pytest.mark.parametrize("name", ROWS)
def test_a_row_that_is_masked_does_not_spoil_the_others(name: str, bad: float) -> None:
    """Padding of NaN, of infinities or of zeros in front of functions of whole rows: the rest has its own gradient."""
    rows = np.array([[1.0, 2.0, 4.0], [bad] * 3, [0.5, -1.0, 2.0]])
    weights = np.array([[1.0, -2.0, 3.0]])
    valid = tensor([[True], [False], [True]])
    (got,) = gradients(lambda x: autodiff.where(valid, ROWS[name](x), 0.0) * tensor(weights), rows)
    (alone,) = gradients(lambda x: ROWS[name](x) * tensor(weights), rows[::2])
    np.testing.assert_allclose(got, [alone[0], [0, 0, 0], alone[1]], rtol=1e-12)


def test_a_masked_row_does_not_spoil_the_gradient_of_weights() -> None:
    """The sum over rows that a weight's gradient is leaves out the masked row, NaN or not."""
    rows, valid = tensor([[1.0, 2.0], [np.nan, np.inf], [3.0, 5.0]]), tensor([[True], [False], [True]])
    w = autodiff.ones(2, 4).requires_grad_()
    autodiff.where(valid, rows @ w, 0.0).sum().backward()
    assert w.grad.tolist() == [[4.0] * 4, [7.0] * 4]  # type: ignore[union-attr]
    images = tensor(np.where(np.arange(3)[:, None, None, None] == 1, np.nan, np.ones((3, 1, 4, 4))))
    kernel = autodiff.ones(1, 1, 2, 2, dtype=autodiff.float64).requires_grad_()
    functional.conv2d(images, kernel)[tensor([0, 2])].sum().backward()
    assert kernel.grad.flatten().tolist() == [18.0] * 4  # type: ignore[union-attr]


@pytest.mark.parametrize("function", [
    lambda x: x.sqrt() ** 2, lambda x: x.sqrt().square(), lambda x: autodiff.exp(2 * x.log()),
    lambda x: x.sqrt() * x.sqrt(),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_cotangent_that_is_zero_by_its_value_is_no_structural_zero(function: Callable[[Tensor], Tensor]) -> None:
    """The slope at 0 of sqrt(x)^2 is 1: 0 times inf is not known, so NaN, never a number that looks right."""
    (got,) = gradients(function, [0.0, 4.0])
    assert np.isnan(got[0])
    assert got[1] != 0


@pytest.mark.parametrize("retain", [False, True])
@pytest.mark.parametrize("select", [
    lambda y: y[:2].sum(), lambda y: y[0], lambda y: autodiff.where(tensor([True, True, False]), y, 0.0).sum(),
    lambda y: autodiff.cat([y, y])[:2].sum(), lambda y: y.masked_fill(tensor([False, False, True]), 0.0).sum(),
    lambda y: functional.pad(y, (1, -1)).reshape(1, 3).T[:2].sum(),
])  # fmt: skip
@pytest.mark.parametrize("function", [
    lambda x: x.sqrt() ** 2, lambda x: autodiff.exp(2 * x.log()), lambda x: x.sqrt() * x.sqrt(),
    lambda x: (x.sqrt() * 3).square().sinh(),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_selection_elsewhere_makes_no_zero_structural(
    function: Callable[[Tensor], Tensor], select: Callable[[Tensor], Tensor], retain: bool
) -> None:
    """The entry at 0 is selected, and its cotangent 0 is a product; what is left out has the gradient 0."""
    x = tensor([0.0, 4.0, 0.0], requires_grad=True)
    select(function(x)).backward(retain_graph=retain)
    assert np.isnan(x.grad.numpy()[0])  # type: ignore[union-attr]
    assert x.grad.numpy()[2] == 0  # type: ignore[union-attr]


def test_a_zero_factor_stops_an_infinite_cotangent() -> None:
    """A mask in front of the pole is as good as one behind it."""
    mask = tensor([0.0, 1.0])
    assert gradients(lambda x: autodiff.sqrt(mask * x), [4.0, 4.0]) == [[0.0, 0.25]]
    assert gradients(lambda x: mask * autodiff.sqrt(x), [0.0, 4.0]) == [[0.0, 0.25]]


FLAT: dict[str, Callable[[Tensor], Tensor]] = {
    "pow 0": lambda x: x**0,
    "pow of an exponent that is no number": lambda x: x ** tensor(0.0),
    "pow of exponents": lambda x: x ** tensor(np.zeros(3, np.float32)),
    "float_power": lambda x: autodiff.float_power(x, 0).float(),
    "hardswish": lambda x: autodiff.nn.functional.hardswish(x - 5),
}


@pytest.mark.parametrize("name", FLAT)
def test_an_infinite_cotangent_stops_where_the_function_is_flat(name: str) -> None:
    """As in PyTorch."""
    x = tensor([0.0, 1.0, -2.0], requires_grad=True)
    (slope,) = autodiff.grad(FLAT[name](x), x, tensor([math.inf] * 3))
    assert slope.tolist() == [0, 0, 0]


@pytest.mark.parametrize("base", [0.0, [0.0], [0.0, 0.0, 2.0]])
def test_a_base_of_0_stops_no_cotangent_of_a_negative_exponent(base: Any) -> None:
    """0**y is infinite for y < 0, and so is its slope; a constant that is 0 stands there for no selection."""
    y = tensor([-1.0, 1.0, 0.0], requires_grad=True)
    with np.errstate(divide="ignore"):
        (slope,) = autodiff.grad((tensor(base) ** y).sum(), y)
    assert slope[:2].tolist() == [-math.inf, 0]


def test_a_power_of_0_has_its_mixed_derivative() -> None:
    """1 / x, whichever derivative is taken first."""
    x, y = tensor([2.0, 4.0, -1.0], requires_grad=True), tensor([0.0, 0.0, 0.0], requires_grad=True)
    by_x, by_y = autodiff.grad((x[:2] ** y[:2]).sum(), (x, y), create_graph=True)
    assert autodiff.grad(by_x.sum(), y)[0].tolist() == autodiff.grad(by_y.sum(), x)[0].tolist() == [0.5, 0.25, 0]


def test_a_primitive_of_ones_own_needs_no_guard() -> None:
    """A pole in a VJP that knows nothing of where."""
    try:
        cbrt = Primitive("guardless", np.cbrt, lambda g, out, x: g / (3 * out * out), keeps="out", floating=True)
        (got,) = gradients(lambda x: autodiff.where(x > 0, cbrt(x), 0.0), [0.0, 8.0])
        assert got == [0, pytest.approx(1 / 12)]
    finally:
        primitives.pop("guardless")


def test_walks_in_several_threads_keep_their_doubts_apart() -> None:
    """One thread's NaN is settled while others walk, and no thread is left in doubt."""
    found: list[list[float]] = []

    def work() -> None:
        for _ in range(50):
            x = tensor([0.0, 4.0], requires_grad=True)
            autodiff.where(x > 0, x.sqrt(), 0.0).sum().backward()
            found.append(x.grad.tolist())  # type: ignore[union-attr]

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[0.0, 0.25]] * 200


def test_a_vjp_that_gives_no_gradient_stands_beside_a_pole() -> None:
    """Such as that of the norm of order 0: what it leaves out is not asked for numbers."""
    x = tensor([[-2.0, 3.0]], dtype=autodiff.float64, requires_grad=True)
    with np.errstate(invalid="ignore"):
        b = autodiff.where(x > 0, x.sqrt(), x)
    count = autodiff.norm(b.reshape(-1)[:1].sigmoid(), 0)
    (g,) = autodiff.grad([b.sum(), count], x)
    np.testing.assert_allclose(g, [[1.0, 0.5 / 3**0.5]])


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("function", [
    lambda x: x ** 0.5, lambda x: x ** 2.5, lambda x: 2.0 ** x, lambda x: x / 3.0, lambda x: 3.0 / x, lambda x: x * 2.5,
    lambda x: functional.lp_pool1d(x[None], 2.0, 2), lambda x: autodiff.norm(x, 3), lambda x: x.hypot(x * 2.0),
    lambda x: autodiff.where(x > 0, x ** -0.5, 0.0), lambda x: (x ** 0.5).sigmoid() * 0.5, lambda x: x.fmod(2.5),
])  # fmt: skip
def test_a_number_beside_an_infinity_decides_no_dtype(function: Any, dtype: str) -> None:
    """The gradient has the dtype of its leaf, whatever was tried to see what an infinity does to it."""
    for numbers in ([1.0, np.inf, 0.0, 2.0], [np.inf, 1.0, np.inf, 0.5], [0.0, 0.0, np.nan, 1.0]):
        x = tensor(numbers, dtype=getattr(autodiff, dtype), requires_grad=True)
        with np.errstate(all="ignore"):
            y = function(x)
            for last in (y.sum(), y.reshape(-1)[:1].sum(), (y.sigmoid() * 2.67).reshape(-1)[-1]):
                (g,) = autodiff.grad(last, x, retain_graph=True)
                assert g.dtype == x.dtype


def test_a_walk_that_raises_leaves_no_doubt() -> None:
    """A thread looks for NaN until its walk ends, by an error or an interrupt, too."""
    for error in (ValueError, KeyboardInterrupt):

        def stop(g: Any, error: type[BaseException] = error) -> None:
            raise error

        x = tensor([0.0, 1.0], requires_grad=True)
        y = x * 1
        y.register_hook(stop)
        with np.errstate(all="ignore"), pytest.raises(error):
            y.log().sum().backward()
        with np.errstate(all="ignore"), pytest.raises(error):
            (y.log() * tensor([0.0, 1.0])).backward(tensor([0.0, 1.0]))
        assert not structural_zeros.in_doubt

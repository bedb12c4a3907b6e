"""The axes of reductions: () reduces nothing in NumPy's spelling, and what PyTorch reduces in PyTorch's."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parity.harness import Near, compare, numbers, peer

import autodiff
from autodiff import grad, tensor
from autodiff.errors import AutodiffError
from autodiff.functions import reductions
from autodiff.testing import gradcheck, gradgradcheck

X = numbers((2, 3, 4), 0.5, 2.0)
INPUTS = {"0-d": X[0, 0, 0], "1-d": X[0, 0], "3-d": X}
AXES: dict[str, tuple[Any, ...]] = {
    "0-d": (None, ()),
    "1-d": (None, (), 0, (0,), (-1,)),
    "3-d": (None, (), 1, (1,), (-1,), (0, 2), (-1, 0), (2, 1, 0)),
}

REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": np.sum,
    "mean": np.mean,
    "prod": np.prod,
    "nansum": np.nansum,
    "nanmean": np.nanmean,
    "max": np.max,
    "min": np.min,
    "amax": np.amax,
    "amin": np.amin,
    "ptp": np.ptp,
    "var": np.var,
    "std": np.std,
    "var of a sample": lambda x, **where: np.var(x, ddof=0.5, **where),
    "average": np.average,
    "weighted average": lambda x, **where: np.average(x, weights=np.cos(np.ones(np.shape(x))), **where),
    "vector_norm": np.linalg.vector_norm,
    "vector_norm 3": lambda x, **where: np.linalg.vector_norm(x, ord=3, **where),
    "add.reduce": np.add.reduce,
    "multiply.reduce": np.multiply.reduce,
    "maximum.reduce": np.maximum.reduce,
    "minimum.reduce": np.minimum.reduce,
    "logaddexp.reduce": np.logaddexp.reduce,
}
QUESTIONS: dict[str, Callable[..., Any]] = {
    "any": np.any,
    "all": np.all,
    "logical_or.reduce": np.logical_or.reduce,
    "logical_and.reduce": np.logical_and.reduce,
    "count_nonzero": np.count_nonzero,
}
CASES = [(kind, axis, keepdims) for kind, axes in AXES.items() for axis in axes for keepdims in (False, True)]


def numeric_gradient(call: Callable[[Any], Any], x: Any, cotangent: Any) -> Any:
    """The gradient of the product with a cotangent, by central differences."""
    step, result = 1e-6, np.zeros_like(x)
    for place in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[place] += step
        down[place] -= step
        result[place] = ((call(up) - call(down)) * cotangent).sum() / (2 * step)
    return result


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize(("kind", "axis", "keepdims"), CASES)
def test_numpys_reductions_take_the_axes_that_numpy_takes(name: str, kind: str, axis: Any, keepdims: bool) -> None:
    """Values, shapes and gradients of both orders, for no axis, one, and several."""
    def call(x: Any) -> Any:
        return REDUCTIONS[name](x, axis=axis, keepdims=keepdims)

    x = np.array(INPUTS[kind])
    wanted = call(x)
    leaf = tensor(x, requires_grad=True)
    found = call(leaf)
    assert tuple(found.shape) == np.shape(wanted)
    np.testing.assert_allclose(found.detach().numpy(), wanted, rtol=1e-12, atol=1e-15)
    cotangent = np.cos(np.arange(np.size(wanted)) + 0.4).reshape(np.shape(wanted))
    (gradient,) = grad(found, leaf, tensor(cotangent), allow_unused=True)
    given = np.zeros_like(x) if gradient is None else gradient.numpy()
    np.testing.assert_allclose(given, numeric_gradient(call, x, cotangent), rtol=1e-6, atol=1e-8)
    if axis == () and "std" not in name:  # the deviation of a number from itself is a kink
        assert gradcheck(call, leaf)
        assert gradgradcheck(call, leaf)


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize(("kind", "axis", "keepdims"), CASES)
def test_numpys_questions_take_the_axes_that_numpy_takes(name: str, kind: str, axis: Any, keepdims: bool) -> None:
    """Values, shapes and dtypes."""
    x = np.array(INPUTS[kind] > 1.2)
    wanted = QUESTIONS[name](x, axis=axis, keepdims=keepdims)
    found = np.asarray(QUESTIONS[name](tensor(x), axis=axis, keepdims=keepdims))
    np.testing.assert_array_equal(found, wanted)
    assert found.shape == np.shape(wanted)
    assert found.dtype == np.asarray(wanted).dtype


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "max"])
@pytest.mark.parametrize("dtype", [np.bool_, np.int32, np.uint8])
def test_reducing_nothing_gives_the_dtype_of_reducing_all(name: str, dtype: Any) -> None:
    """``axis=()`` changes the shape of a result, not its dtype."""
    x, function = tensor(np.ones((2, 3), dtype)), REDUCTIONS[name]
    assert function(x, axis=()).dtype == function(x).dtype
    np.testing.assert_array_equal(np.asarray(function(x, axis=())), np.ones((2, 3)))


def test_reducing_nothing_gives_a_tensor_of_its_own() -> None:
    """Writing into the result leaves the input as it is."""
    for function in (np.sum, np.prod, np.max, np.mean, np.add.reduce):
        x = tensor([1.0, 2.0])
        function(x, axis=()).fill_(7.0)
        assert x.tolist() == [1.0, 2.0]


def test_a_vjp_that_reduces_nothing_is_right_on_tensors() -> None:
    """A cotangent that is a Tensor sums over no axis by NumPy's meaning: second and third derivatives."""

    def cubed(x: Any) -> Any:
        return np.add.reduce(x * x * x, axis=())

    x = tensor([0.5, -2.0, 3.0], requires_grad=True)
    (first,) = grad(cubed(x).sum(), x, create_graph=True)
    (second,) = grad(np.add.reduce(first, axis=()).sum(), x, create_graph=True)
    (third,) = grad(second.sum(), x)
    np.testing.assert_allclose(second.detach().numpy(), 6 * x.detach().numpy())
    np.testing.assert_allclose(third.numpy(), [6.0, 6.0, 6.0])


def test_other_functions_of_no_axis() -> None:
    """NumPy rolls, flips, squeezes and moves nothing for ``axis=()``; a norm of no axis it refuses."""
    x = X[:, :, 0]
    for call in (
        lambda x: np.roll(x, 1, axis=()),
        lambda x: np.flip(x, axis=()),
        lambda x: np.squeeze(x, axis=()),
        lambda x: np.expand_dims(x, axis=()),
        lambda x: np.moveaxis(x, (), ()),
        lambda x: np.median(x, axis=()),
        lambda x: np.quantile(x, [0.25, 0.5], axis=()),
    ):
        np.testing.assert_array_equal(call(tensor(x)).numpy(), call(x))
    for norm in (np.linalg.norm, lambda x, axis: autodiff.linalg.norm(x, dim=axis)):
        with pytest.raises(AutodiffError):
            norm(tensor(x), axis=())


NAMES = (
    "sum", "mean", "nansum", "nanmean", "amax", "amin", "var", "std", "var_mean", "std_mean", "norm", "any", "all",
    "count_nonzero",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
def test_pytorchs_spelling_of_no_axis_is_pytorchs(name: str, kind: str) -> None:
    """``dim=()`` reduces everything, but for ``any`` and ``all``, which reduce nothing."""
    peer()
    for keepdim in (False, True):
        options = {} if name == "count_nonzero" else {"keepdim": keepdim}

        def call(lib: Any, x: Any, options: dict[str, bool] = options) -> Any:
            x = x.detach() if "var" in name or "std" in name else x  # PyTorch's own gradient is infinite there
            return getattr(lib, name)(x, dim=(), **options)

        compare(call, np.array(INPUTS[kind]), near=Near(1e-12, absolute=1e-15))


@pytest.mark.parametrize("name", ["prod", "max", "min", "argmax", "argmin", "median", "cumsum", "softmax"])
def test_what_takes_one_axis_refuses_none(name: str) -> None:
    """Where PyTorch takes one axis, () is an error that says so."""
    with pytest.raises(AutodiffError, match="axis"):
        getattr(autodiff, name)(tensor(X), dim=())


def test_every_numpy_reduction_of_several_axes_is_called_here() -> None:
    """Each reduction by NumPy's name that we have is in one of the tables above."""
    from autodiff.numpy_api.functions import REDUCTIONS as OURS

    one_axis = {np.argmax, np.argmin, np.cumsum, np.cumprod, np.diff, np.trapezoid, np.sort, np.argsort}
    by_share = {np.median, np.quantile, np.percentile}  # in test_keywords.py
    by_share |= {np.nanmedian, np.nanquantile, np.nanpercentile}
    called = {inspect.unwrap(f) for f in (*REDUCTIONS.values(), *QUESTIONS.values())}
    assert {inspect.unwrap(f) for f in OURS if f not in one_axis | by_share} <= called


def test_positions_take_one_axis() -> None:
    """NumPy's argmax refuses axis=(), and so do we; a 0-d tensor has the axes 0 and -1 only."""
    for function in (np.argmax, np.argmin):
        with pytest.raises(TypeError):
            function(tensor([1.0, 2.0]), axis=())
    with pytest.raises(IndexError):
        autodiff.aminmax(tensor(1.0), dim=5)
    assert autodiff.aminmax(tensor(1.0), dim=0).max.item() == 1.0


def test_logsumexp_of_integers_inside_the_library() -> None:
    """The function that methods and NumPy's names share takes arrays of integers, too."""
    assert np.isclose(reductions.logsumexp(np.array([1, 1]), 0), 1 + np.log(2))

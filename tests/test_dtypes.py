"""The dtype contract: what goes in comes out, mixed dtypes meet as PyTorch's do, nothing becomes float64 in silence."""

from __future__ import annotations

import itertools
import operator
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from helpers import memory
from parity.harness import same

import autodiff
import nn
from autodiff import Tensor, get_default_dtype, grad, ones, set_default_dtype, tensor
from autodiff.errors import DtypeError

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
FLOATS = ["float16", "float32", "float64"]


@contextmanager
def default_dtype(dtype: Any) -> Iterator[None]:
    old = get_default_dtype()
    set_default_dtype(dtype)
    try:
        yield
    finally:
        set_default_dtype(old)


KEEPING: dict[str, Callable[[Tensor], Any]] = {
    "Python numbers": lambda x: 2 * x + 1.5 - True,
    "reflected": lambda x: (3 - x) + 2 / (x + 1) + 2.0**x,
    "powers": lambda x: x**2 + x**0.5 + x**-1 + x ** tensor(2),
    "NumPy scalars": lambda x: x * np.float64(2) + np.float64(1) * x - np.int64(3) / x,
    "NumPy math": lambda x: x / np.sqrt(64) + np.pi * x,
    "0-d float64": lambda x: x * tensor(2.0, dtype=autodiff.float64),
    "integers": lambda x: x * tensor([1, 2, 3]) + tensor(True),
    "unary": lambda x: x.exp() + x.log() + x.sqrt() + x.sin() + x.cos() + x.tanh() + x.sigmoid() + x.relu() + abs(-x),
    "more unary": lambda x: x.expm1() + x.log1p() + x.square() + x.sign() + autodiff.neg(x),
    "sum mean": lambda x: x.sum() + x.mean() + x.sum(0, keepdim=True) + np.mean(x) + np.sum(x),
    "var std": lambda x: x.var() + x.std() + x.std(correction=0) + np.std(x) + np.var(x),
    "extremes": lambda x: (
        x.max() + x.min(0).values + x.amax(0) + np.max(x) + autodiff.maximum(x, x - 1) + x.minimum(tensor(1))
    ),
    "softmax": lambda x: x.softmax(0) + x.log_softmax(0) + x.logsumexp(0),
    "clamp": lambda x: x.clamp(1.5, 2) + x.clamp(np.float64(1.5)) + np.clip(x, 0, np.float64(2)),
    "where": lambda x: autodiff.where(x > 1, x, 0.0) + autodiff.where(x > 1, 2, x) + np.where(x > 1, x, np.float64(1)),
    "shapes": lambda x: autodiff.cat([x, x]).reshape(2, 3)[0] + autodiff.stack([x, x], 1).T[1] + x.flip(0),
    "matmul": lambda x: x @ x + (x[None] @ x[:, None]).reshape(1) + autodiff.outer(x, x).sum(0),
    "indexing": lambda x: x[[0, 0, 1]] + x[x > 0] + x[0] + autodiff.gather(x, 0, tensor([0, 1, 2])),
    "pad": lambda x: np.pad(x, 1, constant_values=np.float64(2))[1:-1],
    "in place": lambda x: (x * 1).add_(np.float64(1)).mul_(tensor(2.0, dtype=autodiff.float64)).copy_(x),
    "assignment": lambda x: assigned(x * 1),
}


def assigned(x: Tensor) -> Tensor:
    x[0], x[1:] = np.float64(1), np.ones(2)
    return x


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", KEEPING)
def test_a_floating_dtype_goes_all_the_way(name: str, dtype: str) -> None:
    """Value, gradient and second gradient have the dtype of the input, whatever numbers joined it."""
    x = tensor([1.0, 2.0, 3.0], dtype=getattr(autodiff, dtype), requires_grad=True)
    y = KEEPING[name](x)
    (first,) = grad(y.sum(), x, create_graph=True)
    assert (y.dtype, first.dtype) == (dtype, dtype)
    if first.requires_grad:
        (second,) = grad(first.sum(), x, allow_unused=True, materialize_grads=True)
        assert second.dtype == dtype
    y = KEEPING[name](x).sum()
    y.backward()
    assert (x.grad.dtype, memory(x.grad).dtype) == (dtype, dtype)
    assert np.isfinite(x.grad.numpy()).all()


OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


def ours_alone(op: Any, *dtypes: str) -> bool:
    """Where NumPy's rule is taken, while PyTorch refuses or counts as integers: booleans in a - b and a ** b."""
    return op in (operator.sub, operator.pow) and "bool" in dtypes


def outcome(function: Callable[..., Any], *operands: Any) -> str:
    """The name of the dtype of the result, or "error"."""
    try:
        return str(function(*operands).dtype).rpartition(".")[2]
    except (RuntimeError, TypeError):
        return "error"


@pytest.mark.parametrize("first", DTYPES)
def test_mixed_dtypes_meet_as_in_torch(first: str) -> None:
    """All operators, all pairs of dtypes, with axes and 0-d: the table is PyTorch's."""

    def table(lib: Any) -> dict[Any, str]:
        return {
            (op.__name__, left, second, right): outcome(
                op, lib.ones(left, dtype=getattr(lib, first)), lib.ones(right, dtype=getattr(lib, second))
            )
            for op, second, left, right in itertools.product(OPERATORS, DTYPES, [(2,), ()], [(2,), ()])
            if not ours_alone(op, first, second)
        }

    same(table)


@pytest.mark.parametrize("number", [True, 2, 2.5])
def test_python_numbers_meet_tensors_as_in_torch(number: Any) -> None:
    """A Python number changes the dtype only where it is of a higher kind."""

    def table(lib: Any) -> dict[Any, tuple[str, str]]:
        found = {}
        for op, dtype, shape in itertools.product(OPERATORS, DTYPES, [(2,), ()]):
            if not ours_alone(op, dtype, type(number).__name__):
                x = lib.full(shape, 1, dtype=getattr(lib, dtype))
                found[op.__name__, dtype, shape] = outcome(op, x, number), outcome(op, number, x)
        return found

    same(table)


def test_changes_in_place_cast_as_in_torch() -> None:
    """x += y keeps the dtype of x, and is refused where that would lose the kind of the result."""

    def table(lib: Any) -> dict[Any, str]:
        ones = lambda dtype: lib.ones(2, dtype=getattr(lib, dtype))
        return {
            (op.__name__, first, second): outcome(op, ones(first), ones(second))
            for op, first, second in itertools.product((operator.iadd, operator.imul), DTYPES, DTYPES)
        }

    same(table)


def test_promotion_and_casting_tables_are_torchs() -> None:
    """promote_types and can_cast agree on every pair."""

    def table(lib: Any) -> dict[Any, Any]:
        found = {}
        for names in itertools.product(DTYPES, DTYPES):
            pair = names if lib is autodiff else [getattr(lib, name) for name in names]  # ours take names, too
            found[names] = str(lib.promote_types(*pair)).rpartition(".")[2], lib.can_cast(*pair)
        return found

    same(table)


@pytest.mark.parametrize("make", [
    lambda: tensor(1.5), lambda: tensor([1, 2.5]), lambda: autodiff.zeros(2), lambda: autodiff.ones(2),
    lambda: autodiff.full((2,), 1.5), lambda: autodiff.rand(2), lambda: autodiff.randn(2), lambda: autodiff.eye(2),
    lambda: autodiff.arange(0, 1, 0.5), lambda: autodiff.linspace(0, 1, 3), lambda: autodiff.empty(2),
    lambda: Tensor([1]),
    lambda: tensor([1, 2]) / 2, lambda: tensor([1, 2]) * 0.5, lambda: tensor([4, 9]).sqrt(),
    lambda: tensor([1, 2]).mean(),
    lambda: autodiff.where(tensor([True]), 1.0, 0), lambda: tensor([True]).exp(), lambda: autodiff.sqrt(tensor([4])),
    lambda: tensor([1]) * np.float64(2), lambda: tensor([1, 2]).clamp(0.5), lambda: autodiff.normal(0.0, 1.0, (2,)),
    lambda: tensor([1, 2]).softmax(0, dtype=float),
])  # fmt: skip
@pytest.mark.parametrize("dtype", FLOATS)
def test_python_floats_become_the_default_dtype(make: Callable[[], Tensor], dtype: str) -> None:
    """Whatever is made of Python floats, or becomes floating by an operation, has the default dtype."""
    with default_dtype(dtype):
        assert make().dtype == dtype


def test_the_default_dtype_is_one_for_all_threads_and_floating() -> None:
    """A thread started later makes what the program asked for; integers are refused."""
    seen = []
    with default_dtype(autodiff.float64):
        thread = threading.Thread(target=lambda: seen.append(tensor(1.0).dtype))
        thread.start()
        thread.join()
    assert seen == [np.float64]
    with pytest.raises(DtypeError, match="must be floating, not int64"):
        set_default_dtype(autodiff.int64)
    assert get_default_dtype() == np.float32


def test_arrays_keep_their_dtype_in_native_byte_order() -> None:
    """An array joins in its own dtype; a big-endian one is converted to native order."""
    assert (ones(2) * np.ones(2)).dtype == np.float64
    assert (ones(2) * np.ones(2, np.float16)).dtype == np.float32
    x = tensor(np.array([1, 2], ">i4"))
    assert (x.dtype, x.numpy().dtype.isnative, x.tolist()) == (np.int32, True, [1, 2])
    for odd in (
        np.ones(1, np.longdouble),
        np.ones(1, np.clongdouble),
        np.array(["a"]),
        np.array([None]),
        [[1], [1, 2]],
        "abc",
    ):
        with pytest.raises(DtypeError, match="no tensor can be made"):
            tensor(odd)


@pytest.mark.parametrize("dtype", DTYPES)
def test_each_dtype_is_numpys_own_object(dtype: str) -> None:
    """However a tensor is made: operations of one dtype, which they know by identity, are the fast ones."""
    own = np.dtype(dtype)
    turned = np.ones(2, own.newbyteorder() if own.itemsize > 1 else own)
    made = [
        tensor([1, 0], dtype=getattr(autodiff, dtype if dtype != "bool" else "bool_")), tensor(turned),
        autodiff.from_numpy(turned.astype(dtype)), autodiff.as_tensor(turned), ones(2).to(np.dtype(dtype)),
        ones(2).type_as(tensor(turned)), tensor([tensor(turned)[0], tensor(turned)[1]]), autodiff.zeros(2, dtype=dtype),
        autodiff.zeros_like(tensor(turned)), autodiff.Tensor([1.0]), autodiff.Tensor(2), nn.Linear(1, 1).weight,
        nn.Linear(1, 1, dtype=autodiff.float64).weight, nn.Linear(1, 1).double().bias, nn.BatchNorm1d(2).running_mean,
    ]  # fmt: skip
    assert all(x._array.dtype is np.dtype(x._array.dtype.char) for x in made)


def test_half_precision_sums_in_single() -> None:
    """5,000 ones in float16 sum to 5,000, forward and backward, though 2048 + 1 is 2048 there."""
    x = autodiff.ones(5000, dtype=autodiff.float16, requires_grad=True)
    scale = tensor(1.0, dtype=autodiff.float16, requires_grad=True)
    (x * scale).sum().backward()
    assert (x.sum().item(), scale.grad.item(), (x @ x).item()) == (5000, 5000, 5000)
    assert x.softmax(0).sum().item() == pytest.approx(1, rel=0.05)
    assert autodiff.ones(100_000, dtype=autodiff.float16).mean().item() == 1


@pytest.mark.parametrize(
    "cast", [Tensor.long, Tensor.int, Tensor.bool, lambda x: x.to(autodiff.int16), lambda x: x.sum(dtype=int)]
)
def test_integers_and_booleans_are_outside_the_graph(cast: Callable[[Tensor], Tensor]) -> None:
    """A cast to a dtype without derivatives gives a tensor that does not require grad."""
    x = tensor([1.5, 2.0], requires_grad=True)
    assert not cast(x).requires_grad
    assert not cast(x * 2).requires_grad


def test_casts_between_floats_carry_gradients_in_the_dtype_of_each_side() -> None:
    """A float32 leaf under a float64 computation has a float32 gradient."""
    x = tensor([1.0, 2.0], requires_grad=True)
    (x.double() * 3).to(autodiff.float16).sum().backward()
    assert (x.grad.dtype, x.grad.tolist()) == (np.float32, [3, 3])


def test_what_is_no_dtype_is_refused() -> None:
    """Strings, objects and the widest numbers are named in the error."""
    for odd in ("nonsense", object, np.longdouble, np.clongdouble, ones(1), np.ones(1)):
        with pytest.raises(DtypeError, match="is not a dtype tensors have"):
            autodiff.zeros(2, dtype=odd)
    with pytest.raises(DtypeError, match=r"matmul needs inputs of one dtype, not float32 \(2, 2\), float64 \(2, 2\)"):
        ones(2, 2) @ ones(2, 2, dtype=autodiff.float64)

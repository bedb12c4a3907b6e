"""The contract for arrays: every public function of the vocabulary gives Tensors, for arrays as for tensors."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from inspect import signature
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest
from parity.base import CASES

import autodiff
import nn
from autodiff import Tensor
from autodiff.engine.primitive import primitives
from autodiff.errors import DtypeError
from autodiff.functions import public

PACKAGES = (autodiff, autodiff.fft, autodiff.linalg, autodiff.special, nn.functional)
VOCABULARY = {f"{package.__name__}.{name}": value for package in PACKAGES for name, value in vars(package).items()
              if value in public._public.values()}  # fmt: skip


class Spy:
    """A package, of which each function that is called is called again with arrays in place of the tensors."""

    def __init__(self, package: Any, seen: set[Any]) -> None:
        self._package, self._seen = package, seen

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._package, name)
        if isinstance(value, ModuleType):
            return Spy(value, self._seen)
        return self._twice(value) if value in VOCABULARY.values() else value

    def _twice(self, function: FunctionType) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            for_arrays = as_arrays(args), {name: as_arrays(x) for name, x in kwargs.items()}
            autodiff.manual_seed(0)
            result = function(*args, **kwargs)
            autodiff.manual_seed(0)
            self._seen.add(function)
            assert_alike(function(*for_arrays[0], **for_arrays[1]), result, function.__name__)
            return result

        return call


def as_arrays(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)([as_arrays(x) for x in value])
    return value.detach().numpy().copy() if isinstance(value, Tensor) else value


def assert_alike(got: Any, expected: Any, name: str) -> None:
    if isinstance(expected, Tensor):
        assert isinstance(got, Tensor), f"{name} of arrays gives {type(got)}"
        assert (got.shape, got.dtype) == (expected.shape, expected.dtype), name
        np.testing.assert_array_equal(got.detach().numpy(), expected.detach().numpy(), err_msg=name)
    elif isinstance(expected, (list, tuple)):
        assert type(got) is type(expected), name
        for a, b in zip(got, expected, strict=True):
            assert_alike(a, b, name)
    else:
        assert got == expected, name


X = np.linspace(-2, 2, 24, dtype=np.float32).reshape(1, 2, 12)
PLANE, VOLUME = X.reshape(1, 2, 3, 4), X.reshape(1, 1, 2, 3, 4)
BITS, PAIR = np.array([5, 3, 6]), np.array([3, 3, 3])


def weights(*shape: int) -> Any:
    return autodiff.tensor(np.cos(np.arange(np.prod(shape))).reshape(shape).astype(np.float32))


def more_calls(lib: Any) -> None:
    """What the parity cases do not call."""
    F, x, bits, pair = lib.nn.functional, autodiff.tensor(X), autodiff.tensor(BITS), autodiff.tensor(PAIR)
    for compare in (
        lib.eq, lib.ne, lib.not_equal, lib.lt, lib.less, lib.le, lib.less_equal, lib.gt, lib.greater, lib.ge,
        lib.greater_equal, lib.logical_and, lib.logical_or, lib.logical_xor, lib.bitwise_and, lib.bitwise_or,
        lib.bitwise_xor, lib.equal, lib.allclose,
    ):  # fmt: skip
        compare(bits, pair)
    for ask in (
        lib.isfinite, lib.isinf, lib.isnan, lib.is_complex, lib.is_floating_point, lib.numel, lib.logical_not, lib.relu,
        F.sigmoid, F.tanh,
    ):  # fmt: skip
        ask(x)
    lib.bitwise_not(bits)
    lib.isposinf(x)
    lib.isneginf(x)
    lib.unravel_index(bits, (3, 3))
    lib.inverse(autodiff.eye(2))
    lib.slogdet(autodiff.eye(2))
    lib.swapaxes(x, 0, 1)
    lib.chain_matmul(weights(2, 3), weights(3, 2), weights(2, 4))
    lib.split_with_sizes(x, [5, 7], -1)
    F.softmax(x, -1)
    F.gumbel_softmax(x)
    for write in (F.relu_, F.elu_, F.selu_, F.celu_, F.leaky_relu_, F.rrelu_, F.hardtanh_):
        write(x.clone())
    F.threshold_(x.clone(), 0.5, 1.5)
    F.dropout1d(x, 0.5)
    plane, volume = autodiff.tensor(PLANE), autodiff.tensor(VOLUME)
    F.max_pool1d_with_indices(x, 2)
    F.max_pool2d_with_indices(plane, 2)
    F.max_pool3d_with_indices(volume, 2)
    F.adaptive_max_pool1d_with_indices(x, 3)
    F.adaptive_max_pool2d_with_indices(plane, 2)
    F.adaptive_max_pool3d_with_indices(volume, 1)
    F.fractional_max_pool2d_with_indices(plane, 2, output_size=1)
    F.fractional_max_pool3d_with_indices(volume, 2, output_size=1)
    F.upsample(plane, scale_factor=2)
    F.upsample_nearest(plane, scale_factor=2)
    F.upsample_bilinear(plane, scale_factor=2)
    recurrent_calls(F)


def recurrent_calls(F: Any) -> None:
    x, h = weights(2, 3), weights(2, 4)
    for gates, layer, cells in ((1, F.rnn, (F.rnn_tanh_cell, F.rnn_relu_cell)), (3, F.gru, (F.gru_cell,))):
        w, u = weights(4 * gates, 3), weights(4 * gates, 4)
        layer(x, (2,), h, w, u)
        for cell in cells:
            cell(x, h, w, u)
    F.lstm(x, (2,), (h, h), weights(16, 3), weights(16, 4))
    F.lstm_cell(x, (h, h), weights(16, 3), weights(16, 4))
    q = weights(2, 1, 4)
    F.multi_head_attention_forward(
        q, q, q, 4, 2, weights(12, 4), weights(12), None, None, False, 0.0, weights(4, 4), weights(4)
    )


@pytest.mark.filterwarnings("ignore:.*overflow:RuntimeWarning")  # cases for float64 are called in float32, too
def test_every_function_gives_for_arrays_what_it_gives_for_tensors() -> None:
    """Tensors of the same values, shapes and dtypes, over all calls of the parity cases and more; none is left out."""
    seen: set[Any] = set()
    for cases in CASES.values():
        for case in cases:
            inputs = [autodiff.tensor(x.astype(np.float32) if x.dtype.kind == "f" else x) for x in case.inputs]
            case.call(Spy(autodiff, seen), *inputs)
    more_calls(Spy(autodiff, seen))
    untried = {name for name, function in VOCABULARY.items() if function not in seen}
    assert len(VOCABULARY) > 480
    assert not untried, sorted(untried)


@pytest.mark.parametrize("layer", [nn.Tanh(), nn.ReLU(), nn.Softmax(1), nn.Flatten(), nn.MaxPool1d(2), nn.Dropout(0.5)])
def test_layers_give_tensors_for_arrays(layer: nn.Module) -> None:
    """A layer without parameters keeps the contract as its function does."""
    assert isinstance(layer(X), Tensor)


def test_what_no_tensor_can_be_made_of_is_refused() -> None:
    """Arrays of strings, and Python numbers where a function needs more than that."""
    with pytest.raises(DtypeError, match="no tensor can be made of an array of <U1"):
        autodiff.sum(np.array(["a"]))
    with pytest.raises(DtypeError, match=r"floor takes tensors or arrays, not \(2.5\)"):
        autodiff.floor(2.5)
    for call in (lambda: autodiff.all("abc"), lambda: autodiff.any("abc"), lambda: autodiff.exp("a"),
                 lambda: autodiff.exp([1.0]), lambda: autodiff.sum([1, 2]), lambda: autodiff.cat([[1.0], [2.0]]),
                 lambda: nn.functional.mse_loss([1.0], [2.0])):  # fmt: skip
        with pytest.raises(DtypeError, match=r"use tensor\(\.\.\.\)"):
            call()
    assert isinstance(autodiff.exp(2.0), Tensor)
    assert isinstance(autodiff.add(1, 2), Tensor)


def test_numpy_stays_numpy() -> None:
    """NumPy's own functions of arrays give arrays, and a primitive called by itself computes on what it is given."""
    assert type(np.exp(X)) is np.ndarray
    assert type(primitives["exp"](X)) is np.ndarray
    assert not autodiff.is_tensor(X)


def test_all_names_of_a_function_are_one_object_that_pickles() -> None:
    """``mul`` is ``multiply``, also where a data loader's worker gets it by pickle."""
    assert autodiff.mul is autodiff.multiply
    for function in (autodiff.exp, autodiff.sum, autodiff.linalg.norm, nn.functional.relu, autodiff.manual_seed):
        assert pickle.loads(pickle.dumps(function)) is function


CALLS = [call for of, call in public._public.items() if of is call]  # the rows
OF_PRIMITIVES = [name for name, function in VOCABULARY.items() if function in CALLS]


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # no number is in the domain of all of them
@pytest.mark.parametrize("name", OF_PRIMITIVES)
def test_functions_take_their_inputs_by_position_and_by_name_and_no_more(name: str) -> None:
    """One operand too many is refused, where a ufunc would write into it; so is a call without any."""
    function, x = VOCABULARY[name], autodiff.ones(2, 2) * 0.5
    x = x.bool() if "bitwise" in name else x.int() if name.endswith(("gcd", "lcm")) else x
    inputs = {key: x.clone() for key in signature(function).parameters if key != "out"}
    assert_alike(function(*inputs.values()), function(**inputs), name)
    kept = autodiff.zeros(2, 2)
    for arguments in ((), (*inputs.values(), kept)):
        with pytest.raises(TypeError, match=r"\(\) (missing|takes)"):
            function(*arguments)
    assert not kept.any()


def test_methods_of_primitives_take_no_operand_too_many() -> None:
    """As their functions do."""
    x = autodiff.ones(2, requires_grad=True)
    for call in (lambda: x.abs(0), lambda: x.exp(autodiff.zeros(2)), lambda: x.maximum(x, autodiff.zeros(2))):
        with pytest.raises(TypeError, match="positional argument"):
            call()

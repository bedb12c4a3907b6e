"""Names of PyTorch's inside that layers of programs reach for, and functions that torch has twice."""

from __future__ import annotations

import typing
from typing import Any

import numpy as np
import pytest
from parity.harness import agree, both, numbers, plain
from test_kept_values import NEAR

import autodiff
import nn
from autodiff.errors import DtypeError, OptionError
from autodiff.nn.common_types import _size_2_t
from autodiff.nn.modules.utils import _list_with_default, _ntuple, _pair, _reverse_repeat_tuple, _single, _triple

X, W = numbers((2, 4, 6)), numbers((3, 4, 2))
CALLS: dict[str, tuple[Any, ...]] = {
    "conv1d": (X, W, None, 2, 1), "conv2d": (X[None], numbers((3, 2, 2, 2))),
    "conv_transpose1d": (X, numbers((4, 3, 2))),
    "avg_pool1d": (X, 2), "max_pool1d": (X, 2), "max_pool2d": (X, 2), "adaptive_avg_pool1d": (X, 2),
    "adaptive_max_pool1d": (X, 2), "layer_norm": (X, (6,)), "group_norm": (X, 2), "rms_norm": (X, (6,)),
    "batch_norm": (X, None, None, None, None, True, 0.1, 1e-5, False),
    "instance_norm": (X, X[0, :, 0], None, None, None, True, 0.1, 1e-5, False),
    "embedding": (X[0], np.array([1, 0]), 0), "dropout": (X, 0.5, False), "alpha_dropout": (X, 0.5, False),
    "feature_dropout": (X, 0.5, False), "selu": (X,), "celu": (X, 0.5), "threshold": (X, 0.1, 0.2),
    "prelu": (X, X[0, :, 0]), "hardshrink": (X, 0.3), "cosine_similarity": (X, X + 1, 1), "pdist": (X[0],),
    "pixel_shuffle": (X[:, :, :, None], 2), "relu_": (X,), "threshold_": (X, 0.1, 0.2), "exp_": (X,), "zero_": (X,),
    "fill_": (X, 2.0), "clamp_": (X, -0.5, 0.5), "sigmoid_": (X,), "neg_": (X,), "detach": (X,), "xlogy_": (X, abs(X)),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_functions_of_layers_are_also_functions_of_the_library(name: str) -> None:
    """With the arguments that they have there in PyTorch."""

    def program(lib: Any) -> Any:
        args = [lib.tensor(x.copy()) if isinstance(x, np.ndarray) else x for x in CALLS[name]]
        result = getattr(lib, name)(*args)
        return [plain(x) for x in (result if isinstance(result, tuple) else [result])]

    agree(*both(program), NEAR)


def test_one_number_for_each_axis() -> None:
    """The helpers of convolutions."""
    assert (_single(2), _pair(2), _triple((1, 2, 3)), _ntuple(5)(0)) == ((2,), (2, 2), (1, 2, 3), (0,) * 5)
    assert _reverse_repeat_tuple((1, 2), 2) == (2, 2, 1, 1)
    assert _list_with_default([3, None], [7, 8]) == [3, 8]
    assert _size_2_t is not None


def test_a_convolution_that_computes_its_weights() -> None:
    """``_conv_forward`` takes them, with every kind of padding."""

    class Standardized(nn.modules.conv.Conv2d):
        def forward(self, input: Any) -> Any:
            weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
            return self._conv_forward(input, weight, self.bias)

    x = autodiff.ones(1, 2, 5, 5)
    for mode in ("zeros", "circular"):
        layer = Standardized(2, 3, 3, padding=1, padding_mode=mode)
        assert layer(x).shape == (1, 3, 5, 5)
        assert layer._reversed_padding_repeated_twice == [1, 1, 1, 1]
        assert isinstance(layer, nn.modules.conv._ConvNd)
    assert np.allclose(layer(x).detach(), layer.bias.detach()[:, None, None], atol=1e-5)


def test_a_batch_norm_of_any_number_of_axes() -> None:
    """A subclass that checks nothing takes what it is given."""

    class Any_(nn.modules.batchnorm._BatchNorm):
        def _check_input_dim(self, input: Any) -> None:
            return

    for shape in ((4, 2), (4, 2, 3), (4, 2, 3, 3)):
        assert abs(float(Any_(2)(autodiff.rand(shape)).mean())) < 1e-5
    assert issubclass(nn.BatchNorm1d, nn.modules.batchnorm._NormBase)


def test_the_names_of_recurrent_weights() -> None:
    """In PyTorch's order, with and without biases and projections."""
    for options in ({}, {"bias": False}, {"num_layers": 2, "bidirectional": True}, {"proj_size": 2}):
        ours, theirs = both(lambda lib, options=options: lib.nn.LSTM(2, 3, **options))
        assert ours._flat_weights_names == theirs._flat_weights_names
        assert [tuple(w.shape) for w in ours._flat_weights] == [tuple(w.shape) for w in theirs._flat_weights]


def test_base_classes_of_layers() -> None:
    """For ``isinstance``."""
    assert isinstance(nn.Dropout2d(), nn.modules.dropout._DropoutNd)
    assert isinstance(nn.MaxPool2d(2), nn.modules.pooling._MaxPoolNd)
    assert isinstance(nn.AvgPool1d(2), nn.modules.pooling._AvgPoolNd)
    assert isinstance(nn.AdaptiveAvgPool2d(2), nn.modules.pooling._AdaptiveAvgPoolNd)


def test_methods_that_call_functions_of_numbers() -> None:
    """``apply_`` and ``map_`` give PyTorch's numbers, and are refused where there is a gradient."""

    def program(lib: Any) -> Any:
        x, y = lib.tensor(X[0]), lib.tensor(X[1])
        return plain(x.apply_(lambda a: a * 2 + 1)), plain(x.map_(y, lambda a, b: a - b))

    agree(*both(program), NEAR)
    with pytest.raises(RuntimeError, match="no gradient"):
        autodiff.ones(2, requires_grad=True).mul(2).apply_(abs)


@pytest.mark.parametrize(("shape", "wrap"), [((2, 4), False), ((5, 2), False), ((7, 2), True), ((3, 3, 3), False)])
def test_diagonals_are_filled(shape: tuple[int, ...], wrap: bool) -> None:
    """Of matrices, wrapped or not, and of cubes, with PyTorch's gradients."""

    def program(lib: Any) -> Any:
        x = lib.tensor(numbers(shape)).requires_grad_()
        y = x * 1
        y.fill_diagonal_(0.5, wrap)
        y.sum().backward()
        return plain(y), plain(x.grad)

    agree(*both(program), NEAR)


def test_comparisons_by_their_long_names() -> None:
    """As methods, and in place."""
    names = ("not_equal", "less", "less_equal", "greater", "greater_equal", "eq", "ne", "lt", "le", "gt", "ge")

    def program(lib: Any) -> Any:
        x, y = lib.tensor(X[0]), lib.tensor(X[0].T.reshape(4, 6))
        found = [plain(getattr(x, name)(y)) for name in names]
        found += [plain(getattr(x.clone(), f"{name}_")(y)) for name in names]
        found += [plain(getattr(x.clone(), f"logical_{name}_")(y)) for name in ("and", "or", "xor")]
        infinite = lib.tensor([1.0, float("inf"), -float("inf"), float("nan")])
        found += [plain(part) for part in lib.unravel_index(lib.tensor([[3, 5], [0, 1]]), (2, 3))]
        return [*found, plain(x.logical_not_()), plain(infinite.isposinf()), plain(lib.isneginf(infinite))]

    agree(*both(program), NEAR)
    with pytest.raises(IndexError, match="entries from 0 to 5"):
        autodiff.unravel_index(autodiff.tensor([6]), (2, 3))


def test_random_numbers_that_fill() -> None:
    """Of the right laws: the share of ones, the median, the mean of the logarithms."""
    autodiff.manual_seed(0)
    x = autodiff.empty(4000)
    assert abs(float((x.geometric_(0.25) == 1).float().mean()) - 0.25) < 0.03
    assert abs(float(x.cauchy_(2.0, 0.5).median()) - 2.0) < 0.1
    assert abs(float(x.log_normal_(1.0, 0.5).log().mean()) - 1.0) < 0.05
    with pytest.raises(ValueError, match="between 0 and 1"):
        x.geometric_(1.5)
    assert x.share_memory_() is x
    assert x.resize_as_(autodiff.zeros(2, 2)).shape == (2, 2)


def test_tensors_as_one_vector_and_back() -> None:
    """What copies gradients between devices and processes flattens them; the parts look into the vector."""
    from autodiff._utils import _flatten_dense_tensors, _unflatten_dense_tensors

    parts = [autodiff.tensor(X), autodiff.tensor(2.0, dtype=autodiff.float64), autodiff.tensor(W)]
    flat = _flatten_dense_tensors(parts)
    assert flat.shape == (X.size + 1 + W.size,)
    back = _unflatten_dense_tensors(flat, parts)
    assert [x.tolist() for x in back] == [x.tolist() for x in parts]
    flat.zero_()
    assert not any(x.any() for x in back)


def test_names_that_annotations_and_layers_of_others_import() -> None:
    """The base of modules beside the layers, and the kind of a group of processes."""
    from autodiff.distributed import ProcessGroup, all_gather, get_world_size  # noqa: F401
    from autodiff.nn.modules import Linear, Module

    assert Module is nn.Module
    assert Linear is nn.Linear
    assert isinstance(ProcessGroup, type)


def test_names_of_other_products_and_of_old_programs() -> None:
    """What needs other software says so when it is used; what old programs ask has an answer."""
    for name in ("hub", "nested", "fx"):
        with pytest.raises(OptionError, match=f"there is no autodiff.{name}.load, as torch has it"):
            getattr(autodiff, name).load("a")
    assert (autodiff.has_cuda, autodiff.has_mps, autodiff.has_lapack) == (False, False, True)
    assert autodiff.BFloat16Tensor([1]).dtype == autodiff.bfloat16
    assert repr(autodiff.jagged) == "autodiff.jagged"
    from autodiff.cuda.random import manual_seed_all

    assert manual_seed_all is autodiff.cuda.manual_seed_all
    autodiff._assert(True, "said")
    with pytest.raises(AssertionError, match="said"):
        autodiff._assert(False, "said")
    assert list(dict(nn.Container(a=nn.Linear(2, 1), b=None).named_parameters())) == ["a.weight", "a.bias"]


def test_gradients_are_scaled_back_and_checked_in_one_call() -> None:
    """In place, as PyTorch does; one that is not finite is found."""

    def program(lib: Any) -> Any:
        gradients, found = [lib.tensor([2.0, 4.0]), lib.tensor([np.inf])], lib.zeros(1)
        call = lib._amp_foreach_non_finite_check_and_unscale_
        call(gradients[:1], found, lib.tensor(0.5))
        first = found.item()
        call(gradients, found, lib.tensor(0.5))
        return [first, found.item(), *(x.tolist() for x in gradients)]

    assert program(autodiff) == [0.0, 1.0, [0.5, 1.0], [np.inf]]
    mine, theirs = both(program)
    assert mine == theirs


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_what_softmax_passes_back(name: str) -> None:
    """As functions that programs call in backward passes of their own."""

    def program(lib: Any) -> Any:
        x, g = lib.tensor(X), lib.tensor(X + 0.5)
        back = getattr(lib, f"_{name}_backward_data")
        return [plain(back(grad_output=g, output=getattr(lib, name)(x, 1), dim=1, input_dtype=lib.float64))]

    agree(*both(program), NEAR)


def test_dtypes_that_numpy_has_not_are_names() -> None:
    """Tables of programs have them; a tensor of one is refused."""
    table = {autodiff.float32: 32, autodiff.complex32: 32, autodiff.quint8: 8, autodiff.float8_e5m2: 8}
    assert (len(table), repr(autodiff.chalf)) == (4, "autodiff.complex32")
    with pytest.raises(DtypeError, match="complex32 is not a dtype"):
        autodiff.zeros(2, dtype=autodiff.complex32)


def test_old_constructors_in_annotations() -> None:
    """Alone, and with others."""

    def function(x: autodiff.LongTensor | None, y: autodiff.BoolTensor | None) -> None:
        pass

    assert len(typing.get_type_hints(function)) == 3

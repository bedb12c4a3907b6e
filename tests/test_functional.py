"""nn.functional against PyTorch, values and gradients, and the errors that are its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parity.harness import Near, compare, same

import autodiff
from autodiff.errors import DtypeError, OptionError, ShapeError
from nn import functional as F

NEAR = Near(1e-10, 1e-10)


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


ACTIVATIONS = [
    ("relu", {}),
    ("sigmoid", {}),
    ("tanh", {}),
    ("leaky_relu", {}),
    ("leaky_relu", {"negative_slope": 0.3}),
    ("softplus", {}),
    ("softplus", {"beta": 2.0}),
    ("logsigmoid", {}),
    ("silu", {}),
    ("gelu", {"approximate": "tanh"}),
    ("softmax", {"dim": 1}),
    ("log_softmax", {"dim": 0}),
]


# Every function that takes ``inplace``, drawing nothing at random.
IN_PLACE: dict[str, dict[str, Any]] = {
    "relu": {}, "leaky_relu": {"negative_slope": 0.3}, "silu": {}, "hardtanh": {"min_val": -0.5}, "relu6": {},
    "hardsigmoid": {}, "hardswish": {}, "elu": {"alpha": 0.5}, "celu": {"alpha": 0.5}, "selu": {}, "mish": {},
    "rrelu": {}, "threshold": {"threshold": 0.1, "value": 0.5}, "dropout": {"p": 1.0}, "dropout1d": {"p": 1.0},
    "dropout2d": {"p": 0.5, "training": False}, "dropout3d": {"p": 0.0},
    "alpha_dropout": {"p": 1.0, "training": True}, "feature_alpha_dropout": {"p": 1.0, "training": True},
}  # fmt: skip


def test_every_function_with_inplace_is_tried() -> None:
    """The table below has them all."""
    assert {name for name in vars(F) if "inplace" in getattr(getattr(F, name), "__annotations__", {})} == {*IN_PLACE}


@pytest.mark.parametrize(("name", "options"), IN_PLACE.items())
def test_inplace_writes_into_the_input(name: str, options: dict[str, Any]) -> None:
    """The input, a view of it and the gradient are PyTorch's; a leaf that requires grad is refused."""

    def program(lib: Any) -> Any:
        call = getattr(lib.nn.functional, name)
        leaf = lib.tensor(draw(2, 3, 4, 1, 1)[..., 0] if name == "dropout2d" else draw(2, 3, 4))
        leaf = leaf.unsqueeze(-1).unsqueeze(-1) if name == "dropout3d" else leaf
        leaf = leaf.detach().requires_grad_()
        x = leaf * 1
        view = x[:, 1]
        result = call(x, **options, inplace=True)
        loss = (x * x).sum() + (view * 3).sum()
        try:
            refused = call(leaf, **options, inplace=True) is None
        except RuntimeError:
            refused = True
        return x, view, result is x, refused, lib.autograd.grad(loss, leaf)[0]

    near = Near(1e-7, 1e-7) if name == "hardsigmoid" else NEAR  # PyTorch's 1 / 6 is of single precision there
    same(program, near=near)


@pytest.mark.parametrize("name", ["ReLU", "SiLU", "LeakyReLU", "ELU", "Hardtanh", "Mish", "Hardsigmoid"])
def test_layers_pass_inplace_on(name: str) -> None:
    """The input of a layer that is made with ``inplace=True`` holds its result."""

    def program(lib: Any) -> Any:
        x = lib.tensor(draw(2, 3))
        return getattr(lib.nn, name)(inplace=True)(x) is x, x

    same(program, near=Near(1e-7, 1e-7))


@pytest.mark.parametrize(("name", "options"), ACTIVATIONS)
def test_activations_are_pytorchs(name: str, options: dict[str, Any]) -> None:
    """Each activation and its gradient agree with PyTorch in float64."""
    near = Near(1e-8, 1e-8) if name == "softplus" else NEAR  # PyTorch's is linear above 20, exact to 2e-9
    compare(lambda lib, x: getattr(lib.nn.functional, name)(x, **options), 3 * draw(4, 5), near=near)


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_is_pytorchs(shape: tuple[int, ...], bias: bool) -> None:
    """x W^T + b for inputs with any leading axes, with and without a bias."""
    arrays = [draw(*shape), draw(5, 3, seed=1), draw(5, seed=2)][: 2 + bias]
    compare(lambda lib, *a: lib.nn.functional.linear(*a), *arrays, near=NEAR)


CONV = [
    dict(zip(("stride", "padding", "dilation", "groups"), options, strict=True))
    for options in itertools.product((1, (2, 1)), (0, (1, 2)), (1, (1, 2)), (1, 2))
] + [{"padding": "same"}, {"padding": "same", "dilation": (2, 3)}, {"padding": "valid"}]


@pytest.mark.parametrize("options", CONV, ids=str)
@pytest.mark.parametrize("kernel", [(3, 3), (2, 4)])
def test_conv2d_is_pytorchs(options: dict[str, Any], kernel: tuple[int, int], recwarn: Any) -> None:
    """Values and gradients for every combination of options, for odd and even kernels."""
    groups = options.get("groups", 1)
    arrays = draw(2, 4, 8, 9), draw(6, 4 // groups, *kernel, seed=1), draw(6, seed=2)
    compare(lambda lib, x, w, b: lib.nn.functional.conv2d(x, w, b, **options), *arrays, near=NEAR)


@pytest.mark.parametrize(
    "options", [{}, {"stride": 2, "padding": 3}, {"dilation": 2, "groups": 2}, {"padding": "same"}], ids=str
)
def test_conv1d_is_pytorchs(options: dict[str, Any]) -> None:
    """A convolution along one axis is one along two, the first of length one."""
    weight = draw(6, 4 // options.get("groups", 1), 3, seed=1)
    for x in (draw(2, 4, 11), draw(4, 11)):
        compare(lambda lib, *a: lib.nn.functional.conv1d(*a, **options), x, weight, draw(6, seed=2), near=NEAR)


def test_unbatched_images_keep_their_shape() -> None:
    """(C, H, W) in, (O, oh, ow) out, for convolution and both poolings."""
    compare(lambda lib, x, w: lib.nn.functional.conv2d(x, w), draw(2, 6, 6), draw(3, 2, 3, 3, seed=1), near=NEAR)
    compare(lambda lib, x: lib.nn.functional.max_pool2d(x, 2), draw(2, 6, 6), near=NEAR)
    compare(lambda lib, x: lib.nn.functional.avg_pool2d(x, 2), draw(2, 6, 6), near=NEAR)


def test_conv1d_known_numbers() -> None:
    """The worked example: sums of neighbours, and the gradients of their sum."""
    x = autodiff.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]], requires_grad=True)
    w = autodiff.ones(1, 1, 3, requires_grad=True)
    out = F.conv1d(x, w, padding="same")
    assert out.tolist() == [[3, 6, 9, 12, 9]]
    out.sum().backward()
    assert x.grad.tolist() == [[2, 3, 3, 3, 2]]
    assert w.grad.tolist() == [[[10, 15, 14]]]


POOL = [
    dict(zip(("kernel_size", "stride", "padding", "ceil_mode"), options, strict=True))
    for options in itertools.product((2, (3, 2)), (None, 2, (1, 3)), (0, 1), (False, True))
]


@pytest.mark.parametrize("options", POOL, ids=str)
def test_pooling_is_pytorchs(options: dict[str, Any]) -> None:
    """Maximum (with indices) and mean (padding counted or not, other divisors) for every combination of options."""
    x = draw(2, 3, 7, 8)
    compare(lambda lib, x: lib.nn.functional.max_pool2d(x, **options), x, near=NEAR)
    same(lambda lib: lib.nn.functional.max_pool2d(lib.tensor(x), **options, return_indices=True)[1])
    for more in ({}, {"count_include_pad": False}, {"divisor_override": 3}):
        compare(lambda lib, x, m=more: lib.nn.functional.avg_pool2d(x, **options, **m), x, near=NEAR)


REDUCTIONS = ("mean", "sum", "none")


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss"])
def test_distances_are_pytorchs(name: str, reduction: str) -> None:
    """Both arguments get PyTorch's gradients, under each reduction."""
    call = lambda lib, x, y: getattr(lib.nn.functional, name)(x, y, reduction=reduction)
    compare(call, draw(4, 3), draw(4, 3, seed=1), near=NEAR)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_binary_cross_entropies_are_pytorchs(reduction: str, weighted: bool) -> None:
    """Of probabilities and of logits, with weights and pos_weight; gradients of the target too.

    PyTorch has none of the target of probabilities, which here is held against that of their logits.
    """
    x, y = draw(4, 3), np.random.default_rng(1).uniform(size=(4, 3))
    w, p = (np.array([1.0, 0.5, 2.0]), np.array([3.0, 1.0, 0.2])) if weighted else (None, None)

    def loss(lib: Any, x: Any, y: Any, pos_weight: Any = None) -> Any:
        w_here, p_here = (None if a is None else lib.tensor(a) for a in (w, pos_weight))
        f = lib.nn.functional.binary_cross_entropy_with_logits
        return f(x, y, w_here, pos_weight=p_here, reduction=reduction)

    def of_probabilities(lib: Any, x: Any, y: Any) -> Any:
        weight = None if w is None else lib.tensor(w)
        return lib.nn.functional.binary_cross_entropy(x.sigmoid(), y, weight, reduction=reduction)

    compare(lambda lib, x, y: loss(lib, x, y, p), x, y, near=NEAR)
    compare(lambda lib, x, y: of_probabilities(lib, x, y.detach()), x, y, near=NEAR)
    compare(lambda lib, x, y: (of_probabilities if lib is autodiff else loss)(lib, x, y), x, y, near=NEAR)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
@pytest.mark.parametrize("tail", [None, (), (2, 3)], ids=["(C,)", "(N, C)", "(N, C, 2, 3)"])
def test_cross_entropy_is_pytorchs(
    reduction: str, weighted: bool, label_smoothing: float, tail: tuple[int, ...] | None
) -> None:
    """Class indices (some ignored) and probabilities, with weights and smoothing, under each reduction."""
    generator, classes = np.random.default_rng(3), 4
    shape = (classes,) if tail is None else (5, classes, *tail)
    targets = np.asarray(generator.integers(0, classes, () if tail is None else (5, *tail)))
    weight = generator.uniform(0.5, 2, classes)

    def loss(lib: Any, x: Any, target: Any, options: dict[str, Any]) -> Any:
        return lib.nn.functional.cross_entropy(x, target, lib.tensor(weight) if weighted else None, **options)

    for ignored in (-100, 1):
        if tail is None and targets == ignored:
            continue
        options = {"reduction": reduction, "label_smoothing": label_smoothing, "ignore_index": ignored}
        compare(lambda lib, x, t, o=options: loss(lib, x, t, o), draw(*shape), targets, near=NEAR)
    probabilities = generator.dirichlet(np.ones(classes), size=shape[:1] * (tail is not None) + (tail or ()))
    probabilities = np.moveaxis(probabilities, -1, min(len(shape) - 1, 1)).copy()
    options = {"reduction": reduction, "label_smoothing": label_smoothing}
    compare(lambda lib, x, y: loss(lib, x, y, options), draw(*shape), probabilities, near=NEAR)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_nll_loss_is_pytorchs(reduction: str, weighted: bool) -> None:
    """Negative log-likelihood with weights and an ignored class, for two and for four axes."""
    weight, options = np.array([1.0, 0.5, 2.0]), {"reduction": reduction, "ignore_index": 2}

    def loss(lib: Any, x: Any, target: Any) -> Any:
        return lib.nn.functional.nll_loss(x, target, lib.tensor(weight) if weighted else None, **options)

    for shape in ((5, 3), (2, 3, 4, 4)):
        targets = np.random.default_rng(4).integers(0, 3, shape[:1] + shape[2:])
        compare(loss, draw(*shape), targets, near=NEAR)


def test_pad_is_pytorchs() -> None:
    """Constant padding of the last axes first, with cutting by negative widths."""
    for widths in ((1, 2), (0, 1, 2, 0), (-1, 2, 1, -2)):
        compare(lambda lib, x, w=widths: lib.nn.functional.pad(x, w, value=2.5), draw(4, 5), near=NEAR)


@pytest.mark.parametrize("size", [100.0, 1e4])
def test_saturated_losses_are_finite_and_silent(size: float) -> None:
    """Logits to +-1e4 in float32 give the exact loss and gradient of cross-entropies, without a warning."""
    x = autodiff.tensor([[size, -size], [-size, size]], dtype=autodiff.float32, requires_grad=True)
    loss = F.cross_entropy(x, autodiff.tensor([1, 1]), reduction="none")
    assert loss.tolist() == [2 * size, 0]
    loss.sum().backward()
    assert x.grad.tolist() == [[1, -1], [0, 0]]
    z = autodiff.tensor([size, size, -size, -size], dtype=autodiff.float32, requires_grad=True)
    y = autodiff.tensor([1.0, 0.0, 1.0, 0.0])
    loss = F.binary_cross_entropy_with_logits(z, y, reduction="none")
    np.testing.assert_allclose(loss.detach().numpy(), [0, size, size, 0], atol=1e-43)
    loss.sum().backward()
    np.testing.assert_allclose(z.grad.numpy(), [0, 1, -1, 0], atol=1e-43)
    p = autodiff.tensor([0.0, 1.0], requires_grad=True)
    loss = F.binary_cross_entropy(p, autodiff.tensor([1.0, 1.0]))
    loss.backward()
    assert loss.item() == 50
    assert np.isfinite(p.grad.numpy()).all()


def test_a_small_logit_loss_keeps_its_digits() -> None:
    """The loss of a confident right answer is exp(-x), not the rounding of x - x."""
    z = autodiff.tensor([12.0, -12.0], dtype=autodiff.float32)
    loss = F.binary_cross_entropy_with_logits(z, autodiff.tensor([1.0, 0.0]), reduction="none")
    np.testing.assert_allclose(loss.numpy(), np.log1p(np.exp(-12.0)), rtol=1e-6)


def test_losses_of_probabilities_refuse_to_stretch_both_arguments() -> None:
    """(N, 1) against (N,) is an error that names both shapes and the repair."""
    x, y = autodiff.zeros(4, 1), autodiff.zeros(4)
    for loss in (F.binary_cross_entropy, F.binary_cross_entropy_with_logits):
        with pytest.raises(ShapeError, match=r"\(4, 1\), not \(4,\); target\.reshape\(\(4, 1\)\)"):
            loss(x, y)
    assert F.mse_loss(x, autodiff.zeros(1, 1)).item() == 0


CE = autodiff.zeros(2, 3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.cross_entropy(CE, autodiff.tensor([0, 3])), OptionError, "target 3 is no class.*0 to 2"),
        (lambda: F.cross_entropy(CE, autodiff.tensor([0, -1])), OptionError, "target -1 is no class"),
        (lambda: F.cross_entropy(CE, autodiff.tensor([0])), ShapeError, r"targets of shape \(2,\), not \(1,\)"),
        (lambda: F.cross_entropy(CE, autodiff.tensor([0.0, 1.0])), DtypeError, r"\.long\(\) converts"),
        (lambda: F.cross_entropy(CE, autodiff.tensor([0, 1]), autodiff.ones(2)), ShapeError, "weights for 3 classes"),
        (lambda: F.cross_entropy(CE, autodiff.tensor([0, 1]), reduction="avg"), OptionError, "not 'avg'"),
        (lambda: F.cross_entropy(CE.long(), autodiff.tensor([0, 1])), DtypeError, "floating inputs"),
        (lambda: F.nll_loss(CE, autodiff.zeros(2, 3)), DtypeError, "class indices"),
        (lambda: F.binary_cross_entropy(CE + 2, CE), OptionError, "probabilities from 0 to 1"),
        (lambda: F.linear(CE, autodiff.ones(4, 5)), ShapeError, r"inputs \(\.\.\., 5\), not of shape \(2, 3\)"),
        (lambda: F.linear(autodiff.ones(2, 3, 4), autodiff.ones(5, 12)), ShapeError, "flatten"),
        (lambda: F.linear(CE, autodiff.ones(4, 3), autodiff.ones(5)), ShapeError, r"bias \(4,\), not \(5,\)"),
        (lambda: F.linear(CE, autodiff.ones(4, 3).double()), DtypeError, "one dtype"),
        (lambda: F.conv2d(autodiff.ones(1, 2, 5, 5), autodiff.ones(1, 3, 3, 3)), ShapeError, "takes 3 input channels"),
        (lambda: F.conv2d(autodiff.ones(5, 5), autodiff.ones(1, 1, 3, 3)), ShapeError, r"\(N, C, H, W\) or \(C"),
        (lambda: F.conv2d(autodiff.ones(1, 2, 2), autodiff.ones(1, 1, 3, 3)), ShapeError, r"the size \(0, 0\)"),
        (lambda: F.conv2d(CE, autodiff.ones(3, 3)), ShapeError, "weight of 4 axes"),
        (lambda: F.conv2d(autodiff.ones(1, 5, 5).double(), autodiff.ones(1, 1, 3, 3)), DtypeError, "convert one"),
        (lambda: F.conv2d(autodiff.ones(1, 5, 5), autodiff.ones(1, 1, 3, 3), stride=0), OptionError, "stride is"),
        (
            lambda: F.conv2d(autodiff.ones(1, 5, 5), autodiff.ones(1, 1, 3, 3), stride=2, padding="same"),
            OptionError,
            "needs stride 1",
        ),
        (lambda: F.max_pool2d(autodiff.ones(1, 4, 4), 5), ShapeError, "larger than the padded input"),
        (lambda: F.max_pool2d(autodiff.ones(1, 4, 4), 2, padding=2), OptionError, "more than half"),
        (lambda: F.dropout(CE, 1.5), OptionError, "between 0 and 1"),
        (lambda: F.pad(CE, (1,)), ShapeError, "two widths"),
    ],
)
def test_errors_teach(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    """What does not fit is refused by a named error that says what was given and what is expected."""
    with pytest.raises(error, match=message):
        call()


def test_dropout_keeps_the_mean_and_passes_the_gradient_it_kept() -> None:
    """Each entry is 0 or x / (1 - p); the gradient has the same mask; out of training nothing happens."""
    autodiff.manual_seed(0)
    x = autodiff.ones(10_000, requires_grad=True)
    y = F.dropout(x, 0.25)
    assert set(np.unique(y.detach().numpy())) == {np.float32(0), np.float32(4 / 3)}
    assert abs(y.mean().item() - 1) < 0.02
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())
    assert F.dropout(x, 0.25, training=False) is x
    assert F.dropout(x, 1.0).sum().item() == 0


def test_float32_stays_float32() -> None:
    """No function of this package turns float32 into anything wider."""
    x, y = autodiff.rand(2, 3, requires_grad=True), autodiff.rand(2, 3)
    image, kernel = autodiff.rand(1, 1, 4, 4, requires_grad=True), autodiff.rand(1, 1, 3, 3)
    outputs = [getattr(F, name)(x, **options) for name, options in ACTIVATIONS]
    outputs += [F.cross_entropy(x, autodiff.tensor([0, 1]), label_smoothing=s, weight=y[0]) for s in (0.0, 0.1)]
    outputs += [F.mse_loss(x, y), F.l1_loss(x, y), F.binary_cross_entropy(x, y), F.dropout(x)]
    outputs += [F.binary_cross_entropy_with_logits(x, y), F.linear(x, y), F.pad(x, (1, 1)), F.cross_entropy(x, y)]
    outputs += [F.conv2d(image, kernel), F.max_pool2d(image, 2), F.avg_pool2d(image, 2)]
    outputs += [F.avg_pool2d(image, 3, 2, 1, count_include_pad=False)]
    for out in outputs:
        assert out.dtype == np.float32
        out.sum().backward()
    assert x.grad.dtype == image.grad.dtype == np.float32


def test_what_is_ignored_may_be_nan() -> None:
    """A row whose target is ignored gives nothing to loss or gradient, though its logits are NaN."""
    logits = autodiff.tensor(np.array([[1.0, 2.0], [np.nan, np.inf]])).requires_grad_()
    for smoothing in (0.0, 0.1):
        for weight in (None, autodiff.tensor([0.5, 2.0])):
            logits.grad = None
            loss = F.cross_entropy(logits, autodiff.tensor([1, -100]), weight, label_smoothing=smoothing)
            loss.backward()
            assert np.isfinite(loss.item())
            assert logits.grad is not None
            assert np.isfinite(logits.grad.numpy()).all()
            assert not logits.grad.numpy()[1].any()


@pytest.mark.parametrize(("name", "shape"), [("dropout1d", (60, 50, 4)), ("dropout2d", (60, 50, 2, 3)),
                                             ("dropout3d", (60, 50, 2, 2, 2)), ("feature_alpha_dropout", (60, 50, 3))])
def test_dropout_of_channels_takes_them_whole(name: str, shape: tuple[int, ...]) -> None:
    """The entries of a channel share one fate, and about p of the channels are gone."""
    autodiff.manual_seed(0)
    out = getattr(F, name)(autodiff.ones(*shape), 0.3, training=True).numpy().reshape(*shape[:2], -1)
    assert (out == out[:, :, :1]).all()
    values, counts = np.unique(out[:, :, 0], return_counts=True)
    assert len(values) == 2
    assert abs(counts[0] / counts.sum() - 0.3) < 0.03


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    """Of standard normal entries mean 0 and variance 1 are left, as self-normalising networks need them."""
    autodiff.manual_seed(0)
    out = F.alpha_dropout(autodiff.randn(200_000), 0.2, training=True).numpy()
    assert abs(out.mean()) < 0.01
    assert abs(out.var() - 1) < 0.02


def test_rrelu_draws_slopes_between_its_bounds() -> None:
    """While training each negative entry gets a slope of its own; the gradient is that slope."""
    autodiff.manual_seed(0)
    x = (-autodiff.ones(1000)).requires_grad_()
    F.rrelu(x, 0.2, 0.4, training=True).sum().backward()
    assert x.grad is not None
    slopes = x.grad.numpy()
    assert slopes.min() >= 0.2
    assert slopes.max() <= 0.4
    assert slopes.std() > 0.04

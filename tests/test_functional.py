"""nn.functional against PyTorch, values and gradients, and the errors that are its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff
from autodiff.errors import DtypeError, OptionError, ShapeError
from nn import functional as F

torch = pytest.importorskip("torch")
TF = torch.nn.functional


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def agree(ours: Callable[..., Any], theirs: Callable[..., Any], *arrays: np.ndarray, tolerance: float = 1e-10) -> None:
    """Value and all gradients of a function of float64 arrays, for one random cotangent."""
    xs = [autodiff.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    ts = [torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    out, wanted = ours(*xs), theirs(*ts)
    assert out.shape == tuple(wanted.shape)
    np.testing.assert_allclose(out.detach().numpy(), wanted.detach().numpy(), rtol=tolerance, atol=tolerance)
    g = draw(*out.shape, seed=9)
    out.backward(autodiff.tensor(g))
    wanted.backward(torch.tensor(g))
    for x, t in zip(xs, ts, strict=True):
        if t.grad is not None:
            np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=tolerance, atol=tolerance)


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


@pytest.mark.parametrize(("name", "options"), ACTIVATIONS)
def test_activations_are_pytorchs(name: str, options: dict[str, Any]) -> None:
    """Each activation and its gradient agree with PyTorch in float64."""
    agree(
        lambda x: getattr(F, name)(x, **options),
        lambda t: getattr(TF, name)(t, **options),
        3 * draw(4, 5),
        tolerance=1e-8 if name == "softplus" else 1e-10,  # PyTorch's is linear above 20, exact to 2e-9
    )


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_is_pytorchs(shape: tuple[int, ...], bias: bool) -> None:
    """x W^T + b for inputs with any leading axes, with and without a bias."""
    arrays = [draw(*shape), draw(5, 3, seed=1), draw(5, seed=2)][: 2 + bias]
    agree(F.linear, TF.linear, *arrays)


CONV = [
    dict(zip(("stride", "padding", "dilation", "groups"), options, strict=True))
    for options in itertools.product((1, (2, 1)), (0, (1, 2)), (1, (1, 2)), (1, 2))
] + [{"padding": "same"}, {"padding": "same", "dilation": (2, 3)}, {"padding": "valid"}]


@pytest.mark.parametrize("options", CONV, ids=str)
@pytest.mark.parametrize("kernel", [(3, 3), (2, 4)])
def test_conv2d_is_pytorchs(options: dict[str, Any], kernel: tuple[int, int], recwarn: Any) -> None:
    """Values and gradients for every combination of options, for odd and even kernels."""
    groups = options.get("groups", 1)
    agree(
        lambda x, w, b: F.conv2d(x, w, b, **options),
        lambda x, w, b: TF.conv2d(x, w, b, **options),
        draw(2, 4, 8, 9), draw(6, 4 // groups, *kernel, seed=1), draw(6, seed=2),
    )  # fmt: skip


@pytest.mark.parametrize(
    "options", [{}, {"stride": 2, "padding": 3}, {"dilation": 2, "groups": 2}, {"padding": "same"}], ids=str
)
def test_conv1d_is_pytorchs(options: dict[str, Any]) -> None:
    """One axis is two with the first of length one."""
    weight = draw(6, 4 // options.get("groups", 1), 3, seed=1)
    for x in (draw(2, 4, 11), draw(4, 11)):
        agree(lambda *a: F.conv1d(*a, **options), lambda *a: TF.conv1d(*a, **options), x, weight, draw(6, seed=2))


def test_unbatched_images_keep_their_shape() -> None:
    """(C, H, W) in, (O, oh, ow) out, for convolution and both poolings."""
    agree(F.conv2d, TF.conv2d, draw(2, 6, 6), draw(3, 2, 3, 3, seed=1))
    agree(lambda x: F.max_pool2d(x, 2), lambda x: TF.max_pool2d(x, 2), draw(2, 6, 6))
    agree(lambda x: F.avg_pool2d(x, 2), lambda x: TF.avg_pool2d(x, 2), draw(2, 6, 6))


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
    agree(lambda x: F.max_pool2d(x, **options), lambda x: TF.max_pool2d(x, **options), x)
    indices = F.max_pool2d(autodiff.tensor(x), **options, return_indices=True)[1]
    wanted = TF.max_pool2d(torch.tensor(x), **options, return_indices=True)[1]
    np.testing.assert_array_equal(indices.numpy(), wanted.numpy())
    for more in ({}, {"count_include_pad": False}, {"divisor_override": 3}):
        agree(lambda x, m=more: F.avg_pool2d(x, **options, **m), lambda x, m=more: TF.avg_pool2d(x, **options, **m), x)


REDUCTIONS = ("mean", "sum", "none")


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss"])
def test_distances_are_pytorchs(name: str, reduction: str) -> None:
    """Both arguments get PyTorch's gradients, under each reduction."""
    agree(
        lambda x, y: getattr(F, name)(x, y, reduction=reduction),
        lambda x, y: getattr(TF, name)(x, y, reduction=reduction),
        draw(4, 3), draw(4, 3, seed=1),
    )  # fmt: skip


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_binary_cross_entropies_are_pytorchs(reduction: str, weighted: bool) -> None:
    """Of probabilities and of logits, with weights, pos_weight and gradients for the target of logits."""
    x, y = draw(4, 3), np.random.default_rng(1).uniform(size=(4, 3))
    w, p = (np.array([1.0, 0.5, 2.0]), np.array([3.0, 1.0, 0.2])) if weighted else (None, None)
    ours, theirs = ([None if a is None else make(a) for a in (w, p)] for make in (autodiff.tensor, torch.tensor))
    agree(
        lambda x, y: F.binary_cross_entropy(x.sigmoid(), y, ours[0], reduction=reduction),
        lambda x, y: TF.binary_cross_entropy(x.sigmoid(), y.detach(), theirs[0], reduction=reduction),
        x, y,
    )  # fmt: skip
    agree(
        lambda x, y: F.binary_cross_entropy_with_logits(x, y, ours[0], pos_weight=ours[1], reduction=reduction),
        lambda x, y: TF.binary_cross_entropy_with_logits(x, y, theirs[0], pos_weight=theirs[1], reduction=reduction),
        x, y,
    )  # fmt: skip


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
    targets = generator.integers(0, classes, () if tail is None else (5, *tail))
    weight = generator.uniform(0.5, 2, classes)
    for ignored in (-100, 1):
        if tail is None and targets == ignored:
            continue
        options = {"reduction": reduction, "label_smoothing": label_smoothing, "ignore_index": ignored}
        agree(
            lambda x, o=options: F.cross_entropy(
                x, autodiff.tensor(targets), autodiff.tensor(weight) if weighted else None, **o
            ),
            lambda t, o=options: TF.cross_entropy(
                t, torch.tensor(targets), torch.tensor(weight) if weighted else None, **o
            ),
            draw(*shape),
        )
    probabilities = generator.dirichlet(np.ones(classes), size=shape[:1] * (tail is not None) + (tail or ()))
    probabilities = np.moveaxis(probabilities, -1, min(len(shape) - 1, 1)).copy()
    options = {"reduction": reduction, "label_smoothing": label_smoothing}
    agree(
        lambda x, y: F.cross_entropy(x, y, autodiff.tensor(weight) if weighted else None, **options),
        lambda x, y: TF.cross_entropy(x, y, torch.tensor(weight) if weighted else None, **options),
        draw(*shape), probabilities,
    )  # fmt: skip


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_nll_loss_is_pytorchs(reduction: str, weighted: bool) -> None:
    """Negative log-likelihood with weights and an ignored class, for two and for four axes."""
    weight = np.array([1.0, 0.5, 2.0])
    for shape in ((5, 3), (2, 3, 4, 4)):
        targets = np.random.default_rng(4).integers(0, 3, shape[:1] + shape[2:])
        options = {"reduction": reduction, "ignore_index": 2}
        agree(
            lambda x, t=targets, o=options: F.nll_loss(
                x, autodiff.tensor(t), autodiff.tensor(weight) if weighted else None, **o
            ),
            lambda x, t=targets, o=options: TF.nll_loss(
                x, torch.tensor(t), torch.tensor(weight) if weighted else None, **o
            ),
            draw(*shape),
        )


def test_pad_is_pytorchs() -> None:
    """Constant padding of the last axes first, with cutting by negative widths."""
    for widths in ((1, 2), (0, 1, 2, 0), (-1, 2, 1, -2)):
        agree(lambda x, w=widths: F.pad(x, w, value=2.5), lambda t, w=widths: TF.pad(t, w, value=2.5), draw(4, 5))


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


def test_losses_refuse_to_stretch_both_arguments() -> None:
    """(N, 1) against (N,) is an error that names both shapes and the repair."""
    x, y = autodiff.zeros(4, 1), autodiff.zeros(4)
    for loss in (F.mse_loss, F.l1_loss, F.binary_cross_entropy, F.binary_cross_entropy_with_logits):
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
        (lambda: F.softmax(CE), OptionError, "give dim"),
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

"""Every layer against PyTorch's: one line of the table for one layer."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from parity.harness import (
    Near,
    agree,
    compare_modules,
    delivered,
    flat,
    gradients_agree,
    leaf,
    numbers,
    peer,
    same,
    twins,
)

import autodiff
import nn
from autodiff.errors import OptionError

NEAR = Near(1e-6, 1e-9, of_largest=1e-9)


class Layer(NamedTuple):
    """How a layer is made, and on what it is tried: shapes (filled with numbers) or arrays of integers."""

    name: str
    args: tuple[Any, ...]
    options: dict[str, Any]
    inputs: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.name}{self.args}{self.options or ''}"


LAYERS: list[Layer] = []


def layer(name: str, *args: Any, on: Any, **options: Any) -> None:
    LAYERS.append(Layer(name, args, options, on if isinstance(on, list) else [on]))


SIGNAL, IMAGE, VOLUME = (2, 4, 9), (2, 4, 6, 7), (2, 4, 5, 5, 6)
INPUTS = {1: SIGNAL, 2: IMAGE, 3: VOLUME}

for name in ("ReLU", "ReLU6", "SELU", "SiLU", "Mish", "Hardsigmoid", "Hardswish", "ELU", "CELU", "Hardtanh",
             "LeakyReLU"):
    layer(name, on=SIGNAL)
    layer(name, inplace=False, on=SIGNAL)
for name in ("Sigmoid", "Tanh", "LogSigmoid", "Softsign", "Tanhshrink", "Softplus", "GELU", "Hardshrink", "Softshrink",
             "PReLU", "Identity", "Flatten"):
    layer(name, on=SIGNAL)
layer("ELU", 0.5, on=SIGNAL)
layer("CELU", alpha=2.0, on=SIGNAL)
layer("GELU", approximate="tanh", on=SIGNAL)
layer("Hardtanh", -0.5, 1.5, on=SIGNAL)
layer("Hardshrink", 1.0, on=SIGNAL)
layer("Softshrink", lambd=1.0, on=SIGNAL)
layer("Threshold", 0.1, 20, on=SIGNAL)
layer("PReLU", 4, 0.1, on=IMAGE)
layer("GLU", 1, on=IMAGE)
layer("Softmax2d", on=IMAGE)
for name in ("Softmax", "Softmin", "LogSoftmax"):
    layer(name, dim=1, on=SIGNAL)

layer("Linear", 9, 3, on=SIGNAL)
layer("Linear", 9, 3, bias=False, on=SIGNAL)
layer("Bilinear", 3, 5, 2, on=[(4, 3), (4, 5)])
layer("Unflatten", 1, (2, 2), on=SIGNAL)
layer("Flatten", 2, 3, on=IMAGE)

for axes, shape in INPUTS.items():
    for options in ({}, {"stride": 2, "padding": 1}, {"dilation": 2, "groups": 2, "bias": False}, {"padding": "same"},
                    {"padding": 1, "padding_mode": "reflect"}, {"padding": "same", "padding_mode": "replicate"},
                    {"padding": 2, "padding_mode": "circular"}):
        layer(f"Conv{axes}d", 4, 6, 3, **options, on=shape)
    for options in ({}, {"stride": 2, "padding": 1, "output_padding": 1}, {"dilation": 2, "groups": 2, "bias": False}):
        layer(f"ConvTranspose{axes}d", 4, 6, 3, **options, on=shape)
    for options in ({}, {"momentum": None}, {"affine": False, "eps": 1e-3}, {"track_running_stats": False}):
        layer(f"BatchNorm{axes}d", 4, **options, on=shape)
    for options in ({}, {"affine": True}, {"track_running_stats": True, "momentum": 0.3}):
        layer(f"InstanceNorm{axes}d", 4, **options, on=shape)
        layer(f"InstanceNorm{axes}d", 4, **options, on=shape[1:])
    layer(f"MaxPool{axes}d", 2, on=shape)
    layer(f"MaxPool{axes}d", 3, 2, 1, ceil_mode=True, return_indices=True, on=shape)
    layer(f"AvgPool{axes}d", 2, on=shape)
    layer(f"AvgPool{axes}d", 3, 2, 1, count_include_pad=False, on=shape)
    layer(f"AdaptiveAvgPool{axes}d", 1, on=shape)
    layer(f"AdaptiveAvgPool{axes}d", 3, on=shape)
    layer(f"AdaptiveMaxPool{axes}d", 3, return_indices=True, on=shape)
    layer(f"LPPool{axes}d", 1, 2, on=shape)
    layer(f"CircularPad{axes}d", 1, on=shape)
    layer(f"ConstantPad{axes}d", 2, 3.5, on=shape)
    layer(f"ReflectionPad{axes}d", (1, 2) * axes, on=shape)
    layer(f"ReplicationPad{axes}d", (3, 1) * axes, on=shape)
    layer(f"ZeroPad{axes}d", (1, 2) * axes, on=shape)
    layer(f"Dropout{axes}d", 1.0, on=shape)
layer("BatchNorm1d", 9, on=(5, 9))
for name in ("Dropout", "AlphaDropout", "FeatureAlphaDropout"):
    layer(name, 1.0, on=SIGNAL)
for options in ({}, {"bias": False}, {"elementwise_affine": False, "eps": 1e-2}):
    layer("LayerNorm", 9, **options, on=SIGNAL)
layer("LayerNorm", (6, 7), on=IMAGE)
layer("RMSNorm", 9, on=SIGNAL)
layer("RMSNorm", (6, 7), eps=1e-3, elementwise_affine=False, on=IMAGE)
layer("GroupNorm", 2, 4, on=IMAGE)
layer("GroupNorm", 4, 4, affine=False, on=SIGNAL)
layer("LocalResponseNorm", 3, 0.5, on=IMAGE)
layer("PixelShuffle", 2, on=IMAGE)
layer("PixelUnshuffle", 2, on=(2, 4, 4, 6))
layer("ChannelShuffle", 2, on=IMAGE)
layer("Unfold", (2, 3), padding=1, stride=2, on=IMAGE)
layer("Fold", (5, 6), 2, on=(2, 8, 20))
layer("Upsample", scale_factor=2, on=IMAGE)
layer("Upsample", size=(3, 9), mode="bilinear", align_corners=True, on=IMAGE)
layer("UpsamplingNearest2d", scale_factor=2, on=IMAGE)
layer("UpsamplingBilinear2d", size=(9, 9), on=IMAGE)
layer("CosineSimilarity", on=[(4, 3), (4, 3)])
layer("PairwiseDistance", keepdim=True, on=[(4, 3), (4, 3)])

SIGNS, CLASSES = np.array([1, -1, -1, 1]), np.array([0, 2, 1, 1])
for reduction in ("mean", "sum", "none"):
    for name in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "PoissonNLLLoss"):
        layer(name, reduction=reduction, on=[(4, 3), (4, 3)])
    layer("GaussianNLLLoss", full=True, reduction=reduction, on=[(4, 3), (4, 3), np.full((4, 3), 2)])
    layer("BCEWithLogitsLoss", reduction=reduction, on=[(4, 3), np.eye(4, 3, dtype=int)])
    layer("MultiLabelSoftMarginLoss", reduction=reduction, on=[(4, 3), np.eye(4, 3, dtype=int)])
    layer("SoftMarginLoss", reduction=reduction, on=[(4,), SIGNS])
    layer("HingeEmbeddingLoss", 0.7, reduction=reduction, on=[(4,), SIGNS])
    layer("MarginRankingLoss", 0.3, reduction=reduction, on=[(4,), (4,), SIGNS])
    layer("CosineEmbeddingLoss", 0.3, reduction=reduction, on=[(4, 3), (4, 3), SIGNS])
    layer("TripletMarginLoss", 2.0, swap=True, reduction=reduction, on=[(4, 3)] * 3)
    layer("CrossEntropyLoss", label_smoothing=0.1, reduction=reduction, on=[(4, 3), CLASSES])
    layer("NLLLoss", ignore_index=1, reduction=reduction, on=[(4, 3), CLASSES])
    layer("MultiMarginLoss", 2, 0.5, reduction=reduction, on=[(4, 3), CLASSES])
    layer("MultiLabelMarginLoss", reduction=reduction,
          on=[(4, 3), np.array([[0, 1, -1], [2, -1, 0], [-1, 0, 0], [1, 0, 2]])])
layer("KLDivLoss", reduction="batchmean", log_target=True, on=[(4, 3), (4, 3)])
layer("CTCLoss", zero_infinity=True, on=[(6, 2, 4), np.array([[1, 2], [3, 1]]), np.array([6, 5]), np.array([2, 1])])


class Step(NamedTuple):
    """What a module gives, the gradients of its inputs and parameters, and its state after the step."""

    outputs: list[Any]
    gradients: list[Any]
    state: list[Any]


def inputs_of(lib: Any, found: Layer, step: int) -> list[Any]:
    arrays = [
        x if isinstance(x, np.ndarray) else numbers(x, -2.0, 1.8, seed=7 * step + i) for i, x in enumerate(found.inputs)
    ]
    if found.name in ("GaussianNLLLoss", "BCEWithLogitsLoss"):  # whose targets are whole here, but not by dtype
        arrays[-1] = arrays[-1].astype(np.float64)
    inputs = [leaf(lib, x) if isinstance(shape, tuple) else lib.tensor(x)
              for x, shape in zip(arrays, found.inputs, strict=True)]
    if found.name == "CTCLoss":
        inputs[0] = lib.nn.functional.log_softmax(inputs[0], -1)
    return inputs


def trained(lib: Any, model: Any, found: Layer) -> list[Step]:
    """Three steps of training and an evaluation after them."""
    steps: list[Step] = []
    for step in range(4):
        model.train(step < 3)
        inputs = inputs_of(lib, found, step)
        outputs = flat(model(*inputs))
        gradients = delivered(lib, outputs, [*(x for x in inputs if x.is_leaf), *model.parameters()])
        with lib.no_grad():
            for parameter in model.parameters():
                if parameter.grad is not None:
                    parameter -= 0.1 * parameter.grad
        steps.append(Step(outputs, gradients, [x.clone() for x in model.state_dict().values()]))
    return steps


@pytest.mark.parametrize("found", LAYERS, ids=str)
def test_a_layer_is_pytorchs(found: Layer) -> None:
    """With PyTorch's state, a layer trains and evaluates as PyTorch's does: outputs, gradients, buffers and text."""
    ours, theirs = twins(lambda lib: getattr(lib.nn, found.name)(*found.args, **found.options))
    assert repr(ours) == repr(theirs)
    for mine, wanted in zip(trained(autodiff, ours, found), trained(peer(), theirs, found), strict=True):
        agree(mine.outputs, wanted.outputs, NEAR)
        gradients_agree(mine.gradients, wanted.gradients, NEAR)
        agree(mine.state, wanted.state, NEAR)


# --- text, containers and losses --------------------------------------------------------------------------------------

TEXTS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("Linear", (3, 4), {}),
    ("Linear", (3, 4), {"bias": False}),
    ("Conv2d", (2, 4, 3), {}),
    ("Conv2d", (2, 4, (3, 2)), {"stride": 2, "padding": (1, 0), "dilation": 2, "groups": 2, "bias": False}),
    ("Conv2d", (2, 4, 3), {"padding": "same"}),
    ("Conv1d", (2, 4, 3), {"padding": 1}),
    ("MaxPool2d", (2,), {}),
    ("MaxPool2d", ((3, 2),), {"stride": (2, 1), "padding": 1, "ceil_mode": True}),
    ("AvgPool2d", (2,), {}),
    ("AvgPool2d", (3,), {"stride": 2, "padding": 1, "count_include_pad": False}),
    ("Flatten", (), {}),
    ("Unflatten", (1, (2, 3)), {}),
    ("Identity", (), {}),
    ("Dropout", (), {}),
    ("ReLU", (), {}),
    ("ReLU", (), {"inplace": True}),
    ("Sigmoid", (), {}),
    ("Tanh", (), {}),
    ("Softmax", (1,), {}),
    ("LogSoftmax", (1,), {}),
    ("LeakyReLU", (0.2,), {}),
    ("Softplus", (), {}),
    ("SiLU", (), {}),
    ("GELU", ("tanh",), {}),
    ("MSELoss", (), {}),
    ("CrossEntropyLoss", (), {}),
    ("BCEWithLogitsLoss", (), {}),
]


@pytest.mark.parametrize(("name", "args", "options"), TEXTS)
def test_modules_read_as_pytorchs(name: str, args: tuple[Any, ...], options: dict[str, Any]) -> None:
    """repr(module) is PyTorch's, letter by letter, alone and inside containers."""

    def texts(lib: Any) -> list[str]:
        layer = getattr(lib.nn, name)(*args, **options)
        listed = lib.nn.ModuleList([layer, layer, lib.nn.Tanh()])
        return [repr(layer), repr(lib.nn.Sequential(listed, lib.nn.ModuleDict({"a": layer})))]

    same(texts)


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ([("Linear", (6, 5)), ("Tanh", ()), ("Linear", (5, 2))], (3, 6)),
        ([("Conv2d", (2, 4, 3)), ("ReLU", ()), ("MaxPool2d", (2,)), ("Flatten", ())], (2, 2, 6, 6)),
        ([("Conv1d", (2, 4, 3)), ("LeakyReLU", (0.1,)), ("Flatten", ()), ("Softmax", (1,))], (2, 2, 6)),
        ([("Conv2d", (1, 2, 2)), ("AvgPool2d", (2,)), ("Flatten", ()), ("Unflatten", (1, (2, 4)))], (2, 1, 5, 5)),
    ],
)
def test_a_pytorch_state_dict_gives_pytorchs_outputs_and_gradients(layers: Any, shape: tuple[int, ...]) -> None:
    """The keys and shapes of state dicts are PyTorch's; with its weights, float64 outputs and gradients agree."""
    models = twins(lambda lib: lib.nn.Sequential(*(getattr(lib.nn, name)(*args) for name, args in layers)))
    compare_modules(models, lambda lib, m, x: m(x), numbers(shape),
                    near=Near(1e-10), near_gradients=Near(1e-9, 1e-12))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_loss_modules_pass_all_their_options_on(reduction: str) -> None:
    """Each loss module gives PyTorch's loss, weights and all, and keeps its weights in its state."""
    generator = np.random.default_rng(0)
    x, y, w = generator.uniform(0.1, 0.9, (4, 3)), generator.uniform(size=(4, 3)), generator.uniform(0.5, 2, 3)
    classes = np.array([0, 1, 2, 1])
    cases = [
        ("MSELoss", {}, y), ("L1Loss", {}, y), ("BCELoss", {"weight": w}, y),
        ("BCEWithLogitsLoss", {"weight": w, "pos_weight": w}, y),
        ("NLLLoss", {"weight": w, "ignore_index": 2}, classes),
        ("CrossEntropyLoss", {"weight": w, "ignore_index": 2, "label_smoothing": 0.1}, classes),
    ]  # fmt: skip

    def loss(lib: Any, name: str, options: dict[str, Any], target: Any) -> Any:
        tensors = {key: lib.tensor(value) for key, value in options.items() if isinstance(value, np.ndarray)}
        module = getattr(lib.nn, name)(reduction=reduction, **options | tensors)
        assert set(module.state_dict()) == set(tensors)
        return module(lib.tensor(x), lib.tensor(target))

    for case in cases:
        same(loss, *case, near=Near(1e-12))
    with pytest.raises(OptionError, match="not 'average'"):
        nn.MSELoss(reduction="average")

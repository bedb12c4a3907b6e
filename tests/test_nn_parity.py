"""Every layer against PyTorch's: one line of the table for one layer."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from parity.base import numbers

import autodiff
import nn

torch = pytest.importorskip("torch")


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


def tensors_of(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple) else [result]


def trained(lib: Any, model: Any, found: Layer) -> list[np.ndarray[Any, Any]]:
    """Outputs, gradients of inputs and parameters, and the state, of three steps and of an evaluation after them."""
    seen: list[Any] = []
    for step in range(4):
        model.train(step < 3)
        inputs = [
            lib.tensor(np.array(x)) if isinstance(x, np.ndarray) else
            lib.tensor(numbers(x, -2.0, 1.8, seed=7 * step + i)).requires_grad_()
            for i, x in enumerate(found.inputs)
        ]
        if found.name == "CTCLoss":
            inputs[0] = lib.nn.functional.log_softmax(inputs[0], -1)
        if found.name in ("GaussianNLLLoss", "BCEWithLogitsLoss"):  # whose targets are whole here, but not by dtype
            inputs[-1] = inputs[-1].to(inputs[0].dtype)
        outputs = tensors_of(model(*inputs))
        seen += [x.detach().numpy() for x in outputs]
        tracked = [x for x in outputs if x.requires_grad]
        model.zero_grad()
        if tracked:
            sum((x * lib.tensor(numbers(tuple(x.shape), seed=3))).sum() for x in tracked).backward()
        leaves = [x for x in inputs if x.requires_grad and x.is_leaf]
        seen += [np.zeros(tuple(x.shape)) if x.grad is None else x.grad.numpy() for x in (*leaves, *model.parameters())]
        with lib.no_grad():
            for parameter in model.parameters():
                if parameter.grad is not None:
                    parameter -= 0.1 * parameter.grad
        seen += [x.numpy().copy() for x in model.state_dict().values()]
    return seen


@pytest.mark.parametrize("found", LAYERS, ids=str)
def test_a_layer_is_pytorchs(found: Layer) -> None:
    """With PyTorch's state, a layer trains and evaluates as PyTorch's does: outputs, gradients, buffers and text."""
    theirs = getattr(torch.nn, found.name)(*found.args, **found.options).double()
    ours = getattr(nn, found.name)(*found.args, **found.options).double()
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    ours.load_state_dict({key: value.numpy() for key, value in state.items()})
    assert repr(ours) == repr(theirs)
    pairs = zip(trained(autodiff, ours, found), trained(torch, theirs, found), strict=True)
    for mine, wanted in pairs:
        assert mine.shape == wanted.shape
        assert mine.dtype == wanted.dtype
        np.testing.assert_allclose(mine, wanted, rtol=1e-6, atol=1e-9 * max(1.0, float(np.abs(wanted).max(initial=0))))

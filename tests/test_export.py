"""Models as files of ONNX: its checker takes them, and onnxruntime computes the same with inputs of other sizes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff
import nn
from autodiff.errors import DtypeError, FileFormatError, OptionError
from autodiff.export import ExportError, onnx
from autodiff.func.trees import leaves_of
from examples import gpt, lstm, mnist, mnist_mlp, residual

format = pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

F = nn.functional
Case = tuple[Any, tuple[autodiff.Tensor, ...]]


class Of(nn.Module):
    """A function of a model and its inputs as a module."""

    def __init__(self, model: nn.Module | None, function: Callable[..., Any]) -> None:
        super().__init__()
        self.model, self.function = model, function

    def forward(self, *inputs: Any) -> Any:
        return self.function(self.model, *inputs) if self.model else self.function(*inputs)


def whole(high: int, *shape: int) -> autodiff.Tensor:
    return autodiff.randint(0, high, shape)


def autoencoder() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.GroupNorm(2, 4), nn.SiLU(),
        nn.ConvTranspose2d(4, 1, 3, stride=2, padding=1, output_padding=1), nn.Sigmoid(),
    )  # fmt: skip


def warmed(model: nn.Module, *shape: int) -> nn.Module:
    """A model whose running means have seen something."""
    for _ in range(3):
        model(autodiff.randn(*shape) * 2 + 1)
    return model


randn = autodiff.randn
MODELS: dict[str, Callable[[], Case]] = {
    "examples.mnist": lambda: (mnist.make_model(), (randn(2, 1, 28, 28),)),
    "examples.one_conv": lambda: (mnist.make_one_conv(), (randn(1, 1, 28, 28),)),
    "examples.mnist_mlp": lambda: (mnist_mlp.make_model(widths=[20, 10]), (randn(2, 1, 28, 28),)),
    "examples.residual": lambda: (warmed(residual.make_model(), 4, 1, 28, 28), (randn(2, 1, 28, 28),)),
    "examples.gpt": lambda: (Of(gpt.make_model(autodiff, 20), lambda m, x: gpt.logits(autodiff, m, x)),
                             (whole(20, 2, 9),)),
    "transformer": lambda: (nn.Transformer(8, 2, 1, 1, 16, batch_first=True), (randn(2, 5, 8), randn(2, 4, 8))),
    "attention": lambda: (nn.MultiheadAttention(8, 2, batch_first=True), (randn(2, 5, 8),) * 3),
    "two-way LSTM": lambda: (nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True), (randn(2, 5, 3),)),
    "two-way GRU": lambda: (nn.GRU(3, 4, 2, batch_first=True, bidirectional=True), (randn(2, 5, 3),)),
    "GRU without bias": lambda: (nn.GRU(3, 4, batch_first=True, bias=False), (randn(2, 5, 3),)),
    "RNN": lambda: (nn.RNN(3, 4, batch_first=True, nonlinearity="relu"), (randn(2, 5, 3),)),
    "LSTM cell": lambda: (nn.LSTMCell(3, 4), (randn(2, 3),)),
    "autoencoder": lambda: (autoencoder(), (randn(2, 1, 8, 8),)),
    "1d": lambda: (nn.Sequential(nn.Conv1d(2, 4, 3, padding=1, groups=2), warmed(nn.BatchNorm1d(4), 3, 4, 9), nn.ELU(),
                                 nn.AvgPool1d(3, 2, 1), nn.AdaptiveAvgPool1d(2), nn.Flatten(), nn.Linear(8, 3)),
                   (randn(2, 2, 9),)),
    "3d": lambda: (nn.Sequential(nn.Conv3d(1, 2, 2), nn.MaxPool3d(2), nn.InstanceNorm3d(2)), (randn(2, 1, 5, 5, 5),)),
    "resized": lambda: (nn.Sequential(nn.ReflectionPad2d(1), nn.Upsample(scale_factor=2, mode="bilinear"),
                                      nn.PixelUnshuffle(2), nn.LocalResponseNorm(2), nn.LPPool2d(2, 2)),
                        (randn(2, 2, 4, 4),)),
    "dense": lambda: (nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.GELU("tanh"), nn.Dropout(), nn.RMSNorm(8),
                                    nn.Linear(8, 4), nn.LogSoftmax(1)), (randn(2, 6),)),
    "two inputs": lambda: (nn.Bilinear(2, 3, 4), (randn(2, 2), randn(2, 3))),
}  # fmt: skip
ACTIVATIONS = [
    nn.ReLU, nn.LeakyReLU, nn.PReLU, nn.ReLU6, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Sigmoid,
    nn.LogSigmoid, nn.Tanh, nn.Tanhshrink, nn.Softplus, nn.Softshrink, nn.Hardshrink, nn.Hardtanh, nn.Hardsigmoid,
    nn.Hardswish, nn.Softsign, nn.Softmax2d, nn.GLU,
]  # fmt: skip
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "slices": lambda x: (x[:, 1:], x[:, 0], x[:, -1], x[..., None], x[-1], x[:, ::2], x.flip(1)),
    "views": lambda x: (x.t(), x.view(-1), x.expand(4, *x.shape), x.repeat(2, 1), x.chunk(3, 1), x.roll(1, 1)),
    "joins": lambda x: (autodiff.cat([x, x * 2]), autodiff.cat([x, x], 1), autodiff.stack([x, -x], 1)),
    "sums": lambda x: (x.mean(), x.sum(1), x.std(1), x.var(1), x.norm(), x.prod(1), x.logsumexp(1), x.cumsum(1)),
    "greatest": lambda x: (*x.max(1), x.argmax(1), x.argmin(), x.amax(0), x.clamp(-0.5, 0.5), autodiff.maximum(x, -x)),
    "conditions": lambda x: (x > 0, (x > 0) & (x < 1), ~(x == 0), (x > 0).any(1), autodiff.where(x > 0, x, 2.0),
                             x.masked_fill(x > 0, 3.0)),
    "powers": lambda x: (x**2, 1 / x, x.abs().sqrt().log(), x.exp(), x.expm1(), x.abs() ** 1.5, x.sign(), x.erf()),
    "whole": lambda x: (x.long(), x.round(), x.floor() // 2, x % 0.7, x.int() + 1, x.double() * 2),
    "products": lambda x: (x @ x.t(), autodiff.einsum("ij,kj->ik", x, x), autodiff.bmm(x[:, None], x[:, :, None])),
    "picked": lambda x: (x[autodiff.tensor([0, 1, 0])], x.index_select(1, autodiff.tensor([2, 0])),
                         x.gather(1, autodiff.zeros(len(x), 1, dtype=autodiff.int64))),
    "made of sizes": lambda x: (x + autodiff.arange(len(x))[:, None], x * len(x), autodiff.ones(len(x), 2) + x[:, :2]),
    "in place": lambda x: (x.clone().relu_(), (x * 2).add_(1), F.normalize(x)),
    "constant": lambda x: (x, autodiff.ones(2, 2)),
}  # fmt: skip


def compared(model: Any, inputs: tuple[autodiff.Tensor, ...], others: Any, path: Path, **options: Any) -> Any:
    """Export with the inputs, run with others, and compare with this library; the file, read by onnx."""
    model = model if isinstance(model, nn.Module) else Of(None, model)
    onnx(model, inputs, path, **options)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    model.eval()
    expected = [x for x in leaves_of(model(*others)) if x is not None]
    found = session.run(None, {i.name: x.numpy() for i, x in zip(session.get_inputs(), others, strict=True)})
    assert len(found) == len(expected)
    for ours, theirs in zip(expected, found, strict=True):
        assert (theirs.shape, theirs.dtype) == (ours.shape, ours.dtype)
        np.testing.assert_allclose(theirs, ours.detach().numpy(), rtol=2e-5, atol=2e-6)
    return format.load(path)


def batches(inputs: tuple[autodiff.Tensor, ...], size: int) -> list[autodiff.Tensor]:
    return [autodiff.from_numpy(np.resize(x.numpy()[::-1], (size, *x.shape[1:]))) for x in inputs]


@pytest.mark.parametrize("name", MODELS)
def test_onnxruntime_gives_the_same_numbers_at_another_batch_size(name: str, tmp_path: Path) -> None:
    """Batches of 1 and of 7, whatever the model was exported with."""
    autodiff.manual_seed(0)
    model, inputs = MODELS[name]()
    for size in (1, 7):
        compared(model, inputs, batches(inputs, size), tmp_path / "model.onnx")


@pytest.mark.parametrize("kind", ACTIVATIONS, ids=lambda kind: kind.__name__)
def test_every_activation(kind: Any, tmp_path: Path) -> None:
    """Also far from 0."""
    compared(kind(), (randn(2, 4, 3, 4),), (8 * randn(5, 4, 3, 4),), tmp_path / "model.onnx")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_tensors(name: str, tmp_path: Path) -> None:
    """Those that models are written with, of a batch of another size."""
    compared(FUNCTIONS[name], (randn(2, 3),), (randn(5, 3),), tmp_path / "model.onnx")


def test_other_axes_may_have_any_size(tmp_path: Path) -> None:
    """The batch of a recurrent layer, and its time; batch and time of a GPT at once."""
    adder = Of(lstm.make_model(autodiff), lstm.logits)
    for axis, shape in ((1, (4, 6, 2)), (0, (9, 3, 2))):
        compared(adder, (whole(10, 4, 3, 2),), (whole(10, *shape),), tmp_path / "m.onnx",
                 dynamic_axes={"input": {axis: "n"}})  # fmt: skip
    model = Of(gpt.make_model(autodiff, 20), lambda m, x: gpt.logits(autodiff, m, x))
    file = compared(model, (whole(20, 2, 9),), (whole(20, 3, 13),), tmp_path / "m.onnx", input_names=["text"],
                    output_names=["logits"], dynamic_axes={"text": {0: "batch", 1: "time"}})  # fmt: skip
    shape = [d.dim_param or d.dim_value for d in file.graph.output[0].type.tensor_type.shape.dim]
    assert (file.graph.output[0].name, shape) == ("logits", ["batch", "time", 20])


def test_names_are_those_of_modules_and_parameters(tmp_path: Path) -> None:
    """So that a node of the file is found in the model."""
    model = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Tanh(), nn.Linear(4, 1)))
    file = compared(model, (randn(2, 3),), (randn(3, 3),), tmp_path / "model.onnx")
    assert {i.name for i in file.graph.initializer} == {name for name, _ in model.named_parameters()}
    assert [node.name for node in file.graph.node][:3] == ["0/linear/Gemm", "1.0/tanh/Tanh", "1.1/linear/Gemm"]


def test_the_model_is_as_it_was(tmp_path: Path) -> None:
    """It is exported in evaluation, and trains afterwards; buffers and random numbers are not touched."""
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout())
    model[1].eval()
    autodiff.manual_seed(0)
    onnx(model, randn(2, 3), tmp_path / "model.onnx")
    assert [module.training for module in model.modules()] == [True, True, False]
    assert model[0].num_batches_tracked == 0
    left = autodiff.rand(1)
    autodiff.manual_seed(0)
    randn(2, 3)
    assert left == autodiff.rand(1)


class Deep(nn.Module):
    def __init__(self, inner: Callable[[Any], Any]) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Of(None, inner)])

    def forward(self, x: Any) -> Any:
        return self.layers[0](x) + 1


WRONG: dict[str, Callable[[Any], Any]] = {
    "lgamma cannot be exported: it has no counterpart": lambda x: x.lgamma(),
    "a number that was computed from the values": lambda x: x * x.max().item(),
    "not computed by operations that can be exported, but by NumPy": lambda x: x + autodiff.tensor(x.numpy() * 2),
    "an array that NumPy made of a tensor": lambda x: x[:, :1] + autodiff.from_numpy(x.numpy()[:, 1:2]),
    "seen through a view": lambda x: _written_view(x * 1),
    "not linear in the sizes": lambda x: x[: len(x) // 2].sum(),
    "something else for inputs of another size": lambda x: x.exp() if len(x) % 2 else x.sin(),
}


def _written_view(x: Any) -> Any:
    part = x.diagonal()
    x.add_(1)
    return x.sum() + part.sum()


@pytest.mark.parametrize("expected", WRONG)
def test_what_cannot_be_exported_is_said_before_anything_is_written(expected: str, tmp_path: Path) -> None:
    """With the path of the module and the line."""
    path = tmp_path / "model.onnx"
    with pytest.raises(ExportError, match=expected) as caught:
        onnx(Deep(WRONG[expected]), randn(2, 3), path)
    assert not os.listdir(tmp_path)
    assert "test_export.py:" in str(caught.value)
    assert "NumPy made" in expected or "in layers.0 (Of)" in str(caught.value)


def test_mistakes_in_the_call_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs that are no tensors, names of other inputs, axes that are not there, a missing package."""
    path, layer = tmp_path / "model.onnx", nn.Linear(3, 1)
    with pytest.raises(DtypeError, match="takes tensors as inputs"):
        onnx(layer, (1, 3), path)
    with pytest.raises(OptionError, match="'x', which is none of the inputs"):
        onnx(layer, randn(2, 3), path, dynamic_axes={"x": {0: "batch"}})
    with pytest.raises(OptionError, match="axis 2 of 'input'"):
        onnx(layer, randn(2, 3), path, dynamic_axes={"input": {2: "batch"}})
    with pytest.raises(OptionError, match="input_names has 2 names"):
        onnx(layer, randn(2, 3), path, input_names=["a", "b"])
    with pytest.raises(ExportError, match="fails with other sizes"):
        onnx(layer, randn(2, 3), path, dynamic_axes={"input": {1: "width"}})
    with pytest.raises(ExportError, match="returns 3"):
        onnx(lambda x: 3, randn(2, 3), path)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(FileFormatError, match="pip install onnx"):
        onnx(layer, randn(2, 3), path)
    assert not os.listdir(tmp_path)


def test_pytorchs_export_writes_the_same_file(tmp_path: Path) -> None:
    """By its arguments, to a path or to an open file; sizes are fixed but where axes are named, or numbered."""
    import autodiff.onnx
    from autodiff.onnx import OperatorExportTypes, TrainingMode, is_in_onnx_export

    model, x = nn.Linear(3, 2), randn(2, 3)
    options: dict[str, Any] = {"opset_version": 11, "export_params": True, "do_constant_folding": True,
                               "training": TrainingMode.EVAL, "operator_export_type": OperatorExportTypes.ONNX}
    autodiff.onnx.export(model, x, tmp_path / "fixed.onnx", verbose=False, **options)
    names: dict[str, Any] = {"input_names": ["x"], "output_names": ["y"]}
    for axes in ({"x": {0: "n"}, "y": {0: "n"}}, {"x": [0], "y": [0]}):
        with open(tmp_path / "free.onnx", "wb") as file:
            autodiff.onnx.export(model, (x,), file, dynamic_axes=axes, **names, **options)
        session = runtime.InferenceSession(str(tmp_path / "free.onnx"))
        given = randn(5, 3)
        found = session.run(["y"], {"x": given.numpy()})[0]
        np.testing.assert_allclose(found, model(given).detach().numpy(), rtol=1e-5, atol=1e-6)
    shape = format.load(str(tmp_path / "fixed.onnx")).graph.input[0].type.tensor_type.shape
    assert [axis.dim_value for axis in shape.dim] == [2, 3]
    assert not is_in_onnx_export()
    with pytest.raises(OptionError, match="path"):
        autodiff.onnx.export(model, x)

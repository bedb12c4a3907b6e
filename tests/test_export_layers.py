"""Models as files of ONNX: every layer, what is written in place, orders and indices, with inputs of another size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from test_export import Deep, batches, compared, randn, whole
from test_nn_parity import LAYERS, Layer, numbers

import autodiff
import nn
from autodiff.export import ExportError, onnx

F = nn.functional
REFUSED = {"CTCLoss", "NLLLoss", "MultiMarginLoss", "MultiLabelMarginLoss"}  # targets are read as numbers


def given(found: Layer) -> tuple[autodiff.Tensor, ...]:
    """What a layer is tried on, a batch first, in single precision."""
    arrays = [x if isinstance(x, np.ndarray) else numbers(x, -2.0, 1.8, seed=i) for i, x in enumerate(found.inputs)]
    if found.name in ("GaussianNLLLoss", "BCEWithLogitsLoss"):
        arrays[-1] = arrays[-1].astype(np.float64)
    return tuple(autodiff.tensor(x.astype(np.float32) if x.dtype.kind == "f" else x) for x in arrays)


@pytest.mark.parametrize("found", [f for f in LAYERS if f.name not in REFUSED], ids=str)
def test_a_layer_computes_the_same(found: Layer, tmp_path: Path) -> None:
    """In evaluation, with a batch of five, whatever it was exported with; one without a batch as it is."""
    inputs = given(found)
    model = getattr(nn, found.name)(*found.args, **found.options)
    alone = found.name.startswith("Instance") and len(found.inputs[0]) == int(found.name[-2]) + 1
    compared(model, inputs, list(inputs) if alone else batches(inputs, 5), tmp_path / "model.onnx",
             **({"dynamic_axes": {}} if alone else {}))  # fmt: skip


class Unpooled(nn.Module):
    """What a pooling picked, back at its place."""

    def __init__(self, axes: int) -> None:
        super().__init__()
        self.pool = getattr(nn, f"MaxPool{axes}d")(2, return_indices=True)
        self.unpool = getattr(nn, f"MaxUnpool{axes}d")(2)

    def forward(self, x: Any) -> Any:
        return self.unpool(*self.pool(x))


MODELS: dict[str, Callable[[], tuple[nn.Module, tuple[autodiff.Tensor, ...]]]] = {
    **{f"bags, {mode}": lambda mode=mode: (nn.EmbeddingBag(7, 4, mode=mode), (whole(7, 3, 5),))
       for mode in ("sum", "mean", "max")},
    **{f"max unpool {n}d": lambda n=n: (Unpooled(n), (randn(2, 3, *(4,) * n),)) for n in (1, 2, 3)},
    "LSTM with projected states": lambda: (nn.LSTM(3, 4, 2, batch_first=True, proj_size=2, bidirectional=True),
                                           (randn(2, 5, 3),)),
    "fold with overlap": lambda: (nn.Fold((5, 6), (2, 3), padding=1, stride=2), (randn(2, 12, 9),)),
    "bicubic": lambda: (nn.Upsample(scale_factor=2, mode="bicubic"), (randn(2, 3, 4, 4),)),
    "attention with a bias": lambda: (nn.MultiheadAttention(8, 2, batch_first=True, add_bias_kv=True,
                                                            add_zero_attn=True), (randn(2, 5, 8),) * 3),
    "weight norm": lambda: (nn.utils.parametrizations.weight_norm(nn.Linear(3, 4)), (randn(2, 3),)),
    "decoder": lambda: (nn.TransformerDecoderLayer(8, 2, 16, batch_first=True), (randn(2, 5, 8), randn(2, 4, 8))),
    "cells": lambda: (nn.GRUCell(3, 4), (randn(2, 3),)),
    "loss of probabilities": lambda: (nn.BCELoss(), (autodiff.rand(4, 3), autodiff.rand(4, 3))),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_a_model_computes_the_same(name: str, tmp_path: Path) -> None:
    """Layers that the parity tests try elsewhere."""
    autodiff.manual_seed(0)
    model, inputs = MODELS[name]()
    compared(model, inputs, batches(inputs, 5), tmp_path / "model.onnx")


def _put(x: Any, key: Any, value: Any) -> Any:
    x[key] = value
    return x


def _through_views(x: Any) -> Any:
    """Writes to views reach what they look into, and other views of it see them."""
    y = x.clone()
    column, row = y[:, 1], y.t()[2]
    y[:, 0] += 1
    row.mul_(3)
    y.view(-1)[:2] = 5.0
    column.add_(row)
    return y, column, row, column * 2


def _used_before(x: Any) -> Any:
    """A constant that is used, overwritten and used again."""
    state = autodiff.zeros(3)
    first = x + state
    state.fill_(2.0)
    second = x * state
    state.copy_(x[0])
    return first, second, x - state


def _of_another(x: Any) -> Any:
    """A copy does not follow what it was copied from."""
    a, b = autodiff.ones(len(x), 3), x * 2
    a.copy_(b)
    b.add_(1)
    return a, b


WRITES: dict[str, Callable[[Any], Any]] = {
    "part of zeros": lambda x: _put(_put(autodiff.zeros(len(x), 4), (slice(None), 0), x[:, 1]),
                                    (slice(None), slice(2, None)), x[:, :2]),
    "a number": lambda x: _put(x.clone(), (0, slice(None, None, 2)), 7.0),
    "rows": lambda x: _put(x.clone(), autodiff.tensor([1, 0]), x[:2] * 7),
    "entries": lambda x: _put(x.clone(), ([0, 1], [2, 0]), x[:2, 0]),
    "a mask": lambda x: _put(x.clone(), x > 0, 9.0),
    "a mask of rows": lambda x: _put(x.clone(), x[:, 0] > 0, 9.0),
    "behind a new axis": lambda x: _put(x.clone(), (None, 1, ..., None), 2.0),
    "through views": _through_views,
    "used before": _used_before,
    "of another": _of_another,
    "stretched and converted": lambda x: autodiff.zeros(len(x), 3, dtype=autodiff.float64).copy_(x[0]),
    "added by an index": lambda x: x.index_add(1, autodiff.tensor([0, 0]), x[:, :2]),
    "filled by an index": lambda x: x.clone().index_fill_(1, autodiff.tensor([0]), 0.0),
    "scattered": lambda x: x.scatter(1, autodiff.zeros(len(x), 1, dtype=autodiff.int64), 4.0),
}  # fmt: skip
PICKED: dict[str, Callable[[Any], Any]] = {
    "sorted": lambda x: (*x.sort(1, descending=True), x.argsort(0), x.msort()),
    "best": lambda x: (*x.topk(2, 1), *x.topk(2, 1, largest=False), *x.kthvalue(2, 1)),
    "equals": lambda x: (x.round().sort(1, stable=True).indices, x.round().argsort(1, descending=True)),
    "one hot": lambda x: F.one_hot(x.argmax(1), 3),
    "one hot of picked": lambda x: F.one_hot((x > 0).long(), 2).sum(1),
    "several arrays": lambda x: (x[[0, 1], [2, 0]], x[:, None][autodiff.tensor([1, 0]), :, [0, 2]]),
    "masks": lambda x: (x[x > 0].sum(), x[x[:, 0] != 9.0], x.masked_select(x < 0).prod()),
    "gathered": lambda x: (x.gather(1, x.argsort(1)[:, :2]), x[:1].expand(len(x), 3).gather(0, (x > 0).long())),
    "windows": lambda x: (x.unfold(1, 2, 1), x.diagonal(), autodiff.diag_embed(x), x.view(-1).unfold(0, 3, 3)),
    "products so far": lambda x: (x.cumprod(1), x.cumsum(0)),
    "divided": lambda x: ((x * 9).long() // 4, (x * 9).long() // -4, (x * 9).long() % 4),
    "NumPy's other shapes": lambda x: x + x.argmax(1).numpy().reshape(-1, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", [*WRITES, *PICKED])
def test_writes_and_picks(name: str, tmp_path: Path) -> None:
    """As this library computes them, of another number of rows."""
    function = {**WRITES, **PICKED}[name]
    few = name == "windows"  # of an axis whose length is fixed
    autodiff.manual_seed(1)
    inputs = (randn(3, 3),)
    compared(function, inputs, inputs if few else (randn(5, 3),), tmp_path / "m.onnx",
             **({"dynamic_axes": {}} if few else {}))  # fmt: skip


NOT: dict[str, Callable[[Any], Any]] = {
    "renorm in place": lambda x: F.embedding(x.argmax(1), autodiff.ones(3, 4), max_norm=1.0),
    "its result is complex": lambda x: autodiff.polar(x, x).real,
    "an index of False": lambda x: x[False],
    "all sizes must be the same": lambda x: x.diagonal(),
}


@pytest.mark.parametrize("expected", NOT)
def test_what_has_no_counterpart_is_named(expected: str, tmp_path: Path) -> None:
    """With the module and the line, before anything is written."""
    with pytest.raises(ExportError, match=expected) as caught:
        onnx(Deep(NOT[expected]), randn(2, 3), tmp_path / "m.onnx")
    assert "in layers.0 (Of), at " in str(caught.value)
    assert "test_export_layers.py:" in str(caught.value)
    assert not list(tmp_path.iterdir())

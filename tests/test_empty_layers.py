"""Layers whose input is of size 0: a batch of none, no channels, no length; values and gradients are PyTorch's."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from parity.harness import Array, Near, agree, both, flat, leaf, peer, plain, weights

import autodiff
from autodiff.errors import AutodiffError

BODIES = {1: (6,), 2: (6, 5), 3: (6, 5, 4)}
SPATIAL: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("Conv", (3, 6, 2), {}), ("Conv", (3, 6, 2), {"stride": 2, "padding": 1}), ("Conv", (3, 6, 2), {"groups": 3}),
    ("Conv", (3, 6, 2), {"padding": 1, "padding_mode": "circular"}), ("ConvTranspose", (3, 6, 2), {}),
    ("ConvTranspose", (3, 6, 2), {"stride": 2, "padding": 1, "output_padding": 1}), ("MaxPool", (2,), {}),
    ("MaxPool", (2,), {"ceil_mode": True, "padding": 1}), ("AvgPool", (2,), {}), ("LPPool", (2, 2), {}),
    *[(f"Adaptive{kind}Pool", (size,), {}) for kind in ("Avg", "Max") for size in (0, 1, 2, 3)],
    *[(f"{kind}Norm", (3,), options) for kind in ("Batch", "Instance")
      for options in ({}, {"affine": True}, {"track_running_stats": False})],
    *[(f"{kind}Pad", (1,), {}) for kind in ("Reflection", "Replication", "Zero", "Circular")],
]  # fmt: skip
SEQUENCES: list[tuple[str, tuple[Any, ...], dict[str, Any], list[tuple[int, ...]]]] = [
    *[(kind, (3, 2), options, [shape]) for kind in ("RNN", "LSTM", "GRU") for shape in ((4, 0, 3), (0, 4, 3), (0, 3))
      for options in ({}, {"num_layers": 2, "bidirectional": True}, {"bias": False}, {"batch_first": True})],
    *[(f"{kind}Cell", (3, 2), {}, [(0, 3)]) for kind in ("RNN", "LSTM", "GRU")],
    *[("MultiheadAttention", (8, 2), options, [(4, 0, 8), (5, 0, 8), (5, 0, 8)])
      for options in ({}, {"bias": False}, {"add_zero_attn": True}, {"add_bias_kv": True})],
    ("MultiheadAttention", (8, 2), {}, [(4, 2, 8), (0, 2, 8), (0, 2, 8)]),
    ("Transformer", (8, 2, 1, 1, 16, 0.0), {}, [(4, 0, 8), (5, 0, 8)]),
    ("TransformerEncoderLayer", (8, 2, 16, 0.0), {}, [(4, 0, 8)]),
    ("TransformerDecoderLayer", (8, 2, 16, 0.0), {}, [(4, 0, 8), (5, 0, 8)]),
    ("Linear", (0, 4), {}, [(2, 0)]), ("Linear", (4, 0), {}, [(2, 4)]), ("Bilinear", (3, 4, 2), {}, [(0, 3), (0, 4)]),
    ("LayerNorm", ((0,),), {}, [(2, 0)]), ("LayerNorm", ((3,),), {}, [(0, 3)]), ("RMSNorm", ((3,),), {}, [(0, 3)]),
    ("PixelShuffle", (2,), {}, [(0, 4, 3, 3)]), ("Fold", ((5, 5), 2), {}, [(0, 12, 16)]), ("PReLU", (), {}, [(0, 3)]),
    ("Unfold", (2,), {}, [(0, 2, 4, 4)]), ("Upsample", (), {"scale_factor": 2, "mode": "bilinear"}, [(0, 3, 4, 4)]),
]  # fmt: skip
LOSSES = [
    "L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss", "BCELoss", "BCEWithLogitsLoss", "KLDivLoss", "PoissonNLLLoss",
    "SoftMarginLoss", "MultiLabelSoftMarginLoss", "CrossEntropyLoss",
]  # fmt: skip


def _run(lib: Any, model: Any, inputs: list[Array]) -> tuple[Any, list[Any]]:
    leaves = [leaf(lib, x) for x in inputs]
    outputs = [x for x in flat(model(*leaves)) if x is not None]
    ends, wanted = [x for x in outputs if x.requires_grad], [*leaves, *model.parameters()]
    cotangents = [lib.tensor(weights(x)) for x in ends]
    gradients = lib.autograd.grad(ends, wanted, cotangents, allow_unused=True)
    found = [None if g is None or not plain(g).any() else plain(g) for g in gradients]
    return [x.detach() for x in outputs], found


def _compare(name: str, args: Any, options: Any, shapes: list[tuple[int, ...]], training: bool = True) -> None:
    ours, theirs = (getattr(lib.nn, name)(*args, **options).double().train(training) for lib in (autodiff, peer()))
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    inputs = [np.zeros(shape) for shape in shapes]
    try:
        wanted = _run(peer(), theirs, inputs)
    except (RuntimeError, IndexError, ValueError):
        with suppress(AutodiffError):
            _run(autodiff, ours, inputs)
        return
    agree(_run(autodiff, ours, inputs), wanted, Near(1e-9, 1e-12), f"{name}{args} {options} of {shapes}")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("axes", BODIES)
@pytest.mark.parametrize(("name", "args", "options"), SPATIAL)
def test_signals_images_and_volumes(name: str, args: Any, options: dict[str, Any], axes: int) -> None:
    """Batches of none, with and without N; no length; no channels where PyTorch takes them."""
    body = BODIES[axes]
    shapes = [(0, 3, *body), (2, 3, *body[:-1], 0), (0, 3, *body[:-1], 0), (0, *body), (2, 0, *body), (3, *body)]
    for shape in shapes[: 3 if "Norm" in name else None]:  # PyTorch does not count the channels of nothing
        for training in (True, False):
            _compare(f"{name}{axes}d", args, options, [shape], training)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "args", "options", "shapes"), SEQUENCES)
def test_sequences_and_vectors(name: str, args: Any, options: dict[str, Any], shapes: list[tuple[int, ...]]) -> None:
    """Batches of none and sequences of no steps."""
    _compare(name, args, options, shapes)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", LOSSES)
def test_losses(name: str, reduction: str) -> None:
    """The mean of no losses is NaN, their sum 0."""
    for shape in ((0,), (0, 3), (2, 0)):
        _compare(name, (), {"reduction": reduction}, [shape, shape])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_cross_entropy_of_ignored_targets(reduction: str) -> None:
    """Where no target counts the mean is NaN, and the gradient that of NaN or 0."""

    def program(lib: Any) -> Any:
        x = lib.zeros(2, 3, dtype=lib.float64).requires_grad_()
        loss = lib.nn.functional.cross_entropy(x, lib.zeros(2, dtype=lib.int64), ignore_index=0, reduction=reduction)
        return loss, lib.autograd.grad(loss.sum(), x)

    agree(*both(program))


def test_optimizers_and_loaders_of_nothing() -> None:
    """A step moves nothing of a parameter without entries; an empty dataset has no batches; no gradients, no norm."""
    for name in ("SGD", "Adam", "AdamW", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop", "ASGD"):
        p = autodiff.nn.Parameter(autodiff.zeros(0, 3))
        (p * p).sum().backward()
        getattr(autodiff.optim, name)([p]).step()
        assert p.shape == (0, 3)
    data = autodiff.data.TensorDataset(autodiff.zeros(0, 3))
    for options in ({}, {"shuffle": True}, {"batch_size": 2, "drop_last": True}):
        assert list(autodiff.data.DataLoader(data, **options)) == []  # type: ignore[arg-type]
    assert autodiff.nn.utils.clip_grad_norm_([], 1.0).item() == 0
    assert autodiff.nn.utils.clip_grad_norm_([autodiff.nn.Parameter(autodiff.zeros(3))], 1.0).item() == 0

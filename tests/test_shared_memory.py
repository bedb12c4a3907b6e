"""A result shares the memory of an input only where it does so in PyTorch: writing into it would change the input."""

from __future__ import annotations

import math
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from parity.harness import both, flat, peer

import autodiff
import nn
from autodiff.errors import AxisError, ShapeError
from benchmarks.fuzzing.templates import Template, templates

CALLS = [template for entries in templates().values() for template in entries if not template.writes]
SMALL: list[tuple[int, ...] | None] = [None, (), (1, 1, 1)]


def sharing(lib: Any, call: Template, shape: tuple[int, ...] | None) -> list[bool]:
    """For each result and each input of the call, whether they share memory; floats have the given shape."""
    inputs = [x if shape is None or x.dtype.kind != "f" else np.full(shape, 0.5) for x in call.inputs]
    tensors = [lib.tensor(x) for x in inputs]
    names = {f"x{k}": x for k, x in enumerate(tensors)} | {"lib": lib, "np": np, "nan": math.nan, "inf": math.inf}
    results = flat(eval(call.text.format(*(f"x{k}" for k in range(len(tensors)))), names))
    return [
        x.numel() > 0 and np.shares_memory(r.detach().numpy(), x.detach().numpy()) for r in results for x in tensors
    ]


@pytest.mark.parametrize("shape", SMALL, ids=str)
def test_results_share_no_memory_that_they_do_not_share_in_pytorch(shape: tuple[int, ...] | None) -> None:
    """Every call of the vocabulary, at its own inputs and at inputs of one entry, which need no work."""
    peer()
    wrong = set()
    for call in CALLS:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ours, theirs = both(sharing, call, shape)
        except (RuntimeError, IndexError, ValueError, TypeError):  # a shape that the call does not take
            continue
        if len(ours) == len(theirs) and any(mine and not wanted for mine, wanted in zip(ours, theirs, strict=True)):
            wrong.add(call.text)
    assert wrong == set()


NOTHING_TO_DO = [
    "x.flatten()", "x.flatten(0, 0)", "x.flatten(-1)", "lib.flatten(x)", "x.ravel()", "x.reshape(-1)",
    "x.reshape(x.shape)", "x.view(x.shape)", "x.contiguous()", "x.squeeze()", "x.expand(x.shape)", "x.expand_as(x)",
    "lib.broadcast_tensors(x)[0]", "lib.broadcast_tensors(x, x)[1]", "x.broadcast_to(x.shape)", "x.to(x.dtype)",
    "x.to(x)", "x.to('cpu')", "x.to(x.dtype, copy=True)", "x.type_as(x)", "x.type(x.dtype)", "x.float()", "x.double()",
    "x.cpu()", "x.permute(tuple(range(x.ndim)))", "x.transpose(0, 0)", "x.movedim(0, 0)", "x.t()", "x.T", "x[...]",
    "x[:]", "x.narrow(0, 0, len(x))", "x.chunk(1)[0]", "x.sum_to_size(x.shape)", "lib.atleast_1d(x)",
    "lib.atleast_2d(x)", "lib.atleast_3d(x)", "x.positive()", "x.real", "x.conj()", "x.resolve_conj()",
    "lib.as_tensor(x)", "lib.asarray(x)", "x.clone()", "x.detach()", "lib.einsum('i->i', x)", "lib.einsum('ij->ij', x)",
    "lib.cat([x])", "lib.nn.functional.dropout(x, 0.5, False)", "lib.nn.Identity()(x)", "lib.nn.Flatten(0)(x)",
    "x.matrix_power(1)", "lib.linalg.matrix_power(x, 1)", "lib.chain_matmul(x)", "x.tile(1)", "x.repeat(1)", "x.pow(1)",
    "x.flip(())", "x.as_strided(x.shape, x.stride())", "x.select(0, 0)", "lib.cartesian_prod(x)", "lib.hstack([x])",
    *(f"lib.nn.functional.{call}" for call in (
        "pixel_shuffle(x, 1)", "pixel_unshuffle(x, 1)", "channel_shuffle(x, 1)", "channel_shuffle(x, 2)",
        "unfold(x, 1)", "pad(x, (0, 0), mode='replicate')", "pad(x, (0, 0), mode='circular')",
        "pad(x, (0, 0), mode='reflect')", "pad(x, (0, 0))", "fold(x, (1, 2), 1)", "interpolate(x, scale_factor=1)",
        "max_pool1d(x, 1)", "avg_pool1d(x, 1)",
    )),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's, of names that it wants to change
@pytest.mark.parametrize("call", NOTHING_TO_DO)
def test_what_has_nothing_to_do_returns_the_tensor_itself_where_pytorch_does(call: str) -> None:
    """Else a view, of which a leaf's is no leaf, or memory of its own."""

    def kind(lib: Any, nn: Any, shape: tuple[int, ...]) -> tuple[bool, ...] | None:
        x = lib.tensor(np.ones(shape), requires_grad=True)
        named = SimpleNamespace(**{name: getattr(lib, name) for name in dir(lib)} | {"nn": nn})
        try:
            result = eval(call, {"lib": named, "x": x})
        except (RuntimeError, IndexError, ValueError, TypeError):  # a shape that the call does not take
            return None
        shared = np.shares_memory(result.detach().numpy(), x.detach().numpy())
        return result is x, shared, result.is_leaf, result.requires_grad

    torch = peer()
    for shape in [(3,), (1,), (), (2, 2), (2, 3), (1, 2, 1), (1, 2, 2, 1)]:
        ours, theirs = kind(autodiff, nn, shape), kind(torch, torch.nn, shape)
        assert ours is None or theirs is None or ours == theirs, shape


@pytest.mark.parametrize("call", [
    lambda: autodiff.nextafter(autodiff.zeros(2), autodiff.zeros(3)),
    lambda: autodiff.heaviside(autodiff.zeros(2), autodiff.zeros(3)),
    lambda: autodiff.isclose(autodiff.zeros(1, 2), autodiff.zeros(3)),
])  # fmt: skip
def test_functions_without_a_gradient_say_what_was_given(call: Any) -> None:
    """What NumPy refuses is a named error, with the shapes."""
    with pytest.raises(ShapeError, match=r"float32 \(\d, ?\d?\), float32"):
        call()


def test_an_index_beyond_is_refused_by_name() -> None:
    """By ``index_put`` with ``accumulate``, too."""
    with pytest.raises(AxisError, match="index 2 is out of bounds"):
        autodiff.zeros(1, 1).index_put_((autodiff.tensor([2]),), autodiff.ones(1, 2), accumulate=True)

"""A layer whose result the next one overwrites: what PyTorch accepts is accepted here, with PyTorch's gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from parity.base import CASES, Case
from parity.harness import Near, agree, flat, peer, plain, twins, weights
from test_nn_parity import LAYERS, Layer, inputs_of

import autodiff
import nn
from autodiff.errors import InPlaceError

NEAR = Near(1e-7, 1e-9)
# PyTorch hides that their results look into the input; here they do.
SEEN_AS_VIEWS = ("unsafe_split", "unsafe_split_with_sizes", "unsafe_chunk")


def gradients(lib: Any, outputs: list[Any], leaves: list[Any]) -> list[Any]:
    """What the leaves get when every result is overwritten; raises InPlaceError or RuntimeError where that fails."""
    changed = [lib.nn.ReLU(inplace=True)(y) for y in outputs if y.requires_grad and not y.is_leaf]
    if not changed or not leaves:
        return []
    total = sum((y * lib.tensor(weights(y))).sum() for y in changed)
    found = lib.autograd.grad(total, leaves, allow_unused=True)
    return [plain(x) * 0 if g is None else plain(g) for x, g in zip(leaves, found, strict=True)]


@pytest.mark.parametrize("found", LAYERS, ids=str)
def test_the_result_of_a_layer_is_overwritten_where_pytorch_allows_it(found: Layer) -> None:
    """``Sequential(layer, ReLU(inplace=True))`` of every layer."""
    models = twins(lambda lib: getattr(lib.nn, found.name)(*found.args, **found.options))

    def run(lib: Any, model: Any) -> list[Any]:
        inputs = inputs_of(lib, found, 0)
        leaves = [x for x in inputs if x.is_leaf and x.requires_grad]
        return gradients(lib, flat(model(*inputs)), [*leaves, *model.parameters()])

    _same(lambda: run(autodiff, models[0]), lambda: run(peer(), models[1]))


@pytest.mark.parametrize("name", sorted(name for name in CASES if name not in SEEN_AS_VIEWS))
def test_the_result_of_a_function_is_overwritten_where_pytorch_allows_it(name: str) -> None:
    """``relu_`` of what every function in the vocabulary gives, at points where no gradient is NaN."""
    for case in CASES[name][:3]:
        if case.order and case.tracking and all(np.isfinite(x).all() for x in case.inputs):
            _same(lambda case=case: _of_case(autodiff, case), lambda case=case: _of_case(peer(), case))


def _of_case(lib: Any, case: Case) -> list[Any]:
    inputs = [lib.tensor(x.copy()).requires_grad_(x.dtype.kind == "f") for x in case.inputs]
    with np.errstate(all="ignore"):
        outputs = flat(case.call(lib, *inputs))
        return gradients(lib, outputs, [x for x in inputs if x.requires_grad])


def _same(ours: Any, theirs: Any) -> None:
    """Compare the gradients, if PyTorch finds any; what it refuses may be refused here."""
    try:
        wanted = theirs()
    except (RuntimeError, TypeError, NotImplementedError):  # it has overwritten what it saved, or has no such gradient
        return
    found = ours()
    if not any(np.isnan(g).any() for g in wanted):
        agree(found, wanted, NEAR)


def test_what_needs_its_overwritten_result_is_refused() -> None:
    """As in PyTorch; so the tests above can fail."""
    y = nn.Sigmoid()(autodiff.ones(3, requires_grad=True))
    with pytest.raises(InPlaceError, match="sigmoid"):
        nn.Sequential(nn.Identity(), nn.ReLU(inplace=True))(y).sum().backward()

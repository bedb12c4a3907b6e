"""``ops``: operations by PyTorch's names for them."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest
from parity.harness import agree, both, plain
from test_kept_values import NEAR

import autodiff
from autodiff.library import custom_op

X = np.array([[0.5, -1.5, 2.0], [1.0, 0.25, -0.75]])
CALLS = """
add.Tensor(x, y)
add.Scalar(x, 2)
add.Tensor(x, y, alpha=3)
add(x, y)
add_.Tensor(x.clone(), y)
sub.Tensor(self=x, other=y)
mul_.Scalar(x.clone(), 2)
div.Tensor_mode(x, y, rounding_mode='floor')
pow.Tensor_Scalar(x, 2)
sum.default(x)
sum.dim_IntList(x, [1], True)
mean.dim(x, [0])
var.correction(x, [1], correction=0)
amax.default(x, [1])
max.dim(x, 1)
topk.default(x, 2)
sort.default(x, 1, True)
clamp.default(x, -1, 1)
where.self(x > 0, x, y)
view.default(x, [3, 2])
reshape.default(x, [-1])
permute.default(x, [1, 0])
t.default(x)
transpose.int(x, 0, 1)
unsqueeze.default(x, 0)
cat.default([x, y], 1)
stack.default([x, y])
split.Tensor(x, 2, 1)
slice_scatter.default(x, y[:, :1], 1, 0, 1)
gather.default(x, 1, i)
index_select.default(x, 1, i[0])
mm.default(x, y.t())
addmm.default(x[:, :2], x, y.t()[:, :2])
bmm.default(x[None], y.t()[None])
relu.default(x)
relu_.default(x.clone())
gelu.default(x, approximate='tanh')
leaky_relu.default(x, 0.2)
sigmoid_.default(x.clone())
silu.default(x)
softplus.default(x)
hardtanh.default(x, -0.5, 0.5)
log_softmax.int(x, 1)
softmax.int(x, 0)
layer_norm.default(x, [3])
linalg_norm.default(x)
linalg_vector_norm.default(x)
special_erf.default(x)
fft_rfft.default(x)
mse_loss.default(x, y)
mse_loss.default(x, y, 2)
l1_loss.default(x, y, reduction=0)
smooth_l1_loss.default(x, y, 1, 0.5)
huber_loss.default(x, y, 2, 0.5)
nll_loss.default(x, i[:, 0], None, 2, 1)
binary_cross_entropy.default(x.sigmoid(), y.sigmoid(), None, 2)
kl_div.default(x, y, 2)
tril.default(x)
cumsum.default(x, 1)
logsumexp.default(x, [1])
masked_fill.Scalar(x, x > 0, 0.5)
eq.Tensor(x, y)
lerp.Scalar(x, y, 0.3)
detach.default(x)
"""


@pytest.mark.parametrize("call", CALLS.splitlines()[1:])
def test_a_call_by_name_gives_what_pytorchs_gives(call: str) -> None:
    """With its positional arguments, whatever word for an overload is said."""

    def program(lib: Any) -> list[Any]:
        named = {"x": lib.tensor(X), "y": lib.tensor(X[::-1].copy() + 0.5), "i": lib.tensor([[0, 2, 1], [1, 1, 0]])}
        found = eval(f"lib.ops.aten.{call}", {"lib": lib, **named})
        return [plain(x) for x in (found if isinstance(found, (tuple, list)) else [found])]

    agree(*both(program), NEAR)


def test_gradients_go_through() -> None:
    """It is the library's own operation."""
    x = autodiff.tensor([1.0, 2.0]).requires_grad_()
    autodiff.ops.aten.mul.Tensor(x, x).sum().backward()
    assert x.grad.tolist() == [2, 4]
    assert repr(autodiff.ops.aten.mul) == "<Operator(aten::mul)>"


def test_names_that_are_not_there() -> None:
    """Operations, overloads, namespaces, and what takes other arguments than the function of that name."""
    for wrong, said in (
        (lambda: autodiff.ops.aten.ad, "no operation aten::ad"),
        (lambda: autodiff.ops.aten.add.Tensr, "aten::add has no overload 'Tensr'"),
        (lambda: autodiff.ops.aten.lstm, "no operation aten::lstm"),
        (lambda: autodiff.ops.wkv6, "no operations wkv6::"),
    ):
        with pytest.raises(AttributeError, match=said):
            wrong()


def test_operations_of_a_program_by_name() -> None:
    """In their namespace."""
    name = f"cube{uuid.uuid4().hex}"

    @custom_op(f"{name}::of", mutates_args=())
    def cube(x: Any) -> Any:
        return x**3

    space = getattr(autodiff.ops, name)
    assert space.of(autodiff.tensor(2.0)).item() == space.of.default(autodiff.tensor(2.0)).item() == 8
    with pytest.raises(AttributeError, match=f"no operation {name}::other"):
        _ = space.other


def test_slice_is_a_view_by_its_numbers() -> None:
    """``aten.slice``, which has no function of its own: an axis, where it begins and ends, and how far it steps."""
    x = autodiff.arange(24).reshape(2, 3, 4)
    aten = autodiff.ops.aten
    assert aten.slice(x).tolist() == x.tolist()
    assert aten.slice.Tensor(x, -1, 1, -1, 2).tolist() == x[:, :, 1:-1:2].tolist()
    aten.slice(x, 1, 2)[:] = 0
    assert x[:, 2].eq(0).all()

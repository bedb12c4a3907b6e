"""Operands of two dtypes or of shapes that do not fit: refused, or met, where PyTorch refuses or takes them."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff
from autodiff import linalg
from autodiff.errors import AutodiffError, GraphError

REFUSED = """
lib.scatter(x, 0, at, y)
lib.scatter_add(x, 0, at, y)
lib.scatter_reduce(x, 0, at, y, 'sum')
lib.scatter_reduce(lib.ones(1, 1), 0, lib.tensor([[0]]), lib.ones(1), 'mean')
x.scatter_(0, at, y)
lib.index_add(x, 0, at, y)
lib.index_copy(x, 0, at, y)
lib.index_reduce(x, 0, at, y, 'prod')
lib.index_put(x, (at,), y)
x.put(at, y)
lib.masked_scatter(x, x > 0, lib.ones(2, dtype=lib.float64))
lib.addmm(m.double(), m, m)
lib.addmv(x.double(), m, x)
lib.addbmm(m.double(), b, b)
lib.baddbmm(b.double(), b, b)
lib.addmm(lib.ones(3, 2, 2), m, m)
lib.addmm(lib.ones(1, 3), lib.ones(1, 3), lib.ones(3, 1), beta=0)
lib.addmv(m, m, x)
lib.addmv(lib.ones(3), lib.ones(1, 2), x)
lib.addr(m, lib.ones(1), lib.ones(1))
lib.addbmm(b, b, b)
lib.bmm(b[:1], lib.ones(0, 2, 2))
lib.bmm(b[:1], lib.ones(3, 2, 2))
lib.addbmm(m, b[:1], lib.ones(3, 2, 2))
lib.baddbmm(lib.ones(3, 2, 2), b[:1], lib.ones(3, 2, 2))
lib.baddbmm(lib.ones(3, 2, 2), lib.ones(1, 2, 2), lib.ones(1, 2, 2))
lib.cdist(m, m.double())
lib.pdist(x)
lib.pdist(b)
lib.renorm(x, 2, 0, 1.0)
lib.nn.functional.bilinear(m, m, b, lib.ones(1))
lib.nn.functional.linear_cross_entropy(m, m, at, linear_bias=lib.ones(1))
lib.nn.functional.bilinear(m, m, b, x.double())
lib.nn.functional.conv1d(b, b, x.double())
lib.nn.functional.conv_transpose1d(b, b, x.double())
lib.nn.functional.embedding_bag(at, m, lib.tensor([0]), mode='sum', per_sample_weights=y)
lib.histogram(x, lib.tensor([1.0]))
lib.histogramdd(m, [lib.tensor([1.0]), lib.tensor([1.0, 2.0])])
lib.cov(m, aweights=lib.tensor([-1.0, 2.0]))
lib.cov(m, aweights=lib.zeros(2))
lib.cov(m, aweights=lib.ones(1))
lib.cov(m, aweights=lib.tensor([1, 1]))
lib.cov(m, fweights=lib.tensor([-1, 1]))
lib.cov(m, fweights=lib.ones(2))
lib.cumulative_trapezoid(lib.ones(3), lib.ones(1))
lib.cumulative_trapezoid(lib.zeros(0, 3), lib.ones(1), dim=0)
lib.trapezoid(lib.ones(3), x)
lib.linalg.vander(lib.ones(1))
lib.linalg.vander(lib.tensor(1.0))
lib.linalg.vander(x, N=1)
lib.linalg.lstsq(lib.ones(3, 1), lib.ones(1, 3, 1))
lib.linalg.lstsq(lib.ones(2, 3, 1), lib.ones(3, 1))
lib.cholesky_inverse(lib.ones(4, 2))
lib.cholesky_solve(x, m)
lib.bucketize(x, m)
lib.bucketize(x, lib.tensor(1.0))
lib.searchsorted(x, x, sorter=lib.tensor([-2, 1]))
lib.quantile(lib.tensor(1.0), 0.5, dim=1)
lib.flipud(lib.tensor(1.0))
lib.fliplr(x)
x.fill_(x)
lib.fill(x, lib.ones(1))
operator.iand(lib.tensor([True]), 1)
lib.tensor([True]) - lib.tensor([False])
lib.tensor([True]) - 1
1.5 - lib.tensor([True])
x - lib.tensor([True, False])
lib.tensor([True, False]) - x
lib.sub(x, lib.tensor([True, False]))
lib.rsub(lib.tensor([True]), 1)
lib.subtract(whole, lib.tensor([True, False]))
lib.dist(lib.tensor([True, False]), x)
whole.sub_(lib.tensor([True, False]))
operator.isub(x, lib.tensor([True, False]))
-lib.tensor([True])
lib.nn.functional.l1_loss(x, lib.tensor([True, False]))
lib.scatter(m, 0, lib.tensor([[0, 1]]), lib.tensor(1.0))
lib.scatter_add(m, 0, lib.tensor([[0, 1]]), lib.tensor(1.0))
lib.scatter_reduce(m, 0, lib.tensor([[0, 1]]), lib.tensor(1.0), 'amin')
lib.scatter(x, 0, at, lib.tensor(1.0))
lib.scatter(m, 0, at, m)
lib.index_fill(x, 0, lib.tensor([[0]]), 1.0)
lib.index_put(m, (at,), m[None])
lib.index_put(m, (m > 1.5,), lib.tensor(7.0, dtype=lib.float64), True)
lib.index_put(m, (at,), lib.tensor(7.0, dtype=lib.float64))
m.clone().index_put_((at,), m[None])
x.clone().copy_(x[None])
lib.cross(lib.ones(2, 3), lib.ones(3))
lib.cross(lib.ones(3), lib.ones(2, 3))
lib.linalg.cross(lib.ones(1, 2, 3), lib.ones(2, 3))
lib.cross(lib.tensor(1.0), lib.tensor(1.0))
lib.roll(lib.tensor(1.0), (1, 2), (-1, 0))
lib.roll(lib.tensor(1.0), 1, 0)
lib.argmax(lib.tensor(1.0), 1)
lib.argmin(lib.tensor(1.0), -2)
lib.adjoint(x)
x.mT
lib.cartesian_prod(lib.tensor(1.0), x)
lib.cartesian_prod(m)
lib.cdist(x, m)
lib.cdist(lib.tensor(1.0), m)
lib.tensordot(lib.tensor(1.0), m, 1)
lib.triangular_solve(x, m)
lib.linalg.solve_triangular(m, x, upper=True)
lib.norm(b, 'nuc')
lib.norm(x, 'nuc')
lib.linalg.norm(x, 'fro')
lib.trapezoid(lib.ones(3), lib.ones(2, 3))
lib.nn.functional.prelu(m, lib.ones(1, 1))
lib.nn.functional.gaussian_nll_loss(m, m, lib.tensor(1.0))
lib.nn.functional.gaussian_nll_loss(m, m, lib.ones(1, 1))
lib.nn.functional.multi_margin_loss(m, at, weight=lib.ones(3))
lib.nn.functional.multi_margin_loss(m, at, weight=lib.ones(1, 2))
lib.nn.functional.multi_margin_loss(m, at[None])
lib.nn.functional.multi_margin_loss(m, at[:, None])
lib.nn.functional.multilabel_soft_margin_loss(lib.tensor(1.0), lib.tensor(1.0))
lib.nn.functional.embedding_bag(at, lib.tensor(1.0), lib.tensor([0]))
lib.nn.functional.nll_loss(m, at > 0)
lib.nn.functional.ctc_loss(b, lib.tensor(1), (1, 1), (1, 1))
lib.nn.functional.mse_loss(m, m, weight=x)
lib.nn.functional.l1_loss(m, m, weight=lib.ones(2, 1))
lib.nn.functional.huber_loss(m, m, weight=lib.tensor(1.0))
lib.nn.functional.binary_cross_entropy_with_logits(x, x, m)
lib.nn.functional.linear(m, m, lib.ones(3))
lib.nn.functional.linear(m, m, b)
""".strip().splitlines()

MET = """
lib.slice_scatter(x, x.double())
lib.slice_scatter(whole, x * 1.5)
lib.select_scatter(m, x.double(), 0, 0)
lib.select_scatter(m.half(), x, 1, 0)
lib.diagonal_scatter(m, x.double())
lib.block_diag(lib.tensor(1.0, dtype=lib.float64), m.half())
lib.block_diag(lib.tensor(2), x)
lib.cov(m, aweights=x.double())
lib.cov(m.double(), aweights=x)
lib.cov(m, fweights=whole, aweights=x)
lib.nn.functional.rms_norm(m, (2,), x.double())
lib.nn.functional.feature_alpha_dropout(lib.ones(2, 2, dtype=lib.int64), 1.0, True)
lib.tensor([1, 2], dtype=lib.uint8) & lib.tensor(3, dtype=lib.int32)
lib.tensor(3, dtype=lib.int64) ^ lib.tensor([3], dtype=lib.int16)
lib.tensor([True]) | lib.tensor(2)
operator.iand(lib.tensor([3, 2]), 1)
operator.ior(lib.tensor([1, 2], dtype=lib.int16), lib.tensor([4]))
operator.ixor(lib.tensor([True, False]), True)
lib.tensor([0.1]) == lib.tensor(0.1, dtype=lib.float64)
lib.tensor([0.1]) < lib.tensor([0.1], dtype=lib.float64)
lib.sign(lib.tensor([True, False]))
lib.square(lib.tensor([True, False]))
lib.tensor([True, False]) ** 2
lib.special.xlog1py(2.5, lib.tensor(1.0, dtype=lib.float16))
lib.xlogy(2.5, lib.tensor(2.0))
lib.ldexp(lib.tensor(1.0, dtype=lib.float16), lib.tensor(3))
lib.ldexp(lib.ones(2, dtype=lib.float16), lib.tensor([3, 4]))
lib.bincount(lib.tensor([0, 1, 1]), lib.ones(3, dtype=lib.float16))
lib.bincount(lib.tensor([0, 1, 1]), lib.ones(3))
lib.linalg.svd(lib.ones(2, 3))[1]
lib.adjoint(lib.tensor(1.0))
lib.tensor(1.0).mT
lib.tensor(1.0).mH
lib.scatter(x, 0, lib.tensor([1]), lib.tensor(3.0))
lib.scatter(x, 0, lib.tensor(1), lib.tensor(3.0))
lib.scatter_add(lib.tensor(1.0), 0, lib.tensor([0]), lib.tensor(3.0))
lib.tensordot(lib.ones(2, 3), lib.tensor([[5.0, 7.0]]), 1)
lib.tensordot(lib.ones(2, 1), lib.tensor([[5.0], [7.0]]), ([1], [0]))
lib.linalg.vander(lib.tensor(3.0), N=3)
lib.linalg.vander(lib.tensor([2, 3], dtype=lib.uint8))
lib.nn.functional.linear(m, m, lib.ones(1))
lib.nn.functional.linear(m, m, lib.tensor(2.0))
lib.nn.functional.linear(m, m, lib.tensor([[2.0], [3.0]]))
lib.nn.functional.linear(b, m, m)
lib.nn.functional.linear(x, m, lib.ones(1, 2))
lib.nn.functional.linear(m[:0], m, lib.ones(1))
lib.nn.functional.pairwise_distance(lib.tensor(1.0), lib.tensor(3.0))
lib.nn.functional.pairwise_distance(lib.tensor(1.0), x, 1.0, keepdim=True)
lib.nn.functional.pairwise_distance(m, lib.tensor(0.5), 0.0)
lib.nn.functional.triplet_margin_loss(lib.tensor(1.0), lib.tensor(3.0), lib.tensor(0.0))
lib.nn.functional.gaussian_nll_loss(m, m, lib.tensor([[1.0, 2.0]]))
lib.nn.functional.gaussian_nll_loss(x, x, lib.tensor(2.0))
lib.nn.functional.gaussian_nll_loss(m, m, 2.0)
lib.nn.functional.multi_margin_loss(lib.ones(3), lib.tensor([1]), reduction='none')
lib.nn.functional.multi_margin_loss(lib.ones(1, 3), lib.tensor(1), reduction='none')
lib.nn.functional.multi_margin_loss(lib.tensor(1.0), lib.tensor(0))
lib.nn.functional.huber_loss(x, y + 1)
lib.nn.functional.soft_margin_loss(x, y + 1)
lib.nn.functional.soft_margin_loss(x.half()[:0], y[:0], reduction='none')
lib.nn.functional.huber_loss(x.half(), 3 * x, reduction='none')
lib.nn.functional.huber_loss(x.half(), y, weight=x)
lib.nn.functional.layer_norm(lib.tensor([[1.0, 2.0]], dtype=lib.float16), (2,), x, x)
lib.nn.functional.batch_norm(lib.eye(2, dtype=lib.float16), None, None, x, x, training=True)
lib.nn.functional.group_norm(lib.tensor([[1.0, 2.0]], dtype=lib.float16), 1, x, x)
lib.nn.functional.instance_norm(lib.tensor([[[1.0, 2.0], [3.0, 4.5]]], dtype=lib.float16), None, None, x, x)
lib.nn.functional.relu6(lib.tensor([-3, 5, 8]))
lib.nn.functional.hardtanh(lib.tensor([-3, 1, 8], dtype=lib.int16))
lib.nn.functional.threshold(lib.tensor([-3, 1, 8]), 1, -7)
lib.nn.functional.threshold(lib.tensor([2]), 0.5, 20.0)
lib.nn.functional.scaled_dot_product_attention(m[:, :0], m[:, :0], m)
lib.nn.functional.feature_alpha_dropout(lib.tensor(1.0), 0.5, False)
lib.det(lib.tensor([[3.0]]))
lib.index_put(m, (m > 1.5,), lib.tensor(7.0, dtype=lib.float64))
lib.index_put(m, (lib.tensor([True, False]),), lib.tensor([7]))
lib.nn.functional.cross_entropy(x, lib.tensor([1]), reduction='none')
lib.nn.functional.nll_loss(x, lib.tensor([1]))
lib.nn.functional.scaled_dot_product_attention(m, m, m, lib.tensor(0.5))
lib.nn.functional.scaled_dot_product_attention(m, m, m, lib.tensor([0.5, -1.0]))
lib.nn.functional.scaled_dot_product_attention(m, m, m, lib.tensor([True, False]))
lib.nn.functional.mse_loss(lib.tensor([[1.0, 4.0]]), m, weight=lib.tensor([[1.0, 2.0]]))
lib.linalg.cond(lib.ones(2, 2), 1)
lib.linalg.cond(lib.stack((m, lib.ones(2, 2))), float('inf'))
""".strip().splitlines()


def value(text: str, lib: Any) -> Any:
    """What the expression is with that library."""
    names = {"lib": lib, "operator": operator, "x": lib.ones(2), "y": lib.ones(2, dtype=lib.float64),
             "m": lib.eye(2) + 1, "b": lib.ones(2, 2, 2), "at": lib.tensor([0, 1]),
             "whole": lib.tensor([1, 2])}  # fmt: skip
    return eval(text, names)


@pytest.mark.parametrize("text", REFUSED)
def test_what_does_not_fit_is_refused_by_name(text: str) -> None:
    with pytest.raises(AutodiffError):
        value(text, autodiff)
    torch = peer()
    with pytest.raises((RuntimeError, IndexError, ValueError)):
        value(text, torch)


@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's, of two dtypes
@pytest.mark.parametrize("text", MET)
def test_what_meets_has_the_dtype_of_pytorch(text: str) -> None:
    torch = peer()
    ours, theirs = value(text, autodiff).numpy(), value(text, torch).numpy()
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)


def test_bits_are_changed_in_place() -> None:
    x = autodiff.tensor([5, 6])
    y = x
    x &= 4
    x |= 1
    x ^= 2
    assert x is y
    assert y.tolist() == [7, 7]


def test_the_gradient_of_a_source_keeps_the_dtype_of_the_source() -> None:
    x, y = autodiff.ones(2, 2), autodiff.ones(2, dtype=autodiff.float64, requires_grad=True)
    for placed in (x.select_scatter(y, 0, 1), x.diagonal_scatter(y), x.slice_scatter(y[None], 0, 1)):
        (g,) = autodiff.grad(placed.sum(), y)
        assert g.dtype == y.dtype
        assert g.tolist() == [1, 1]


def test_full_factors_of_a_tracked_matrix() -> None:
    """The columns that A determines have the gradient of the reduced form; those that it does not are constants."""
    a = autodiff.tensor([[2.0, 1.0, 0.5], [0.3, 1.0, -1.0]], dtype=autodiff.float64, requires_grad=True)
    for x in (a, a.mT):
        u, s, vh = autodiff.linalg.svd(x)
        assert (u.shape, vh.shape) == ((x.shape[0],) * 2, (x.shape[1],) * 2)
        np.testing.assert_allclose((u @ u.mT).detach(), np.eye(len(u)), atol=1e-12)
        np.testing.assert_allclose((vh @ vh.mT).detach(), np.eye(len(vh)), atol=1e-12)
        reduced = autodiff.linalg.svd(x, full_matrices=False)
        loss, other = ((p[:, :2] @ q.diag() @ r[:2]).sin().sum() for p, q, r in ((u, s, vh), reduced))
        np.testing.assert_allclose(autodiff.grad(loss, a)[0], autodiff.grad(other, a)[0], rtol=1e-10)
    with autodiff.no_grad():
        q, r = autodiff.linalg.qr(a.mT, "complete")
        np.testing.assert_allclose(q @ r, a.mT, atol=1e-12)


def test_a_singular_triangle_is_named_in_the_backward_pass() -> None:
    """LAPACK finds the matrix singular only when it is transposed."""
    a = autodiff.tensor([[[0.758, 0.0, 0.0], [0.182, -0.0, 0.0], [1.0, -0.09, 3.02]]], dtype=autodiff.float64)
    b = autodiff.ones(1, 3, 1, dtype=autodiff.float64).requires_grad_()
    with pytest.raises(AutodiffError, match="Singular"):
        autodiff.linalg.solve(a, b).sum().backward()


@pytest.mark.parametrize("name", ["pinv", "matrix_rank", "svd", "lstsq"])
def test_matrices_of_half_precision(name: str) -> None:
    x = autodiff.tensor([[2.0, 1.0], [0.5, 3.0], [1.0, 1.0]], dtype=autodiff.float16)
    call = getattr(autodiff.linalg, name)
    result = call(x, x) if name == "lstsq" else call(x)
    first = result[0] if isinstance(result, tuple) else result
    assert first.dtype == (np.int64 if name == "matrix_rank" else np.float16)


def test_a_view_is_not_detached_in_place() -> None:
    """What it looks into would stay in the graph."""
    y = autodiff.ones(2, 3, 4, requires_grad=True) * 1
    for view in (y[0], y[0][1], y.squeeze(), y.chunk(2)[0], y.reshape(-1)[3:]):
        with pytest.raises(GraphError, match="a view"):
            view.detach_()


def test_flatten_of_one_axis_is_the_tensor() -> None:
    x = autodiff.ones(2, 3)
    assert x.flatten(1) is x
    assert autodiff.tensor(1.0).flatten().shape == (1,)
    assert x[0].ravel().shape == x[0].flatten().shape == (3,)


def test_a_stretched_view_is_filled_with_one_number() -> None:
    """PyTorch refuses it in the backward pass; what was written has no gradient."""
    a = autodiff.tensor([1.0, 2.0], requires_grad=True)
    b = a * 3
    b.expand(4, 2)[:, 0].fill_(5.0)
    assert b.tolist() == [5, 6]
    assert autodiff.grad(b.sum(), a)[0].tolist() == [0, 3]


@pytest.mark.parametrize("shape", [(), (3,)])
@pytest.mark.parametrize("function", [
    linalg.cond, linalg.matrix_rank, linalg.pinv, linalg.qr, linalg.svd, linalg.svdvals, linalg.det, linalg.eigh,
    linalg.cholesky, linalg.inv, linalg.matrix_exp, lambda x: linalg.matrix_norm(x, 2), lambda x: linalg.lstsq(x, x),
    lambda x: linalg.multi_dot([x, x, x]), lambda x: autodiff.chain_matmul(x, x), autodiff.pinverse,
    lambda x: linalg.cross(autodiff.ones(2, 3), autodiff.ones(2, 3)[0, 0] if x.ndim else x, dim=0),
])  # fmt: skip
def test_a_matrix_has_two_axes(function: Any, shape: tuple[int, ...]) -> None:
    """Numbers and vectors are refused by name."""
    with pytest.raises(AutodiffError):
        function(autodiff.ones(shape))

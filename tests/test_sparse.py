"""Sparse tensors: their products and arithmetic with two orders of gradients, and gradients of tables, as PyTorch's."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers import no_garbage
from parity.harness import peer, same

import autodiff
import nn
import optim
from autodiff import ones, sparse_coo_tensor, tensor
from autodiff.errors import AutodiffError, DtypeError, OptionError, ShapeError
from autodiff.kernels.sparse import LONG, Pattern
from autodiff.testing import gradcheck, gradgradcheck

PLACES = np.array([[0, 1, 1, 0], [2, 0, 2, 2]])
VALUES = np.array([3.0, 4.0, 5.0, 1.0])
DENSE = np.cos(np.arange(6.0)).reshape(2, 3)
MATRIX = np.sin(np.arange(12.0)).reshape(3, 4)


def of(lib: Any, values: Any, places: Any = PLACES, shape: Any = (2, 3)) -> Any:
    return lib.sparse_coo_tensor(lib.tensor(places), values, shape, check_invariants=True)


CALLS: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "s @ x": lambda lib, s, x, d: s @ x,
    "mm": lambda lib, s, x, d: lib.mm(s, x),
    "matmul": lambda lib, s, x, d: lib.matmul(s, x),
    "sparse.mm": lambda lib, s, x, d: lib.sparse.mm(s, x),
    "spmm": lambda lib, s, x, d: lib.spmm(s, x),
    "method": lambda lib, s, x, d: s.mm(x) + s.matmul(x),
    "mv": lambda lib, s, x, d: s.mv(x[:, 0]) + lib.mv(s, x[:, 1]) + s @ x[:, 2],
    "x @ s": lambda lib, s, x, d: x.t() @ s.t(),
    "vector @ s": lambda lib, s, x, d: x[0, :2] @ s,
    "s @ s": lambda lib, s, x, d: lib.sparse.mm(s, s.t()).to_dense() + (s @ s.t()).to_dense(),
    "addmm": lambda lib, s, x, d: lib.sparse.addmm(d @ x, s, x, beta=2.0, alpha=3.0) + lib.addmm(d @ x, s, x),
    "linear": lambda lib, s, x, d: lib.nn.functional.linear(s, x.t()),
    "t": lambda lib, s, x, d: s.t().to_dense() + s.T.to_dense() + s.transpose(1, 0).to_dense(),
    "to_dense": lambda lib, s, x, d: s.to_dense(),
    "values": lambda lib, s, x, d: s.coalesce().values(),
    "d + s": lambda lib, s, x, d: d + s + lib.add(d, s, alpha=2),
    "d - s": lambda lib, s, x, d: d - s,
    "s + s": lambda lib, s, x, d: (s + s).to_dense() + (s.coalesce() + s * s.t().t()).to_dense(),
    "s - s": lambda lib, s, x, d: (s.coalesce() - 2 * s).to_dense(),
    "times a number": lambda lib, s, x, d: (2 * s * 3.0 / 4).to_dense() + (s * x[0, 0]).to_dense(),
    "times dense": lambda lib, s, x, d: (s * d).to_dense() + (d * s).to_dense(),
    "times sparse": lambda lib, s, x, d: (s * s).to_dense() + (s * (s * 2).coalesce()).to_dense(),
    "negative": lambda lib, s, x, d: (-s).to_dense(),
    "power": lambda lib, s, x, d: (s**2).to_dense(),
    "abs": lambda lib, s, x, d: s.abs().to_dense() + abs(s).to_dense(),
    "functions": lambda lib, s, x, d: (lib.sin(s) + s.relu() + lib.tanh(s) + s.sqrt()).to_dense(),
    "sum": lambda lib, s, x, d: lib.sparse.sum(s) + s.sum() + lib.sum(s),
    "sum over axes": lambda lib, s, x, d: lib.sparse.sum(s, 0).to_dense() * s.sum(1).to_dense().sum(),
    "softmax": lambda lib, s, x, d: lib.sparse.softmax(s, 1).to_dense(),
    "softmax of columns": lambda lib, s, x, d: lib.sparse.softmax(s, 0).to_dense(),
    "log_softmax": lambda lib, s, x, d: lib.sparse.log_softmax(s, -1).to_dense(),
    "rows": lambda lib, s, x, d: s[0].to_dense() * 2 + s[1].to_dense(),
    "entry": lambda lib, s, x, d: s[0, 2],
    "column": lambda lib, s, x, d: s[:, 2].to_dense(),
    "index_select": lambda lib, s, x, d: s.index_select(1, lib.tensor([2, 0, 2])).to_dense(),
    "cat": lambda lib, s, x, d: lib.cat([s, s * 2]).to_dense() @ x,
    "to_sparse": lambda lib, s, x, d: d.to_sparse() @ x,
    "to_sparse of rows": lambda lib, s, x, d: d.to_sparse(1).to_dense() * 2,
    "sparse_mask": lambda lib, s, x, d: d.sparse_mask(s.detach().coalesce()) @ x,
    "clone": lambda lib, s, x, d: s.clone() @ x + s.detach() @ x,
    "in place": lambda lib, s, x, d: d.clone().add_(s),
    "twice": lambda lib, s, x, d: s.t() @ (s @ x),
}


# Of these PyTorch has no gradient for sparse tensors; that of log_softmax is not the numeric one.
VALUES_ONLY = ("functions", "sum over axes", "rows", "column", "index_select", "cat", "sparse_mask", "log_softmax")


def run(lib: Any, name: str, differentiate: bool = True) -> tuple[np.ndarray[Any, Any], list[Any]]:
    leaves = [lib.tensor(x, requires_grad=True) for x in (VALUES, MATRIX, DENSE)]
    values, x, d = leaves
    out = CALLS[name](lib, of(lib, values), x, d)
    weights = lib.tensor(np.cos(1.0 + np.arange(out.numel())).reshape(tuple(out.shape)))
    if differentiate:
        (out * weights).sum().backward()
    gradients = [None if leaf.grad is None else leaf.grad.to_dense().numpy() for leaf in leaves]
    return out.detach().numpy(), gradients


@pytest.mark.parametrize("name", CALLS)
def test_values_and_gradients_are_pytorchs(name: str) -> None:
    """To the entries, which have one coordinate twice, and to dense operands."""
    out, gradients = run(autodiff, name)
    torch = peer()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that its sparse tensors are in beta state
        theirs, expected = run(torch, name, name not in VALUES_ONLY)
    np.testing.assert_allclose(out, theirs, rtol=1e-12, atol=1e-12)
    for ours, wanted in zip(gradients, expected, strict=True) if name not in VALUES_ONLY else ():
        wanted = np.zeros_like(ours) if wanted is None and ours is not None else wanted
        ours = np.zeros_like(wanted) if ours is None and wanted is not None else ours
        if wanted is not None:
            np.testing.assert_allclose(ours, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in CALLS if name not in ("in place", "clone")])
def test_gradients_of_two_orders_are_exact(name: str) -> None:
    """By numeric derivatives."""
    inputs = [tensor(x, requires_grad=True) for x in (VALUES, MATRIX, DENSE)]

    def call(values: Any, x: Any, d: Any) -> Any:
        return CALLS[name](autodiff, of(autodiff, values), x, d) + 0 * (values.sum() + x.sum() + d.sum())

    assert gradcheck(call, inputs)
    assert gradgradcheck(call, inputs)


def test_long_rows_and_empty_ones_are_multiplied() -> None:
    """Rows of every length, some above that from which a row is multiplied by itself; their transposed ones."""
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(6), [0, 3, LONG + 5, 1, 2 * LONG, 0])
    order = rng.permutation(len(rows))
    rows, cols = rows[order], rng.integers(0, 9, len(rows))
    values, dense = rng.standard_normal(len(rows)), rng.standard_normal((9, 2))
    pattern, full = Pattern(rows, cols, (6, 9)), np.zeros((6, 9))
    np.add.at(full, (rows, cols), values)
    np.testing.assert_allclose(pattern.product(values, dense), full @ dense, atol=1e-12)
    np.testing.assert_allclose(pattern.turned.product(values, full @ dense), full.T @ (full @ dense), atol=1e-10)
    assert pattern.turned.turned is pattern
    assert (of(autodiff, tensor([]), np.zeros((2, 0), int)) @ ones(3)).tolist() == [0, 0]


def test_it_is_printed_as_in_pytorch() -> None:
    """With our words for dtypes and the layout."""
    x = sparse_coo_tensor([[0, 1], [2, 0]], [1.5, 2.0], (2, 3), dtype=autodiff.float64)
    dtype = repr(ones(1, dtype=autodiff.float64)).partition("dtype=")[2][:-1]  # as dense tensors show it
    assert repr(x) == (
        "tensor(indices=tensor([[0, 1],\n                       [2, 0]]),\n       values=tensor([1.5000, 2.0000]),\n"
        f"       size=(2, 3), nnz=2, dtype={dtype}, layout=autodiff.sparse_coo)"
    )
    assert repr(x.float().requires_grad_()).endswith("nnz=2, layout=autodiff.sparse_coo, requires_grad=True)")
    assert "grad_fn=<multiply>" in repr(x.requires_grad_() * 2)


def test_a_sparse_tensor_says_what_it_is() -> None:
    """Coalesced or not, sparse axes before dense ones, a leaf with a sparse gradient."""
    x = of(autodiff, tensor(VALUES))
    assert (x.is_sparse, ones(1).is_sparse, x.is_coalesced(), x._nnz(), len(x)) == (True, False, False, 4, 2)
    assert (x.layout, ones(1).layout) == (autodiff.sparse_coo, autodiff.strided)
    assert (x.size(), x.size(1), x.dim(), x.ndim, x.numel()) == ((2, 3), 3, 2, 2, 6)
    assert x.coalesce().indices().tolist() == [[0, 1, 1], [2, 0, 2]]
    assert x._indices().tolist() == PLACES.tolist()
    hybrid = sparse_coo_tensor([[2, 0, 2]], ones(3, 2), (3, 2))
    assert (hybrid.sparse_dim(), hybrid.dense_dim()) == (1, 1)
    assert hybrid.coalesce().values().tolist() == [[1, 1], [2, 2]]
    assert hybrid.sum(1).to_dense().tolist() == [2, 0, 4]
    leaf = sparse_coo_tensor(PLACES, VALUES, (2, 3), requires_grad=True)
    (leaf @ ones(3, dtype=autodiff.float64)).sum().backward()
    assert leaf.grad is not None
    assert leaf.grad.to_dense().tolist() == [[0, 0, 2], [1, 0, 1]]
    assert isinstance(x.float(), autodiff.sparse.FloatTensor)
    assert not isinstance(x, autodiff.sparse.FloatTensor)
    assert autodiff.sparse.FloatTensor(2, 3).shape == (2, 3)
    old = autodiff.sparse.LongTensor(tensor(PLACES), tensor([1, 2, 3, 4]), autodiff.Size([2, 3]))
    assert (old.dtype, old.to_dense().sum().item()) == (np.int64, 10)
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x)), copy.copy(x)):
        assert (twin @ tensor(MATRIX)).tolist() == (x @ tensor(MATRIX)).tolist()


MISTAKES: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    "outside": (lambda x: sparse_coo_tensor([[5], [0]], [1.0], (2, 3)), ShapeError, "from 0 to 1"),
    "below 0": (lambda x: sparse_coo_tensor([[-1], [0]], [1.0], (2, 3)), ShapeError, "from -1"),
    "lengths differ": (lambda x: sparse_coo_tensor([[1], [0]], [1.0, 2.0]), ShapeError, "1 entries"),
    "shape": (lambda x: sparse_coo_tensor([[1], [0]], [1.0], (2, 3, 4)), ShapeError, "do not make"),
    "values": (lambda x: x.values(), ShapeError, "coalesce"),
    "falling": (lambda x: autodiff.sparse_csr_tensor([0, 2, 1], [0], [1.0]), ShapeError, "row pointers rise"),
    "too few": (lambda x: autodiff.sparse_csr_tensor([0, 2], [0], [1.0]), ShapeError, "row pointers rise"),
    "columns": (lambda x: autodiff.sparse_csr_tensor([0, 2], [1, 1], [1.0, 2.0]), ShapeError, "columns of a row rise"),
    "rows": (lambda x: autodiff.sparse_csr_tensor([0, 1], [1], [1.0], (2, 3)), ShapeError, "of 1 rows"),
    "column": (lambda x: autodiff.sparse_csr_tensor([0, 1], [3], [1.0], (1, 3)), ShapeError, "from 0 to 2"),
    "rows of a vector": (lambda x: ones(3).to_sparse_csr(), ShapeError, "of a matrix"),
    "blocks": (lambda x: ones(2, 2).to_sparse(layout=autodiff.sparse_bsr), OptionError, "sparse_bsr"),
    **{f"fractions in {name}": (call, DtypeError, "integers") for name, call in {
        "indices": lambda x: sparse_coo_tensor([[0.5], [0]], [1.0], (2, 3)),
        "starts": lambda x: autodiff.sparse_csr_tensor([0.0, 1.0], [0], [1.0]),
        "columns": lambda x: autodiff.sparse_csr_tensor([0, 1], [0.5], [1.0]),
        "offsets": lambda x: autodiff.sparse.spdiags(ones(2, 2), [0.5, 1], (2, 2)),
    }.items()},
    "offsets": (lambda x: autodiff.sparse.spdiags(ones(2, 2), [1, 1], (2, 2)), ShapeError, "of their own"),
    "no rule": (lambda x: autodiff.exp(x), DtypeError, "to_dense"),
    "no method": (lambda x: x.exp(), AttributeError, "to_dense"),
    "an array": (lambda x: np.asarray(x), DtypeError, "to_dense"),
    "plus a number": (lambda x: x + 1, ShapeError, "times a number"),
    "by a tensor": (lambda x: x / ones(2, 3), ShapeError, "by a number"),
    "three axes": (lambda x: x @ ones(2, 3, 1), ShapeError, r"\(k, m\)"),
    "lengths": (lambda x: x @ ones(2, 2), ShapeError, r"\(2, 3\) and \(2, 2\)"),
    "dtypes": (lambda x: x.double() @ ones(3, 2), DtypeError, "one dtype"),
    "truth": (lambda x: bool(x), ShapeError, "neither"),
    "dense softmax": (lambda x: autodiff.sparse.softmax(ones(2, 2), 1), DtypeError, "to_sparse"),
    "part": (lambda x: x[0:1], ShapeError, "numbers and :"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_a_sparse_tensor_does_not_do_is_said(name: str) -> None:
    """With the repair."""
    call, kind, words = MISTAKES[name]
    with pytest.raises(kind, match=words) as caught:
        call(of(autodiff, tensor(VALUES).float()))
    assert isinstance(caught.value, (AutodiffError, AttributeError))


def test_a_dense_tensor_is_dense() -> None:
    """The same questions are answered."""
    x = ones(2, requires_grad=True)
    assert x.to_dense() is x
    assert x.to_dense(autodiff.float64).dtype == np.float64
    assert autodiff.is_tensor(x.to_sparse())
    with pytest.raises(ShapeError, match="axes"):
        x.to_sparse(2)


def test_a_sparse_tensor_may_be_a_buffer() -> None:
    """Converted with its module, moved to no file."""
    module = nn.Linear(1, 1)
    module.register_buffer("graph", of(autodiff, tensor(VALUES).float()))
    assert module.double().graph.dtype == np.float64
    assert list(module.state_dict()) == ["weight", "bias"]
    assert [name for name, _ in module.named_buffers()] == ["graph"]


class Product(autodiff.autograd.Function):
    """As programs write it that are older than PyTorch's own gradient."""

    @staticmethod
    def forward(ctx: Any, matrix: Any, x: Any) -> Any:
        ctx.save_for_backward(matrix, x)
        return autodiff.mm(matrix, x)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        matrix, _ = ctx.saved_tensors
        assert ctx.needs_input_grad == (False, True)
        return None, autodiff.mm(matrix.t(), g)


@pytest.mark.parametrize("anomaly", [False, True])
def test_an_operation_of_ones_own_may_keep_a_sparse_tensor(anomaly: bool) -> None:
    """And is differentiated twice; to entries that are tracked it has no way, and says so."""
    x, matrix = tensor(MATRIX, requires_grad=True), of(autodiff, tensor(VALUES))
    with autodiff.autograd.set_detect_anomaly(anomaly):
        (slope,) = autodiff.grad((Product.apply(matrix, x) ** 2).sum(), x, create_graph=True)
        (second,) = autodiff.grad(slope.sum(), x)
    full = matrix.to_dense().numpy()
    np.testing.assert_allclose(slope.detach().numpy(), 2 * full.T @ full @ MATRIX)
    np.testing.assert_allclose(second.numpy(), 2 * full.T @ full @ np.ones((3, 4)))
    with pytest.raises(DtypeError, match="values"):
        Product.apply(of(autodiff, tensor(VALUES, requires_grad=True)), x)


def test_products_leave_nothing_to_the_garbage_collector() -> None:
    """The pattern and that of the transposed matrix know each other."""
    with no_garbage():
        s = of(autodiff, tensor(VALUES, requires_grad=True))
        (s.t() @ (s @ tensor(MATRIX))).sum().backward()
        del s


def factors(lib: Any, optimizer: str, options: dict[str, float], steps: int = 12) -> tuple[list[float], list[Any]]:
    """Losses and tables of a matrix factorisation, in which each step uses some rows."""
    rng = np.random.default_rng(1)
    users, items = lib.nn.Embedding(10, 4, sparse=True), lib.nn.Embedding(12, 4, padding_idx=0, sparse=True)
    for table in (users, items):
        table.weight.data.copy_(lib.tensor(rng.standard_normal(tuple(table.weight.shape)).astype(np.float32)))
    step = getattr(lib.optim, optimizer)([*users.parameters(), *items.parameters()], **options)
    losses = []
    for _ in range(steps):
        u, i, t = (lib.tensor(x) for x in (rng.integers(0, 6, 8), rng.integers(0, 7, 8), rng.standard_normal(8)))
        step.zero_grad()
        loss = lib.nn.functional.mse_loss((users(u) * items(i)).sum(1), t.float())
        loss.backward()
        step.step()
        losses.append(loss.item())
    return losses, [table.weight.detach().numpy() for table in (users, items)]


@pytest.mark.parametrize(
    ("name", "options"),
    [("SGD", {"lr": 0.3}), ("SGD", {"lr": 0.1, "momentum": 0.9}), ("Adagrad", {"lr": 0.1}),
     ("SparseAdam", {"lr": 0.05}), ("SparseAdam", {"lr": 0.05, "betas": (0.5, 0.9), "maximize": True})],
)  # fmt: skip
def test_tables_are_trained_as_in_pytorch(name: str, options: dict[str, Any]) -> None:
    """By each optimizer that takes sparse gradients."""
    losses, tables = factors(autodiff, name, options)
    torch = peer()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected, theirs = factors(torch, name, options)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    for ours, wanted in zip(tables, theirs, strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-3, atol=1e-5)


def test_the_gradient_of_a_table_knows_its_rows() -> None:
    """Over several passes, until it is forgotten; it is dense where another use reached other rows."""
    table = nn.Embedding(6, 2, sparse=True)
    table(tensor([1, 3, 1])).sum().backward()
    gradient: Any = table.weight.grad
    assert (gradient.is_sparse, gradient.layout, gradient._nnz()) == (True, autodiff.sparse_coo, 2)
    assert gradient.coalesce().values().tolist() == [[2, 2], [1, 1]]
    assert "indices=tensor([[1, 3]])" in repr(gradient)
    (table(tensor([5])) * 0).sum().backward()
    assert table.weight.grad.indices().tolist() == [[1, 3, 5]]
    table.zero_grad()
    table(tensor([0])).sum().backward()
    assert table.weight.grad.indices().tolist() == [[0]]
    table.weight.sum().backward()
    assert not table.weight.grad.is_sparse
    assert table.weight.grad[:2].tolist() == [[2, 2], [1, 1]]
    with autodiff.no_grad():
        assert not table(tensor([0])).requires_grad


def test_optimizers_that_take_no_sparse_gradients_say_so() -> None:
    """And the one that takes no others."""
    table = nn.Embedding(6, 2, sparse=True)
    table(tensor([1])).sum().backward()
    with pytest.raises(DtypeError, match="SparseAdam do"):
        optim.Adam(table.parameters()).step()
    table.weight.grad = table.weight.grad.to_dense()
    with pytest.raises(DtypeError, match="sparse=True"):
        optim.SparseAdam(table.parameters()).step()


def by_rows(lib: Any) -> list[Any]:
    """A matrix given by rows, what it is made of, and the gradient that reaches its entries."""
    values = lib.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    starts, columns = lib.tensor([0, 2, 2, 3, 4]), lib.tensor([0, 2, 1, 2])
    x = lib.sparse_csr_tensor(starts, columns, values, (4, 3), dtype=lib.float32)
    product = x @ lib.arange(6.0).reshape(3, 2)
    product.square().sum().backward()
    parts = [x.crow_indices(), x.col_indices(), x.values().detach(), x.to_dense().detach(), product.detach()]
    dense = lib.tensor([[0.0, 1.0, 0.0], [2.0, 0.0, 3.0]])
    again = dense.to_sparse().to_sparse_csr()
    return [parts, values.grad, again.crow_indices(), again.col_indices(), again.values(), list(again.shape)]


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")  # PyTorch's
def test_a_matrix_by_rows_is_pytorchs() -> None:
    """In parts, products and gradients; the matrix is kept by coordinates."""
    same(by_rows)
    assert autodiff.sparse_csr_tensor([0, 1], [0], [1.0], requires_grad=True).is_leaf
    assert autodiff.sparse_csr_tensor([0], [], [], (0, 2)).to_dense().shape == (0, 2)


@pytest.mark.parametrize("offsets", [[0, -1, -2], [0, 1, 2], [-1, 0, 2], [5, 0, -4]])
def test_diagonals_keep_their_columns(offsets: list[int]) -> None:
    """An entry stands in the column that it has in its row; PyTorch crashes where a matrix is less wide, or too low."""
    rows = np.arange(1.0, 10.0).reshape(3, 3)
    for shape in ((3, 3), (2, 5), (5, 2)):
        wanted = sum(row * np.eye(*shape, k=k)[:, :3] if shape[1] >= 3 else row[:2] * np.eye(*shape, k=k)
                     for row, k in zip(rows, offsets, strict=True))  # fmt: skip
        found = autodiff.sparse.spdiags(tensor(rows), offsets, shape).to_dense().numpy()
        np.testing.assert_array_equal(found[:, :3], wanted)
        assert found.shape == shape
        assert not found[:, 3:].any()
    theirs = peer().sparse.spdiags(peer().tensor(rows), peer().tensor([0, -1, 1]), (3, 3)).to_dense()
    assert autodiff.sparse.spdiags(tensor(rows), [0, -1, 1], (3, 3)).to_dense().tolist() == theirs.tolist()


def test_a_variable_of_a_sparse_tensor_is_it_and_has_a_gradient_if_asked() -> None:
    """As in graph nets of 2018, which wrap their matrices; what is no tensor is refused as before."""
    x = sparse_coo_tensor([[0, 1], [1, 0]], [2.0, 3.0], (2, 2))
    assert autodiff.autograd.Variable(x) is x
    y = autodiff.autograd.Variable(x, requires_grad=True)
    assert not y.data.requires_grad
    assert y.data.to_dense().tolist() == [[0.0, 2.0], [3.0, 0.0]]
    assert y.requires_grad
    assert not x.requires_grad

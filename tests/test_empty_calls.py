"""Operands of size 0 by dtype: reductions, indexing and matrices give what PyTorch gives, or a named error."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from parity.harness import Array, Near, agree, flat, leaf, peer, plain, weights

import autodiff
from autodiff.errors import AutodiffError, DtypeError, OptionError, ShapeError

SHAPES = [(0,), (0, 3), (3, 0), (0, 0), (2, 0, 3), (0, 2, 2), (2, 2, 0)]
MATRICES = [(0, 0), (0, 3), (3, 0), (0, 3, 3), (2, 0, 0), (2, 0, 3), (2, 3, 0), (0, 0, 0), (0, 2, 3)]
PAIRS = [
    ((0, 0), (0, 0)), ((0, 0), (0, 2)), ((3, 3), (3, 0)), ((0, 3, 3), (0, 3, 2)), ((2, 0, 0), (2, 0, 3)), ((0, 0),
    (0,)),
    ((0, 3), (3, 0)), ((3, 0), (0, 2)), ((0, 3), (3, 2)), ((2, 3, 0), (2, 0, 4)), ((0, 3, 2), (0, 2, 4)), ((0,), (0,)),
    ((0,), (3,)), ((3, 0), (0,)), ((0, 3), (3,)), ((0, 2, 3), (0, 4, 3)), ((4, 0), (5, 0)), ((0, 3), (5, 3)),
    ((0, 3), (0, 2)),
]  # fmt: skip
Call = Callable[..., Any]


def _none(lib: Any, *shape: int) -> Any:
    """An empty index."""
    return lib.zeros(*shape, dtype=lib.int64)


def _mask(lib: Any, x: Any) -> Any:
    return lib.zeros(*x.shape, dtype=lib.bool)


def _named(names: str, *args: Any, **options: Any) -> dict[str, Call]:
    """The functions of these names, called with the same arguments behind the tensor."""
    def of(name: str) -> Call:
        return lambda lib, x: getattr(lib, name)(x, *args, **options)

    suffix = "".join(f" {a}" for a in args) + "".join(f" {k}={v}" for k, v in options.items())
    return {name + suffix: of(name) for name in names.split()}


REDUCTIONS = "sum prod mean max min argmax argmin amax amin any all std var median nanmedian nansum nanmean"
ONE: dict[str, Call] = {
    **_named(f"{REDUCTIONS} sort argsort aminmax std_mean var_mean count_nonzero mode diff"),
    **_named("unique unique_consecutive nonzero"),
    **_named(f"{REDUCTIONS} std_mean var_mean mode cumsum cumprod cummax cummin logcumsumexp logsumexp flip unbind", 0),
    **_named(f"{REDUCTIONS} mode logsumexp", -1, keepdim=True),
    **_named("sum mean amax amin std var logsumexp nansum any all", (0, -1)),
    **_named("topk kthvalue chunk split tensor_split repeat_interleave", 0), **_named("topk kthvalue chunk split", 1),
    **_named("split tensor_split", [0]), **_named("chunk split", 2, -1), **_named("roll tile", 2),
    **_named("roll", 1, 0),
    **_named("unique", return_inverse=True, return_counts=True), **_named("unique unique_consecutive", dim=0),
    **_named("histc", 5), **_named("histc", 5, 0, 1), **_named("quantile nanquantile", 0.5),
    **_named("quantile", 0.5, 0),
    **_named("tril triu t ravel squeeze fliplr trace diag diagonal diag_embed cov corrcoef isnan isfinite"),
    **_named("ones_like clone"),
    "stack": lambda lib, x: lib.stack([x, x]), "cat": lambda lib, x: lib.cat([x, x], -1),
    "cat of a part": lambda lib, x: lib.cat([lib.zeros(0), x]), "vstack": lambda lib, x: lib.vstack([x, x]),
    "expand": lambda lib, x: x.expand(0, *x.shape), "reshape": lambda lib, x: x.reshape(0, 7),
    "reshape to what is not known": lambda lib, x: x.reshape(-1, 0), "one of -1": lambda lib, x: x.reshape(3, -1),
    "unfold": lambda lib, x: x.unfold(-1, 0, 1), "flatten": lambda lib, x: x.flatten(0, -1),
    "gather": lambda lib, x: lib.gather(x, 0, _none(lib, *[0] * x.ndim)),
    "take": lambda lib, x: lib.take(x, _none(lib, 0)),
    "take one": lambda lib, x: lib.take(x, _none(lib, 1)), "select": lambda lib, x: x.select(0, 0),
    "index_select": lambda lib, x: lib.index_select(x, -1, _none(lib, 0)), "bool": lambda lib, x: bool(x),
    "index_select one": lambda lib, x: lib.index_select(x, 0, _none(lib, 1)), "item": lambda lib, x: x.item(),
    "index_add": lambda lib, x: lib.index_add(x, 0, _none(lib, 0), x[:0]), "list": lambda lib, x: list(x),
    "index_copy": lambda lib, x: lib.index_copy(x, 0, _none(lib, 0), x[:0]), "tolist": lambda lib, x: x.tolist(),
    "index_fill": lambda lib, x: lib.index_fill(x, 0, _none(lib, 0), 1), "len": lambda lib, x: len(x),
    "scatter": lambda lib, x: lib.scatter(x, 0, _none(lib, *[0] * x.ndim), x),
    "scatter_add": lambda lib, x: lib.scatter_add(x, 0, _none(lib, *[0] * x.ndim), x),
    "index_put": lambda lib, x: lib.index_put(x, (_none(lib, 0),), x[:0], True),
    "masked_select": lambda lib, x: lib.masked_select(x, _mask(lib, x)), "x[[]]": lambda lib, x: x[[]],
    "masked_scatter": lambda lib, x: lib.masked_scatter(x, _mask(lib, x), x), "x[5:]": lambda lib, x: x[5:],
    "masked_fill": lambda lib, x: lib.masked_fill(x, _mask(lib, x), 1), "x[0]": lambda lib, x: x[0],
    "x[mask]": lambda lib, x: x[_mask(lib, x)], "x[False]": lambda lib, x: x[False], "x[None]": lambda lib, x: x[None],
    "where": lambda lib, x: lib.where(x > 0, x, x), "searchsorted": lambda lib, x: lib.searchsorted(x, x),
    "bucketize": lambda lib, x: lib.bucketize(x, lib.zeros(0, dtype=x.dtype)), "isin": lambda lib, x: lib.isin(x, x),
    "einsum": lambda lib, x: lib.einsum("...i,...i->...", x, x), "equal": lambda lib, x: lib.equal(x, x),
    "combinations": lambda lib, x: lib.combinations(x), "meshgrid": lambda lib, x: lib.meshgrid(x, x, indexing="ij"),
    "trapezoid": lambda lib, x: lib.trapezoid(x), "renorm": lambda lib, x: lib.renorm(x, 2, 0, 1.0),
    **{f"scatter_reduce {how} {own}": lambda lib, x, how=how, own=own: lib.scatter_reduce(
        x, 0, _none(lib, *[0] * x.ndim), x[:0], how, include_self=own)
       for how in ("sum", "prod", "mean", "amax", "amin") for own in (True, False)},
    **{f"index_reduce {how}": lambda lib, x, how=how: lib.index_reduce(x, 0, _none(lib, 0), x[:0], how)
       for how in ("prod", "mean", "amax", "amin")},
}  # fmt: skip
ORDERS = ["fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf]
LINEAR: dict[str, Call] = {
    **{f"matrix_norm {o}": lambda lib, x, o=o: lib.linalg.matrix_norm(x, o, keepdim=True) for o in ORDERS},
    **{f"cond {o}": lambda lib, x, o=o: lib.linalg.cond(x, o) for o in [None, *ORDERS]},
    **{f"vector_norm {o} {d}": lambda lib, x, o=o, d=d: lib.linalg.vector_norm(x, o, dim=d)
       for o in (0, 1, 2, 3, 0.5, math.inf, -math.inf, -1) for d in (None, 0, -1, (0, 1))},
    **{name: lambda lib, x, name=name: getattr(lib.linalg, name)(x)
       for name in ("det", "slogdet", "inv", "inv_ex", "cholesky", "cholesky_ex", "eigh", "eigvalsh", "svdvals", "pinv",
                    "matrix_rank", "matrix_exp", "svd", "qr")},
    "svd, reduced": lambda lib, x: lib.linalg.svd(x, full_matrices=False),
    "qr, complete": lambda lib, x: lib.linalg.qr(x.detach(), "complete"),
    "matrix_power": lambda lib, x: lib.linalg.matrix_power(x, 2),
    "tensorinv": lambda lib, x: lib.linalg.tensorinv(x, 1),
}  # fmt: skip
TWO: dict[str, Call] = {
    "solve": lambda lib, x, y: lib.linalg.solve(x + lib.eye(x.shape[-1]), y),
    "solve_triangular": lambda lib, x, y: lib.linalg.solve_triangular(x + lib.eye(x.shape[-1]), y, upper=True),
    "lstsq": lambda lib, x, y: lib.linalg.lstsq(x + lib.eye(x.shape[-1]), y), "matmul": lambda lib, x, y: x @ y,
    "bmm": lambda lib, x, y: lib.bmm(x, y), "tensordot": lambda lib, x, y: lib.tensordot(x, y, 1),
    "tensorsolve": lambda lib, x, y: lib.linalg.tensorsolve(x + lib.eye(x.shape[-1]), y),
    "outer": lambda lib, x, y: lib.outer(x, y), "kron": lambda lib, x, y: lib.kron(x, y),
    "linear": lambda lib, x, y: lib.nn.functional.linear(x, y), "dot": lambda lib, x, y: lib.dot(x, y),
    **{f"cdist {p}": lambda lib, x, y, p=p: lib.cdist(x, y, p) for p in (0.0, 1.0, 2.0, 3.0, math.inf)},
}  # fmt: skip


def _run(lib: Any, call: Call, arrays: list[Array], orders: int) -> tuple[Any, list[Any]]:
    leaves = [leaf(lib, a) for a in arrays]
    outputs = call(lib, *leaves)
    carried, tracked = [x for x in flat(outputs) if x.requires_grad], [x for x in leaves if x.requires_grad]
    found: list[Any] = []
    for order in range(orders):
        if not carried or not tracked:
            break
        cotangents = [lib.tensor(weights(x)) for x in carried]
        gradients = lib.autograd.grad(carried, tracked, cotangents, create_graph=order < orders - 1, allow_unused=True)
        found.append([None if g is None or not plain(g).any() else plain(g) for g in gradients])
        carried = [g for g in gradients if g is not None and g.requires_grad]
    outputs = [x.detach() for x in flat(outputs)] if flat(outputs) else outputs
    return outputs, [g for g in found if any(x is not None for x in g)]


def _compare(call: Call, *arrays: Array, orders: int = 2) -> bool:
    try:
        theirs = _run(peer(), call, list(arrays), orders)
    except (RuntimeError, IndexError, ValueError, TypeError):
        with suppress(AutodiffError):
            _run(autodiff, call, list(arrays), orders)
        return False
    near = Near(1e-4, 1e-6) if any(a.dtype == np.float32 for a in arrays) else Near(1e-9, 1e-12)
    agree(_run(autodiff, call, list(arrays), orders), theirs, near, str([a.shape for a in arrays]))
    return True


@pytest.mark.filterwarnings("ignore")  # PyTorch's own, and NumPy's of 0 / 0
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
@pytest.mark.parametrize("name", ONE)
def test_of_nothing_each_call_gives_what_pytorch_gives(name: str, dtype: str) -> None:
    """Values, shapes, dtypes and gradients; where PyTorch refuses, ours has a named error or a value."""
    for shape in SHAPES:
        _compare(ONE[name], np.zeros(shape, dtype))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", LINEAR)
def test_matrices_without_rows_or_columns(name: str, dtype: str) -> None:
    """0x0, 0xn, nx0 and batches of none of them."""
    for shape in MATRICES:
        _compare(LINEAR[name], np.zeros(shape, dtype))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TWO)
def test_pairs_of_matrices_without_rows_or_columns(name: str) -> None:
    """A sum over nothing is zero, and so is its gradient."""
    orders = 1 if name.startswith("cdist") else 2  # PyTorch has no second derivative of it
    taken = [_compare(TWO[name], np.zeros(left), np.ones(right), orders=orders) for left, right in PAIRS]
    assert any(taken)


def test_what_is_out_of_range_is_refused() -> None:
    """Targets, rows and counts that PyTorch refuses, or reads beyond its memory for."""
    functional, tensor = autodiff.nn.functional, autodiff.tensor
    probabilities = autodiff.zeros(4, 2, 3).log_softmax(-1)
    for targets in ([[1, 5], [1, 2]], [[1, -1], [1, 2]], [[1, 2]]):
        with pytest.raises((OptionError, ShapeError), match="ctc_loss"):
            functional.ctc_loss(probabilities, tensor(targets), tensor([4, 4]), tensor([2, 2]))
    for times, lengths in (([-1, 4], [2, 2]), ([4, 4], [2, -2]), ([4, 5], [2, 2]), ([4, 4], [2, 3])):
        with pytest.raises(ShapeError, match="ctc_loss"):
            functional.ctc_loss(probabilities, tensor([[1, 2], [1, 2]]), tensor(times), tensor(lengths))
    with pytest.raises(ShapeError, match="do not fit"):
        functional.ctc_loss(probabilities, tensor([1, 2, 1, 2, 1]), tensor([4, 4]), tensor([2, 2]))
    for blank in (-1, 3):
        with pytest.raises(OptionError, match="blank"):
            functional.ctc_loss(probabilities, tensor([[1], [1]]), tensor([4, 4]), tensor([1, 1]), blank=blank)
    for wrong in (3, -2):
        with pytest.raises(OptionError, match="classes are 0 to 2"):
            functional.multilabel_margin_loss(autodiff.zeros(3), tensor([0, -1, wrong]))
        with pytest.raises(OptionError, match="classes are 0 to 2"):
            functional.multi_margin_loss(autodiff.zeros(1, 3), tensor([wrong]))
        with pytest.raises(OptionError, match="no class"):
            functional.cross_entropy(autodiff.zeros(1, 3), tensor([wrong]))
        with pytest.raises(AutodiffError, match=r"range|rows|outside"):
            functional.embedding(tensor([wrong]), autodiff.zeros(3, 2))
        with pytest.raises(AutodiffError, match="range"):
            autodiff.gather(autodiff.zeros(3), 0, tensor([wrong]))
    with pytest.raises(AutodiffError, match="out of bounds"):
        autodiff.index_put(autodiff.zeros(0, 2), (tensor([1]),), autodiff.zeros(1, 2), True)
    for counted, refusal in (([0, -1], ShapeError), ([0.5], DtypeError), ([[1]], ShapeError), ([True], DtypeError)):
        with pytest.raises(refusal, match="bincount"):
            autodiff.bincount(tensor(counted))

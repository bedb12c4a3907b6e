"""Cases of norms, distances, inverses, determinants and factorisations."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from parity.base import case, numbers

SHAPES = [(2, 3), (), (4,), (2, 3, 2)]
ORDERS = (1, 2, 3, 1.5, math.inf, -math.inf, 0)


def spaced(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Well-conditioned matrices: a diagonal of different entries, and something small beside it."""
    return numbers(shape, -0.5, 0.5, 3) + np.eye(*shape[-2:]) * np.arange(1.0, shape[-1] + 1)


def quiet(call: Any) -> Any:
    """``call`` of a function that PyTorch advises against."""

    def silent(*args: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return call(*args)

    return silent


SQUARE = [(2, 2), (3, 3), (1, 1), (2, 3, 3), (0, 2, 2)]

for shape in SHAPES:
    case("norm", lambda lib, x: lib.norm(x) * x.norm(), shape)
    case("norm:fro", lambda lib, x: lib.norm(x, "fro") * x.norm(p="fro"), shape)
    case("norm:inf", lambda lib, x: lib.norm(x, math.inf) * x.norm(-math.inf), shape)
    for p in ORDERS:
        case("norm", lambda lib, x, p=p: lib.norm(x, p) * x.sum(), shape)
        case("norm", lambda lib, x, p=p: x.norm(p=p, dim=-1, keepdim=True) * x, shape)
        case("linalg.vector_norm", lambda lib, x, p=p: lib.linalg.vector_norm(x, p) * x.sum(), shape)
        case("linalg.vector_norm", lambda lib, x, p=p: lib.linalg.vector_norm(x, ord=p, dim=0, keepdim=True) * x, shape)
        if p:
            case("dist", lambda lib, x, p=p: lib.dist(x, x * x, p) * x.sum() + x.dist(2 * x * x, p=p), shape)
    case("linalg.vector_norm", lambda lib, x: lib.linalg.vector_norm(x, dtype=lib.float64), shape, order=1)
case("norm", lambda lib, x: lib.norm(x, 2, (0, 2)) + lib.norm(x, "fro", (0, 2)), (2, 3, 2))
for p in ORDERS:
    case("norm", lambda lib, x, p=p: lib.norm(x, p), np.zeros(3), order=1)
case("dist", lambda lib, x, y: lib.dist(x, y), (2, 3), (3,))
case("norm:nuc", lambda lib, x: lib.norm(x, "nuc"), spaced(3, 3))
for p in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf):
    for x in (spaced(3, 3), spaced(2, 3), spaced(2, 3, 2)):
        case("linalg.matrix_norm", lambda lib, x, p=p: lib.linalg.matrix_norm(x, p), x)
        case("linalg.matrix_norm", lambda lib, x, p=p: lib.linalg.matrix_norm(x, ord=p, dim=(-1, -2), keepdim=True), x)
    case("linalg.norm", lambda lib, x, p=p: lib.linalg.norm(x, p), spaced(3, 3))
    case("linalg.norm", lambda lib, x, p=p: lib.linalg.norm(x, ord=p, dim=(0, 1), keepdim=True), spaced(3, 3))
for p in (None, 1, 2, 3, math.inf):
    case("linalg.norm", lambda lib, x, p=p: lib.linalg.norm(x, p), (4,))
    case("linalg.norm", lambda lib, x, p=p: lib.linalg.norm(x, ord=p, dim=-1), (2, 3))
case("linalg.norm", lambda lib, x: lib.linalg.norm(x), (2, 3, 2))
case("linalg.norm:subgradients_at_zero", lambda lib, x: lib.linalg.norm(x), np.zeros((2, 2)), order=1)
for p in (None, 1, 2, -2, "fro", math.inf):
    case(
        "linalg.cond",
        lambda lib, x, p=p: lib.linalg.cond(x, p),
        spaced(3, 3),
        order=0 if p in (1, "fro", math.inf) else 2,
    )

for p in (2.0, 1.0, 3.0):
    for shapes in [((3, 2), (4, 2)), ((2, 3, 2), (2, 2, 2)), ((2, 3, 2), (4, 2)), ((0, 2), (3, 2))]:
        case("cdist", lambda lib, x, y, p=p: lib.cdist(x, y, p), *shapes, order=1)
    case("nn.functional.pdist", lambda lib, x, p=p: lib.pdist(x, p), (4, 3), order=1)
case("cdist", lambda lib, x, y: lib.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist"), (3, 2), (4, 2), order=1)
for p in (1, 2, 3):
    case("renorm", lambda lib, x, p=p: lib.renorm(x, p, 0, 1.5) + x.renorm(p, dim=1, maxnorm=0.5), (2, 3))

for shape in SQUARE:
    x = spaced(*shape)
    case("linalg.inv", lambda lib, x: lib.linalg.inv(x) + x.inverse(), x)
    case("linalg.inv_ex", lambda lib, x: lib.linalg.inv_ex(x), x)
    case("linalg.det", lambda lib, x: lib.linalg.det(x) * x.det() + lib.det(x), x)
    case("linalg.slogdet", lambda lib, x: lib.linalg.slogdet(x), x)
    case("logdet", lambda lib, x: lib.logdet(x) + x.logdet(), x)
    case("linalg.cholesky", lambda lib, x: lib.linalg.cholesky(x @ x.mT + 1), x)
    case("linalg.cholesky", lambda lib, x: lib.linalg.cholesky(x @ x.mT + 1, upper=True), x)
    case("linalg.cholesky_ex", lambda lib, x: lib.linalg.cholesky_ex(x @ x.mT + 1), x)
    case("cholesky", quiet(lambda lib, x: lib.cholesky(x @ x.mT + 1) + (x @ x.mT + 1).cholesky(upper=True)), x)
    case("linalg.eigvalsh", lambda lib, x: lib.linalg.eigvalsh(x + x.mT), x)
    case("linalg.eigh", lambda lib, x: lib.linalg.eigh(x + x.mT)[1] ** 2, x)
    case("linalg.eigh", lambda lib, x: lib.linalg.eigh(x + x.mT, UPLO="U")[0], x)
    case("linalg.svdvals", lambda lib, x: lib.linalg.svdvals(x), x)
    case("linalg.svd", lambda lib, x: [p**2 for p in lib.linalg.svd(x)], x)
    case("svd", quiet(lambda lib, x: [p**2 for p in lib.svd(x)] + [x.svd().S]), x)
    case(
        "linalg.matrix_power",
        lambda lib, x: lib.linalg.matrix_power(x, 3) + x.matrix_power(-1) + lib.matrix_power(x, 0),
        x,
    )
    case("matrix_exp", lambda lib, x: lib.matrix_exp(x) + (x / 3).matrix_exp() + lib.linalg.matrix_exp(-x), x)
    case("linalg.pinv", lambda lib, x: lib.linalg.pinv(x), x)
    case("pinverse", lambda lib, x: lib.pinverse(x) + x.pinverse(), x)
    case("linalg.qr", lambda lib, x: [p**2 for p in lib.linalg.qr(x)], x)
    case("qr", quiet(lambda lib, x: [p**2 for p in lib.qr(x)]), x)
    case("linalg.diagonal", lambda lib, x: lib.linalg.diagonal(x, offset=1), x)
case("matrix_exp", lambda lib, x: lib.matrix_exp(x), numbers((4, 4), -6, 6))
for shape in [(3, 2), (4, 2), (2, 3, 2), (2, 3), (2, 2, 4)]:
    x = spaced(*shape)
    case("linalg.qr", lambda lib, x: [p**2 for p in lib.linalg.qr(x)], x)
    case("linalg.qr", lambda lib, x: lib.linalg.qr(x, mode="complete")[1] ** 2, x, order=0)
    case("linalg.svd", lambda lib, x: [p**2 for p in lib.linalg.svd(x, full_matrices=False)], x)
    case("linalg.svd", lambda lib, x: lib.linalg.svd(x)[1], x, order=0)
    case("svd", quiet(lambda lib, x: [p**2 for p in lib.svd(x, some=True)]), x)
    case("linalg.svdvals", lambda lib, x: lib.linalg.svdvals(x), x)
    case("linalg.pinv", lambda lib, x: lib.linalg.pinv(x), x)
case("linalg.pinv:hermitian", lambda lib, x: lib.linalg.pinv(x + x.mT, hermitian=True), spaced(3, 3))
case(
    "linalg.pinv:singular",
    lambda lib, x, y: lib.linalg.pinv(x @ y.mT),
    spaced(4, 2),
    spaced(3, 2),
    order=1,
    float32=False,
)
for shapes in [((3, 3), (3, 2)), ((3, 3), (3,)), ((2, 3, 3), (2, 3, 2)), ((2, 3, 3), (3, 2)), ((2, 3, 3), (2, 3))]:
    x, y = spaced(*shapes[0]), numbers(shapes[1])
    case("linalg.solve", lambda lib, x, y: lib.linalg.solve(x, y), x, y)
    case("linalg.solve_ex", lambda lib, x, y: lib.linalg.solve_ex(x, y), x, y)
    if y.ndim == x.ndim:
        case("linalg.solve", lambda lib, x, y: lib.linalg.solve(x, y.mT, left=False), x, y)
        for up in (False, True):
            case("linalg.solve_triangular", lambda lib, x, y, u=up: lib.linalg.solve_triangular(x, y, upper=u), x, y)
            case(
                "linalg.solve_triangular",
                lambda lib, x, y, u=up: lib.linalg.solve_triangular(x, y.mT, upper=u, left=False, unitriangular=True),
                x,
                y,
            )
            case(
                "cholesky_solve",
                lambda lib, x, y, u=up: lib.cholesky_solve(y, lib.triu(x) if u else lib.tril(x), u),
                x,
                y,
            )
            # One triangle is read. PyTorch's gradient has entries in the other as well, which change nothing.
            case("cholesky_solve", lambda lib, x, y, u=up: lib.cholesky_solve(y, x, u), x, y, order=0)
        case("cholesky_inverse", lambda lib, x: lib.cholesky_inverse(x), x, order=0)
        case("triangular_solve", quiet(lambda lib, x, y: lib.triangular_solve(y, x)), x, y)
        case(
            "triangular_solve",
            quiet(lambda lib, x, y: lib.triangular_solve(y, x, upper=False, transpose=True, unitriangular=True)),
            x,
            y,
        )
        case("linalg.lstsq", lambda lib, x, y: lib.linalg.lstsq(x, y)[0], x, y)
        case(
            "cholesky_inverse",
            lambda lib, x: lib.cholesky_inverse(lib.tril(x)) + lib.cholesky_inverse(lib.triu(x), upper=True),
            x,
        )
case("linalg.lstsq:grad_oriented", lambda lib, x, y: lib.linalg.lstsq(x, y)[0], spaced(4, 2), (4, 3))
case("linalg.lstsq", lambda lib, x, y: lib.linalg.lstsq(x, y, driver="gelsd")[2], spaced(4, 2), (4, 3), order=0)
case("linalg.multi_dot", lambda lib, x, y: lib.linalg.multi_dot([x, y]), (2, 3), (3, 2))
case("linalg.multi_dot", lambda lib, x, y, z: lib.linalg.multi_dot([x, y, z]), (2, 3), (3, 4), (4, 1))
case("linalg.multi_dot", lambda lib, x, y, z: lib.linalg.multi_dot([x, y, z]), (3,), (3, 4), (4,))
case("linalg.multi_dot", lambda lib, w, x, y, z: lib.linalg.multi_dot([w, x, y, z]), (4, 3), (3, 2), (2, 5), (5,))
for shapes in [((2, 3), (2, 3)), ((2, 3), (3,)), ((0, 3), (3,))]:
    case("linalg.vecdot", lambda lib, x, y: lib.linalg.vecdot(x, y) * 2, *shapes)
    case("linalg.cross", lambda lib, x, y: lib.linalg.cross(x, y) * x if x.ndim == y.ndim else x, *shapes)
case("linalg.vecdot", lambda lib, x, y: lib.linalg.vecdot(x, y, dim=0), (2, 3), (2, 3))
case("linalg.cross", lambda lib, x, y: lib.linalg.cross(x, y, dim=0) * y, (3, 2), (3, 1))
case("linalg.vander", lambda lib, x: lib.linalg.vander(x), (2, 3))
case("linalg.vander", lambda lib, x: lib.linalg.vander(x, N=5), (3,))
case("linalg.tensorinv", lambda lib, x: lib.linalg.tensorinv(x.reshape(2, 2, 4), 2), spaced(4, 4))
case("linalg.tensorsolve", lambda lib, x, y: lib.linalg.tensorsolve(x.reshape(2, 2, 4), y), spaced(4, 4), (2, 2))
case("linalg.matrix_rank", lambda lib, x: lib.linalg.matrix_rank(x), spaced(2, 3, 3), order=0)

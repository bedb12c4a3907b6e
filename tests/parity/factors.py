"""Cases of LU factors, products of reflections, and eigenvalues of any matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from parity.base import case, numbers
from parity.linalg import quiet

SHAPES = [(3, 3), (2, 3, 3), (4, 2), (2, 4), (2, 1, 3, 2), (0, 2, 2), (2, 0, 3)]


def mixed(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Well-conditioned matrices whose largest entries are not in order, so that rows are exchanged."""
    size = max(shape[-2:])
    turned = np.roll(np.eye(size), 1, 0)[: shape[-2], : shape[-1]]
    return numbers(shape, -0.5, 0.5, 3) + 2 * turned * np.arange(1.0, shape[-1] + 1)


def solved(lib: Any, x: Any, b: Any, left: bool, adjoint: bool) -> Any:
    LU, pivots = lib.linalg.lu_factor(x)
    return lib.linalg.lu_solve(LU, pivots, b, left=left, adjoint=adjoint)


for shape in SHAPES:
    x = mixed(*shape)
    case("linalg.lu", lambda lib, x: lib.linalg.lu(x), x)
    case("linalg.lu_factor", lambda lib, x: lib.linalg.lu_factor(x), x)
    case("linalg.lu_factor_ex", lambda lib, x: lib.linalg.lu_factor_ex(x), x)
    case("lu", quiet(lambda lib, x: lib.lu(x) + x.lu(get_infos=True)), x)
    case("lu_unpack", lambda lib, x: lib.lu_unpack(*lib.linalg.lu_factor(x)), x)
    case("lu_unpack", lambda lib, x: lib.lu_unpack(*lib.linalg.lu_factor(x.detach()), unpack_data=False), x, order=0)
    case("lu_unpack", lambda lib, x: lib.lu_unpack(*lib.linalg.lu_factor(x), unpack_pivots=False), x)
case("linalg.lu_factor_ex", lambda lib, x: lib.linalg.lu_factor_ex(x), np.ones((2, 3, 3)), order=0)
case("linalg.lu", lambda lib, x: lib.linalg.lu(x), np.ones((3, 3)), order=0)
for of_matrix, of_right in [((3, 3), (3, 2)), ((2, 3, 3), (2, 3, 2)), ((2, 3, 3), (3, 2)), ((3, 3), (2, 3, 1)),
                            ((2, 1, 3, 3), (4, 3, 2))]:
    x, y = mixed(*of_matrix), numbers(of_right)
    for adjoint in (False, True):
        case("linalg.lu_solve", lambda lib, x, y, a=adjoint: solved(lib, x, y, True, a), x, y)
        case("linalg.lu_solve", lambda lib, x, y, a=adjoint: solved(lib, x, y.mT, False, a), x, y)
    case("lu_solve", quiet(lambda lib, x, y: lib.lu_solve(y, *lib.linalg.lu_factor(x))), x, y)
    case("lu_solve", quiet(lambda lib, x, y: y.lu_solve(*lib.linalg.lu_factor(x))), x, y)

for shape, k in [((3, 3), 3), ((4, 2), 2), ((4, 3), 2), ((2, 4, 2), 1), ((3, 2), 0), ((0, 3, 2), 2)]:
    tau = numbers((*shape[:-2], k), 0.2, 1.8, 5)
    case("linalg.householder_product", lambda lib, x, t: lib.linalg.householder_product(x, t), shape, tau)
    case("linalg.householder_product", lambda lib, x, t: lib.orgqr(x, t) + x.orgqr(t), shape, tau)
for shape in [(3, 3), (4, 2), (2, 4, 2)]:
    m, k = shape[-2:]
    tau, other = numbers((*shape[:-2], k), 0.2, 1.8, 5), numbers((*shape[:-2], m, 3), -1, 1, 6)
    for transpose in (False, True):
        case("ormqr", lambda lib, x, t, y, tr=transpose: lib.ormqr(x, t, y, transpose=tr), shape, tau, other)
        case("ormqr", lambda lib, x, t, y, tr=transpose: x.ormqr(t, y.mT, False, tr), shape, tau, other)
for shape in [(3, 3), (4, 2), (2, 4), (2, 3, 2), (0, 2)]:
    case("geqrf", lambda lib, x: lib.geqrf(x.detach()), shape, order=0)
    case("geqrf", lambda lib, x: x.detach().geqrf(), shape, order=0)

for shape in [(3, 3), (1, 1), (2, 4, 4)]:
    x = mixed(*shape)
    case("linalg.eigvals", lambda lib, x: lib.linalg.eigvals(x), x, order=0)
    case("linalg.eigvals", lambda lib, x: (lib.linalg.eigvals(x) ** 3).real, x)
    case("linalg.eig", lambda lib, x: lib.linalg.eig(x)[0], x, order=0)
    case("linalg.eig", lambda lib, x: [lib.linalg.eig(x)[0].abs(), lib.linalg.eig(x)[1].abs() ** 2], x)

THIN = numbers((7, 3)) @ numbers((3, 5), seed=1)
for x in (THIN, THIN.T, np.stack([THIN, THIN[::-1]])):
    case("svd_lowrank", lambda lib, x: _of_factors(lib.svd_lowrank(x, q=3)), x, order=1, float32=False)
    case("svd_lowrank", lambda lib, x: _of_factors(lib.svd_lowrank(x, 4, 1, x[..., :1] * 0 + 1)), x, order=0)
    case("pca_lowrank", lambda lib, x: _of_factors(lib.pca_lowrank(x, q=3)), x, order=1, float32=False)
    case("pca_lowrank", lambda lib, x: _of_factors(lib.pca_lowrank(x, 3, False, 3)), x, order=0, float32=False)
SPREAD = THIN @ THIN.T + np.diag(np.arange(7.0))
STEPS = {"tol": 1e-14, "niter": 300}
case("lobpcg", lambda lib, x: _of_vectors(lib.lobpcg(x, k=2, **STEPS)), SPREAD, order=0, float32=False)
case("lobpcg", lambda lib, x: _of_vectors(lib.lobpcg(x, 2, largest=False, **STEPS)), SPREAD, order=0, float32=False)
case("lobpcg", lambda lib, x, b: _of_vectors(lib.lobpcg(x, 2, b, **STEPS)), SPREAD, np.diag(np.arange(1.0, 8.0)),
     order=0, float32=False)
for N in (None, 0, 1, 4):
    case("vander", lambda lib, x, N=N: (lib.vander(x, N), lib.vander(x, N, increasing=True)), (3,), order=0)
case("vander", lambda lib, x: lib.vander(x), np.array([1, 2, 3]))
case("nuclear_norm", quiet(lambda lib, x: (lib.nuclear_norm(x), lib.nuclear_norm(x, (1, 0), True))), mixed(3, 3))
case("frobenius_norm", quiet(lambda lib, x: (lib.frobenius_norm(x, (0, 1)), lib.frobenius_norm(x, 1, True))), (3, 2))


def _of_factors(found: Any) -> Any:
    """What does not depend on the signs of the vectors."""
    u, s, v = found
    return s[..., :3], (u[..., :3] * s[..., None, :3]) @ v[..., :3].mT


def _of_vectors(found: Any) -> Any:
    return found[0], found[1].abs()

FULL = mixed(3, 3) + 5 * np.eye(3)
for upper in (False, True):
    case("cholesky_solve", lambda lib, b, x, u=upper: lib.cholesky_solve(b, x.detach(), u), (3, 2), FULL)
    case("cholesky_inverse", lambda lib, x, u=upper: lib.cholesky_inverse(x.detach(), u), FULL, order=0)
case("linalg.pinv", lambda lib, x: (lib.linalg.pinv(x, 0.3), lib.linalg.pinv(x @ x.mT, 0.1, True)), mixed(3, 3),
     order=0)  # fmt: skip
case("linalg.matrix_rank", lambda lib, x: lib.tensor([int(lib.linalg.matrix_rank(x, t)) for t in (0.1, 1.5, 3.0)]),
     mixed(3, 3), order=0)  # fmt: skip

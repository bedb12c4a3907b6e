"""Cases of matrix products and contractions."""

from __future__ import annotations

import numpy as np

from parity.base import case

MATRICES = [((2, 3), (3, 4)), ((1, 3), (3, 1)), ((0, 3), (3, 2)), ((2, 0), (0, 3))]
STACKS = [((2, 3, 4), (2, 4, 2)), ((1, 2, 0), (1, 0, 2)), ((0, 2, 3), (0, 3, 2))]

for shapes in [
    *MATRICES,
    *STACKS,
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((2, 2, 3), (3, 2)),
    ((2, 1, 2, 3), (4, 3, 2)),
]:
    case("matmul", lambda lib, x, y: lib.matmul(x, y) + x.matmul(y) * (x @ y), *shapes)
    case("__rmatmul__", lambda lib, x, y: y.__rmatmul__(x), *shapes)
for shapes in MATRICES:
    out = (shapes[0][0], shapes[1][1])
    case("mm", lambda lib, x, y: lib.mm(x, y) * x.mm(y), *shapes)
    case("addmm", lambda lib, x, y, b: lib.addmm(b, x, y), *shapes, out)
    case("addmm", lambda lib, x, y, b: b.addmm(x, y, beta=0.5, alpha=2), *shapes, out[1:])
    case("addmm", lambda lib, x, y, b: lib.addmm(b, x, y, beta=0), *shapes, ())
for shapes in STACKS:
    out = (shapes[0][0], shapes[0][1], shapes[1][2])
    case("bmm", lambda lib, x, y: lib.bmm(x, y) * x.bmm(y), *shapes)
    case("baddbmm", lambda lib, x, y, b: lib.baddbmm(b, x, y) + b.baddbmm(x, y, beta=0.5, alpha=3), *shapes, out)
    case("baddbmm", lambda lib, x, y, b: lib.baddbmm(b, x, y, alpha=2), *shapes, out[1:])
    case("addbmm", lambda lib, x, y, b: lib.addbmm(b, x, y) + b.addbmm(x, y, beta=0.5, alpha=3), *shapes, out[1:])
for n, m in ((2, 3), (1, 4), (0, 2), (2, 0)):
    case("mv", lambda lib, x, y: lib.mv(x, y) * x.mv(y), (n, m), (m,))
    case("addmv", lambda lib, x, y, b: lib.addmv(b, x, y) + b.addmv(x, y, beta=2, alpha=0.5), (n, m), (m,), (n,))
    if n and m:
        case("addmv", lambda lib, x, y, b: lib.addmv(b, x, y, beta=0.5), (n, m), (m,), (1,))
    case("outer", lambda lib, x, y: lib.outer(x, y) * x.outer(y) + lib.ger(x, y), (n,), (m,))
    case("addr", lambda lib, x, y, b: lib.addr(b, x, y) + b.addr(x, y, beta=2, alpha=0.5), (n,), (m,), (n, m))
    case("addr", lambda lib, x, y, b: lib.addr(b, x, y, alpha=0.5), (n,), (m,), (m,))
for n in (3, 1, 0):
    case("dot", lambda lib, x, y: lib.dot(x, y) * x.dot(y), (n,), (n,))
    case("vdot", lambda lib, x, y: lib.vdot(x, y) * x.vdot(y), (n,), (n,))
for shapes in [((3,), (3,)), ((2, 3), (4, 3)), ((2, 3), (3,)), ((2, 1, 3), (2, 3)), ((), (2, 3)), ((2,), ())]:
    case("inner", lambda lib, x, y: lib.inner(x, y) * x.inner(y), *shapes)
    case(
        "kron",
        lambda lib, x, y: lib.kron(x.contiguous(), y.contiguous()) * x.contiguous().kron(y.contiguous()),
        *shapes,
    )
case("tensordot", lambda lib, x, y: lib.tensordot(x, y), (2, 3, 4), (3, 4, 2))
case("tensordot", lambda lib, x, y: lib.tensordot(x, y, dims=1), (2, 3), (3, 2))
case("tensordot", lambda lib, x, y: lib.tensordot(x, y, 0), (2, 3), (2,))
case("tensordot", lambda lib, x, y: lib.tensordot(x, y, dims=([1, 0], [0, 2])), (2, 3, 4), (3, 2, 2))
case("tensordot", lambda lib, x, y: lib.tensordot(x, y, dims=([-1], [1])), (2, 3), (2, 3))
case("trace", lambda lib, x: lib.trace(x) * x.trace(), (3, 3))
case("trace", lambda lib, x: lib.trace(x), (2, 4))
case("trace", lambda lib, x: lib.trace(x), np.array([[1, 2], [3, 4]]))
case("cross", lambda lib, x, y: lib.cross(x, y, dim=1) + x.cross(y, dim=-1) * x, (2, 3), (2, 3))
case("cross", lambda lib, x, y: lib.cross(x, y, dim=0) * x, (3, 2), (3, 2))
case("mm", lambda lib, x, y: (lib.mm(x, y), x @ y), np.array([[1, 2], [3, 4]]), np.array([[1], [3]]))

EQUATIONS = {
    "ij,jk->ik": ((2, 3), (3, 4)),
    "ij,jk": ((2, 3), (3, 2)),
    "bij,bjk->bik": ((2, 2, 3), (2, 3, 2)),
    "i,i->": ((3,), (3,)),
    "i,j->ij": ((2,), (3,)),
    "i,j->ji": ((2,), (3,)),
    "ij->ji": ((2, 3),),
    "ij->": ((2, 3),),
    "ij->j": ((2, 3),),
    "ii->i": ((3, 3),),
    "ii": ((3, 3),),
    "iij->j": ((2, 2, 3),),
    "iji->j": ((2, 3, 2),),
    "ii,i->i": ((3, 3), (3,)),
    "ij,ij->ij": ((2, 3), (2, 3)),
    "ij,kj,k->i": ((2, 3), (4, 3), (4,)),
    "bn,anm,bm->ba": ((2, 3), (2, 3, 4), (2, 4)),
    "...ij,...jk->...ik": ((2, 2, 3), (3, 2)),
    "...ij->...ji": ((2, 2, 3),),
    "i...,i...->...": ((2, 3), (2, 3)),
    "...,...": ((2, 3), (3,)),
    "ij,jk->k": ((2, 3), (3, 4)),
    " i j , j -> i ": ((2, 3), (3,)),
    "ij,jk->ik ": ((2, 1), (3, 4)),
    "ij,ij->i": ((2, 1), (2, 3)),
    ",ij->ij": ((), (2, 3)),
    "Ab,bA": ((2, 3), (3, 2)),
    "ba": ((2, 3),),
    "ij,jk->ki": ((0, 3), (3, 2)),
    "ij,jk,kl->il": ((2, 0), (0, 3), (3, 2)),
    "iii->i": ((2, 2, 2),),
    "bhqd,bhkd->bhqk": ((2, 2, 3, 2), (2, 2, 4, 2)),
    "a...b,b...c->a...c": ((2, 3, 2), (2, 3, 2)),
}
for equation, shapes in EQUATIONS.items():
    case("einsum", lambda lib, *xs, e=equation: lib.einsum(e, *xs), *shapes)
case("einsum", lambda lib, x, y: lib.einsum("ij,jk->ik", [x, y]), (2, 3), (3, 2))
case("einsum", lambda lib, x, y: lib.einsum(x, [0, 1], y, [1, 2], [0, 2]), (2, 3), (3, 2))
case("einsum", lambda lib, x, y: lib.einsum(x, [0, 1], y, [1, 2]), (2, 3), (3, 2))
case("einsum", lambda lib, x, y: lib.einsum(x, [..., 1, 0], y, [..., 0, 2], [..., 1, 2]), (2, 2, 3), (2, 3, 2))
case("einsum", lambda lib, x: lib.einsum("ij,ij->i", x, x), (2, 3))

"""Cases of joining, stretching against each other, and grids."""

from __future__ import annotations

import numpy as np

from parity.base import case

for shapes in [((2, 3), (2, 3)), ((3,), (2,)), ((2, 0), (2, 3)), ((2, 1, 2), (2, 3, 2))]:
    d = min(1, len(shapes[0]) - 1)
    case("cat", lambda lib, x, y, d=d: (lib.cat((x, y), d), lib.concat([x, y, x], dim=d - x.dim())), *shapes)
    case("hstack", lambda lib, x, y: lib.hstack((x, y)), *shapes)
for shape in [(), (3,), (2, 3), (2, 1, 3), (0, 2)]:
    case("stack", lambda lib, x, y: (lib.stack((x, y)), lib.stack([x, y], -1), lib.stack([x], dim=0)), shape, shape)
    case("vstack", lambda lib, x, y: (lib.vstack((x, y)), lib.row_stack([y])), shape, shape)
    case("hstack", lambda lib, x, y: lib.hstack((x, y)), shape, shape)
    case("dstack", lambda lib, x, y: lib.dstack((x, y)), shape, shape)
    case("column_stack", lambda lib, x, y: lib.column_stack((x, y)), shape, shape)
    case("broadcast_tensors", lambda lib, x, y: lib.broadcast_tensors(x, y), shape, (2, 1, 1, 1))
    if len(shape) < 3:
        case("block_diag", lambda lib, x, y: (lib.block_diag(x, y), lib.block_diag(x)), shape, (3, 1))
case("cat", lambda lib, x, y: lib.cat([x, y]), (0,), (2, 3))
case("cat", lambda lib, x, n: (lib.cat([x, n]), lib.cat([n, x])), (2,), np.array([1, 2]))
case("column_stack", lambda lib, x, y: lib.column_stack((x, y)), (2,), (2, 3))
case("vstack", lambda lib, x, y: lib.vstack((x, y)), (3,), (2, 3))
for shapes in [((2,), (3,)), ((), (3,)), ((0,), (2,)), ((2,), (1,), (3,))]:
    case("meshgrid:variadic_tensors", lambda lib, *xs: lib.meshgrid(*xs, indexing="ij"), *shapes)
    case("meshgrid:list_of_tensors", lambda lib, *xs: lib.meshgrid(list(xs), indexing="ij"), *shapes)
    case("meshgrid:list_of_tensors", lambda lib, *xs: lib.meshgrid(xs, indexing="xy"), *shapes)
case("meshgrid:variadic_tensors", lambda lib, x: lib.meshgrid(x, indexing="xy"), (2,))
case("cartesian_prod", lambda lib, x, y: (lib.cartesian_prod(x, y), lib.cartesian_prod(x)), (2,), (3,))
case("cartesian_prod", lambda lib, x, y, z: lib.cartesian_prod(x, y, z), (2,), (0,), (1,))
for r in (0, 1, 2, 3):
    case("combinations", lambda lib, x, r=r: lib.combinations(x, r), (3,), tracking=r > 0)
    case("combinations", lambda lib, x, r=r: lib.combinations(x, r, with_replacement=True), (2,),
         tracking=r > 0)

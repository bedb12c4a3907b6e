"""Cases of elementwise arithmetic."""

from __future__ import annotations

from parity.base import case

# Each pair of shapes broadcasts in another way: equal, by rows, against a number, with lengths of 1 and 0.
PAIRS = [((2, 3), (2, 3)), ((2, 3), (3,)), ((), (2, 3)), ((2, 1), (1, 3)), ((0, 3), (3,))]

for shapes in PAIRS:
    case("add", lambda lib, x, y: lib.add(x, y), *shapes)
    case("add", lambda lib, x, y: x.add(y, alpha=0.5), *shapes)
    case("sub", lambda lib, x, y: lib.sub(x, y, alpha=2), *shapes)
    case("mul", lambda lib, x, y: x.mul(y), *shapes)
    case("maximum", lambda lib, x, y: lib.maximum(x, y), *shapes)
    case("minimum", lambda lib, x, y: lib.minimum(x, y), *shapes)

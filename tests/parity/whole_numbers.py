"""Cases of functions of integers: bits, divisors, multiples."""

from __future__ import annotations

import numpy as np

from parity.base import case

X, Y = np.array([[12, -7, 0], [5, 30, -4]]), np.array([8, 3, 6])
PLACES = np.array([1, 2, 0])
BYTES = np.array([200, 7, 1], np.uint8)

for name in ("gcd", "lcm", "bitwise_and", "bitwise_or", "bitwise_xor"):
    for x, y in ((X, Y), (X, np.array(6)), (BYTES, Y.astype(np.int16)), (X[:0], Y)):
        case(name, lambda lib, x, y, f=name: (getattr(lib, f)(x, y), getattr(x, f)(y)), x, y, order=0)
    case(name, lambda lib, x, y, f=name: getattr(x.clone(), f + "_")(y), X, Y, order=0)
for name in ("bitwise_left_shift", "bitwise_right_shift"):
    for x, y in ((X, PLACES), (X, np.array([70, 64, 3])), (BYTES, PLACES.astype(np.uint8)), (BYTES, PLACES)):
        case(name, lambda lib, x, y, f=name: (getattr(lib, f)(x, y), getattr(x, f)(y)), x, y, order=0)
    case(name, lambda lib, x, f=name: (getattr(lib, f)(x, 2), getattr(lib, f)(3, x.abs())), X, order=0)
    case(name, lambda lib, x, y, f=name: getattr(x.clone(), f + "_")(y), X, PLACES, order=0)
case("bitwise_left_shift", lambda lib, x: (x << 2, 1 << x.abs(), x << x.abs()), X, order=0)
case("bitwise_right_shift", lambda lib, x: (x >> 2, 99 >> x.abs()), X, order=0)
case("bitwise_not", lambda lib, x: (lib.bitwise_not(x), ~x, x.clone().bitwise_not_()), X, order=0)
for name in ("is_nonzero", "is_signed"):
    case(name, lambda lib, x, f=name: lib.tensor([getattr(lib, f)(x), getattr(x, f)(), getattr(lib, f)(x > 9)]),
         np.array([2.0]), order=0)  # fmt: skip
case("is_same_size", lambda lib, x, y: lib.tensor([lib.is_same_size(x, y), x.is_same_size(y[0])]), (2,), (1, 2),
     order=0)

"""Cases of complex numbers, made of two real inputs."""

from __future__ import annotations

from typing import Any

from parity.base import case

SHAPES = [(2, 3), (), (4,), (0, 2)]


def made(lib: Any, x: Any, y: Any) -> Any:
    """x + i y."""
    return lib.complex(x, y)


for shape in SHAPES:
    case("complex", made, shape, shape)
    case("polar", lambda lib, x, y: lib.polar(x, y), shape, shape, low=0.1)
    case("imag", lambda lib, x, y: lib.imag(made(lib, x, y)) + made(lib, x, y).imag * x, shape, shape)
    case("real", lambda lib, x, y: lib.real(made(lib, x, y)) + made(lib, x, y).real * y, shape, shape)
    case("conj", lambda lib, x, y: made(lib, x, y).conj() * made(lib, y, x), shape, shape)
    case("angle", lambda lib, x, y: made(lib, x, y).angle(), shape, shape)
    case("abs", lambda lib, x, y: made(lib, x, y).abs(), shape, shape)
    case("sgn", lambda lib, x, y: made(lib, x, y).sgn(), shape, shape)
    case("isreal", lambda lib, x, y: (lib.isreal(made(lib, x, y - y)), x.isreal()), shape, shape, order=0)
    case("is_complex", lambda lib, x, y: (lib.is_complex(made(lib, x, y)), lib.is_complex(x)), shape, shape, order=0)
    for name in ("is_conj", "is_neg"):
        case(name, lambda lib, x, y, f=name: getattr(lib, f)(made(lib, x, y)), shape, shape, order=0)
case("complex", made, (2, 3), (3,))
for shape in SHAPES[:3]:
    case("view_as_real", lambda lib, x, y: lib.view_as_real(made(lib, x, y)), shape, shape)
for paired in ((2, 3, 2), (2,)):
    case("view_as_complex", lambda lib, x: lib.view_as_complex(x.contiguous()), paired)

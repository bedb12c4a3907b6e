"""Cases of pooling, of signals, images and volumes."""

from __future__ import annotations

from typing import Any

from parity.base import case, numbers

F = "nn.functional."
WINDOWS: list[tuple[Any, dict[str, Any]]] = [
    (2, {}),
    (3, {"stride": 2, "padding": 1}),
    (2, {"stride": 3, "ceil_mode": True}),
    (3, {"stride": 1, "padding": 1, "ceil_mode": True}),
]

for axes in (1, 2, 3):
    size = (5, 7, 6)[:axes]
    each = ((2, 3, 1)[:axes], {"stride": (1, 2, 3)[:axes]})
    for kernel, options in [*WINDOWS, (2, {"dilation": 2, "padding": 1}), each]:
        call = lambda lib, x, n=axes, k=kernel, o=options: getattr(lib.nn.functional, f"max_pool{n}d")(x, k, **o)
        case(f"{F}max_pool{axes}d", call, (2, 3, *size))
        call = lambda lib, x, n=axes, k=kernel, o=options: getattr(lib.nn.functional, f"max_pool{n}d")(
            x, k, **o, return_indices=True)
        case(f"{F}max_pool{axes}d", call, (3, *size))
    for kernel, options in WINDOWS:
        for more in ({}, {"count_include_pad": False}, *([{"divisor_override": 5}] if axes > 1 else [])):
            call = lambda lib, x, n=axes, k=kernel, o={**options, **more}: getattr(
                lib.nn.functional, f"avg_pool{n}d")(x, k, **o)
            case(f"{F}avg_pool{axes}d", call, (2, 2, *size))
    case(f"{F}avg_pool{axes}d", lambda lib, x, n=axes: getattr(lib.nn.functional, f"avg_pool{n}d")(x, 2), (3, *size))
    for kernel, options in [(2, {}), (3, {"stride": 2}), (2, {"stride": 3, "ceil_mode": True})]:
        for p in (1.0, 2.0, 3.0):
            call = lambda lib, x, n=axes, k=kernel, o=options, p=p: getattr(lib.nn.functional, f"lp_pool{n}d")(
                x, p, k, **o)
            case(f"{F}lp_pool{axes}d", call, (2, 2, *size), low=0.1)
    for kernel, options in [(2, {}), (3, {"stride": 2, "padding": 1})]:
        def unpooled(lib, x, n=axes, k=kernel, o=options, whole=False):
            y, at = getattr(lib.nn.functional, f"max_pool{n}d")(x, k, **o, return_indices=True)
            size = tuple(x.shape[-n:]) if whole else None
            return getattr(lib.nn.functional, f"max_unpool{n}d")(y * y, at, k, **o, output_size=size)

        if kernel == 2:
            case(f"{F}max_unpool{axes}d", unpooled, (2, 2, *(4, 6, 2)[:axes]), order=1)
        case(f"{F}max_unpool{axes}d:grad", lambda lib, x, call=unpooled: call(lib, x, whole=True), (2, *size), order=1)

# --- windows of different lengths, and windows at random

for axes in (1, 2, 3):
    size = (5, 8, 6)[:axes]
    for output in (1, 2, 3, (3, 4, 2)[:axes], 7, (None, 4, None)[:axes] if axes > 1 else 5):
        for kind in ("avg", "max"):
            name = f"adaptive_{kind}_pool{axes}d"
            call = lambda lib, x, name=name, o=output: getattr(lib.nn.functional, name)(x, o)
            case(F + name, call, (2, 3, *size))
            case(F + name, call, (3, *size), order=1)
    name = f"adaptive_max_pool{axes}d"
    call = lambda lib, x, name=name: getattr(lib.nn.functional, name)(x, 3, return_indices=True)
    case(F + name, call, (2, 3, *size), order=1)
for axes in (2, 3):
    samples = numbers((2, 3, axes), 0.0, 1.0)
    for options in ({"output_size": 3}, {"output_ratio": (0.5,) * axes}, {"output_size": (2, 3, 4)[:axes]}):
        call = lambda lib, x, n=axes, o=options, u=samples: getattr(lib.nn.functional, f"fractional_max_pool{n}d")(
            x, 2, **o, return_indices=True, _random_samples=lib.tensor(u).to(x.dtype))
        case(f"{F}fractional_max_pool{axes}d", call, (2, 3, *(7, 8, 9)[:axes]), order=1)

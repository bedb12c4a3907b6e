"""Cases of convolution and its transpose, of signals, images and volumes."""

from __future__ import annotations

from typing import Any

from parity.base import case

F = "nn.functional."
SIZES = (6, 5, 4)  # of the last axes, from the last one backwards
OPTIONS: list[dict[str, Any]] = [
    {},
    {"stride": 2, "padding": 1},
    {"dilation": 2, "padding": 2},
    {"groups": 2, "stride": 2},
    {"padding": "same", "dilation": 2},
    {"padding": "valid"},
]
TRANSPOSED: list[dict[str, Any]] = [
    {},
    {"stride": 2, "padding": 1},
    {"stride": 2, "output_padding": 1},
    {"dilation": 2, "padding": 1},
    {"dilation": 3, "output_padding": 2, "padding": 1},
    {"groups": 2, "stride": 3, "padding": 1, "output_padding": 1},
]

for axes in (1, 2, 3):
    size, kernel = SIZES[:axes][::-1], (2, 3, 2)[:axes]
    for options in OPTIONS:
        groups = options.get("groups", 1)
        name = f"conv{axes}d"
        call = lambda lib, x, w, b, name=name, o=options: getattr(lib.nn.functional, name)(x, w, b, **o)
        case(F + name, call, (2, 4, *size), (2, 4 // groups, *kernel), (2,))
    bare = lambda lib, x, w, name=name: getattr(lib.nn.functional, name)(x, w, stride=(2,) * (len(w.shape) - 2))
    case(F + name, bare, (3, *size), (2, 3, *kernel))
    for options in TRANSPOSED:
        groups = options.get("groups", 1)
        name = f"conv_transpose{axes}d"
        call = lambda lib, x, w, b, name=name, o=options: getattr(lib.nn.functional, name)(x, w, b, **o)
        case(F + name, call, (2, 2, *(3, 4, 2)[:axes]), (2, 4 // groups, *kernel), (4,))
    bare = lambda lib, x, w, name=name: getattr(lib.nn.functional, name)(x, w)
    case(F + name, bare, (2, *(3, 4, 2)[:axes]), (2, 3, *kernel))


def by_time(lib, x, w, b, **options):
    """PyTorch reads the input and the weight row by row only."""
    return lib.conv_tbc(x.contiguous(), w.contiguous(), b, **options)


for options in ({}, {"pad": 1}):
    case("conv_tbc", lambda lib, x, w, b, o=options: by_time(lib, x, w, b, **o), (5, 2, 3), (3, 3, 4), (4,))
case("conv_tbc", lambda lib, x, w, b: by_time(lib, x, w, b, pad=2), (2, 1, 3), (3, 3, 2), (2,))
for transposed in (False, True):
    for axes in (1, 2, 3):
        case("convolution", lambda lib, x, w, b, t=transposed, n=axes: lib.convolution(
            x, w, b, [2] * n, [1] * n, [1] * n, t, [int(t)] * n, 2),
            (1, 4, *(4, 3, 3)[:axes]), (4, 2, *(2, 3, 2)[:axes]), (4,), order=1)

"""Cases of resizing, sampling and rearranging."""

from __future__ import annotations

from parity.base import case, numbers

F = "nn.functional."
RESIZED = [{"size": 7}, {"size": 3}, {"scale_factor": 2.0}, {"scale_factor": 1.7}, {"scale_factor": 0.6},
           {"scale_factor": 1.7, "recompute_scale_factor": True}]

for mode, ranks in {"nearest": (1, 2, 3), "nearest-exact": (1, 2, 3), "area": (1, 2, 3), "linear": (1,),
                    "bilinear": (2,), "bicubic": (2,), "trilinear": (3,)}.items():
    for axes in ranks:
        for resized in RESIZED:
            for corners in (None, True, False) if mode not in ("nearest", "nearest-exact", "area") else (None,):
                call = lambda lib, x, o=resized, mode=mode, corners=corners: lib.nn.functional.interpolate(
                    x, **o, mode=mode, align_corners=corners)
                case(f"{F}interpolate:{mode}", call, (1, 2, *(5, 4, 3)[:axes]))
for mode in ("bilinear", "bicubic"):
    for size in ((3, 2), (7, 9), (5, 2)):
        for corners in (False, True):
            case(f"{F}interpolate:{mode}", lambda lib, x, m=mode, s=size, c=corners: lib.nn.functional.interpolate(
                x, s, mode=m, align_corners=c, antialias=True), (1, 2, 5, 6))

for axes in (2, 3):
    shape, grid = (2, 2, *(4, 5, 3)[:axes]), (2, *(3, 2, 2)[:axes], axes)
    for mode in ("bilinear", "nearest", "bicubic")[: 5 - axes]:
        for edge in ("zeros", "border", "reflection"):
            for corners in (True, False):
                call = lambda lib, x, y, m=mode, e=edge, c=corners: lib.nn.functional.grid_sample(x, y, m, e, c)
                case(F + "grid_sample", call, numbers(shape), numbers(grid, -1.7, 1.6), order=1)
                call = lambda lib, x, y, m=mode, e=edge, c=corners: lib.grid_sampler(
                    x, y, ("bilinear", "nearest", "bicubic").index(m), ("zeros", "border", "reflection").index(e), c)
                case("grid_sampler", call, numbers(shape), numbers(grid, -1.7, 1.6), order=1)
    case(f"grid_sampler_{axes}d", lambda lib, x, y, a=axes: getattr(lib, f"grid_sampler_{a}d")(x, y, 0, 1, True),
         numbers(shape), numbers(grid, -1.7, 1.6), order=1)
    for corners in (True, False):
        case("nn.functional.affine_grid", lambda lib, x, s=shape, c=corners: lib.nn.functional.affine_grid(x, s, c),
             (2, axes, axes + 1))

for options in ({}, {"dilation": 2}, {"padding": 1, "stride": 2}, {"padding": (0, 1), "stride": (1, 2)}):
    for shape in ((2, 3, 5, 6), (3, 5, 6)):
        call = lambda lib, x, o=options: lib.nn.functional.unfold(x, (2, 3), **o)
        case(F + "unfold", call, shape)
        case(F + "fold", lambda lib, x, call=call, o=options: lib.nn.functional.fold(
            call(lib, x) * call(lib, x), (5, 6), (2, 3), **o), shape)
for lead in ((2,), (), (2, 1)):
    case(F + "pixel_shuffle", lambda lib, x: lib.nn.functional.pixel_shuffle(x, 2), (*lead, 8, 2, 3))
    case(F + "pixel_unshuffle", lambda lib, x: lib.nn.functional.pixel_unshuffle(x, 2), (*lead, 2, 4, 6))
for shape in ((2, 6, 3), (1, 4, 2, 3)):
    case(F + "channel_shuffle", lambda lib, x: lib.nn.functional.channel_shuffle(x, 2), shape)

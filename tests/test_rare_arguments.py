"""Arguments that few programs give: what comes out is PyTorch's, in dtype, value and gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from parity.harness import Near, same

import autodiff
from autodiff.errors import DtypeError


def _pooled(lib: Any, kind: str, axes: int) -> Any:
    x = (lib.arange(5**axes).reshape(1, 1, *[5] * axes) - 100).to(getattr(lib, kind))
    return getattr(lib.nn.functional, f"max_pool{axes}d")(x, 3, 2, 1, ceil_mode=True, return_indices=True)


def _distances(lib: Any) -> Any:
    x = lib.arange(6.0).reshape(3, 2).requires_grad_()
    return lib.autograd.grad(lib.pdist(x, 0.0).sum(), x)


NAN, INF = float("nan"), float("inf")
BOUNDS = [NAN, 1.0, 2.0, NAN, 1.0, NAN], [1.0, 2.0, NAN, 4.0, 2.0, 5.0]


def _clamped(lib: Any, name: str, *bounds: list[float]) -> Any:
    given = [lib.tensor(x, requires_grad=True) for x in ([1.0, NAN, 2.0, NAN, 3.0, INF], *bounds)]
    out = getattr(lib, name)(*given)
    inside = [x[:5] for x in lib.autograd.grad(out.sum(), given)]  # beyond two bounds, one of them NaN, we say 0
    return [out.isnan(), out.nan_to_num(), inside]


CALLS: dict[str, Any] = {
    **{f"max_pool{axes}d of {kind}": lambda lib, kind=kind, axes=axes: _pooled(lib, kind, axes)
       for axes in (2, 3) for kind in ("int64", "int8")},
    **{f"{name} without a stride": lambda lib, name=name: getattr(lib.nn.functional, name)(lib.ones(1, 1, 4, 4), 2, ())
       for name in ("max_pool2d", "avg_pool2d")},
    **{f"linspace from {ends}": lambda lib, ends=ends: [lib.linspace(*ends, dtype=getattr(lib, kind))
                                                       for kind in ("int64", "int8")]
       for ends in ((4.3, -3, 7), (0.9, 5.9, 4), (-1.5, 2.5, 5), (0, 10, 4), (-4.3, 7.7, 1))},
    **{f"logspace from {ends}": lambda lib, ends=ends: lib.logspace(*ends, dtype=lib.int64)
       for ends in ((0, 1.2, 2), (0.5, 3.7, 4), (0, 2, 3))},
    **{f"arange from {ends}": lambda lib, ends=ends: [lib.arange(*ends, dtype=getattr(lib, kind))
                                                     for kind in ("int64", "int32", "int8", "float64")]
       for ends in ((-0.9, 2.1, 2.0), (0.5, 5.5, 1.5), (5, 0.5, -1.5), (1.9, 4.1, 1))},
    **{f"addbmm of {kind}": lambda lib, kind=kind: lib.addbmm(
        *(lib.ones(*shape, dtype=getattr(lib, kind)) for shape in ((2, 2), (3, 2, 2), (3, 2, 2))))
       for kind in ("int8", "uint8", "int32", "int64", "float32")},
    **{f"{name} at NaN": lambda lib, name=name: _clamped(lib, name, *BOUNDS[:1 + ("_" not in name)])
       for name in ("clamp", "clamp_min", "clamp_max")},
    "no differences": lambda lib: lib.diff(lib.ones(3), n=0, prepend=lib.zeros(1)),
    "a complex number": lambda lib: lib.ones(3, dtype=lib.complex64).index_fill(0, lib.tensor([1]), 1 + 2j),
    "a complex number under a mask": lambda lib: lib.ones(2, dtype=lib.complex64).masked_fill_(
        lib.tensor([True, False]), 2j),
    **{f"{name} in {kind}": lambda lib, name=name, kind=kind: getattr(lib, name)(
        lib.tensor([[1, 2, 3]]), 1, dtype=getattr(lib, kind))
       for name in ("sum", "prod", "cumsum", "cumprod", "nansum")
       for kind in ("uint8", "int8", "int16", "int32", "int64", "float16", "float64")},
    **{f"{name} of numbers": lambda lib, name=name: [getattr(lib, name)(*x) for x in ((1.5, 2.5), (3, 2), (2j, 1))]
       for name in ("add", "sub", "mul", "div")},
    **{f"{mode} images of bytes": lambda lib, mode=mode: lib.nn.functional.interpolate(
        (lib.arange(48).reshape(1, 3, 4, 4) * 5).to(lib.uint8), size=3, mode=mode)
       for mode in ("nearest", "nearest-exact")},
    **{f"{name} in booleans": lambda lib, name=name: [
        getattr(lib, name)(lib.tensor(x), dtype=lib.bool) for x in ([1, 2, 0], [0.0, 0.5], [[0], [0]], [0.0] * 2, [])]
       for name in ("sum", "prod", "nansum")},
    "sum in booleans along": lambda lib: lib.sum(lib.tensor([[1, 0], [0, 0]]), 1, True, dtype=lib.bool),
    "prod in booleans along": lambda lib: lib.tensor([[1, 0], [3, 2]]).prod(1, dtype=lib.bool),
    "counts of pairs": _distances,
    "the text of a cell": lambda lib: repr(lib.nn.RNNCell(2, 3, bias=False, nonlinearity="relu")),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_what_comes_out_is_pytorchs(name: str) -> None:
    """As exactly as numbers are counted or copied."""
    same(CALLS[name])


@pytest.mark.parametrize("name", [name for name in dir(autodiff.special) if "bessel_" in name])
def test_bessel_functions_take_booleans(name: str) -> None:
    """As 0 and 1, in the default dtype."""
    same(lambda lib: getattr(lib.special, name)(lib.tensor([True, False])), near=Near(1e-5))


def test_integers_are_pooled_in_their_dtype() -> None:
    """Padding is below all of them."""
    lowest = np.full((1, 1, 3, 3), np.iinfo(np.int64).min)
    assert (autodiff.nn.functional.max_pool2d(autodiff.tensor(lowest), 3, 2, 1).numpy() == lowest[0, 0, 0, 0]).all()


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("options", [
    {"size": (3, 6)}, {"size": 7, "align_corners": True}, {"scale_factor": 0.6}, {"size": (2, 3), "antialias": True}])
def test_images_of_bytes_are_rounded(mode: str, options: dict[str, Any]) -> None:
    """To within 1 as in PyTorch, whose weights have fifteen bits; other integers are refused there, too."""
    entries = np.arange(96).reshape(2, 3, 4, 4) * 37 % 251
    same(lambda lib: lib.nn.functional.interpolate(lib.tensor(entries).to(lib.uint8), mode=mode, **options).int(),
         near=Near(absolute=1))  # fmt: skip
    with pytest.raises(DtypeError, match=r"use \.float\(\)"):
        autodiff.nn.functional.interpolate(autodiff.tensor(entries), mode=mode, **options)

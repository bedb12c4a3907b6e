"""Rows that move entries without changing them; each is linear, and its VJP is another of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.ops.indexing import index
from autodiff.primitive import Primitive

__all__ = ["astype", "cast", "concatenate", "copy", "pad", "reshape", "to_whole", "transpose"]


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    order = [0] * len(axes)
    for i, a in enumerate(axes):
        order[a] = i
    return tuple(order)


def _part(i: int, g: Any, out: Any, *inputs: Any, axis: int, ends: tuple[int, ...]) -> Any:
    """The piece of ``g`` that belongs to input ``i``: the adjoint of concatenation is a split."""
    piece = slice(ends[i - 1] if i else 0, ends[i])
    return g[(slice(None),) * axis + (piece,)]


def _pad(x: Any, widths: tuple[tuple[int, int], ...], value: float) -> Any:
    return np.pad(x, widths, constant_values=value) if widths else x.copy()


def _crop(widths: tuple[tuple[int, int], ...], shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(before, before + n) for (before, _), n in zip(widths, shape, strict=True))


reshape = Primitive("reshape", lambda x, shape: x.reshape(shape),
                    lambda g, out, x, shape: g.reshape(x.shape), view=True)

transpose = Primitive("transpose", lambda x, axes: x.transpose(axes),
                      lambda g, out, x, axes: transpose(g, axes=_inverse(axes)), view=True)

concatenate = Primitive("concatenate", lambda *xs, axis, ends: np.concatenate(xs, axis), each=_part)

pad = Primitive("pad", _pad, lambda g, out, x, widths, value: index(g, key=_crop(widths, x.shape)))

copy = Primitive("copy", lambda x: x.copy(), lambda g, out, x: g)

astype = Primitive("astype", lambda x, dtype: x.astype(dtype),
                   lambda g, out, x, dtype: astype(g, dtype=x.dtype))

to_whole = Primitive("to_whole", lambda x, dtype: x.astype(dtype))


def cast(x: Any, dtype: np.dtype[Any]) -> Any:
    """``x`` in another dtype: recorded where that is floating; integers and booleans carry no gradient."""
    return (astype if dtype.kind == "f" else to_whole)(x, dtype=dtype)

"""``vmap``: a function of one sample as a function of a batch."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from autodiff.engine.values import wrap
from autodiff.errors import DtypeError, OptionError, ShapeError
from autodiff.func.trace import as_array, is_array
from autodiff.func.trees import flatten, leaves_of, map_leaves, unflatten
from autodiff.tensors.tensor import Tensor

__all__ = ["vmap"]

P = ParamSpec("P")
R = TypeVar("R")


def vmap(
    func: Callable[P, R], in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *,
    chunk_size: int | None = None,
) -> Callable[P, R]:  # fmt: skip
    """``func`` of each slice of its arguments along ``in_dims``, the results stacked along ``out_dims``.

    This is a loop over the batch, and no faster than one; per-sample gradients are ``vmap(grad(loss))``.

    Args:
        func: takes and returns tensors, or trees of them.
        in_dims: the axis of the batch in all arguments; or a tuple, one axis for each, None for what is not sliced.
        out_dims: the axis of the batch in the results; or one for each, in a tuple.
        randomness: "error" or "different"; either way each slice draws its own numbers. "same" is refused.
        chunk_size: taken as in PyTorch; one slice is computed at a time.

    >>> from autodiff import tensor
    >>> from autodiff.func import grad
    >>> slopes = vmap(grad(lambda w, x: (w * x).sum() ** 2), in_dims=(None, 0))
    >>> slopes(tensor([1.0, 2.0]), tensor([[1.0, 0.0], [0.0, 1.0]]))
    tensor([[2., 0.],
            [0., 4.]])

    Raises:
        ShapeError: the batches of the arguments differ in length.
        OptionError: ``in_dims`` does not fit the arguments, or slices none of them; or randomness is "same".
    """
    if randomness not in ("error", "different"):
        raise OptionError(f"vmap(randomness={randomness!r}): each slice draws its own numbers; give 'different'")

    @wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        axes = in_dims if isinstance(in_dims, tuple) else (in_dims,) * len(args)
        if len(axes) != len(args):
            raise OptionError(f"in_dims={in_dims}: {len(axes)} axes for {len(args)} arguments")
        leaves, structure = flatten(args)
        sliced = _axis_of_each(structure, axes, len(leaves))
        parts = [_slices(x, axis) for x, axis in zip(leaves, sliced, strict=True)]
        lengths = {len(part) for part in parts if part is not None}
        if len(lengths) != 1:
            raise ShapeError(
                f"vmap: batches of {sorted(lengths) or 'no'} entries; expected one length for all arguments"
            )
        results = []
        for i in range(lengths.pop()):
            sample = [x if part is None else part[i] for x, part in zip(leaves, parts, strict=True)]
            results.append(func(*unflatten(structure, sample), **kwargs))
        gathered, given = _gathered(results, out_dims), [x for x in leaves if isinstance(x, Tensor) or is_array(x)]
        return map_leaves(as_array, gathered) if given and all(map(is_array, given)) else gathered

    return mapped


def _axis_of_each(structure: Any, axes: Any, count: int) -> list[Any]:
    """For each leaf of the arguments the axis that is given for its argument."""
    found: list[Any] = [None] * count
    for branch, axis in zip(structure, axes, strict=True):
        positions = leaves_of(branch)
        given = [axis] * len(positions) if axis is None or isinstance(axis, int) else leaves_of(axis)
        if len(given) != len(positions):
            raise OptionError(f"in_dims has {len(given)} axes for an argument of {len(positions)} tensors")
        for position, one in zip(positions, given, strict=True):
            found[position] = one
    return found


def _slices(x: Any, axis: int | None) -> list[Any] | None:
    if axis is None:
        return None
    x = x if isinstance(x, Tensor) else wrap(np.asarray(x))
    if not -x.ndim <= axis < x.ndim:
        raise ShapeError(f"vmap: a tensor of shape {x.shape} has no axis {axis}; in_dims=None leaves it whole")
    return list(np.moveaxis(x, axis, 0))


def _gathered(results: list[Any], out_dims: Any) -> Any:
    if not results:
        raise ShapeError("vmap: a batch of no entries has no results whose shape could be known")
    columns, structure = [leaves_of(result) for result in results], flatten(results[0])[1]
    axes = leaves_of(out_dims) if isinstance(out_dims, tuple) else [out_dims] * len(columns[0])
    for y in columns[0]:
        if not isinstance(y, Tensor) and not is_array(y):
            raise DtypeError(f"vmap: the function returned {y!r:.60}; expected tensors")
    stacked = [np.stack(list(column), axis) for column, axis in zip(zip(*columns, strict=True), axes, strict=True)]
    return unflatten(structure, stacked)

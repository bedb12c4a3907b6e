"""The trial of a new kernel: whether it makes of its first arguments, changed a little, what NumPy's function makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

CLOSE = 1e-3  # of the largest number, how far off a result may be: the last digits of sums in float32 differ by less


@np.errstate(all="ignore")  # also of numbers that are only there to be overwritten
def passes(
    kernel: Any, entry: Any, route: Callable[..., Any], function: Callable[..., Any], arguments: Any, options: Any
) -> bool | None:
    """Whether both make the same of copies of the arguments; None where the route has another job with these."""
    given = mapped(partial(_changed, np.random.default_rng(0)), arguments)
    others = copied(given)
    job = route(*given, **options)
    made = job[3](kernel) if job and job[:2] == entry else None
    if made is None:
        return None
    expected = function(*others, **options)
    return all(_agree(*pair) for pair in zip(_arrays((made, given)), _arrays((expected, others)), strict=True))


def copied(x: Any) -> Any:
    """Copies of all arrays in tuples of tuples."""
    return mapped(lambda leaf: leaf.copy("K") if isinstance(leaf, np.ndarray) else leaf, x)


def mapped(function: Callable[[Any], Any], x: Any) -> Any:
    """``function`` of all that is in tuples of tuples."""
    if isinstance(x, tuple):
        parts = [mapped(function, part) for part in x]
        return type(x)(*parts) if hasattr(x, "_fields") else tuple(parts)
    return function(x)


def leaves(x: Any) -> list[Any]:
    """All that is in tuples of tuples."""
    found: list[Any] = []
    mapped(found.append, x)
    return found


def _arrays(x: Any) -> Iterator[Any]:
    return (leaf for leaf in leaves(x) if isinstance(leaf, np.ndarray))


def _changed(random: np.random.Generator, x: Any) -> Any:
    """Numbers of about the size of those of ``x``, all finite, whose sums are not 0 by design; 0 stays where it is.

    What is 0 altogether, as a bias or a moment is at first, becomes positive numbers.
    """
    copy = copied(x)
    if isinstance(x, np.ndarray) and x.dtype == np.float32:
        np.nan_to_num(copy, copy=False, nan=0, posinf=0, neginf=0)
        np.copyto(copy, 0.1, where=not copy.any())
        copy *= random.random(x.shape, np.float32) + np.float32(0.5)
    return copy


def _agree(x: Any, y: Any) -> bool:
    finite = np.isfinite(y)
    largest = np.max(np.abs(y), where=finite, initial=0)
    return x.shape == y.shape and bool((np.abs(x - y) <= CLOSE * largest)[finite].all())

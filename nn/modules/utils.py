"""One number for each axis, by the names of PyTorch's inside that layers of programs import."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any


def _ntuple(n: int, name: str = "parse") -> Callable[[Any], tuple[Any, ...]]:
    """A function that makes of one number a tuple of ``n``, and of several the tuple of these.

    >>> _ntuple(2)(3)
    (3, 3)
    """

    def parse(x: Any) -> tuple[Any, ...]:
        return tuple(x) if isinstance(x, Iterable) else tuple(repeat(x, n))

    parse.__name__ = name
    return parse


_single, _pair = _ntuple(1, "_single"), _ntuple(2, "_pair")
_triple, _quadruple = _ntuple(3, "_triple"), _ntuple(4, "_quadruple")


def _reverse_repeat_tuple(t: tuple[Any, ...], n: int) -> tuple[Any, ...]:
    """The entries from the last to the first, each ``n`` times, as ``functional.pad`` takes pads.

    >>> _reverse_repeat_tuple((1, 2), 2)
    (2, 2, 1, 1)
    """
    return tuple(x for x in reversed(t) for _ in range(n))


def consume_prefix_in_state_dict_if_present(state_dict: dict[str, Any], prefix: str) -> None:
    """Take ``prefix`` from the names of a state dict that have it; they come last then.

    >>> state = {"module.weight": 1, "bias": 2}
    >>> consume_prefix_in_state_dict_if_present(state, "module.")
    >>> state
    {'bias': 2, 'weight': 1}
    """
    for name in [name for name in state_dict if name.startswith(prefix)]:
        state_dict[name[len(prefix) :]] = state_dict.pop(name)
    metadata: Any = getattr(state_dict, "_metadata", {})
    for name in tuple(metadata):
        if name.startswith(prefix) or name == prefix.rstrip("."):
            value = metadata.pop(name)
            metadata[name[len(prefix) :]] = value


def _list_with_default(out_size: list[int | None] | int, defaults: list[int]) -> list[int] | int:
    """Sizes, those of ``defaults`` where there is None; one size as it is."""
    if isinstance(out_size, int):
        return out_size
    return [d if v is None else v for v, d in zip(out_size, defaults[-len(out_size) :], strict=True)]

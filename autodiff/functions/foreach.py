"""``_foreach_add_`` and its siblings: one method for each tensor of a list, as optimizers of others call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autodiff.errors import ShapeError

_UNARY = [
    "abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "erf", "erfc", "exp", "expm1", "floor", "frac", "lgamma",
    "log", "log10", "log1p", "log2", "neg", "reciprocal", "round", "rsqrt", "sigmoid", "sign", "sin", "sinh", "sqrt",
    "tan", "tanh", "trunc",
]  # fmt: skip
_BINARY = [
    "add", "addcdiv", "addcmul", "clamp_max", "clamp_min", "div", "lerp", "maximum", "minimum", "mul", "pow", "sub",
]  # fmt: skip
_ONE_WAY = ["clone", "copy_", "max", "mm", "norm", "powsum", "zero_"]
FOREACH = frozenset(
    f"_foreach_{name}" for name in [*_ONE_WAY, *_UNARY, *_BINARY, *(f"{name}_" for name in [*_UNARY, *_BINARY])]
)
_METHODS = {"maximum": "clamp_min", "minimum": "clamp_max"}  # which take numbers too


def foreach(name: str) -> Callable[..., Any]:
    """The function ``name``, one of ``FOREACH``: each argument is a list, of one entry for each tensor, or for all.

    >>> from autodiff import ones
    >>> foreach("_foreach_add")([ones(2), ones(1)], [ones(2), ones(1)], alpha=2)
    (tensor([3., 3.]), tensor([3.]))
    """
    short = name.removeprefix("_foreach_").removesuffix("_")
    in_place = name.endswith("_")
    method = _METHODS.get(short, short) + "_" * in_place

    def function(self: Any, *others: Any, **options: Any) -> Any:
        lengths = [len(x) for x in (self, *others, *options.values()) if _is_list(x)]
        if len(set(lengths)) != 1:
            raise ShapeError(f"{name} takes lists, all of one length, not of {lengths}")
        results = []
        for i in range(lengths[0]):
            given = [x[i] if _is_list(x) else x for x in (self, *others)]
            named = {key: x[i] if _is_list(x) else x for key, x in options.items()}
            results.append(_call(method, given, named))
        return self if in_place else tuple(results)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"``{method}`` of each tensor of a list."
    return function


def _is_list(x: Any) -> bool:
    return isinstance(x, (list, tuple))


def _call(method: str, given: list[Any], named: dict[str, Any]) -> Any:
    """The method of the first, or of the second where the first is the base of a power."""
    value = {key: named.pop(key) for key in ("alpha", "value", "memory_format", "non_blocking") if key in named}
    dtype = named.pop("dtype", None)
    x, *others = [*given, *named.values()]
    if method.startswith("addc") and len(others) == 3:
        value["value"] = others.pop()
    if method == "pow" and not hasattr(x, "pow"):
        return x ** others[0]
    if method in ("norm", "powsum"):
        order = others[0] if others else 2
        x = x if dtype is None else x.to(dtype)
        return x.norm(order) if method == "norm" else x.abs().pow(order).sum()
    return getattr(x, method)(*others, **value)

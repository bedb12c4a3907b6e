"""PyTorch's ``torch.nn._reduction``: the numbers and the old names of reductions."""

from __future__ import annotations

from .functional.reduction import check_reduction, reduction_of


def get_enum(reduction: str) -> int:
    """0 for "none", 1 for "mean", 2 for "sum"; raises OptionError for any other word.

    >>> get_enum("sum")
    2
    """
    return ("none", "mean", "sum").index(check_reduction(reduction))


def legacy_get_string(size_average: bool | None, reduce: bool | None, emit_warning: bool = True) -> str:
    """The word for two booleans of old programs; raises OptionError where they are no booleans.

    >>> legacy_get_string(False, None)
    'sum'
    """
    return reduction_of(size_average, reduce, "mean")


def legacy_get_enum(size_average: bool | None, reduce: bool | None, emit_warning: bool = True) -> int:
    """The number for two booleans of old programs; raises OptionError where they are no booleans."""
    return get_enum(legacy_get_string(size_average, reduce, emit_warning))

"""Objects of the wrong kind in place of a tensor: whatever is given, and to what, the error is named and says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parity.base import CASES

import autodiff
import nn
from autodiff import ones
from autodiff.errors import AutodiffError

LAYER = nn.Linear(2, 3)
WRONG: dict[str, Any] = {
    "list": [1.0, 2.0],
    "tensors": (ones(2), ones(2)),
    "path": Path("a/b"),
    "None": None,
    "dict": {"a": 1},
    "model": LAYER,
    "function": abs,
    "method": LAYER.parameters,
    "class": Path,
    "objects": np.array([1, "a", None], dtype=object),
    "strings": np.array(["a", "b"]),
}
LIBRARY = tuple(str(Path(package.__file__).parent) for package in (autodiff, nn))


def _bare(call: Callable[..., Any], *args: Any) -> Exception | None:
    """The error without a name that the library raises, None where it raises none."""
    try:
        call(*args)
    except AutodiffError:
        return None
    except Exception as error:
        traceback = error.__traceback__
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename.startswith(LIBRARY):
                return error
            traceback = traceback.tb_next
    return None


@pytest.mark.parametrize("kind", WRONG)
def test_no_function_of_the_vocabulary_raises_a_bare_error_about_a_wrong_kind(kind: str) -> None:
    """In place of each tensor of a call: no AttributeError of a list, and none of NumPy's errors."""
    faults = []
    for name, cases in CASES.items():
        for i in range(len(cases[0].inputs)):
            given: list[Any] = [autodiff.tensor(x) for x in cases[0].inputs]
            given[i] = WRONG[kind]
            error = _bare(cases[0].call, autodiff, *given)
            if isinstance(error, AttributeError) or (error is not None and kind in ("model", "dict", "class", "path")):
                faults.append(f"{name}, input {i}: {type(error).__name__}: {error}")
    assert not faults, "\n".join(faults)

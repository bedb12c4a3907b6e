"""What stands in the place of an operand: a number, nothing, another rank or dtype. A result, or a named error.

Over the whole vocabulary, as functions and as methods. Python's own error is right where the call itself has it, as in
``(2).exp()``; an error out of the library or out of NumPy that has no name of the library's is a fault.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import autodiff
from autodiff.errors import AutodiffError
from benchmarks.fuzzing.templates import Template, templates

CALL = "<call>"
METHOD = re.compile(r"lib\.(\w+)\(\{0\}, (.*)\)", re.DOTALL)


def texts(template: Template) -> Iterator[str]:
    """The call, and the call of the method of that name."""
    yield template.text
    method = METHOD.fullmatch(template.text)
    if method is not None and hasattr(autodiff.Tensor, method[1]):
        yield f"{{0}}.{method[1]}({method[2]})"


def others(x: np.ndarray[Any, Any]) -> Iterator[Any]:
    """What may stand in the place of an operand."""
    yield from (2, 0.5, True, None, "mean", np.float64(0.5))
    yield x.reshape(-1)[:1].reshape(()) if x.size else np.zeros((), x.dtype)
    yield x.reshape(-1)[:3] if x.ndim != 1 else x[None]
    yield x[None]
    if x.dtype.kind == "f":
        yield from (np.round(x).astype(np.int64), np.abs(x).astype(np.uint8), np.asarray(x > 0.3), x.astype(np.float16))
    else:
        yield from (x.astype(np.float64), x.astype(np.int32), np.asarray(x > 0))


def error_of(text: str, operands: list[Any]) -> BaseException | None:
    """The error of a call that has no name, unless the call itself raises it.

    Nothing, and a word, are options of many functions; the TypeError of an operation on them is Python's, as PyTorch's.
    """
    names = {f"x{k}": autodiff.tensor(x) if isinstance(x, np.ndarray) else x for k, x in enumerate(operands)}
    code = compile(text.format(*names), CALL, "exec")
    try:
        exec(code, {"lib": autodiff, "np": np, "nan": np.nan, "inf": np.inf} | names)
    except AutodiffError:
        return None
    except Exception as error:
        optional = isinstance(error, TypeError) and any(x is None or isinstance(x, str) for x in operands)
        return None if optional or _raised_in(error.__traceback__) == CALL else error
    return None


def _raised_in(traceback: types.TracebackType | None) -> str:
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return "" if traceback is None else traceback.tb_frame.f_code.co_filename


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(templates()))
def test_what_is_no_such_operand_has_a_result_or_a_named_error(name: str) -> None:
    for template in templates()[name][:2]:
        for text in texts(template):
            for k, x in enumerate(template.inputs):
                for other in others(x):
                    if not isinstance(other, np.ndarray) and f"{{{k}}}." in text:
                        continue  # a method of its own
                    given = [other if i == k else y.copy() for i, y in enumerate(template.inputs)]
                    error = error_of(text, given)
                    assert error is None, f"{text} with {other!r:.80} for x{k}: {type(error).__name__}: {error}"

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
from benchmarks.fuzzing.run import OURS
from benchmarks.fuzzing.templates import Template, templates
from nn import functional

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


@pytest.mark.parametrize("write", [
    "x.fill_(None)", "x.copy_(None)", "x[0] = None", "x[...] = None", "lib.scatter(x, 0, at, None)",
    "x.masked_fill_(x > 0, None)", "lib.index_fill(x, 0, at, None)", "lib.scatter_add(x, 0, at, None)",
])  # fmt: skip
def test_nothing_is_no_number(write: str) -> None:
    """NumPy would make NaN of it."""
    x = autodiff.ones(3)
    with pytest.raises(AutodiffError):
        exec(write, {"lib": autodiff, "x": x, "at": autodiff.tensor([0])})
    assert x.tolist() == [1, 1, 1]


@pytest.mark.parametrize("text", [
    "lib.take(np.ones(3), lib.tensor([7]))", "lib.mm(np.ones((2, 2)), lib.ones(3))", "lib.ones_like(2)",
    "lib.gather(np.ones(3), 0, lib.tensor([7]))", "lib.linalg.pinv(np.ones(3))",
])  # fmt: skip
def test_arrays_have_the_errors_of_tensors(text: str) -> None:
    """Beside a tensor, too."""
    with pytest.raises(AutodiffError):
        eval(text, {"lib": autodiff, "np": np})


def test_arrays_become_tensors_beside_tensors() -> None:
    for made in (autodiff.take(np.arange(3.0), autodiff.tensor([2])), autodiff.ones_like(np.zeros(2, np.float32))):
        assert isinstance(made, autodiff.Tensor)
    assert autodiff.ones_like(np.zeros(2, np.float32)).dtype == autodiff.float32


MATRICES = ["svd", "svdvals", "qr", "pinv", "matrix_rank", "inv", "det", "slogdet", "cholesky", "eigh", "eigvalsh",
            "cond", "matrix_exp"]  # fmt: skip


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_, np.float16])
def test_matrices_of_whole_numbers_are_computed(name: str, dtype: Any) -> None:
    """In the default dtype; of half precision in single, and given back in half."""
    a = np.eye(2).astype(dtype)
    made = getattr(autodiff.linalg, name)(autodiff.tensor(a))
    parts = made if isinstance(made, tuple) else (made,)
    wanted = np.int64 if name == "matrix_rank" else np.float16 if dtype == np.float16 else np.float32
    assert {part.dtype for part in parts} == {np.dtype(wanted)}


def test_an_attribute_error_of_the_user_stays_what_it_is() -> None:
    """A function that is handed in may fail for reasons of its own."""
    def distance(x: Any, y: Any) -> Any:
        raise AttributeError("mine")

    x = autodiff.ones(2, 3)
    with pytest.raises(AttributeError, match="mine"):
        autodiff.nn.functional.triplet_margin_with_distance_loss(x, x, x, distance_function=distance, swap=None)


@pytest.mark.parametrize(("call", "error"), [
    (lambda lib: lib.inner(lib.ones(1), lib.ones(2)), "inner takes last axes of one length"),
    (lambda lib: lib.trapezoid(lib.ones(1), lib.tensor([True])), "trapezoid takes numbers, not booleans"),
    (lambda lib: lib.linalg.solve(lib.ones(2, 3, 3), lib.ones(2, 3), left=False), r"solve\(left=False\) takes B of"),
    (lambda lib: lib.nn.functional.max_pool2d(lib.ones(1, 1, 1), 2, padding=1, dilation=2, return_indices=True),
     "has a window wholly in the padding"),
])  # fmt: skip
def test_what_does_not_meet_is_refused(call: Any, error: str) -> None:
    with pytest.raises(AutodiffError, match=error):
        call(OURS)


def test_losses_of_two_dtypes_have_the_wider_one() -> None:
    """A target without axes is stretched first, and then counts as any other, as in PyTorch."""
    single, number = autodiff.ones(1), autodiff.tensor(1.0, dtype=autodiff.float64)
    for loss in (functional.mse_loss, functional.l1_loss, functional.smooth_l1_loss):
        assert loss(single, number, reduction="none").dtype == loss(number, single).dtype == autodiff.float64


def test_a_target_that_does_not_count_costs_0_and_not_minus_0() -> None:
    loss = functional.nll_loss(autodiff.ones(2, 2), autodiff.tensor([0, 1]), ignore_index=1, reduction="none")
    assert not np.signbit(loss.numpy()[1])


def test_losses_of_classes_have_the_slope_0_at_the_margin() -> None:
    """As PyTorch's; those of pairs have 1 there."""
    x = autodiff.tensor([[0.0, 1.0, 2.0, 1.0]], requires_grad=True)
    functional.multi_margin_loss(x, autodiff.tensor([1])).backward()
    assert x.grad.tolist() == [[0.0, -0.5, 0.25, 0.25]]
    x = autodiff.tensor([[0.0, 2.0, -1.0, 1.0]], requires_grad=True)
    functional.multilabel_margin_loss(x, autodiff.tensor([[3, 0, -1, 1]])).backward()
    assert x.grad.tolist() == [[-0.25, 0.5, 0.0, -0.25]]


def test_a_number_over_itself_is_constant_to_the_last_digit() -> None:
    x = autodiff.tensor([-1.7, 0.3, 1e-30, 1e30], requires_grad=True)
    (x / x).sum().backward()
    assert x.grad.tolist() == [0, 0, 0, 0]

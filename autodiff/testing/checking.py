"""``gradcheck`` and ``gradgradcheck``: PyTorch's names for "is this gradient right?", with an answer that says why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autodiff.engine import modes
from autodiff.engine.backward import grad
from autodiff.engine.modes import enable_grad
from autodiff.errors import GraphError
from autodiff.tensors.creation import from_numpy, zeros_like
from autodiff.tensors.tensor import Tensor
from autodiff.testing.comparison import Tolerance, compare, generic, misfits
from autodiff.testing.diagnosis import Finding, as_code
from autodiff.testing.failures import (
    DtypeMismatch,
    GradcheckError,
    LowPrecisionError,
    NonDeterminismError,
    NotDifferentiable,
    ShapeMismatch,
    WrongGradient,
)
from autodiff.testing.subject import (
    Pullback,
    Subject,
    is_floating,
    joined,
    leaf,
    listed,
    parts,
    plain,
    requires_grad,
)

Array = np.ndarray[Any, Any]

# For each kind of finding its exception class, the worst first.
ERRORS: dict[str, type[GradcheckError]] = {
    "gradient": WrongGradient,
    "kink": NotDifferentiable,
    "kink outside": NotDifferentiable,
    "shape": ShapeMismatch,
    "dtype": DtypeMismatch,
    "precision": LowPrecisionError,
    "determinism": NonDeterminismError,
}
_DIGITS = {np.dtype(np.float32): 1e-4, np.dtype(np.float16): 5e-2}


class Report:
    """The answer: true if nothing was found; its text says what was found, then gives the inputs as code."""

    def __init__(self, findings: Sequence[Finding], inputs: Sequence[Any], names: Sequence[str]) -> None:
        self.findings = sorted(findings, key=lambda finding: list(ERRORS).index(finding.kind))
        self._inputs, self._names = [np.array(x) for x in inputs], list(names)

    def __bool__(self) -> bool:
        return not self.findings

    @property
    def error(self) -> type[GradcheckError]:
        """The exception class of the worst finding."""
        return ERRORS[self.findings[0].kind] if self.findings else GradcheckError

    def __repr__(self) -> str:
        if not self.findings:
            return "every gradient agrees"
        lines = [finding.message for finding in self.findings[:3]]
        if len(self.findings) > 3:
            lines.append(f"and {len(self.findings) - 3} more findings")
        lines += ["at", *(f"  {name} = {as_code(x)}" for name, x in zip(self._names, self._inputs, strict=True))]
        return "\n".join(lines)

    def raised(self, raise_exception: bool) -> Report:
        """The report itself; raises its error where it is false and that is wanted."""
        if raise_exception and not self:
            raise self.error(str(self))
        return self


def gradcheck(
    func: Any,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True, check_grad_dtypes: bool = False, check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False, check_forward_ad: bool = False, check_backward_ad: bool = True,
    fast_mode: bool = False, masked: bool | None = None,
    complex_step: bool = False,
) -> Report:  # fmt: skip
    """Whether the gradients of ``func`` at ``inputs`` are its slopes.

    The numeric side is float64: a narrow central difference, and where that does not agree, central differences
    extrapolated over the step, with an error estimate that widens the tolerance. Small inputs get their whole Jacobian,
    large ones random directions. Inputs in lower precision are checked at the same numbers in float64, and their own
    gradients compared with those.

    Args:
        func: a function of Tensors, or a pair ``(forward, vjp)`` of functions on plain arrays with
            ``vjp(g, *inputs)``, the gradient of each input (a tuple, if several).
        inputs: Tensors, of which those that require grad are checked (in place, so that ``func`` may also reach them in
            another way, as a module does its parameters); or floating arrays, which all are. Complex numbers count as
            pairs of real ones, so that both Wirtinger derivatives are checked.
        eps: the smallest step of the differences.
        atol: with ``rtol``, ``|analytic - numeric| <= atol + rtol * |numeric|``, plus the error estimate.
        rtol: see ``atol``.
        raise_exception: raise the report's error instead of returning a report that is false.
        nondet_tol: how far two identical backward passes may differ.
        check_undefined_grad: taken so that PyTorch's calls need no change, as all that follow but the last.
        check_grad_dtypes: they always are.
        check_batched_grad: see ``check_undefined_grad``.
        check_batched_forward_grad: see ``check_undefined_grad``.
        check_forward_ad: see ``check_undefined_grad``.
        check_backward_ad: see ``check_undefined_grad``.
        fast_mode: small inputs are always checked wholly.
        masked: see ``check_undefined_grad``.
        complex_step: differentiate a plain NumPy function by a complex step instead: exact for analytic functions.

    Raises:
        WrongGradient: a gradient is not the slope.
        NotDifferentiable: there is no slope at these inputs; the message names the entry and the slopes on both sides.
        ShapeMismatch, DtypeMismatch, LowPrecisionError, NonDeterminismError: what their names say.
        DtypeError: no input wants a gradient.

    >>> import numpy as np
    >>> gradcheck(lambda x: np.sin(x) * x, np.array([0.5, 2.0]))
    every gradient agrees
    >>> gradcheck((np.square, lambda g, x: g * x), np.array([1.0, 3.0]), raise_exception=False)
    the gradient of x, of shape (2,), is wrong
      d out[1] / d x[1]: analytic 3, numeric 6 +- ...
      2 of 4 entries of the Jacobian disagree
      pattern: a constant factor: analytic = 0.5 = 1/2 * numeric
    at
      x = np.array([1.0, 3.0])

    Reference: Ridders (1982), "Accurate computation of F'(x) and F'(x)F''(x)".
    """
    given = listed(inputs)
    low = Subject(func, given)
    subject = low if all(x.dtype == np.float64 for x in low.arrays) else Subject(func, twin(given))
    findings = compare(subject, Tolerance(atol, rtol, eps), complex_step)
    if low is not subject and not findings:
        findings = precision(low, subject, low.pull())
    if not findings:
        findings = _determinism(subject, nondet_tol)
    return Report(findings, low.arrays, low.names).raised(raise_exception)


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True, check_grad_dtypes: bool = False, check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False, check_rev_over_rev: bool = True, fast_mode: bool = False, masked: bool = False,
) -> Report:  # fmt: skip
    """Whether the gradients of the gradients of ``func`` are the slopes of its gradients.

    ``gradcheck`` of the function from the inputs and the cotangents ``grad_outputs`` (numbers without a pattern, where
    they are not given) to the gradients. The other arguments are those of ``gradcheck``.

    >>> import autodiff
    >>> gradgradcheck(lambda x: x**3, autodiff.tensor([1.0, 2.0], dtype=autodiff.float64, requires_grad=True))
    every gradient agrees
    """
    given = listed(inputs)
    is_low = any(requires_grad(x) and x.dtype != _wide(plain(x)) for x in given)
    tensors = Subject(func, twin(given) if is_low else given).inputs
    function, seeds = second_order(func, tensors, None if grad_outputs is None else listed(grad_outputs))
    point = (*tensors, *seeds)
    return gradcheck(
        function, point, eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception, nondet_tol=nondet_tol
    )


def second_order(
    func: Callable[..., Any], inputs: Sequence[Any], grad_outputs: Sequence[Any] | None = None, **kwargs: Any
) -> tuple[Callable[..., Any], list[Tensor]]:
    """The function from inputs and cotangents to gradients, and the cotangents, which require grad themselves."""
    if isinstance(func, tuple):
        raise GraphError("a pair of NumPy functions has no second order: what its vjp computes is not recorded")
    if grad_outputs is None:
        results = [y for y in listed(func(*inputs, **kwargs)) if requires_grad(y)]
        grad_outputs = [joined(generic(parts(plain(y)).shape, 101 * i), y.dtype) for i, y in enumerate(results)]
    seeds = [leaf(np.array(plain(g), dtype=_wide(plain(g)))) for g in grad_outputs]
    wanted = [i for i, x in enumerate(inputs) if requires_grad(x)]

    def gradients(*arguments: Any) -> tuple[Tensor, ...]:
        point, cotangents = arguments[: len(inputs)], arguments[len(inputs) :]
        sources = [point[i] for i in wanted]
        again = modes.current().recording  # not on the numeric side, which takes the values alone
        with enable_grad():
            outputs = [y for y in listed(func(*point, **kwargs)) if requires_grad(y)]
            if not outputs:
                return tuple(zeros_like(x) for x in sources)
            return grad(outputs, sources, cotangents, create_graph=again, allow_unused=True, materialize_grads=True)

    return gradients, seeds


def twin(inputs: Sequence[Any]) -> list[Any]:
    """The inputs with all Tensors and arrays in double precision; a Tensor that requires grad stays one."""
    return [_double(x) if is_floating(x) and hasattr(x, "dtype") else x for x in inputs]


def _wide(x: Any) -> np.dtype[Any]:
    """The dtype of double precision for numbers like those of ``x``."""
    return np.dtype(np.complex128 if np.asarray(x).dtype.kind == "c" else np.float64)


def _double(x: Any) -> Any:
    array = np.array(plain(x), dtype=_wide(plain(x)))
    return from_numpy(array).requires_grad_(x.requires_grad) if isinstance(x, Tensor) else array


def precision(low: Subject, double: Subject, pulled: tuple[list[Array], Pullback]) -> list[Finding]:
    """Gradients in low precision, ``pulled``, that differ from those in float64 by more than their digits explain."""
    outputs, pullback = pulled
    _, exact_pullback = double.pull()
    cotangents = [generic(y.shape, 3).astype(y.dtype) for y in outputs]
    if findings := misfits(low, grads := pullback(cotangents)):
        return findings
    exact = exact_pullback([g.astype(np.float64) for g in cotangents])
    findings = []
    for k, (g, e) in enumerate(zip(grads, exact, strict=True)):
        if g is None or e is None or not (g.size and np.isfinite(e).all()):
            continue
        off = float(np.abs(g - e).max()) / max(1.0, float(np.abs(e).max()))
        if not off <= _DIGITS[g.dtype]:
            text = f"the gradient of {low.names[k]} in {g.dtype} is off by {off:.2g} of its size from that in float64"
            findings.append(Finding("precision", k, text))
    return findings


def _determinism(subject: Subject, tolerance: float) -> list[Finding]:
    """Two backward passes of the same call that differ."""
    outputs, pullback = subject.pull()
    cotangents = [generic(y.shape) for y in outputs]
    findings = []
    for k, (one, two) in enumerate(zip(pullback(cotangents), pullback(cotangents), strict=True)):
        if one is not None and one.size and not np.abs(one - two).max() <= tolerance:
            text = f"two backward passes gave {subject.names[k]} different gradients"
            findings.append(Finding("determinism", k, text))
    return findings

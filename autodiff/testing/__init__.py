"""Whether a gradient is right: ``gradcheck`` at a point, ``gradient_test`` over a whole domain.

``gradcheck``, ``gradgradcheck`` and ``domain`` need NumPy only. ``gradient_test`` and ``strategies`` need hypothesis
(in the extra ``test``), which is imported when one of them is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autodiff.spelling import no_attribute as _no_attribute
from autodiff.testing import domain, failures
from autodiff.testing.checking import Report, gradcheck, gradgradcheck
from autodiff.testing.closeness import assert_allclose, assert_close, make_tensor
from autodiff.testing.failures import GradcheckError, NotDifferentiable, WrongGradient

if TYPE_CHECKING:
    from autodiff.testing import strategies
    from autodiff.testing.properties import ALL, case, example, gradient_test

__all__ = [
    "ALL", "GradcheckError", "NotDifferentiable", "Report", "WrongGradient", "assert_allclose", "assert_close", "case",
    "domain", "example", "failures", "gradcheck", "gradgradcheck", "gradient_test", "make_tensor", "register",
    "strategies",
]  # fmt: skip

_NEED_HYPOTHESIS = ("ALL", "case", "example", "gradient_test")


def register() -> None:
    """Give Tensors a strategy: the entry point that hypothesis calls when it is imported."""
    import autodiff.testing.strategies  # noqa: F401  # the import does it


if not TYPE_CHECKING:  # which would take any name for one of these

    def __getattr__(name: str) -> Any:
        """What needs hypothesis is imported when it is first asked for."""
        try:
            if name == "strategies":
                import autodiff.testing.strategies as found

                return found
            if name in _NEED_HYPOTHESIS:
                import autodiff.testing.properties as module

                return getattr(module, name)
        except ModuleNotFoundError as error:
            repair = "pip install hypothesis"
            raise ModuleNotFoundError(f"autodiff.testing.{name} needs hypothesis; {repair}", name=error.name) from error
        raise _no_attribute(__name__, name)

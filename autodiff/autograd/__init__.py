"""PyTorch's ``torch.autograd``: gradients as values, backward passes, operations of your own, the modes."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from autodiff.autograd import function as function
from autodiff.autograd.function import Function as Function
from autodiff.autograd.gradients import grad as grad
from autodiff.engine import modes as _modes
from autodiff.engine.backward import backward as backward
from autodiff.engine.modes import detect_anomaly as detect_anomaly
from autodiff.engine.modes import enable_grad as enable_grad
from autodiff.engine.modes import inference_mode as inference_mode
from autodiff.engine.modes import no_grad as no_grad
from autodiff.engine.modes import set_detect_anomaly as set_detect_anomaly
from autodiff.engine.modes import set_grad_enabled as set_grad_enabled
from autodiff.spelling import no_attribute as _no_attribute
from autodiff.tensors import typed_constructors as _typed_constructors
from autodiff.tensors.typed_constructors import Variable as Variable

grad_mode, anomaly_mode, variable = _modes, _modes, _typed_constructors

if TYPE_CHECKING:
    from autodiff.autograd import forward_ad as forward_ad
    from autodiff.autograd import functional as functional
    from autodiff.autograd import graph as graph
    from autodiff.testing.checking import gradcheck as gradcheck
    from autodiff.testing.checking import gradgradcheck as gradgradcheck


if not TYPE_CHECKING:  # which would take any name for one of these

    def __getattr__(name: str) -> Any:
        """Parts of it, and ``gradcheck`` and ``gradgradcheck`` of a package beside, come when they are used."""
        if name in ("forward_ad", "functional", "graph"):
            return importlib.import_module(f"autodiff.autograd.{name}")
        if name == "profiler":
            return importlib.import_module("autodiff.profiler")
        if name in ("gradcheck", "gradgradcheck"):
            import autodiff.testing.checking as checking

            return checking.gradcheck if name == "gradcheck" else checking.gradgradcheck
        raise _no_attribute(__name__, name)

"""``autodiff.func.functional_call`` where older PyTorch programs look for it."""

from __future__ import annotations

from autodiff.func.modules import _reparametrize_module as _reparametrize_module
from autodiff.func.modules import functional_call as functional_call

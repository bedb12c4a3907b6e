"""``torch.func``'s names: functions made of functions (gradients, products with Jacobians, Jacobians, Hessians).

They nest in any order, and take trees of tensors (dicts, lists, tuples), arrays and numbers. What is differentiated by
an array is an array, as SciPy's optimizers want it; all else are tensors.
"""

from __future__ import annotations

from autodiff.func.derivatives import *
from autodiff.func.jacobians import *
from autodiff.func.mapping import *
from autodiff.func.modules import *

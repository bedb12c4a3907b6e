"""``torch.func``'s names: functions made of functions (gradients, products with Jacobians, Jacobians, Hessians).

They nest in any order, take trees of tensors (dicts, lists, tuples), arrays and numbers, and give tensors.
"""

from __future__ import annotations

from autodiff.func.derivatives import *
from autodiff.func.jacobians import *
from autodiff.func.mapping import *
from autodiff.func.modules import *

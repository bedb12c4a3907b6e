"""The parameters of a new layer, and PyTorch's first values for them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff.dtypes import as_dtype, get_default_dtype
from autodiff.errors import OptionError
from autodiff.tensors.tensor import Tensor

from .. import init
from ..module import Module
from ..parameter import Parameter


def add_parameters(module: Module, dtype: Any, **shapes: tuple[int, ...] | None) -> None:
    """Register parameters of these shapes without values; for None there is a name without a parameter."""
    numbers = get_default_dtype() if dtype is None else as_dtype(dtype)
    for name, shape in shapes.items():
        if shape is not None and not all(hasattr(n, "__index__") for n in shape):
            kind = type(module).__name__
            raise OptionError(f"the sizes of a {kind} are integers; its {name} cannot have the shape {shape}")
        module.register_parameter(name, None if shape is None else Parameter(np.empty(shape, numbers)))


def uniform_by_fan(weight: Tensor, bias: Tensor | None) -> None:
    """PyTorch's initial values: weight and bias uniform up to 1 / sqrt(fan_in)."""
    init.kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        fan_in = math.prod(weight.shape[1:])
        bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
        init.uniform_(bias, -bound, bound)

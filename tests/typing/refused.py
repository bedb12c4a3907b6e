"""Mistakes that a checker of types has to find, each with the code of its error."""

from __future__ import annotations

import autodiff
import nn
import optim
from autodiff import Tensor
from autodiff.data import DataLoader

x = autodiff.tensor([1.0, 2.0])


class Model(nn.Module):
    def forward(self, x: Tensor, scale: float = 1.0) -> Tensor:
        return x * scale


autodiff.exp("1")  # arg-type
autodiff.exp(x, x)  # call-arg
autodiff.exp(inputs=x)  # call-arg
autodiff.pow(x, power=2)  # call-arg
x.sine()  # attr-defined
autodiff.sine(x)  # attr-defined
optim.Adams([x])  # attr-defined
x.pow(2, 3)  # call-arg
x.clamp(low=0)  # call-arg
x + "1"  # operator
[1, 2] @ x  # operator
number = x.max(1).value  # attr-defined
x.max("rows")  # call-overload
whole: int = x.sum()  # assignment
rows: list[Tensor] = x.chunk(2)  # assignment
x.grad.sum()  # union-attr
nn.Linear(2)  # call-arg
nn.Linear(2, 3)()  # call-arg
nn.Linear("2", 3)  # arg-type
Model()(x, scale="2")  # arg-type
Model()(x, size=2)  # call-arg
nn.GRU(2, 3)(x, state=x)  # call-overload
text: str = x.item()  # assignment
optim.SGD([x], lr="fast")  # arg-type
DataLoader(3)  # call-overload
DataLoader([x], batch="4")  # call-overload

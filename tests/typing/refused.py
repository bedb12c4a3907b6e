"""Mistakes that a checker of types has to find, each with the code of its error."""

from __future__ import annotations

import autodiff
import nn
import optim
from autodiff import Tensor, func
from autodiff.data import DataLoader

x = autodiff.tensor([1.0, 2.0])


class Model(nn.Module):
    def forward(self, x: Tensor, scale: float = 1.0) -> Tensor:
        return x * scale


def loss(x: Tensor, power: int = 2) -> Tensor:
    return (x**power).sum()


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
func.grad(loss)(x, power="2")  # arg-type
func.grad(loss)(x, scale=2)  # call-arg
func.grad(loss)("x")  # arg-type
func.value_and_grad(loss)(x)[0].sums()  # attr-defined
func.value_and_grad(loss)(x).sum()  # attr-defined
func.vmap(loss)("x")  # arg-type
func.hessian(loss)(x, 2, 3)  # call-arg
func.jacrev(loss)()  # call-arg
turned: str = func.jvp(loss, (x,), (x,))[1]  # assignment
func.vjp(loss, x)[1](x).sum()  # attr-defined
autodiff.compile(loss)(x, power="2")  # arg-type
autodiff.compile(loss)(x, scale=2)  # call-arg
compiled: int = autodiff.compile(loss)(x)  # assignment
autodiff.compile(Model())(x, size=2)  # call-arg
autodiff.compile(3)  # call-overload
member: str = nn.ModuleList([Model()])[0]  # assignment
name: int = nn.ModuleDict({"a": Model()})["a"]  # assignment
P, L = autodiff.linalg.lu(x)  # misc
info = autodiff.lu(x).info  # attr-defined

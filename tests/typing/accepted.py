"""What users write, with the types that a checker has to see; ``tests/test_typing.py`` runs it too."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any, assert_type

import numpy as np

import autodiff
import autodiff.nn
import nn
import nn.functional as F
import optim
from autodiff import Tensor, func
from autodiff.data import DataLoader, Dataset, TensorDataset
from autodiff.utils.checkpoint import checkpoint


def elementwise(x: Tensor) -> Tensor:
    assert_type(x.sin(), Tensor)
    assert_type(autodiff.exp(x), Tensor)
    assert_type(autodiff.exp(input=x.detach().numpy()), Tensor)
    assert_type(x.pow(exponent=2), Tensor)
    assert_type(autodiff.mul(x, other=2), Tensor)
    assert_type(x.clamp(min=0.0).round(decimals=1), Tensor)
    assert_type(x == 1, Tensor)
    assert_type(autodiff.where(x > 0, x, 0.0), Tensor)
    assert_type(autodiff.where(x > 0), tuple[Tensor, ...])
    assert_type(autodiff.special.ndtr(x), Tensor)
    assert_type(autodiff.isclose(x, x), Tensor)
    assert_type(autodiff.clip_(x.clone(), 0, 1), Tensor)
    assert_type(x.clone().add_(1).relu_(), Tensor)
    return -(2 * x + np.float32(1)) ** 2 @ x.T / (1 - x.sum())


def reductions(x: Tensor) -> float:
    assert_type(x.sum(), Tensor)
    assert_type(x.mean(0, keepdim=True), Tensor)
    assert_type(x.max(), Tensor)
    assert_type(x.max(1).values, Tensor)
    assert_type(autodiff.max(x, dim=1).indices, Tensor)
    assert_type(autodiff.max(x, x), Tensor)
    assert_type(autodiff.min(x, other=x), Tensor)
    values, indices = x.sort(descending=True)
    assert_type(values * indices, Tensor)
    assert_type(autodiff.linalg.svd(x).S, Tensor)
    assert_type(autodiff.einsum("ij,jk->ik", x, x.T), Tensor)
    assert_type(autodiff.fft.fft(x), Tensor)
    assert_type(x.argmax(), Tensor)
    assert_type(x.topk(2).indices, Tensor)
    assert_type(x.median(), Tensor)
    assert_type(x.median(0).values, Tensor)
    assert_type(autodiff.var_mean(x), tuple[Tensor, Tensor])
    assert_type(x.unique(), Tensor)
    assert_type(autodiff.unique(x, return_counts=True), tuple[Tensor, ...])
    assert_type(x.nonzero(), Tensor)
    assert_type(x.nonzero(as_tuple=True), tuple[Tensor, ...])
    assert_type(autodiff.searchsorted(x[0], x), Tensor)
    assert_type(x.tolist(), list[Any])
    assert_type(x.sum().item(), int | float | bool)
    return float(x.norm())


def factors(x: Tensor) -> Tensor:
    q, r = autodiff.linalg.qr(x)
    assert_type(q, Tensor)
    assert_type(autodiff.linalg.eigh(x).eigenvalues, Tensor)
    assert_type(autodiff.linalg.slogdet(x).logabsdet, Tensor)
    assert_type(autodiff.linalg.lstsq(x, x).solution, Tensor)
    P, L, U = autodiff.linalg.lu(x)
    assert_type(P @ L @ U, Tensor)
    assert_type(autodiff.lu(x).pivots, Tensor)
    assert_type(autodiff.lu(x, get_infos=True).info, Tensor)
    assert_type(autodiff.atleast_1d(x), Tensor)
    assert_type(autodiff.atleast_2d(x, x), tuple[Tensor, ...])
    return q @ r


def shapes(x: Tensor) -> Iterator[Tensor]:
    assert_type(x.shape, autodiff.Size)
    assert_type(x.shape[0], int)
    assert_type(x.size(0), int)
    assert_type(x.stride(), tuple[int, ...])
    assert_type(x.dtype, autodiff.dtype)
    assert_type(x.type(), str)
    assert_type(len(x), int)
    assert_type(x[0, :1], Tensor)
    assert_type(x.reshape(-1).view(2, 2).t(), Tensor)
    assert_type(x.chunk(2), tuple[Tensor, ...])
    assert_type(autodiff.cat([x, autodiff.zeros(1, 2)]), Tensor)
    assert_type(x.to(autodiff.float64).detach(), Tensor)
    assert_type(x.float().double(), Tensor)
    assert_type(x.grad, Tensor | None)
    assert_type(autodiff.autograd.grad(x.sum(), [x]), tuple[Tensor, ...])
    return (row * 2 for row in x)


def transforms(x: Tensor) -> None:
    def f(x: Tensor) -> Tensor:
        return x.sin().sum()

    slopes: Tensor = func.grad(f)(x)
    rows: Tensor = func.vmap(f)(x)
    assert_type(autodiff.grad(f(x), x), tuple[Tensor, ...])
    assert_type(slopes + rows[0], Tensor)
    assert_type(func.value_and_grad(f)(x)[0], Tensor)
    assert_type(func.grad_and_value(f)(x)[1], Tensor)
    slopes = func.jacrev(f)(x) + func.jacfwd(f)(x)
    slopes = func.hessian(f)(x)[0] + func.hessian(lambda x: (x**3).sum())(x)[0]
    slopes, _ = func.grad(lambda x, y: (x * y).sum(), argnums=(0, 1))(x, x)
    slopes = func.vmap(func.grad(lambda x: (x**3).sum()), in_dims=1)(x)
    assert_type(func.vmap(f, in_dims=1)(x), Tensor)
    assert_type(func.jvp(f, (x,), (x,)), tuple[Tensor, Tensor])
    value, pull = func.vjp(f, x)
    assert_type(pull(value)[0], Tensor)
    value, push = func.linearize(f, x)
    assert_type(push(x), Tensor)
    assert_type(autodiff.autograd.functional.jacobian(f, x), Tensor)
    assert_type(autodiff.autograd.functional.vjp(f, (x,)), tuple[Tensor, tuple[Tensor]])


def transforms_of_trees(x: Tensor) -> None:
    weights = {"scale": autodiff.ones(2), "shift": autodiff.zeros(2)}

    def loss(weights: dict[str, Tensor], x: Tensor, power: int = 2) -> Tensor:
        return ((weights["scale"] * x + weights["shift"]) ** power).sum()

    def both(weights: dict[str, Tensor], x: Tensor) -> tuple[Tensor, str]:
        return loss(weights, x), "aux"

    slopes: dict[str, Tensor] = func.grad(loss)(weights, x, power=3)
    slopes, note = func.grad(both, has_aux=True)(weights, x=x)
    assert_type(note, str)
    (value, _), slopes = func.value_and_grad(both, has_aux=True)(weights, x)
    assert_type(value, Tensor)
    slopes = func.vmap(func.grad(loss), in_dims=(None, 0))(weights, x)
    assert slopes["shift"].shape == (2, 2)


def compiled(x: Tensor, model: Model) -> None:
    @autodiff.compile
    def step(x: Tensor, scale: float = 1.0) -> Tensor:
        return (x * scale).sum()

    @autodiff.compile(check=2)
    def other(x: Tensor) -> tuple[Tensor, float]:
        return x + 1, 1.0

    assert_type(step(x, scale=2.0), Tensor)
    assert_type(other(x), tuple[Tensor, float])
    assert_type(step.source() + step.summary(), str)
    assert [program.summary() for program in step.programs] == []
    model = autodiff.compile(model)
    assert_type(model(x, scale=2.0), Tensor)
    assert next(name for name, _ in model.named_parameters()) == "hidden.0.weight"
    assert_type(checkpoint(step, x), Tensor)


class Blocks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for _ in range(2):
            self.layers.append(nn.ModuleList([nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.ReLU())]))
        self.heads = nn.ModuleDict({"one": nn.Sequential(nn.Linear(2, 1))})
        self.scales = nn.ParameterList([autodiff.ones(2)])

    def forward(self, x: Tensor) -> Tensor:
        for first, second in self.layers:
            x = x + second(first(x))
        for i in range(len(self.layers)):
            x = self.layers[i][1](x) + self.layers[i][1][0].bias
        for scale in self.scales:
            x = scale * x
        for name, head in self.heads.items():
            assert_type(name, str)
            assert isinstance(head, nn.Module)
            assert_type(head[0].weight, Any)
            x = head(x)
        return x

    def listed(self) -> list[nn.Module]:
        found: list[nn.Module] = [self.layers[0], self.heads["one"], *self.heads.values(), *self.layers[1:]]
        part = self.layers[0]
        if isinstance(part, nn.ModuleList):
            found.extend(part)
        if isinstance(self.layers[0][0], nn.Linear):
            found.append(self.layers[0][0])
        return found


class Rows(Dataset[tuple[Tensor, int]]):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return autodiff.full((2,), float(index)), index % 2


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        self.out = nn.Linear(3, 2)

    def forward(self, x: Tensor, scale: float = 1.0) -> Tensor:
        assert_type(self.hidden(x), Tensor)
        assert len([part for block in nn.ModuleList([self.hidden]) for part in block]) == 2
        return self.out(F.dropout(self.hidden(x))) * scale


def train(loader: DataLoader[tuple[Tensor, int]]) -> list[float]:
    model, losses = Model(), []
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    for x, y in loader:
        loss = nn.CrossEntropyLoss()(model(x, scale=2.0), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert_type(model(autodiff.ones(1, 2)), Tensor)
    schedule = optim.lr_scheduler.StepLR(optimizer, 1)
    assert_type(optimizer.step(lambda: 1.0), float)
    schedule.step()
    assert_type(schedule.get_last_lr(), list[float])
    return losses


def batches(x: Tensor) -> None:
    for batch in DataLoader(TensorDataset(x, x), batch_size=2):
        assert_type(batch, list[Tensor])
    for numbers in DataLoader([1.0, 2.0]):
        assert_type(numbers, Tensor)
    together: list[str] = list(DataLoader([1.0, 2.0], collate_fn=str))
    assert together == ["[1.0]", "[2.0]"]


def pooled(x: Tensor) -> Tensor:
    assert_type(F.max_pool1d(x, 2), Tensor)
    assert_type(autodiff.nn.functional.relu(x), Tensor)
    return autodiff.avg_pool1d(x, 2)


def recurrent(x: Tensor) -> Tensor:
    out, (hidden, cell) = nn.LSTM(2, 3)(x)
    attended, weights = nn.MultiheadAttention(2, 1)(x, x, x)
    assert_type(out, Tensor)
    assert_type(attended, Tensor)
    assert_type(hidden, Tensor)
    assert_type(nn.GRU(2, 3)(x)[1], Tensor)
    assert_type(nn.LSTMCell(2, 3)(x[0]), tuple[Tensor, Tensor])
    packed, _ = nn.LSTM(2, 3)(nn.utils.rnn.pack_sequence([x[:, 0], x[:1, 0]]))
    assert_type(nn.utils.rnn.pad_packed_sequence(packed), tuple[Tensor, Tensor])
    assert weights is not None
    assert hidden.shape == cell.shape
    return out.sum() + attended.sum() + weights.sum()


def stored(model: Model) -> None:
    with tempfile.TemporaryDirectory() as folder:
        autodiff.save(model.state_dict(), f"{folder}/weights")
        model.load_state_dict(autodiff.load(f"{folder}/weights"))


def main() -> None:
    x = autodiff.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    with autodiff.no_grad():
        elementwise(x)
        reductions(x)
        factors(x)
    list(shapes(x))
    transforms(x)
    transforms_of_trees(x.detach())
    compiled(x.detach(), Model())
    assert Blocks()(x).shape == (2, 1)
    assert len(Blocks().listed()) == 7
    batches(x.detach())
    pooled(x)
    stored(Model())
    train(DataLoader(Rows(), batch_size=2, shuffle=True))
    plain: list[Any] = list(DataLoader(TensorDataset(x.detach(), x.detach())))
    assert len(plain) == 2
    recurrent(x.detach()[:, None])


main()

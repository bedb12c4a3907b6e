"""What several processes do for tests/test_distributed.py: ``python -m autodiff.distributed -n 2 THIS.py SCENARIO``."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

import numpy as np

import autodiff
import nn
import optim
from autodiff import distributed
from autodiff.nn.parallel import DistributedDataParallel

F = nn.functional


class Odd(nn.Module):
    """Layers that share weights, that are not called, that are used directly, twice or not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.tied, self.attention = nn.Linear(4, 4), nn.Linear(4, 4), nn.MultiheadAttention(4, 2)
        self.tied.weight = self.first.weight
        self.scale, self.unused, self.sometimes = nn.Parameter(autodiff.ones(4)), nn.Linear(2, 2), nn.Linear(4, 4)

    def forward(self, x: Any, sometimes: bool = False) -> Any:
        x = self.tied(self.first(self.first(x).tanh()).tanh()) * self.scale
        x = self.attention(x[:, None], x[:, None], x[:, None])[0][:, 0]
        return self.sometimes(x) if sometimes else x


def dense() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))


def copy_of(model: nn.Module, make: Any) -> nn.Module:
    twin = make().to(next(model.parameters()).dtype)
    twin.load_state_dict({name: x.clone() for name, x in model.state_dict().items()})
    return twin


def batches(count: int, *rows: int, outputs: int = 1) -> list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    random = np.random.default_rng(0)
    return [(random.standard_normal((rows[i % len(rows)], 4)), random.standard_normal((rows[i % len(rows)], outputs)))
            for i in range(count)]  # fmt: skip


def part(array: np.ndarray[Any, Any]) -> autodiff.Tensor:
    return autodiff.tensor(np.array_split(array, distributed.get_world_size())[distributed.get_rank()])


def agree(ours: nn.Module, theirs: nn.Module, gradients: bool = False) -> None:
    for (name, x), y in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        pair = (x.grad, y.grad) if gradients else (x.detach(), y.detach())
        assert (pair[0] is None) == (pair[1] is None), f"{name}: {pair}"
        if pair[0] is not None:
            np.testing.assert_allclose(*pair, rtol=1e-11, atol=1e-13, err_msg=name)


def training(wide: bool = True) -> None:
    """SGD and Adam with batches that do not divide evenly are as with one process, and one bucket or many."""
    for make_optimizer in (lambda p: optim.SGD(p, lr=0.1, momentum=0.9), lambda p: optim.Adam(p, lr=0.01)):
        autodiff.manual_seed(distributed.get_rank())
        model = dense().double()
        wrapped = DistributedDataParallel(model, bucket_cap_mb=25 if wide else 0.001)
        alone = copy_of(model, dense)
        optimizers = make_optimizer(wrapped.parameters()), make_optimizer(alone.parameters())
        for x, y in batches(12, 24, 24, 9):
            for optimizer in optimizers:
                optimizer.zero_grad()
            F.mse_loss(wrapped(part(x)), part(y)).backward()
            F.mse_loss(alone(autodiff.tensor(x)), autodiff.tensor(y)).backward()
            agree(model, alone, gradients=True)
            for optimizer in optimizers:
                optimizer.step()
        agree(model, alone)


def odd() -> None:
    """Shared, unused and uncalled layers; one that only some processes use, at other times."""
    rank, size = distributed.get_rank(), distributed.get_world_size()
    model = Odd().double()
    wrapped, alone = DistributedDataParallel(model), copy_of(model, Odd)
    for step, (x, y) in enumerate(batches(4, 4 * size, outputs=4)):
        wrapped.zero_grad()
        alone.zero_grad()
        uses = [r % 2 == 1 and step > 1 for r in range(size)]
        F.mse_loss(wrapped(part(x), uses[rank]), part(y)).backward()
        parts = [np.array_split(each, size) for each in (x, y)]
        losses = [F.mse_loss(alone(autodiff.tensor(a), use), autodiff.tensor(b))
                  for a, b, use in zip(*parts, uses, strict=True)]  # fmt: skip
        (sum(losses[1:], losses[0]) / size).backward()
        agree(model, alone, gradients=True)
    assert model.unused.weight.grad is None


def gathered() -> None:
    """Under no_sync gradients only add up; the next backward pass averages all that was gathered."""
    model = dense().double()
    wrapped, alone = DistributedDataParallel(model), copy_of(model, dense)
    first, second = batches(2, 8)
    with wrapped.no_sync():
        F.mse_loss(wrapped(part(first[0])), part(first[1])).backward()
    local = model[0].weight.grad.clone()
    found: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(found, local.tolist())
    assert found[0] != found[-1] or len(found) == 1
    F.mse_loss(wrapped(part(second[0])), part(second[1])).backward()
    for x, y in (first, second):
        F.mse_loss(alone(autodiff.tensor(x)), autodiff.tensor(y)).backward()
    agree(model, alone, gradients=True)
    F.mse_loss(wrapped(part(first[0])), part(first[1])).backward()  # onto what is there
    F.mse_loss(alone(autodiff.tensor(first[0])), autodiff.tensor(first[1])).backward()
    agree(model, alone, gradients=True)


def overlapping() -> None:
    """The last layers' gradients are on their way before the first layer's are computed."""
    model = dense()
    wrapped = DistributedDataParallel(model, bucket_cap_mb=0.001)
    begun = []
    for _ in range(2):  # the second time it is known which layers are called
        hidden: list[Any] = []
        handle = model[1].register_forward_hook(lambda m, a, out, hidden=hidden: hidden.append(out))
        loss = wrapped(autodiff.randn(3, 4)).sum()
        hidden[0].register_hook(lambda g: begun.append(wrapped._reducer._begun))
        loss.backward()
        handle.remove()
    assert begun[1] >= 1, begun


def apart() -> None:
    """A process whose loss does not depend on the model takes part with zeros; a backward of another model is none."""
    rank, size = distributed.get_rank(), distributed.get_world_size()
    model, other = dense().double(), nn.Linear(4, 1).double()
    wrapped, alone, second = DistributedDataParallel(model), copy_of(model, dense), DistributedDataParallel(other)
    optimizers = optim.SGD(model.parameters(), lr=0.1), optim.SGD(alone.parameters(), lr=0.1)
    for step, (x, y) in enumerate(batches(4, 4 * size)):
        for optimizer in optimizers:
            optimizer.zero_grad()
        output, beside = wrapped(part(x)), second(part(x))
        beside.square().mean().backward()
        here = step != 1 or rank == 0
        loss = F.mse_loss(output, part(y)) if here else autodiff.zeros((), dtype=autodiff.float64, requires_grad=True)
        loss.backward()
        parts = list(zip(np.array_split(x, size), np.array_split(y, size), strict=True))
        losses = [F.mse_loss(alone(autodiff.tensor(a)), autodiff.tensor(b)) for a, b in parts]
        (sum(losses[1:], losses[0]) / size if step != 1 else losses[0] / size).backward()
        agree(model, alone, gradients=True)
        for optimizer in optimizers:
            optimizer.step()
    agree(model, alone)


def buffers() -> None:
    """Running means are those of the first process."""
    autodiff.manual_seed(distributed.get_rank())
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    wrapped = DistributedDataParallel(model)
    for _ in range(3):
        wrapped(autodiff.randn(5, 4)).sum().backward()
    wrapped(autodiff.randn(5, 4))
    state: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(state, [model[1].num_batches_tracked.item(), model[0].weight.tolist()])
    assert all(other == state[0] for other in state)
    wrapped.eval()
    with autodiff.no_grad():
        wrapped(autodiff.randn(distributed.get_rank() + 1, 4))  # nobody is waited for


def collectives() -> None:
    """Each operation, beside what NumPy says of the same numbers."""
    rank, size = distributed.get_rank(), distributed.get_world_size()
    every = [np.arange(4.0).reshape(2, 2) + r for r in range(size)]
    own = lambda: autodiff.tensor(every[rank])
    for op, function in {"sum": np.sum, "product": np.prod, "min": np.min, "max": np.max, "avg": np.mean}.items():
        distributed.all_reduce(x := own(), op)
        np.testing.assert_allclose(x, function(every, axis=0))
    part_of = own().t()  # a view that does not lie row by row
    distributed.all_reduce(part_of)
    np.testing.assert_allclose(part_of, np.sum(every, 0).T)
    distributed.reduce(x := own(), size - 1)
    np.testing.assert_allclose(x, np.sum(every, axis=0) if rank == size - 1 else every[rank])
    distributed.broadcast(x := own(), size - 1)
    np.testing.assert_allclose(x, every[-1])
    distributed.all_gather(found := [autodiff.zeros(2, 2).double() for _ in every], own())
    np.testing.assert_allclose(np.stack([each.numpy() for each in found]), every)
    distributed.gather(own(), (found := [autodiff.zeros(2, 2).double() for _ in every]) if rank == 0 else None)
    if rank == 0:
        np.testing.assert_allclose(np.stack([each.numpy() for each in found]), every)
    distributed.scatter(x := own(), [autodiff.tensor(each) for each in every] if rank == 0 else None)
    np.testing.assert_allclose(x, every[rank])
    objects: list[Any] = [None] * size
    distributed.all_gather_object(objects, {"accuracy": rank, "text": "x" * rank})
    assert objects == [{"accuracy": r, "text": "x" * r} for r in range(size)]
    distributed.broadcast_object_list(objects := [rank, "a" * rank], size - 1)
    assert objects == [size - 1, "a" * (size - 1)]
    if size > 1 and rank < 2:
        if rank == 0:
            distributed.send(own(), 1)
        else:
            x = own()
            assert distributed.recv(x) == 0
            np.testing.assert_allclose(x, every[0])
    x, y = own(), autodiff.zeros(2, 2).double()
    sent = distributed.isend(x, (rank + 1) % size)
    x.zero_()  # what is sent is a copy
    came = distributed.irecv(y, (rank - 1) % size)
    assert came.wait()
    assert came.is_completed()
    assert sent.wait()
    assert came.source_rank() == (rank - 1) % size
    np.testing.assert_allclose(y, every[rank - 1])
    y.zero_()
    ways = ((distributed.isend, own(), 1), (distributed.irecv, y, -1))
    ring = [distributed.P2POp(way, x, (rank + step) % size) for way, x, step in ways]
    assert all(work.wait() for work in distributed.batch_isend_irecv(ring))
    np.testing.assert_allclose(y, every[rank - 1])
    assert distributed.all_reduce(y, async_op=True).wait()
    np.testing.assert_allclose(y, np.sum(every, axis=0))
    for dtype in (autodiff.float16, autodiff.float32, autodiff.int64, autodiff.complex64):
        distributed.all_reduce(x := autodiff.ones(3, dtype=dtype))
        assert x.tolist() == [size] * 3
        assert x.dtype == dtype
    distributed.barrier()


def forever() -> None:
    """Train until the process is killed, after it has said its number."""
    model = dense()
    wrapped, optimizer = DistributedDataParallel(model, bucket_cap_mb=0.001), optim.Adam(model.parameters())
    print(f"<{os.getpid()}>", flush=True)  # noqa: T201  # in brackets, for two may come on one line
    while True:
        optimizer.zero_grad()
        wrapped(autodiff.randn(8, 4)).square().mean().backward()
        optimizer.step()


def ends(how: str) -> None:
    """One process does not come to the second operation."""
    model = nn.Linear(3, 1 if how != "other model" else 1 + distributed.get_rank())
    wrapped = DistributedDataParallel(model)
    wrapped(autodiff.ones(2, 3)).sum().backward()
    if distributed.get_rank() == 1:
        match how:
            case "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            case "fails":
                raise ValueError("a batch without labels")
            case "ends":
                sys.exit(0)
            case "late":
                time.sleep(60)
            case "skips":
                wrapped(autodiff.ones(2, 3))
            case "twice":
                loss = wrapped(autodiff.ones(2, 3)).sum()
                autodiff.zeros(1, requires_grad=True).sum().backward()
                loss.backward()
    loss = wrapped(autodiff.ones(2, 3)).sum()
    if how == "outside":
        loss = loss + model.weight.sum()
    loss.backward()


if __name__ == "__main__":
    scenario, *arguments = sys.argv[1:]
    distributed.init_process_group("mpi", timeout=3 if "late" in arguments else 60)
    scenarios = [training, odd, gathered, overlapping, apart, buffers, collectives, forever, ends]
    {function.__name__: function for function in scenarios}[scenario](*arguments)
    print("fine", flush=True)  # noqa: T201

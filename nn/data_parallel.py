"""``DistributedDataParallel``: one model in several processes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from autodiff.distributed.collectives import all_gather_object, broadcast
from autodiff.distributed.processes import get_world_size
from autodiff.distributed.reducer import Reducer
from autodiff.engine import modes
from autodiff.errors import DistributedError, OptionError
from autodiff.tensors.tensor import Tensor

from .module import Module


class DistributedDataParallel(Module):
    """``module`` in each of several processes; ``backward()`` leaves the average of their gradients in each.

    All processes start with the weights of the first. Each computes with a part of the batch. The gradients are
    averaged in buckets, beginning with the last layers, while the backward pass still goes on. A process weighs as
    many samples as its part has, so that for a loss that is a mean the result is the gradient of the joined batch.

    Args:
        module: the model, of the same shapes in each process.
        broadcast_buffers: give all processes the buffers of the first before each forward pass in training.
        bucket_cap_mb: how much is sent together.
        batch_axis: the axis of the first input that counts samples; None weighs all processes the same, as PyTorch.
        device_ids, output_device, dim, process_group, find_unused_parameters, gradient_as_bucket_view, static_graph:
            accepted as in PyTorch; unused parameters are found in any case.

    Raises:
        DeviceError: ``distributed.init_process_group()`` was not called.
        DistributedError: the models differ.
        OptionError: no parameter requires grad.
    """

    def __init__(
        self,
        module: Module,
        device_ids: Any = None,
        output_device: Any = None,
        dim: int = 0,
        broadcast_buffers: bool = True,
        process_group: Any = None,
        bucket_cap_mb: float | None = None,
        find_unused_parameters: bool = False,
        gradient_as_bucket_view: bool = False,
        static_graph: bool = False,
        *,
        batch_axis: int | None = 0,
    ) -> None:
        super().__init__()
        self.module, self.batch_axis, self.broadcast_buffers = module, batch_axis, broadcast_buffers
        named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
        if not named:
            raise OptionError("DistributedDataParallel has nothing to average: no parameter requires grad")
        _check_alike(module)
        for tensor in [*module.parameters(), *module.buffers()]:
            broadcast(tensor, 0)
        parameters: list[Tensor] = [parameter for _, parameter in named]
        cap = 25.0 if bucket_cap_mb is None else bucket_cap_mb
        self._reducer = Reducer(parameters, [name for name, _ in named], cap * 2**20)
        self._stand_ins = _StandIns(module, parameters, self._reducer)

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """What ``module`` gives."""
        if not (self._reducer.on and modes.is_grad_enabled()):
            return self.module(*inputs, **kwargs)
        axis, given = self.batch_axis, [x for x in (*inputs, *kwargs.values()) if isinstance(x, Tensor)]
        self._reducer.samples = given[0].shape[axis] if axis is not None and given and given[0].ndim > axis else 1
        if self.training:
            self._reducer.called()
        if self.broadcast_buffers and self.training:
            for buffer in self.module.buffers():
                broadcast(buffer, 0)
        with self._stand_ins:
            return self.module(*inputs, **kwargs)

    @contextlib.contextmanager
    def no_sync(self) -> Iterator[None]:
        """A block whose backward passes only add to the gradients here; the next one outside averages them all."""
        before, self._reducer.on = self._reducer.on, False
        try:
            yield
        finally:
            self._reducer.on = before


def _check_alike(module: Module) -> None:
    """Raise DistributedError unless the model has the same names, shapes and dtypes in all processes."""
    own = [(name, tuple(x.shape), x.detach().numpy().dtype.name) for name, x in module.state_dict().items()]
    found: list[Any] = [None] * get_world_size()
    all_gather_object(found, own)
    for rank, other in enumerate(found):
        if other != found[0]:
            pairs = zip(other + [None] * len(found[0]), found[0] + [None] * len(other), strict=True)
            theirs, first = next(pair for pair in pairs if pair[0] != pair[1])
            raise DistributedError(f"the model of process {rank} has {theirs} where that of process 0 has {first}")


class _StandIns:
    """What computes in place of the parameters during a forward pass: a view of each, from where its first use begins.

    The backward pass comes to a view when the gradient of the parameter is complete, long before it comes to the
    parameters themselves, which are older than everything.
    """

    def __init__(self, module: Module, parameters: list[Tensor], reducer: Reducer) -> None:
        self.parameters, self.reducer = parameters, reducer
        number = {id(parameter): i for i, parameter in enumerate(parameters)}
        self.places: dict[int, list[tuple[Module, str]]] = {i: [] for i in range(len(parameters))}
        self.parents: dict[Module, Module] = {}
        for part in module.modules():
            for name, parameter in part._parameters.items():
                if id(parameter) in number:
                    self.places[number[id(parameter)]].append((part, name))
            self.parents |= {child: part for child in part._modules.values() if child is not None}
            part.register_forward_pre_hook(self._enter)
        self.begun: dict[int, Tensor] = {}
        self.called: set[Module] = set()
        self.covers: dict[Module, list[int]] | None = None
        self.active = False

    def __enter__(self) -> None:
        self.active, self.called, self.begun = True, set(), {}
        if self.covers is None:  # the first time nobody knows which modules are called
            self._begin(range(len(self.parameters)))

    def __exit__(self, *exception: object) -> None:
        self.active = False
        for i in self.begun:
            for module, name in self.places[i]:
                module._parameters[name] = self.parameters[i]  # type: ignore[assignment]
        self.begun = {}
        if self.covers is None and exception[0] is None:
            self.covers = {}
            for i, places in self.places.items():
                for module, _ in places:
                    while module not in self.called and module in self.parents:
                        module = self.parents[module]
                    self.covers.setdefault(module, []).append(i)

    def _enter(self, module: Module, args: Any) -> None:
        if self.active:
            self.called.add(module)
            if self.covers is not None:
                self._begin(self.covers.get(module, ()))

    def _begin(self, numbers: Any) -> None:
        for i in numbers:
            if i not in self.begun:
                view = self.parameters[i].permute(tuple(range(self.parameters[i].ndim)))
                self.reducer.watch(i, view)
                self.begun[i] = view
                for module, name in self.places[i]:
                    module._parameters[name] = view

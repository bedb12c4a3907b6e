"""Gradients are averaged over the processes, some together in a bucket, while the backward pass still goes on."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from autodiff.distributed.mpi import mpi
from autodiff.distributed.processes import this_group, wait
from autodiff.engine.backward import finished
from autodiff.engine.hooks import NodeHooks
from autodiff.errors import DistributedError, GraphError
from autodiff.handles import RemovableHandle
from autodiff.tensors.creation import from_numpy
from autodiff.tensors.tensor import Tensor

Array = np.ndarray[Any, Any]
FIRST = 1 << 20  # bytes of the first bucket, which should be under way soon


class _Bucket:
    """The gradients of some parameters one behind the other; then how many samples each comes from, and all of them."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        dtype = np.dtype(np.float32) if parameters[0].dtype == np.float16 else parameters[0].dtype
        self.sizes = [parameter.numel() for parameter in parameters]
        self.ends = np.cumsum(self.sizes)
        self.buffer = np.zeros(int(self.ends[-1]) + len(parameters) + 1, dtype)
        self.missing = len(parameters)
        self.request: Any = None

    def part(self, place: int) -> Array:
        """The numbers of one parameter."""
        return self.buffer[self.ends[place] - self.sizes[place] : self.ends[place]]

    @property
    def used(self) -> Array:
        """How many samples the gradient of each parameter comes from."""
        return self.buffer[self.ends[-1] : -1]


class Reducer:
    """Averages of the gradients of ``parameters``, weighted by the samples of each process.

    ``watch`` takes a gradient as soon as it is complete. A hook on each parameter hands out the averages at the
    end of the backward pass, when all of them are there. Where the pass came to no parameter here, but did in another
    process, this one takes part with zeros: its loss does not depend on the model.
    """

    def __init__(self, parameters: Sequence[Tensor], names: Sequence[str], most: float) -> None:
        self.parameters, self.names = parameters, names
        self.samples, self.on, self.behind, self.size = 1, True, False, this_group().size
        self._plan = _plan(parameters, most)
        self._place = {i: (b, k) for b, members in enumerate(self._plan) for k, i in enumerate(members)}
        self._buckets: list[_Bucket] = []
        self._begun = 0  # buckets on their way
        self._calls = 0  # of the model, since the last average
        self._absent = False  # whether this process took part in the last average with zeros
        self._state = np.zeros(3)
        self._asked: Any = None  # the request that tells of the others' state
        self._handed: dict[int, Array] = {}
        for i, parameter in enumerate(parameters):
            _call(partial(self._at_the_end, i), parameter)

        finished.append(partial(_after_a_pass, weakref.ref(self)))
        weakref.finalize(self, finished.remove, finished[-1])

    def called(self) -> None:
        """The model was called, and what follows is to be averaged."""
        self._calls, self._absent = self._calls + 1, False

    def watch(self, i: int, view: Tensor) -> None:
        """Take the gradient of parameter ``i`` from what stands in for it, as soon as it is complete."""
        _call(partial(self._ready, i), view)

    def _ready(self, i: int, g: Any) -> Array:
        """Take a gradient; its place, which has the average in the end, is returned."""
        if not isinstance(g, np.ndarray):
            raise GraphError("gradients of several processes are averaged as numbers; leave out create_graph=True")
        if not self._buckets:
            if self._absent:
                raise GraphError(
                    "a backward pass before this one came to no parameter of the wrapped model, and the others "
                    "averaged without this process; compute what belongs to one step by one backward()"
                )
            self._start(True)
        part = self._handed[i] = self._fill(i, g)
        self._begin()
        return part.reshape(g.shape).astype(g.dtype, copy=False)

    def _start(self, reached: bool) -> None:
        """Tell the others whether there are gradients here, and how often the model was called for them."""
        self._buckets = [_Bucket([self.parameters[j] for j in members]) for members in self._plan]
        self._state[:] = reached, self._calls, self._calls**2
        self._asked = this_group().work.Iallreduce(mpi().IN_PLACE, self._state, mpi().SUM)

    def _take_part(self) -> None:
        """After a backward pass that did not come to the model: average with zeros, if others have gradients."""
        if not (self.on and self._calls) or self._buckets:
            return
        self._start(False)
        self._agree()
        if self._state[0]:
            self._absent = True
            self._finish()
        else:
            self._buckets = []

    def _agree(self) -> None:
        """Hear what the others have; raises DistributedError where they are at other steps."""
        wait(self._asked, "the average of gradients")
        own, (_, calls, squares) = self._calls, self._state
        if self.size * squares != calls**2:
            raise DistributedError(
                f"the average of gradients: since the last one this process called the wrapped model {own} times in "
                f"training, and all {self.size} together {calls:.0f} times; one of them skipped a backward(), or "
                "called it for something else, which it does under no_grad()"
            )

    def _fill(self, i: int, g: Array) -> Array:
        number, place = self._place[i]
        bucket, parameter = self._buckets[number], self.parameters[i]
        part = bucket.part(place)
        np.multiply(g.reshape(-1), self.samples, out=part, casting="same_kind")
        if self.behind and parameter.grad is not None:  # what was gathered under no_sync()
            part += self.samples * parameter.grad.numpy().reshape(-1)
            parameter.grad = None
        bucket.used[place] = self.samples
        bucket.missing -= 1
        return part

    def _begin(self, all_of_them: bool = False) -> None:
        """Send buckets in their order, the same in all processes, as far as they are complete."""
        for bucket in self._buckets[self._begun :]:
            if bucket.missing and not all_of_them:
                break
            bucket.buffer[-1] = self.samples
            bucket.request = this_group().work.Iallreduce(mpi().IN_PLACE, bucket.buffer, mpi().SUM)
            self._begun += 1
        for bucket in self._buckets[: self._begun]:
            bucket.request.Test()  # which is when MPI goes on with it

    def _at_the_end(self, i: int, g: Any) -> Any:
        if not self.on:
            self.behind = True
            return g
        if self._buckets:
            self._finish()
        part = self._handed.pop(i, None)
        if part is None or not _same_place(g, part):
            raise GraphError(
                f"{self.names[i]} has a gradient that did not come from a call of the wrapped model; compute with it "
                "inside the model, or under no_sync()"
            )
        return part.reshape(g.shape).astype(g.dtype, copy=False)

    def _finish(self) -> None:
        """Complete all averages; a parameter that only others used gets its gradient here."""
        if self.behind:
            for i, parameter in enumerate(self.parameters):
                if i not in self._handed and parameter.grad is not None:
                    self._handed[i] = self._fill(i, np.zeros(parameter.shape, parameter.dtype))
        if not self._absent:
            self._agree()
        self._begin(all_of_them=True)
        buckets, self._buckets, self._begun, self.behind, self._calls = self._buckets, [], 0, False, 0
        for bucket in buckets:
            wait(bucket.request, "the average of gradients")
            bucket.buffer[: bucket.ends[-1]] /= bucket.buffer[-1]
        for i, (number, place) in self._place.items():
            if i not in self._handed and buckets[number].used[place]:
                self._add(self.parameters[i], buckets[number].part(place))

    @staticmethod
    def _add(parameter: Tensor, part: Array) -> None:
        average = from_numpy(part.reshape(parameter.shape).astype(parameter.dtype, copy=False))
        parameter.grad = average if parameter.grad is None else parameter.grad + average


def _after_a_pass(reducer: weakref.ref[Reducer]) -> None:
    """Let a reducer that is still there take part."""
    if (found := reducer()) is not None:
        found._take_part()


def _call(function: Any, tensor: Tensor) -> None:
    """Call a function of the bare cotangent of a tensor. A user's hook would get a copy."""
    RemovableHandle(NodeHooks.of(tensor._node).incoming, function)


def _same_place(g: Array, part: Array) -> bool:
    """Whether a gradient is the very one that was handed out; some dtypes are converted on the way."""
    return g.dtype.char in "eFD" or g.__array_interface__["data"] == part.__array_interface__["data"]


def _plan(parameters: Sequence[Tensor], most: float) -> list[list[int]]:
    """Which parameters go together: of one dtype, the last first, since their gradients come first."""
    plan: list[list[int]] = []
    size, limit = 0.0, float(FIRST)
    for i in reversed(range(len(parameters))):
        parameter = parameters[i]
        if not plan or parameters[plan[-1][-1]].dtype != parameter.dtype or size >= limit:
            limit = most if plan else min(FIRST, most)
            plan.append([])
            size = 0.0
        plan[-1].append(i)
        size += parameter.numel() * parameter.element_size()
    return plan

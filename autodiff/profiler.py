"""``torch.profiler``: how often each operation ran and how long, forward and backward, as far as it can be timed here.

Timed are primitives, their VJPs, the steps of optimizers, and blocks of ``record_function``: NumPy's work and the
little Python in it. What lies between two operations belongs to the block around them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from time import perf_counter_ns
from typing import Any, NamedTuple, Self

from autodiff.contexts import Block, P, R, under
from autodiff.engine import modes
from autodiff.engine.apply import forward_of
from autodiff.errors import OptionError

_running: ContextVar[_Recorder | None] = ContextVar("autodiff_profiler", default=None)


class ProfilerActivity(Enum):
    """What is profiled: the CPU; the others have nothing to show here."""

    CPU, XPU, MTIA, CUDA, HPU, PrivateUse1 = range(6)


class ProfilerAction(Enum):
    """What a schedule says of a step."""

    NONE, WARMUP, RECORD, RECORD_AND_SAVE = range(4)


class Event(NamedTuple):
    """One run of an operation or block, in nanoseconds; ``own`` is without the operations inside."""

    name: str
    start: int
    end: int
    own: int


class _Recorder:
    """Times what runs; in a mode it stands where ``compile`` takes notes (see ``Mode.capture``)."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._inside: list[int] = []  # of each open block, what the operations in it took

    def timed(self, name: str, function: Callable[..., Any], *args: Any, **params: Any) -> Any:
        """``function(*args, **params)``, timed under that name."""
        start = self.open()
        try:
            return function(*args, **params)
        finally:
            self.close(name, start)

    def open(self) -> int:
        """Begin a block."""
        self._inside.append(0)
        return perf_counter_ns()

    def close(self, name: str, start: int) -> None:
        """End the innermost block."""
        end = perf_counter_ns()
        self.events.append(Event(name, start, end, end - start - self._inside.pop()))
        if self._inside:
            self._inside[-1] += end - start

    def forward(self, primitive: Any, arrays: Any, params: dict[str, Any]) -> Any:
        """The value of a primitive."""
        return self.timed(primitive.name, forward_of, primitive, arrays, params)

    def vjps(self, primitive: Any, vjps: Iterable[Any], lift: Any) -> list[Any]:
        """The VJPs of a visit of a node."""
        name = f"{primitive.name}, backward"
        return [None if vjp is None else lambda *args, _vjp=vjp, **params: self.timed(name, _vjp, *args, **params)
                for vjp in vjps]  # fmt: skip

    def update(self, optimizer: Any, group: Any, touched: list[Any]) -> None:
        """The step of one group of an optimizer."""
        self.timed(f"Optimizer.step#{type(optimizer).__name__}.step", optimizer._update, group, touched)

    def lifted(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """The inputs of a primitive: arrays are what they are."""
        return inputs

    def swap(self, tensor: Any) -> None:
        """Nothing: arrays are what they are."""


class record_function:  # PyTorch's name
    """A block, or a decorator, that a profile around it times under ``name``; it costs next to nothing without one."""

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name
        self._open: list[tuple[_Recorder | None, int]] = []

    def __enter__(self) -> Self:
        recorder = _running.get()
        self._open.append((recorder, 0 if recorder is None else recorder.open()))
        return self

    def __exit__(self, *error: object) -> None:
        recorder, start = self._open.pop()
        if recorder is not None:
            recorder.close(self.name, start)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """The function, each call of which is such a block."""
        return under(lambda: record_function(self.name), function)


@dataclass(frozen=True)
class EventAverage:
    """All events of one name; times are microseconds."""

    key: str
    count: int
    cpu_time_total: float
    self_cpu_time_total: float

    @property
    def cpu_time(self) -> float:
        """The mean time of one."""
        return self.cpu_time_total / self.count


class EventList(list[EventAverage]):
    """What ``key_averages`` returns, a row for each name."""

    def table(self, sort_by: str | None = None, row_limit: int = 100, **options: Any) -> str:
        """The rows as text, the largest by ``sort_by`` first, at most ``row_limit`` of them.

        ``sort_by`` is an attribute of the rows: "cpu_time_total", "self_cpu_time_total", "cpu_time" or "count"; times
        of GPUs, which are all 0, leave the order as it is. Raises OptionError for any other.
        """
        rows = list(self)
        if sort_by is not None and "cuda" not in sort_by and "device" not in sort_by:
            if sort_by not in ("cpu_time_total", "self_cpu_time_total", "cpu_time", "count"):
                raise OptionError(f"sort_by is cpu_time_total, self_cpu_time_total, cpu_time or count, not {sort_by!r}")
            rows.sort(key=lambda row: getattr(row, sort_by), reverse=True)
        total = sum(row.self_cpu_time_total for row in self)
        titles = ("Name", "Self CPU %", "Self CPU", "CPU total", "CPU time avg", "# of Calls")
        lines = [titles, *((
            row.key, f"{100 * row.self_cpu_time_total / total if total else 0:.2f}%", _us(row.self_cpu_time_total),
            _us(row.cpu_time_total), _us(row.cpu_time), str(row.count),
        ) for row in rows[: None if row_limit < 0 else row_limit])]  # fmt: skip
        widths = [max(len(line[i]) for line in lines) for i in range(len(titles))]
        rule = "  ".join("-" * width for width in widths)
        texts = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        return "\n".join([rule, texts[0], rule, *texts[1:], rule, f"Self CPU time total: {_us(total)}"])

    def total_average(self) -> EventAverage:
        """All rows as one."""
        own = sum(row.self_cpu_time_total for row in self)
        return EventAverage("Total", sum(row.count for row in self), own, own)


def _us(microseconds: float) -> str:
    if microseconds >= 1e6:
        return f"{microseconds / 1e6:.3f}s"
    return f"{microseconds / 1e3:.3f}ms" if microseconds >= 1e3 else f"{microseconds:.3f}us"


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0, skip_first_wait: int = 0
) -> Callable[[int], ProfilerAction]:
    """Which steps a profile records: after ``skip_first``, in rounds, ``active`` ones after ``wait`` and ``warmup``.

    ``repeat`` is the number of rounds, 0 for any. ``skip_first_wait`` other than 0 leaves out the first ``wait``.

    Raises OptionError for numbers below 0, and no active step.

    >>> plan = schedule(wait=1, warmup=1, active=2, repeat=1)
    >>> [plan(step).name for step in range(5)]
    ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE', 'NONE']
    """
    if min(wait, warmup, repeat, skip_first) < 0 or active < 1:
        raise OptionError("a schedule takes numbers of steps from 0 on, and at least one active step")

    def action(step: int) -> ProfilerAction:
        if step < skip_first:
            return ProfilerAction.NONE
        step += (wait if skip_first_wait else 0) - skip_first
        length = wait + warmup + active
        if repeat and step // length >= repeat:
            return ProfilerAction.NONE
        at = step % length
        if at < wait:
            return ProfilerAction.NONE
        if at < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if at < length - 1 else ProfilerAction.RECORD_AND_SAVE

    return action


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[profile], None]:
    """A function for ``on_trace_ready`` that writes a file for each round into the folder, for a browser's tracing."""

    def write(finished: profile) -> None:
        Path(dir_name).mkdir(parents=True, exist_ok=True)
        name = f"{worker_name or 'autodiff'}.{finished.step_num}.pt.trace.json"
        finished.export_chrome_trace(str(Path(dir_name) / name))

    return write


class profile:  # PyTorch's name
    """A block whose operations are timed, each under its primitive's name.

    Times are of this thread. Compiled steps run uncompiled meanwhile. The other options are taken as in PyTorch, and
    have nothing to show here: shapes, memory, stacks, and devices other than the CPU.

    Args:
        activities: taken as in PyTorch.
        schedule: says of each step, which ``step()`` ends, whether it is recorded; by default all are.
        on_trace_ready: called with the profile after each round of the schedule, or at the end of the block.

    >>> import autodiff
    >>> x = autodiff.ones(2, requires_grad=True)
    >>> with profile() as prof, record_function("all"):
    ...     (x * x).sum().backward()
    >>> sorted((row.key, row.count) for row in prof.key_averages())
    [('all', 1), ('multiply', 1), ('multiply, backward', 2), ('sum', 1), ('sum, backward', 1)]
    >>> print(prof.key_averages().table(sort_by="cpu_time_total", row_limit=1))
    ----  ...
    Name  Self CPU %  Self CPU  CPU total  CPU time avg  # of Calls
    ...
    Self CPU time total: ...
    """

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        **options: Any,
    ) -> None:
        self.schedule, self.on_trace_ready, self.step_num = schedule, on_trace_ready, 0
        self._recorder = _Recorder()
        self._block: Any = None
        self._token: Any = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _action(self) -> ProfilerAction:
        return ProfilerAction.RECORD if self.schedule is None else self.schedule(self.step_num)

    def start(self) -> None:
        """Begin, as the block does."""
        if self._action() in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE) and self._block is None:
            self._recorder = _Recorder()
            self._token = _running.set(self._recorder)
            self._block = Block(modes.SETTING, capture=self._recorder)
            self._block.__enter__()

    def _pause(self) -> bool:
        """End the recording; whether there was one."""
        if self._block is None:
            return False
        self._block.__exit__(None, None, None)
        _running.reset(self._token)
        self._block = None
        return True

    def stop(self) -> None:
        """End, as the block does."""
        if self._pause() and self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def step(self) -> None:
        """End a step, and begin the next, of which the schedule says whether it is recorded."""
        if self.schedule is None:
            self.step_num += 1
            return
        saves = self._action() == ProfilerAction.RECORD_AND_SAVE
        self.step_num += 1
        if saves or self._action() in (ProfilerAction.NONE, ProfilerAction.WARMUP):
            self.stop()
        self.start()

    def events(self) -> list[Event]:
        """What was recorded in the latest round, in the order in which it ended."""
        return self._recorder.events

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0, **options: Any) -> EventList:
        """A row for each name, in the order of first use."""
        rows: dict[str, list[int]] = {}
        for event in sorted(self.events(), key=lambda event: event.start):
            row = rows.setdefault(event.name, [0, 0, 0])
            for i, n in enumerate((1, event.end - event.start, event.own)):
                row[i] += n
        return EventList(EventAverage(name, n, all_ns / 1e3, own / 1e3) for name, (n, all_ns, own) in rows.items())

    def export_chrome_trace(self, path: str) -> None:
        """Write the events as JSON, which chrome://tracing and Perfetto show."""
        events = [
            {"ph": "X", "cat": "cpu_op", "name": e.name, "pid": 0, "tid": 0, "ts": e.start / 1e3,
             "dur": (e.end - e.start) / 1e3}
            for e in self.events()
        ]  # fmt: skip
        Path(path).write_text(json.dumps({"traceEvents": events}), encoding="utf-8")

"""``compile``: keeps the programs of a function, replays them, and runs the function as it stands where none fits."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from threading import RLock, get_ident
from typing import Any

import numpy as np

from autodiff import random
from autodiff.compiling.calls import mapped, parts
from autodiff.compiling.capture import Capture
from autodiff.compiling.numbers import Changed
from autodiff.compiling.program import frozen
from autodiff.compiling.reach import facts, reached
from autodiff.compiling.replay import ARRAYS, Program
from autodiff.contexts import Block
from autodiff.engine.call_sites import line_of
from autodiff.engine.modes import SETTING, layer
from autodiff.engine.values import TensorBase, wrap
from autodiff.errors import AutodiffWarning, CompileError, OptionError
from autodiff.kernels.lanes import settled
from autodiff.kernels.lending import owner_of
from autodiff.kinds import check_function

IGNORED = {"fullgraph", "dynamic", "backend", "mode", "options"}
PAYS = 20  # replays after which a program has paid for its being written
TRIES = 3  # how often values go another way before another program is written, and how many are written


def compile(function: Any = None, *, check: int = 1, disable: bool = False, **ignored: Any) -> Any:
    """A function that does what ``function`` does, from its fourth call on by replaying a flat list of NumPy calls.

    The first call runs as it stands. The second is also written down; the third is made in both ways and compared, bit
    by bit; from then on calls replay what was written down. What Python does in the function besides arrays is done
    when it is written down, and not again. Where no program fits (other shapes, other branches taken) another is
    written, or the call runs as it stands.

    Args:
        function: a training step, or any other function of tensors; or a module, for inference.
        check: how many calls are made in both ways before a program is trusted.
        disable: give ``function`` back as it is.
        **ignored: ``fullgraph``, ``dynamic``, ``backend``, ``mode`` and ``options``, which mean nothing here.

    Raises OptionError for an option that neither this function nor PyTorch's has.

    >>> import autodiff
    >>> w = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> @autodiff.compile
    ... def step(x):
    ...     w.grad = None
    ...     loss = ((x - w) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> [step(autodiff.tensor([float(i), 0.0])).item() for i in range(5)]
    [5.0, 4.0, 5.0, 8.0, 13.0]
    >>> w.grad
    tensor([-6.,  4.])
    """
    if unknown := ignored.keys() - IGNORED:
        raise OptionError(f"compile takes no {', '.join(sorted(unknown))}")
    if function is None:
        return functools.partial(compile, check=check, disable=disable)
    check_function("what is compiled", function, "tensors")
    return function if disable else Step(function, check)


class Step:
    """A compiled function (see ``compile``); it has the attributes of the function, or of the module, too."""

    def __init__(self, function: Callable[..., Any], check: int) -> None:
        self._function, self._check = function, check
        self._known: dict[Any, Program | str] = {}  # for each key a program, or why there is none
        self._tries: dict[Any, int] = {}
        self._modules: list[dict[str, Any]] = []
        self._leaves: list[Any] = []
        self._ran = False
        self._lock = RLock()
        self.__name__ = getattr(function, "__name__", type(function).__name__)
        self.__doc__ = function.__doc__

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_function"], name)

    def source(self) -> str:
        """The latest program as one plain NumPy function; ``programs[-1].source().given`` has what it takes."""
        return self.programs[-1].source().text if self.programs else f"# {self.summary()}"

    def summary(self) -> str:
        """What programs there are, with their calls, memory and what is opaque in them; and what runs as it stands."""
        known = [p if isinstance(p, str) else p.summary() for p in self._known.values()]
        return "\n".join(known) or "no program was written yet"

    @property
    def programs(self) -> list[Program]:
        """The programs that were written."""
        return [program for program in self._known.values() if isinstance(program, Program)]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function returns."""
        mode = layer().value
        if mode.capture is not None or mode.anomaly:
            return self._function(*args, **kwargs)
        with self._lock:
            arrays: list[Any] = []
            key = self._key(mode.recording, args, kwargs, arrays)
            program = self._known.get(key)
            if isinstance(program, Program) and program.fits():
                try:
                    if not program.unchecked:
                        return program.replay(arrays)
                    with settled():  # or the one way could be NumPy's, and the other a kernel's
                        return self._compared(key, program, arrays, args, kwargs)
                except Changed as change:
                    self._goes_another_way(key, program, change)
            elif not isinstance(program, str):
                self._write(key, mode.recording, args, kwargs)
            return self._function(*args, **kwargs)

    def _key(self, recording: bool, args: Any, kwargs: Any, arrays: list[Any]) -> Any:
        """What a program depends on, besides values; the arrays that it is given go to ``arrays``."""
        key: list[Any] = [recording, *[module["training"] for module in self._modules]]
        for x in self._leaves:
            if x._grad is None:
                key.append(id(x))
        given = args
        if kwargs or not all(isinstance(x, TensorBase) for x in args):
            key.append(frozen(mapped((args, kwargs), type, ARRAYS)))
            given = [wrap(x) if isinstance(x, np.ndarray) else x for x in parts((args, kwargs), ARRAYS)]
        for x in given:
            array = x._array
            key += (array.shape, array.strides, array.dtype.num, x._node is None)
            arrays.append(array)
        return tuple(key)

    def _write(self, key: Any, recording: bool, args: Any, kwargs: Any) -> None:
        """Write a program down, from the second call on, and undo what that did."""
        if not self._ran:
            self._ran = True
            return
        old = self._known.get(key)
        paid = isinstance(old, Program) and old.uses > PAYS
        tries = self._tries[key] = 1 if paid else self._tries.get(key, 0) + 1
        try:
            if tries > TRIES:
                raise CompileError("it went other ways too often")
            made = self._captured(args, kwargs)
        except Exception as error:
            if isinstance(error, CompileError) or tries >= TRIES:
                self._refuse(self._key(recording, args, kwargs, []), str(error))
        else:
            key = self._key(recording, args, kwargs, [])  # which now has the modules that were found
            self._known[key], self._tries[key] = made, tries

    def _captured(self, args: Any, kwargs: Any) -> Program:
        """The program of one run, which is undone."""
        found = list(reached(self._function, args, kwargs))
        tensors = [x for x in found if isinstance(x, TensorBase)]
        owners = [owner_of(x._array if isinstance(x, TensorBase) else x) for x in found if isinstance(x, ARRAYS)]
        self._leaves = [x for x in tensors if x._node is not None and x._node.primitive is None]
        self._modules = [x for x in found if type(x) is dict and isinstance(x.get("training"), bool)]
        if any(hasattr(x._node, "hooks") for x in self._leaves):
            raise CompileError("a tensor has a hook, whose Python would not be run")
        capture, inputs = Capture({id(owner): owner for owner in owners}), []  # type: tuple[Capture, list[Any]]

        def twin(x: Any) -> Any:
            node = getattr(x, "_node", None)
            if node is not None and node.primitive is not None:
                raise CompileError("an argument has a graph; detach() it")
            array = x._array if isinstance(x, TensorBase) else x
            inputs.append(None if node is not None else capture.new(array.copy(order="K"), "input"))
            return x if node is not None else wrap(inputs[-1].traced) if array is not x else inputs[-1].traced

        names = _names(found)
        given = {id(x) for x in parts((args, kwargs), TensorBase) if x._node is None}
        try:
            twins, named = mapped((args, kwargs), twin, ARRAYS)
            for x in tensors:
                if id(x) not in given:
                    capture.swap(x)
            random.noting[get_ident()] = capture.stream
            with Block(SETTING, capture=capture):
                out = self._function(*twins, **named)
            return Program(capture, inputs, out, self._check, names, facts(found))
        finally:
            random.noting.pop(get_ident(), None)
            capture.undo()

    def _compared(self, key: Any, program: Program, arrays: list[Any], args: Any, kwargs: Any) -> Any:
        """Make a call in both ways, and trust the program if both come to the same."""
        try:
            mine = program.tried(arrays)
        except Changed:
            raise
        except Exception as error:
            self._refuse(key, f"its replay fails, {error!r}")
            return self._function(*args, **kwargs)
        out = self._function(*args, **kwargs)
        if difference := program.difference(mine, out):
            self._refuse(key, f"its replay comes to {difference}, so it depends on something that is no array")
        program.unchecked -= 1
        return out

    def _goes_another_way(self, key: Any, program: Program, change: Changed) -> None:
        """After several failures of a program let another be written, or none any more."""
        program.failures += 1
        if program.failures >= TRIES:
            del self._known[key]
            if self._tries[key] >= TRIES:
                where = f", at {line_of(change.args[0])}" if change.args else ""
                self._refuse(key, f"values went another way again and again{where}")

    def _refuse(self, key: Any, reason: str) -> None:
        """Run calls of this key as they stand from now on, and say so; of a module in training that is expected."""
        self._known[key] = reason
        if not (hasattr(self._function, "parameters") and "graph" in reason):
            warnings.warn(f"{self.__name__} runs as it stands, not compiled: {reason}", AutodiffWarning, stacklevel=4)


def _names(found: list[Any]) -> dict[int, str]:
    """The paths of parameters and buffers in the outermost modules that were found, and of optimizers' states."""
    names: dict[int, str] = {}

    def name(tensor: Any, path: str) -> None:
        if isinstance(tensor, TensorBase):
            names.setdefault(id(owner_of(tensor._array)), f"p_{path}" if path[:1].isdigit() else path)

    for x in sorted(found, key=lambda x: hasattr(x, "param_groups")):
        if hasattr(type(x), "named_parameters"):
            for path, tensor in [*x.named_parameters(), *x.named_buffers()]:
                name(tensor, path)
        for tensor, state in x.state.items() if hasattr(x, "param_groups") else ():
            for key, value in state.items():
                name(value, f"{names.get(id(owner_of(tensor._array)), 'tensor')}_{key}")
    return names

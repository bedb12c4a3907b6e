"""``compile``: keeps the programs of a function, replays them, and runs the function as it stands where none fits."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from operator import attrgetter
from threading import RLock, get_ident
from typing import Any, Generic, TypeVar, overload

import numpy as np

from autodiff import random
from autodiff.compiling.calls import mapped, parts
from autodiff.compiling.capture import Capture, same_bits
from autodiff.compiling.numbers import Changed
from autodiff.compiling.program import frozen
from autodiff.compiling.reach import (
    Facts,
    each,
    holders,
    is_module,
    is_optimizer,
    reached,
    structure,
    unchanged,
    variables,
)
from autodiff.compiling.replay import ARRAYS, Program
from autodiff.compiling.undo import Undo
from autodiff.contexts import Block
from autodiff.engine.modes import SETTING, P, R, layer
from autodiff.engine.tape import is_leaf
from autodiff.engine.values import TensorBase, wrap
from autodiff.errors import AutodiffWarning, CompileError, OptionError
from autodiff.kernels.lanes import settled
from autodiff.kernels.lending import owner_of
from autodiff.kinds import AnyModule, check_function
from autodiff.tensors.scalars import Scalar

IGNORED = {"fullgraph", "dynamic", "backend", "mode", "options"}
memory_of, is_training = attrgetter("_array"), attrgetter("training")
PAYS = 20  # replays after which a program has paid for its being written
TRIES = 3  # how often values go another way before another program is written, and how many are written

M = TypeVar("M", bound=AnyModule)


# A compiled module has the attributes of the module, so programs keep it in the same variable.
@overload
def compile(function: M, *, check: int = 1, disable: bool = False, **ignored: Any) -> M: ...
@overload
def compile(function: Callable[P, R], *, check: int = 1, disable: bool = False, **ignored: Any) -> Step[P, R]: ...
@overload
def compile(
    function: None = None, *, check: int = 1, disable: bool = False, **ignored: Any
) -> Callable[[Callable[P, R]], Step[P, R]]: ...
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

    Raises OptionError for another option, DtypeError for what cannot be called.

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


class Case:
    """Calls that are alike in all that a program depends on, besides values of arrays.

    Attributes:
        key: what tells them from others; what variables and attributes hold may change.
        grads, forms: which leaves have gradients; which require them, and which modules are in training.
        facts: these, and what variables and attributes hold.
        program: what replays them; None where they run as they stand.
        reason: why they do; empty where a program is to be written.
        tries: how many programs were written.
        why: what to say if no other may be written.
    """

    def __init__(self, found: list[Any], recording: bool, given: list[Any]) -> None:
        leaves = [x for x in found if isinstance(x, TensorBase) and is_leaf(x._node)]
        self.grads = each(_has_gradient, leaves)
        self.forms = each(_requires_grad, leaves) + each(is_training, filter(is_module, found))
        self.facts = self._alike = Facts(self.grads, self.forms)
        self.key = recording, given, self.facts.values
        self.program: Program | None = None
        self.reason, self.tries, self.why = "", 1, "it went other ways too often"

    def holds(self, recording: bool, given: list[Any]) -> bool:
        """Whether a call is one of these."""
        return self.key[0] is recording and self.key[1] == given and self.facts.hold()

    def give_up(self, reason: str) -> None:
        """Have such calls run as they stand from now on, whatever else they depend on."""
        self.program, self.reason, self.facts = None, reason, self._alike


class Step(Generic[P, R]):
    """A compiled function (see ``compile``); it has the attributes of the function, or of the module, too."""

    def __init__(self, function: Callable[P, R], check: int) -> None:
        self._function, self._check = function, check
        self._cases: list[Case] = []
        self._latest: Case | None = None
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
        known = [case.program.summary() if case.program else case.reason for case in self._cases]
        return "\n".join(filter(None, known)) or "no program was written yet"

    @property
    def programs(self) -> list[Program]:
        """The programs that were written."""
        return [case.program for case in self._cases if case.program]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function returns."""
        mode = layer().value
        if mode.capture is not None or mode.anomaly:
            return self._function(*args, **kwargs)
        with self._lock:
            arrays: list[Any] = []
            given, case = described(args, kwargs, arrays), self._latest
            if case is None or not case.holds(mode.recording, given):
                case = next((case for case in self._cases if case.holds(mode.recording, given)), None)
                self._latest = case
            if case is None or not (case.program or case.reason):
                self._write(mode.recording, given, args, kwargs)
            elif case.program is not None:
                try:
                    if not case.program.unchecked:
                        return case.program.replay(arrays)
                    with settled():  # or the one way could be NumPy's, and the other a kernel's
                        return self._compared(case, case.program, arrays, args, kwargs)
                except Changed as change:
                    case.program.failures += 1
                    if case.program.failures >= TRIES:
                        case.program = None
                        case.why = f"values went another way again and again{change}"
            return self._function(*args, **kwargs)

    def _write(self, recording: bool, given: list[Any], args: Any, kwargs: Any) -> None:
        """Write a program down, from the second call on, and undo what that did."""
        if not self._ran:
            self._ran = True
            return
        found = reached(self._function, args, kwargs)
        case = Case(found, recording, given)
        for old in [other for other in self._cases if other.key == case.key]:
            case.why, case.tries = old.why, 1 if old.program and old.program.uses > PAYS else old.tries + 1
            self._cases.remove(old)
        self._cases.append(case)
        self._latest = case
        try:
            if case.tries > TRIES:
                raise CompileError(case.why)
            before = [[(fact, fact[0](fact[1])) for fact in facts(found)] for facts in (variables, structure)]
            case.program, (quick, deep) = self._captured(found, before, args, kwargs)
            memory = each(memory_of, [x for x, _ in case.program.watched])
            case.facts = Facts([*case.grads, *memory, *quick], [*case.forms, *deep])
        except Exception as error:
            if isinstance(error, CompileError) or case.tries >= TRIES:
                self._refuse(case, str(error))

    def _captured(self, found: list[Any], before: Any, args: Any, kwargs: Any) -> tuple[Program, Any]:
        """The program of one run, which is undone, and which facts it did not change."""
        tensors = [x for x in found if isinstance(x, TensorBase)]
        owners = [owner_of(x._array if isinstance(x, TensorBase) else x) for x in found if isinstance(x, ARRAYS)]
        if any(hasattr(x._node, "hooks") for x in tensors if is_leaf(x._node)):
            raise CompileError("a tensor has a hook, whose Python would not be run")
        capture = Capture({id(owner): owner for owner in owners}, Undo(holders(found)))
        inputs: list[Any] = []

        def twin(x: Any) -> Any:
            if getattr(x, "_node", None) is not None:
                if not is_leaf(x._node):
                    raise CompileError("an argument has a graph; detach() it")
                inputs.append(None)
                return x
            array = x._array if isinstance(x, TensorBase) else x
            inputs.append(capture.new(array.copy(order="K"), "input"))
            return inputs[-1].traced if array is x else wrap(inputs[-1].traced)

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
            facts = [*map(unchanged, before)]
            return Program(capture, inputs, out, self._check, names), facts
        finally:
            random.noting.pop(get_ident(), None)
            capture.end()

    def _compared(self, case: Case, program: Program, arrays: list[Any], args: Any, kwargs: Any) -> Any:
        """Make a call in both ways, and trust the program if both come to the same."""
        undo = program.undo()
        try:
            copies = [x.copy("K") for x in arrays]
            mine = program.kept([program.replay(copies), copies])
        except Changed:
            raise
        except Exception as error:
            mine = {f"an error, {error!r}": True}
        finally:
            undo()
        out = self._function(*args, **kwargs)
        theirs = program.kept([out, arrays])
        if found := [what for what in mine if not same_bits(mine[what], theirs.get(what))]:
            self._refuse(case, f"its replay comes to {found[0]}, so it depends on something that is no array")
        program.unchecked -= 1
        return out

    def _refuse(self, case: Case, reason: str) -> None:
        """Run such calls as they stand from now on, and say so; of a module in training that is expected."""
        case.give_up(reason)
        if not (hasattr(self._function, "parameters") and "graph" in reason):
            warnings.warn(f"{self.__name__} runs as it stands, not compiled: {reason}", AutodiffWarning, stacklevel=4)


def _has_gradient(x: Any) -> bool:
    return x._grad is not None


def _requires_grad(x: Any) -> bool:
    return x._node is not None


def described(args: Any, kwargs: Any, arrays: list[Any]) -> list[Any]:
    """What a program depends on of arguments, besides values; the arrays that it is given go to ``arrays``."""
    given: list[Any] = []
    if kwargs or [x for x in args if not isinstance(x, TensorBase)]:
        given.append(frozen(mapped((args, kwargs), type, ARRAYS)))
        args = [wrap(x) if isinstance(x, np.ndarray) else x for x in parts((args, kwargs), ARRAYS)]
    for x in args:
        array = x._array
        given += array.shape, array.strides, array.dtype, None if x._node is None else id(x)
        arrays.append(array)
    return given


def _names(found: list[Any]) -> dict[int, str]:
    """The paths of parameters and buffers in the outermost modules that were found, and of optimizers' states."""
    names: dict[int, str] = {}
    for x in sorted(found, key=is_optimizer):
        named: list[Any] = []
        if is_module(x):
            named = [*x.named_parameters(), *x.named_buffers()]
        elif is_optimizer(x):
            states = [(names.get(id(owner_of(p._array)), "tensor"), state) for p, state in x.state.items()]
            named = [(f"{p}_{key}", x) for p, state in states for key, x in state.items() if type(x) is not Scalar]
        for path, tensor in named:
            if isinstance(tensor, TensorBase):
                names.setdefault(id(owner_of(tensor._array)), f"p_{path}" if path[:1].isdigit() else path)
    return names

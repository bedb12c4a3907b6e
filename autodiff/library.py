"""``torch.library``: operations of one's own that other programs call by name, over ``autograd.Function``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from autodiff.autograd.function import Function
from autodiff.engine.modes import no_grad
from autodiff.engine.values import TensorBase
from autodiff.errors import GraphError, OptionError
from autodiff.func.trees import flatten, leaves_of, unflatten
from autodiff.kinds import check_function, described

_known: dict[str, CustomOpDef] = {}


class CustomOpDef:
    """An operation that ``custom_op`` made: called like its function, differentiable once it has a backward pass."""

    def __init__(self, name: str, function: Callable[..., Any], mutates: tuple[str, ...]) -> None:
        self._name, self._function, self._mutates = name, function, mutates
        self._signature = inspect.signature(function)
        self._backward: Callable[..., Any] | None = None
        self._setup_context: Callable[..., Any] | None = None
        self.__doc__, self.__name__ = function.__doc__, name.rpartition("::")[2]

    def register_autograd(
        self, backward: Callable[..., Any], /, *, setup_context: Callable[..., Any] | None = None
    ) -> None:
        """Give the operation a backward pass.

        ``backward(ctx, *gradients)`` gets the gradient of each output and returns that of each argument, None for what
        has none. ``setup_context(ctx, inputs, output)`` keeps what it needs; it is called by these names, and by
        ``keyword_only_inputs``, a dict, where the operation has such arguments, which have no gradient.

        Raises OptionError where the operation changes its arguments.
        """
        if self._mutates:
            raise OptionError(f"{self._name} changes {', '.join(self._mutates)}, and so has no backward pass")
        check_function("backward", backward, "ctx and the gradients of the outputs")
        self._backward, self._setup_context = backward, setup_context

    def register_fake(self, fn: Callable[..., Any], /) -> Callable[..., Any]:
        """``fn``: nothing here computes with shapes alone."""
        return fn

    register_abstract = register_fake

    def register_kernel(
        self, device_types: Any, fn: Callable[..., Any] | None = None, /
    ) -> Callable[..., Any]:
        """Use another function on the CPU; what is for other devices is taken, and never called."""
        kinds = [device_types] if isinstance(device_types, str) else device_types

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            if kinds is None or "cpu" in kinds:
                self._function = function
            return function

        return register if fn is None else register(fn)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The result of the function, recorded as one operation where an argument is tracked."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        if not any(isinstance(x, TensorBase) and x._node is not None for x in leaves_of(bound.args)):
            with no_grad():
                return self._function(*bound.args, **bound.kwargs)
        return _apply(self, bound.args, bound.kwargs)

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._name})>"


def _apply(op: CustomOpDef, inputs: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """The call as a Function of the tensors in ``inputs``, one by one, though they stand in lists."""
    leaves, tree = flatten(inputs)

    class Call(Function):
        @staticmethod
        def forward(*args: Any) -> Any:
            found = op._function(*unflatten(tree, args), **named)
            return tuple(found) if isinstance(found, list) else found

        @staticmethod
        def setup_context(ctx: Any, args: tuple[Any, ...], output: Any) -> None:
            if op._setup_context is not None:
                others = {"keyword_only_inputs": named} if named else {}
                op._setup_context(ctx=ctx, inputs=unflatten(tree, args), output=output, **others)

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            if op._backward is None:
                raise GraphError(f"{op._name} has no backward pass; {op.__name__}.register_autograd(...) gives it one")
            given = op._backward(ctx, *gradients)
            each = given if isinstance(given, tuple) else (given,)
            if len(each) != len(inputs):
                raise GraphError(f"the backward pass of {op._name} returned {len(each)} gradients for {len(inputs)}")
            return tuple(c for one, c in zip(inputs, each, strict=True) for c in _gradients_of(one, c))

    Call.__name__ = Call.__qualname__ = op.__name__
    return Call.apply(*leaves)


def _gradients_of(given: Any, gradients: Any) -> list[Any]:
    """One gradient for each leaf of an argument."""
    count = len(leaves_of(given))
    return [None] * count if gradients is None else leaves_of(gradients)


def custom_op(
    name: str,
    fn: Callable[..., Any] | None = None,
    /,
    *,
    mutates_args: str | Iterable[str],
    device_types: Any = None,
    schema: str | None = None,
    tags: Any = None,
) -> Any:
    """Make a function an operation called ``name``, "namespace::name"; a decorator where no function is given.

    The function computes, unrecorded, from tensors, lists of them and anything else; NumPy or another library may do
    it. It returns new tensors. ``register_autograd`` gives the operation a backward pass.

    Args:
        name: under which ``register_autograd`` finds it; one of that name takes its place.
        fn: the function.
        mutates_args: the names of the arguments that it changes; such an operation has no backward pass.
        device_types: taken as in PyTorch.
        schema: taken as in PyTorch; the function's own signature counts.
        tags: taken as in PyTorch.

    Raises OptionError for a name without a namespace, or names of arguments that the function has not.

    >>> import numpy, autodiff
    >>> @custom_op("mine::cube", mutates_args=())
    ... def cube(x: autodiff.Tensor) -> autodiff.Tensor:
    ...     return autodiff.from_numpy(x.numpy() ** 3)
    >>> def keep(ctx, inputs, output):
    ...     ctx.save_for_backward(*inputs)
    >>> cube.register_autograd(lambda ctx, g: g * 3 * ctx.saved_tensors[0] ** 2, setup_context=keep)
    >>> x = autodiff.tensor([2.0], requires_grad=True)
    >>> cube(x).sum().backward()
    >>> x.grad
    tensor([12.])
    """

    def make(function: Callable[..., Any]) -> CustomOpDef:
        check_function("the function of an operation", function, "tensors")
        mutates = tuple(mutates_args) if not isinstance(mutates_args, str) else ()
        unknown = [one for one in mutates if one not in inspect.signature(function).parameters]
        if unknown:
            raise OptionError(f"{name} is said to change {', '.join(unknown)}, and has no such argument")
        _known[name] = made = CustomOpDef(name, function, mutates)
        return made

    namespace, colons, own = str(name).partition("::")
    if not (namespace and colons and own):
        raise OptionError(f"an operation is called 'namespace::name', not {described(name)}")
    return make if fn is None else make(fn)


def operation(name: str) -> CustomOpDef | None:
    """The operation called ``name``, "namespace::name", that ``custom_op`` made; None where there is none."""
    return _known.get(name)


def is_namespace(name: str) -> bool:
    """Whether the name of an operation of a program's begins with ``name``, and "::"."""
    return any(known.startswith(f"{name}::") for known in _known)


def _found(op: Any) -> CustomOpDef:
    found = op if isinstance(op, CustomOpDef) else _known.get(op)
    if found is None:
        raise OptionError(f"there is no operation {op!r:.60}; custom_op makes one")
    return found


def register_autograd(
    op: Any, backward: Callable[..., Any], /, *, setup_context: Callable[..., Any] | None = None, lib: Any = None
) -> None:
    """``CustomOpDef.register_autograd`` of an operation or its name; raises OptionError where there is none."""
    _found(op).register_autograd(backward, setup_context=setup_context)


def register_fake(op: Any, func: Any = None, /, *, lib: Any = None, _stacklevel: int = 1) -> Any:
    """``CustomOpDef.register_fake`` of an operation or its name, or a decorator; OptionError where there is none."""
    own = _found(op)
    return own.register_fake if func is None else own.register_fake(func)


def register_kernel(op: Any, device_types: Any, func: Any = None, /, *, lib: Any = None) -> Any:
    """``CustomOpDef.register_kernel`` of an operation or its name; raises OptionError where there is none."""
    return _found(op).register_kernel(device_types, func)

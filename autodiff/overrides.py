"""``torch.overrides``: no class has ``__torch_function__``; classes that are no tensors answer NumPy's protocols."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autodiff.engine.values import TensorBase


def has_torch_function(relevant_args: Sequence[Any]) -> bool:
    """False.

    >>> has_torch_function([1.0])
    False
    """
    return False


def has_torch_function_unary(obj: Any) -> bool:
    """False.

    >>> has_torch_function_unary(1.0)
    False
    """
    return False


def has_torch_function_variadic(*args: Any) -> bool:
    """False.

    >>> has_torch_function_variadic(1.0, 2.0)
    False
    """
    return False


def handle_torch_function(
    public_api: Callable[..., Any], relevant_args: Sequence[Any], *args: Any, **kwargs: Any
) -> Any:
    """``public_api(*args, **kwargs)``.

    >>> handle_torch_function(len, (), [1.0, 2.0])
    2
    """
    return public_api(*args, **kwargs)


def typename(obj: Any) -> str:
    """The name of a tensor's type, as PyTorch says it; of anything else the path of its class, or its own.

    >>> import autodiff
    >>> typename(autodiff.ones(2)), typename(2.0), typename(dict)
    ('torch.FloatTensor', 'float', 'dict')
    """
    if isinstance(obj, TensorBase):
        tensor: Any = obj
        return str(tensor.type())
    named = obj if hasattr(obj, "__qualname__") else type(obj)
    module = getattr(named, "__module__", None) or ""
    return named.__qualname__ if module in ("", "builtins") else f"{module}.{named.__qualname__}"


def is_tensor_like(inp: Any) -> bool:
    """Whether it is a tensor.

    >>> is_tensor_like([1.0])
    False
    """
    return isinstance(inp, TensorBase)

"""``torch.ops``: operations by name, the library's own as ``ops.aten.add.Tensor``, and those of ``custom_op``.

Each is the public function, or the method, of that name. It has no overloads of its own: ``.Tensor``, ``.default`` and
PyTorch's other words for them are the operation itself.
"""

from __future__ import annotations

import sys
from typing import Any

from autodiff import library
from autodiff.tensors.tensor import Tensor

_OVERLOADS = frozenset((
    "IntList", "Scalar", "ScalarList", "ScalarOpt_dim_dtype", "Scalar_Tensor", "Tensor", "TensorList", "Tensor_Mod",
    "Tensor_Scalar", "Tensor_Tensor", "Tensor_indices_or_sections", "Tensor_mode", "Scalar_mode", "correction",
    "default", "dim", "dim_IntList", "dim_dtype", "dim_max", "dim_min", "dims", "dtype", "dtype_layout", "float",
    "generator", "indices", "int", "intlist", "int_list", "mode", "other", "p", "reduce", "sections", "self",
    "self_Tensor", "self_int", "src", "start", "start_step", "std_dim", "two", "unary", "value", "values_stable",
    "stable", "vec",
))  # fmt: skip
_SPACES = {"linalg_": "linalg", "special_": "special", "fft_": "fft"}  # what names of theirs begin with in aten
_LOSSES = {  # whose reduction is a number in aten, and where it stands
    **dict.fromkeys(("l1_loss", "mse_loss", "multilabel_margin_loss", "soft_margin_loss"), "input target reduction"),
    "binary_cross_entropy": "input target weight reduction",
    "huber_loss": "input target reduction delta",
    "multi_margin_loss": "input target p margin weight reduction",
    "nll_loss": "input target weight reduction ignore_index",
    "smooth_l1_loss": "input target reduction beta",
}
_OTHERWISE = frozenset((  # what takes other arguments in aten than the function of that name
    "elu", "elu_", "embedding_bag", "fractional_max_pool2d", "fractional_max_pool3d", "gru", "linalg_lstsq",
    "linalg_matrix_rank", "linalg_pinv", "lstm", "max_unpool2d", "max_unpool3d", "rrelu", "rrelu_", "stft",
))  # fmt: skip


class Operator:
    """An operation that was found by its name.

    >>> import autodiff
    >>> autodiff.ops.aten.add.Tensor(autodiff.ones(2), 1)
    tensor([2., 2.])
    """

    def __init__(self, name: str, function: Any) -> None:
        self._name, self._function = name, function
        self.__name__, self.__doc__ = name.rpartition("::")[2], function.__doc__

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """What the function gives; the first argument may be called ``self``, as in aten."""
        if "self" in kwargs:
            args = (kwargs.pop("self"), *args)
        names = _LOSSES.get(self.__name__)
        if names is not None:
            kwargs, args = {**dict(zip(names.split(), args, strict=False)), **kwargs}, ()
            kwargs["reduction"] = ("none", "mean", "sum")[kwargs.get("reduction", 1)]
        return self._function(*args, **kwargs)

    def __getattr__(self, name: str) -> Operator:
        if name in _OVERLOADS:
            return self
        raise AttributeError(f"the operation {self._name} has no overload {name!r}; .default is the operation itself")

    def __repr__(self) -> str:
        return f"<Operator({self._name})>"


class Namespace:
    """The operations whose names begin alike, as attributes."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Operator:
        full = f"{self._name}::{name}"
        function = _of_aten(name) if self._name == "aten" else library.operation(full)
        if function is None:
            repair = "call the function itself" if self._name == "aten" else "custom_op makes one"
            raise AttributeError(f"there is no operation {full}; {repair}")
        return Operator(full, function)


def _slice(input: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Any:
    """The entries from ``start`` to before ``end`` along an axis, every ``step``-th of them: a view."""
    return input[(slice(None),) * (dim % input.ndim) + (slice(start, end, step),)]


_BY_NAME_ALONE = {"slice": _slice}  # which PyTorch has under aten only


def _of_aten(name: str) -> Any:
    """The public function or method of that name; None where there is none, or it takes other arguments."""
    if name in _OTHERWISE:
        return None
    if name in _BY_NAME_ALONE:
        return _BY_NAME_ALONE[name]
    top = sys.modules["autodiff"]  # which has all names, and stands above this module
    for prefix, space in _SPACES.items():
        if name.startswith(prefix):
            return getattr(getattr(top, space), name.removeprefix(prefix), None)
    spaces = (top.nn.functional,) if name in _LOSSES else (top, Tensor, top.nn.functional)
    return next((found for space in spaces if callable(found := getattr(space, name, None))), None)

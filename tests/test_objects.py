"""Tensors, sizes and modules are Python objects as in PyTorch: with attributes of the user's, replaced, iterated."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from parity.harness import peer

import autodiff
import nn
from autodiff.autograd import backward, grad
from autodiff.errors import AxisError, DtypeError, ShapeError

MAKERS: dict[str, Callable[[], Any]] = {
    "tensor": lambda: autodiff.ones(2),
    "leaf": lambda: autodiff.ones(2, requires_grad=True),
    "parameter": lambda: nn.Parameter(autodiff.ones(2)),
    "result": lambda: autodiff.ones(2, requires_grad=True) * 2,
}
ITERABLES: dict[str, Callable[[list[Any]], Iterable[Any]]] = {
    "list": list,
    "tuple": tuple,
    "generator": lambda listed: (each for each in listed),
    "iterator": iter,
    "values": lambda listed: dict(enumerate(listed)).values(),
    "keys": lambda listed: dict.fromkeys(listed).keys(),
    "ParameterList": nn.ParameterList,
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_an_attribute_can_be_set_on_a_tensor(make: Callable[[], Any]) -> None:
    """It stays on this tensor, without effect on what is computed, and can be deleted."""
    x = make()
    x.require_grad = False  # as a known program says, which means another word
    x.note = {"a": [1]}
    assert x.note == {"a": [1]}
    assert not hasattr(x + 1, "note")
    del x.note
    with pytest.raises(AttributeError):
        _ = x.note


@pytest.mark.parametrize("name", ["tensor", "leaf", "parameter"])
def test_attributes_are_copied_and_pickled(name: str) -> None:
    """A deep copy has copies of them, and a pickle too."""
    x = MAKERS[name]()
    x.note = {"a": [1]}
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert type(twin) is type(x)
        assert twin.note == x.note
        assert twin.note is not x.note
    assert copy.copy(x).note is x.note


def test_a_deleted_attribute_is_replaced() -> None:
    """A parameter, a buffer or a plain attribute that was deleted leaves its name to a buffer or a parameter."""
    model = nn.Linear(2, 2)
    del model.weight
    model.register_buffer("weight", autodiff.zeros(2, 2))
    model.other = 3
    del model.other
    model.register_buffer("other", autodiff.ones(1))
    assert [*dict(model.named_buffers())] == ["weight", "other"]
    assert [*dict(model.named_parameters())] == ["bias"]
    assert (model(autodiff.ones(1, 2)) == model.bias).all()
    del model.other
    model.other = nn.Parameter(autodiff.ones(1))
    assert [*dict(model.named_parameters())] == ["bias", "other"]


@pytest.mark.parametrize("gather", ITERABLES.values(), ids=ITERABLES.keys())
def test_gradients_are_asked_for_by_any_iterable(gather: Callable[[list[Any]], Iterable[Any]]) -> None:
    """``grad`` and ``backward`` take what gives tensors one by one: outputs, inputs, and cotangents."""
    leaves = [nn.Parameter(autodiff.ones(2)) for _ in range(3)]
    first, second, third = leaves
    found = grad((first * second * third).sum(), gather(leaves))
    assert len(found) == 3
    found = grad([first * 2, second * 3], gather(leaves[:2]), grad_outputs=gather([first.detach(), second.detach()]))
    assert [each.tolist() for each in found] == [[2.0, 2.0], [3.0, 3.0]]
    (first * second).sum().backward(inputs=gather(leaves[:1]))
    assert first.grad is not None
    assert second.grad is None
    if gather is not nn.ParameterList:  # which has leaves only
        backward(gather([(first * third).sum(), (second * third).sum()]))
        assert third.grad.tolist() == [2.0, 2.0]

SIZES: list[Callable[[Any], Any]] = [
    lambda s: s, lambda s: s[0], lambda s: s[-1], lambda s: s[1:], lambda s: s[::-1], lambda s: s[:0],
    lambda s: s + (1,), lambda s: (1,) + s, lambda s: s + s, lambda s: s * 2, lambda s: 2 * s, lambda s: s.numel(),
    lambda s: s[1:].numel(), lambda s: s == (2, 3), lambda s: hash(s) == hash((2, 3)), lambda s: f"{s} {s!s} {s!r}",
    lambda s: s.count(2), lambda s: (*s, 4), lambda s: list(s), lambda s: len(s), lambda s: {s: 1}[2, 3],
]  # fmt: skip


@pytest.mark.parametrize("use", SIZES)
def test_a_size_does_what_pytorch_does(use: Callable[[Any], Any]) -> None:
    """A shape prints, compares, is cut and joined as PyTorch's, with autodiff in place of torch."""
    torch = peer()
    ours, theirs = use(autodiff.ones(2, 3).shape), use(torch.ones(2, 3).shape)
    assert repr(ours) == repr(theirs).replace("torch.", "autodiff.")
    assert (type(ours) is autodiff.Size) == (type(theirs) is torch.Size)


def test_sizes_are_copied_and_pickled() -> None:
    """They stay sizes, and ``size()`` gives the same as ``shape``."""
    size = autodiff.ones(2, 3).size()
    for twin in (copy.copy(size), copy.deepcopy(size), pickle.loads(pickle.dumps(size))):
        assert type(twin) is autodiff.Size
        assert twin == size
    assert type(autodiff.ones(2).shape) is autodiff.Size
    assert repr(autodiff.Size([])) == "autodiff.Size([])"


def test_errors_show_shapes_as_tuples() -> None:
    """The shape of a tensor and that of an array look alike in the text of an error."""
    x = autodiff.ones(2, 3)
    with pytest.raises(ShapeError, match=r"^a tensor of shape \(2, 3\) is not one number"):
        x.item()
    with pytest.raises(ShapeError, match=r"of shape \(3,\) has that shape, not \(2, 3\)"):
        autodiff.ones(3).grad = x
    assert str(ShapeError(f"{autodiff.ones(()).shape} {autodiff.ones(4).shape}")) == "() (4,)"
    with pytest.raises(AxisError, match=r"a tensor of shape \(2, 3\) has no axis 2"):
        _ = x.shape[2]

DTYPES: list[Callable[[Any], Any]] = [
    lambda t: t.ones(2).dtype, lambda t: str(t.ones(2).double().dtype), lambda t: f"{t.int64} {t.int64!r}",
    lambda t: [t.float, t.int, t.bool, t.long, t.half, t.double, t.short, t.cfloat, t.cdouble, t.uint8, t.int8],
    lambda t: [t.uint16, t.uint32, t.uint64], lambda t: isinstance(t.ones(2).dtype, t.dtype),
    lambda t: [x.is_floating_point for x in (t.float16, t.float64, t.complex64, t.int8, t.bool)],
    lambda t: [x.is_complex for x in (t.float16, t.complex64)], lambda t: t.float64.to_complex(),
    lambda t: [x.itemsize for x in (t.float16, t.float64, t.complex64, t.int8, t.bool)],
    lambda t: t.complex64.to_real(), lambda t: [x.is_signed for x in (t.uint8, t.int8, t.float32, t.bool)],
    lambda t: t.float32 == t.float, lambda t: t.float32 == t.float64, lambda t: t.float32 is t.float,
    lambda t: t.float32 in (t.float16, t.float64), lambda t: t.promote_types(t.int32, t.float32),
    lambda t: t.get_default_dtype(), lambda t: t.float32 is None, lambda t: t.result_type(t.ones(2), 2),
    lambda t: {t.float32: 1}[t.ones(2).dtype], lambda t: t.float32 == 3,
    lambda t: copy.deepcopy(t.float32) is t.float32, lambda t: pickle.loads(pickle.dumps(t.int8)) is t.int8,
    lambda t: t.ones(2).to(t.float64).type(t.int32).dtype, lambda t: t.ones(2).view(t.int32).dtype,
    lambda t: t.zeros(2, dtype=t.ones(1).double().dtype).dtype, lambda t: t.finfo(t.float32).bits,
]  # fmt: skip


@pytest.mark.parametrize("use", DTYPES)
def test_a_dtype_does_what_pytorch_does(use: Callable[[Any], Any]) -> None:
    """A dtype prints, compares and tells of itself as PyTorch's, with autodiff in place of torch."""
    assert repr(use(autodiff)) == repr(use(peer())).replace("torch.", "autodiff.")


NUMPY: list[Callable[[Any], Any]] = [
    np.dtype, lambda d: np.zeros(2, d).dtype, lambda d: np.ones(3).astype(d).dtype,
    lambda d: np.array([1], dtype=d).dtype, lambda d: np.can_cast(d, np.float64),
    lambda d: np.issubdtype(d, np.floating), lambda d: np.finfo(d).eps, lambda d: np.result_type(d, np.float16),
    lambda d: np.promote_types(d, np.int64), lambda d: np.zeros(8, "u1").view(d),
    lambda d: np.add(np.ones(2), 1, dtype=d).dtype, lambda d: np.sum(np.ones(2), dtype=d).dtype,
    lambda d: np.random.default_rng(0).random(2, dtype=d), lambda d: np.linspace(0, 1, 3, dtype=d),
    lambda d: np.empty_like(np.ones(2), dtype=d).dtype, lambda d: np.dtype([("x", d)]), lambda d: d.type(3),
    lambda d: np.concatenate([np.ones(2), np.ones(2)], dtype=d), lambda d: {np.dtype("f4"): 1}[d], lambda d: d.kind,
    lambda d: np.dtype("f4") == d, lambda d: d == np.dtype("f4"), lambda d: d == np.float32,
    lambda d: np.float64 == d, lambda d: d == "float32", lambda d: d in (np.dtype("f8"), np.dtype("f4")),
    lambda d: (d.name, d.itemsize, d.char),
]  # fmt: skip


@pytest.mark.parametrize("use", NUMPY)
def test_numpy_takes_a_dtype_of_ours(use: Callable[[Any], Any]) -> None:
    """Wherever NumPy takes a dtype, ours does what NumPy's does, and either finds the other in a table."""
    assert repr(use(autodiff.ones(2).dtype)) == repr(use(np.dtype("f4")))


@pytest.mark.parametrize("dtype", [autodiff.float16, autodiff.complex64, autodiff.int8, autodiff.bool])
def test_errors_name_dtypes_as_numpy_does(dtype: Any) -> None:
    """The dtype of a tensor and that of an array look alike in the text of an error."""
    x = autodiff.ones(2, dtype=dtype)
    for given in (x, x.numpy()):
        with pytest.raises(DtypeError, match=rf"of shape \(2,\) and {dtype.name}"):
            autodiff.no_grad(given)  # type: ignore[call-overload]  # on purpose
